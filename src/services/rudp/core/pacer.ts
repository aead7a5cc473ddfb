/**
 * Spreads packets over time, so that a window does not leave as one burst that overflows a queue (RFC 9002 §7.7): a bucket that
 * fills at the pacing rate, from which each packet takes its size.
 */
import { GRANULARITY_MS, INITIAL_WINDOW_DATAGRAMS } from './limits.ts'

/** So much may leave at once after a rest: what a queue of any size should hold. */
const BURST_DATAGRAMS = 10
/** So much lateness of our own is made good, in round trips, and at most in ms: the queue that drained meanwhile has room for it. */
const LATENESS_ROUND_TRIPS = 1 / 4
const LATENESS_MAX_MS = 8

export class Pacer {
  #creditBytes: number
  #filledAtMs = -Infinity
  /** A packet waits for its time. */
  #isWaiting = false
  #wasLate = false

  constructor(datagramBytes: number) {
    this.#creditBytes = INITIAL_WINDOW_DATAGRAMS * datagramBytes
  }

  /** Whether a packet may leave now. */
  mayLeave(bytesPerMs: number, datagramBytes: number, srttMs: number, nowMs: number): boolean {
    if (bytesPerMs === Infinity) return true
    this.#fill(bytesPerMs, datagramBytes, srttMs, nowMs)
    this.#isWaiting = this.#creditBytes <= 0
    return !this.#isWaiting
  }

  /** Since this was last asked we woke so late that sending was lost: we held the packets up, not the path. */
  takeLateness(): boolean {
    const wasLate = this.#wasLate
    this.#wasLate = false
    return wasLate
  }

  left(sizeBytes: number): void {
    this.#creditBytes -= sizeBytes
  }

  /** When the next packets may leave, after `mayLeave` said no: some together where timers would be too coarse for each. */
  nextAtMs(bytesPerMs: number, datagramBytes: number): number {
    const togetherBytes = Math.min(BURST_DATAGRAMS * datagramBytes / 2, bytesPerMs * GRANULARITY_MS)
    return this.#filledAtMs + (togetherBytes - this.#creditBytes) / bytesPerMs
  }

  #fill(bytesPerMs: number, datagramBytes: number, srttMs: number, nowMs: number): void {
    const latenessMs = this.#isWaiting ? Math.min(LATENESS_MAX_MS, LATENESS_ROUND_TRIPS * srttMs) : 0
    const burstBytes = Math.max(BURST_DATAGRAMS * datagramBytes, Math.max(2 * GRANULARITY_MS, latenessMs) * bytesPerMs)
    const filledBytes = this.#filledAtMs === -Infinity ? 0 : (nowMs - this.#filledAtMs) * bytesPerMs
    // What left beside the pace, as probes do and longer datagrams of before, is not waited for: at a rate that has fallen it would take minutes.
    this.#creditBytes = Math.max(this.#creditBytes, -datagramBytes)
    // What was granted at the start is not taken back by the limit.
    if (this.#isWaiting && this.#creditBytes + filledBytes > burstBytes) this.#wasLate = true
    if (this.#creditBytes < burstBytes) this.#creditBytes = Math.min(burstBytes, this.#creditBytes + filledBytes)
    this.#filledAtMs = nowMs
  }
}
