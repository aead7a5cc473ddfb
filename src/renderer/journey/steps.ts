/** The four steps of a journey, as the strip shows them. */
import type { LearnedLease } from '../../services/client/contract.ts'
import { spanOfLease } from '../../services/client/core/journey.ts'
import { formatLeaseTime } from '../../services/dhcp/core/lease.ts'
import { formatMs } from '../../services/kit/amounts.ts'
import type { Protocol } from '../../services/kit/trace.ts'
import type { Journey } from './store.ts'

/** A span of time, in ms on the client's clock. */
export interface Span {
  readonly fromMs: number
  readonly toMs: number
}

export interface StripStep {
  readonly step: 'address' | 'name' | 'connect' | 'page'
  readonly title: string
  /** Name and shape of the protocol, so that it is never shown by color alone. */
  readonly protocol: 'DHCP' | 'DNS' | 'TCP' | 'RUDP' | 'HTTP'
  readonly mark: '▲' | '●' | '■' | '◆'
  /** The protocol of its packets in the client's trace. */
  readonly traced: Protocol
  /** `waiting`: not started; `skipped`: an earlier step failed. */
  readonly state: 'waiting' | 'done' | 'failed' | 'skipped'
  readonly took: string
  readonly sentence: string
  /** When its packets were sent and received; undefined: it did not take place. */
  readonly span?: Span
}

/** Without a journey the lease fills the first step: a client has its address long before it requests a page. */
export function stripSteps(journey: Journey | undefined, lease: LearnedLease | undefined): StripStep[] {
  const isRudp = journey?.transport === 'rudp'
  const frames = [
    { step: 'address', title: 'Address', protocol: 'DHCP', mark: '▲', traced: 'dhcp', waiting: 'The client requests an address.' },
    { step: 'name', title: 'Name', protocol: 'DNS', mark: '●', traced: 'dns', waiting: 'The client looks up the name.' },
    { step: 'connect', title: 'Connect', protocol: isRudp ? 'RUDP' : 'TCP', mark: isRudp ? '◆' : '■', traced: isRudp ? 'rudp' : 'http', waiting: 'The client connects to the server.' },
    { step: 'page', title: 'Page', protocol: 'HTTP', mark: '■', traced: isRudp ? 'rudp' : 'http', waiting: 'The server sends the page.' },
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

/**
 * The line above the strip: what was loaded, how, and how long it took. The lease does not
 * count: it is often hours older than the page.
 */
export function journeyTitle(journey: Journey | undefined): string {
  if (journey === undefined) return 'The four steps from an address to a page'
  const tookMs = journey.steps.reduce((sum, { step, tookMs: stepMs }) => step === 'address' ? sum : sum + stepMs, 0)
  return `${journey.url} over ${journey.transport.toUpperCase()}, ${formatMs(tookMs)} excluding the lease`
}

/** 3600 → "1 h", 5400 → "90 min", 45 → "45 s", 172800 → "2 days". */
export function formatDuration(seconds: number): string {
  if (seconds >= 86_400 && seconds % 86_400 === 0) return seconds === 86_400 ? '1 day' : `${seconds / 86_400} days`
  if (seconds >= 3600 && seconds % 3600 === 0) return `${seconds / 3600} h`
  if (seconds >= 60 && seconds % 60 === 0) return `${seconds / 60} min`
  return formatLeaseTime(seconds)
}
