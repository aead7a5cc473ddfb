/** The four steps from an address bar to a page, as the strip shows them. */
import type { LearnedLease } from '../../services/client/contract.ts'
import { spanOfLease } from '../../services/client/core/journey.ts'
import { formatLeaseTime } from '../../services/dhcp/core/lease.ts'
import { formatMs } from '../../services/kit/amounts.ts'
import type { Protocol } from '../../services/kit/trace.ts'
import type { Journey } from './store.ts'

/** When something happened, in ms on the client's clock. */
export interface Span {
  readonly fromMs: number
  readonly toMs: number
}

export interface StripStep {
  readonly step: 'address' | 'name' | 'connect' | 'page'
  readonly title: string
  /** Protocol letters and shape: colour alone says nothing. */
  readonly protocol: 'DHCP' | 'DNS' | 'TCP' | 'RUDP' | 'HTTP'
  readonly mark: '▲' | '●' | '■' | '◆'
  /** As what the client's trace has it. */
  readonly traced: Protocol
  /** `waiting`: nothing happened yet; `skipped`: an earlier step failed. */
  readonly state: 'waiting' | 'done' | 'failed' | 'skipped'
  readonly took: string
  readonly sentence: string
  /** When its packets went; undefined: it did not happen. */
  readonly span?: Span
}

/** The lease alone fills the first step: a client has its address long before it asks for a page. */
export function stripSteps(journey: Journey | undefined, lease: LearnedLease | undefined): StripStep[] {
  const isRudp = journey?.transport === 'rudp'
  const frames = [
    { step: 'address', title: 'Address', protocol: 'DHCP', mark: '▲', traced: 'dhcp', waiting: 'The client asks for an address.' },
    { step: 'name', title: 'Name', protocol: 'DNS', mark: '●', traced: 'dns', waiting: 'Which address does the name have?' },
    { step: 'connect', title: 'Connect', protocol: isRudp ? 'RUDP' : 'TCP', mark: isRudp ? '◆' : '■', traced: isRudp ? 'rudp' : 'http', waiting: 'A handshake with the server.' },
    { step: 'page', title: 'Page', protocol: 'HTTP', mark: '■', traced: isRudp ? 'rudp' : 'http', waiting: 'The page itself arrives.' },
  ] as const
  const failedAt = journey?.steps.find(step => step.failed)?.step
  return frames.map(({ waiting, ...frame }) => {
    const happened = journey?.steps.find(step => step.step === frame.step)
    if (happened !== undefined) {
      const { failed, tookMs, sentence, fromMs, toMs } = happened
      return { ...frame, state: failed ? 'failed' : 'done', took: formatMs(tookMs), sentence, span: { fromMs, toMs } }
    }
    if (frame.step === 'address' && lease !== undefined) return { ...frame, state: 'done', took: formatMs(lease.tookMs), sentence: leaseSentence(lease), span: spanOfLease(lease) }
    if (failedAt !== undefined) return { ...frame, state: 'skipped', took: '', sentence: 'Not reached.' }
    return { ...frame, state: 'waiting', took: '', sentence: waiting }
  })
}

function leaseSentence({ address, server, leaseSeconds }: LearnedLease): string {
  return `Got ${address} from ${server} for ${formatDuration(leaseSeconds)}.`
}

/** One line above the strip: what was loaded, how, and how long that took. The lease is older than the page, often by hours. */
export function journeyTitle(journey: Journey | undefined): string {
  if (journey === undefined) return 'The four steps from an address to a page'
  const tookMs = journey.steps.reduce((sum, { step, tookMs: stepMs }) => step === 'address' ? sum : sum + stepMs, 0)
  return `${journey.url} over ${journey.transport.toUpperCase()}, ${formatMs(tookMs)} without the lease`
}

/** 3600 → "1 h", 5400 → "90 min", 45 → "45 s", 172800 → "2 days". */
export function formatDuration(seconds: number): string {
  if (seconds >= 86_400 && seconds % 86_400 === 0) return seconds === 86_400 ? '1 day' : `${seconds / 86_400} days`
  if (seconds >= 3600 && seconds % 3600 === 0) return `${seconds / 3600} h`
  if (seconds >= 60 && seconds % 60 === 0) return `${seconds / 60} min`
  return formatLeaseTime(seconds)
}
