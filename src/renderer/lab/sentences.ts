/** What the lab shows, in words. */
import { formatBytes, formatMs } from '../../services/kit/amounts.ts'
import type { Sample } from '../../services/rudp/core/lab/commands.ts'
import type { Loaded } from './store.ts'

/** A moment of the plot. */
export function sentenceOf({ atMs, windowBytes, ssthreshBytes, flightBytes, srttMs, phase, lost, control }: Sample, startMs: number): string {
  const facts = [
    `window ${formatBytes(windowBytes)}`, ssthreshBytes === null ? 'no threshold yet' : `threshold ${formatBytes(ssthreshBytes)}`, `${formatBytes(flightBytes)} in flight`,
    `round trip ${roundTripText(srttMs)}`, phase, ...(lost === 0 ? [] : [`${lost} lost`]), ...(control === '' ? [] : [`${control} takes over`]),
  ]
  return `At ${((atMs - startMs) / 1000).toFixed(2)} s: ${facts.join(', ')}.`
}

/** Before the first measurement it is 0. */
export function roundTripText(srttMs: number): string {
  return srttMs === 0 ? 'unknown yet' : formatMs(srttMs)
}

/** How a load ended. */
export function loadSentence({ url, status, bytes, tookMs, failure }: Loaded): string {
  const came = `${formatBytes(bytes)} in ${formatMs(tookMs)}`
  if (failure !== undefined) return failure === 'stopped' ? `Stopped after ${came}.` : `${failure}, after ${came}.`
  if (status !== 200) return `${url} was answered with status ${status}.`
  return `${came}: ${rateText(bytes * 8000 / Math.max(1, tookMs))}.`
}

/** @param fullAtMs when the recording was full, where it was */
export function savedSentence(path: string, fullAtMs: number | undefined): string {
  return `Saved as ${path}.${fullAtMs === undefined ? '' : ` It was full ${formatMs(fullAtMs)} after its beginning: what came later is left out.`}`
}

/** 1_500_000 → "1.5 Mbit/s". */
function rateText(bitsPerSecond: number): string {
  const [value, unit] = bitsPerSecond >= 1e6 ? [bitsPerSecond / 1e6, 'Mbit/s'] : [bitsPerSecond / 1000, 'kbit/s']
  return `${value >= 100 ? Math.round(value) : value.toFixed(1)} ${unit}`
}

export interface Legend {
  readonly line: 'cwnd' | 'ssthresh' | 'flight' | 'rtt' | 'loss'
  readonly name: string
  readonly value: string
}

/** The lines of the plots and what they say now. */
export function legendOf({ windowBytes, ssthreshBytes, flightBytes, srttMs }: Sample, lost: number): readonly Legend[] {
  return [
    { line: 'cwnd', name: 'Window (cwnd)', value: formatBytes(windowBytes) },
    { line: 'ssthresh', name: 'Threshold (ssthresh)', value: ssthreshBytes === null ? 'none yet' : formatBytes(ssthreshBytes) },
    { line: 'flight', name: 'In flight', value: formatBytes(flightBytes) },
    { line: 'rtt', name: 'Round trip', value: roundTripText(srttMs) },
    { line: 'loss', name: 'Lost', value: String(lost) },
  ]
}
