/** A journey tells a person where the time of one document load went: address, name, connection, page. */
import type { z } from 'zod'
import { formatBytes, formatMs } from '../../kit/amounts.ts'
import type { journeyStep, Transport } from '../contract.ts'

export type JourneyStep = z.output<typeof journeyStep>

/** What was measured on the way; a part that was not reached is undefined. Times in ms, on one clock. */
export interface Measures {
  readonly address: { readonly sentence: string; readonly tookMs: number }
  readonly name: { readonly sentence: string; readonly tookMs: number } | undefined
  readonly connect: {
    readonly transport: Transport; readonly encrypted?: boolean; readonly peer: string; readonly tookMs: number
    /** 1: made for this request. */
    readonly requests: number
  } | undefined
  readonly page: { readonly status: number; readonly bytes: number; readonly tookMs: number; readonly complete: boolean } | undefined
  /** Why the load failed, in the step that was under way. */
  readonly failure: { readonly sentence: string; readonly tookMs: number } | undefined
}

/** The steps in order, up to the one that failed. */
export function assembleJourney({ address, name, connect, page, failure }: Measures): JourneyStep[] {
  const steps: JourneyStep[] = [{ step: 'address', ...address, failed: false }]
  if (name !== undefined) steps.push({ step: 'name', ...name, failed: false })
  if (connect !== undefined) steps.push({ step: 'connect', tookMs: connect.tookMs, sentence: connectSentence(connect), failed: false })
  if (page !== undefined) steps.push({ step: 'page', tookMs: page.tookMs, sentence: pageSentence(page), failed: !page.complete })
  if (failure !== undefined && page === undefined) {
    const step = name === undefined ? 'name' : connect === undefined ? 'connect' : 'page'
    steps.push({ step, ...failure, failed: true })
  }
  return steps
}

function connectSentence({ transport, encrypted = false, peer, tookMs, requests }: NonNullable<Measures['connect']>): string {
  const protocol = `${encrypted ? 'Encrypted ' : ''}${transport.toUpperCase()}`
  return requests === 1 ? `${protocol} connection to ${peer} made in ${formatMs(tookMs)}` : `${protocol} connection to ${peer} used again, for its request number ${requests}`
}

function pageSentence({ status, bytes, tookMs, complete }: NonNullable<Measures['page']>): string {
  return complete ? `Status ${status}, ${formatBytes(bytes)}, last byte after ${formatMs(tookMs)}` : `Status ${status}, but the connection was lost after ${formatBytes(bytes)}`
}
