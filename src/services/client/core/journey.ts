/** A journey shows the user where the time of a document load went: address, name, connection, page. */
import type { z } from 'zod'
import { formatBytes, formatMs } from '../../kit/amounts.ts'
import type { journeyStep, LearnedLease, Transport } from '../contract.ts'

export type JourneyStep = z.output<typeof journeyStep>

/**
 * Duration and time span of a step, in ms by the client's clock. For a step that was repeated, the duration is shorter
 * than the span.
 */
export type Timed = Pick<JourneyStep, 'tookMs' | 'fromMs' | 'toMs'>

/** What was measured; a step that was not reached is undefined. */
export interface Measures {
  readonly address: Timed & { readonly sentence: string }
  readonly name: Timed & { readonly sentence: string } | undefined
  readonly connect: Timed & {
    readonly transport: Transport; readonly encrypted?: boolean; readonly peer: string
    /** Requests on the connection so far; 1: it is new. */
    readonly requests: number
  } | undefined
  readonly page: Timed & { readonly status: number; readonly bytes: number; readonly complete: boolean } | undefined
  /** Why the load failed, in the step in progress. */
  readonly failure: Timed & { readonly sentence: string } | undefined
}

/** The steps in order, up to the one that failed. */
export function assembleJourney({ address, name, connect, page, failure }: Measures): JourneyStep[] {
  const steps: JourneyStep[] = [{ step: 'address', ...address, failed: false }]
  if (name !== undefined) steps.push({ step: 'name', ...name, failed: false })
  if (connect !== undefined) steps.push({ step: 'connect', ...timed(connect), sentence: connectSentence(connect), failed: false })
  if (page !== undefined) steps.push({ step: 'page', ...timed(page), sentence: pageSentence(page), failed: !page.complete })
  if (failure !== undefined && page === undefined) {
    const step = name === undefined ? 'name' : connect === undefined ? 'connect' : 'page'
    steps.push({ step, ...failure, failed: true })
  }
  return steps
}

/** The time span of the packets of a lease. */
export function spanOfLease({ askedAtMs, tookMs }: Pick<LearnedLease, 'askedAtMs' | 'tookMs'>): Pick<Timed, 'fromMs' | 'toMs'> {
  return { fromMs: askedAtMs, toMs: askedAtMs + tookMs }
}

function timed({ tookMs, fromMs, toMs }: Timed): Timed {
  return { tookMs, fromMs, toMs }
}

function connectSentence({ transport, encrypted = false, peer, tookMs, requests }: NonNullable<Measures['connect']>): string {
  const protocol = `${encrypted ? 'Encrypted ' : ''}${transport.toUpperCase()}`
  return requests === 1 ? `${protocol} connection to ${peer} opened in ${formatMs(tookMs)}` : `${protocol} connection to ${peer} reused, for its request number ${requests}`
}

function pageSentence({ status, bytes, tookMs, complete }: NonNullable<Measures['page']>): string {
  return complete ? `Status ${status}, ${formatBytes(bytes)}, last byte after ${formatMs(tookMs)}` : `Status ${status}, but the connection was lost after ${formatBytes(bytes)}`
}
