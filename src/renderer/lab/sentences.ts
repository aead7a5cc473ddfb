/** The lab's texts. */
import { formatBytes, formatMs } from '../../services/kit/amounts.ts'
import type { Sample } from '../../services/rudp/core/lab/commands.ts'
import type { Loaded } from './store.ts'

/** Describes a sample of the plot. */
export function sentenceOf({ atMs, windowBytes, ssthreshBytes, flightBytes, srttMs, phase, lost, control }: Sample, startMs: number): string {
  const facts = [
    `window ${formatBytes(windowBytes)}`, ssthreshBytes === null ? 'no threshold yet' : `threshold ${formatBytes(ssthreshBytes)}`, `${formatBytes(flightBytes)} in flight`,
    `round trip ${roundTripText(srttMs)}`, phase, ...(lost === 0 ? [] : [`${lost} lost`]), ...(control === '' ? [] : [`${control} takes over`]),
  ]
  return `At ${((atMs - startMs) / 1000).toFixed(2)} s: ${facts.join(', ')}.`
}

/** @param srttMs 0 before the first measurement */
export function roundTripText(srttMs: number): string {
  return srttMs === 0 ? 'not yet known' : formatMs(srttMs)
}

/** Says how a load ended. */
export function loadSentence({ url, status, bytes, tookMs, failure }: Loaded): string {
  const progress = `${formatBytes(bytes)} in ${formatMs(tookMs)}`
  if (failure !== undefined) return failure === 'stopped' ? `Stopped after ${progress}.` : `${failure}, after ${progress}.`
  if (status !== 200) return `${url} returned status ${status}.`
  return `${progress}: ${rateText(bytes * 8000 / Math.max(1, tookMs))}.`
}

/** @param fullAtMs when the recording became full; undefined: it did not */
export function savedSentence(path: string, fullAtMs: number | undefined): string {
  return `Saved as ${path}.${fullAtMs === undefined ? '' : ` The recording was full after ${formatMs(fullAtMs)}; later events are missing.`}`
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

/** The plots' lines and their current values. */
export function legendOf({ windowBytes, ssthreshBytes, flightBytes, srttMs }: Sample, lost: number): readonly Legend[] {
  return [
    { line: 'cwnd', name: 'Window (cwnd)', value: formatBytes(windowBytes) },
    { line: 'ssthresh', name: 'Threshold (ssthresh)', value: ssthreshBytes === null ? 'none yet' : formatBytes(ssthreshBytes) },
    { line: 'flight', name: 'In flight', value: formatBytes(flightBytes) },
    { line: 'rtt', name: 'Round trip', value: roundTripText(srttMs) },
    { line: 'loss', name: 'Lost', value: String(lost) },
  ]
}
