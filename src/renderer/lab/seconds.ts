/** Summarizes the samples of each second of a connection. */
import type { Sample } from '../../services/rudp/core/lab/commands.ts'

export interface Second {
  /** From 0, when the recording began. */
  readonly number: number
  readonly leastBytes: number
  readonly mostBytes: number
  /** At its end. */
  readonly ssthreshBytes: number | null
  /** The largest in it. */
  readonly flightBytes: number
  /** At its end. */
  readonly srttMs: number
  readonly lost: number
}

/** More would be too many to read. */
const SECONDS_MAX = 60

/** Newest first; seconds without a sample are left out. */
export function secondsOf(samples: readonly Sample[], startMs: number): readonly Second[] {
  const seconds: Second[] = []
  for (const { atMs, windowBytes, ssthreshBytes, flightBytes, srttMs, lost } of samples) {
    const number = Math.floor((atMs - startMs) / 1000)
    const last = seconds[seconds.length - 1]
    if (last?.number === number) {
      seconds[seconds.length - 1] = {
        number, ssthreshBytes, srttMs, leastBytes: Math.min(last.leastBytes, windowBytes), mostBytes: Math.max(last.mostBytes, windowBytes),
        flightBytes: Math.max(last.flightBytes, flightBytes), lost: last.lost + lost,
      }
    } else seconds.push({ number, leastBytes: windowBytes, mostBytes: windowBytes, ssthreshBytes, flightBytes, srttMs, lost })
  }
  return seconds.slice(-SECONDS_MAX).reverse()
}
