/**
 * Spreads packets over time, so that a window does not leave as one burst that overflows a queue (RFC 9002 §7.7). A
 * token bucket: it fills at the pacing rate, and each packet takes its size from it.
 */
import { GRANULARITY_MS, INITIAL_WINDOW_DATAGRAMS } from './limits.ts'

/** The burst allowed after a pause, which a queue of any size should hold. */
const BURST_DATAGRAMS = 10
/**
 * How much of our own lateness may be made up, in round trips, and at most in ms. The queue that drained in the
 * meantime has room for it.
 */
const LATENESS_ROUND_TRIPS = 1 / 4
const LATENESS_MAX_MS = 8

export class Pacer {
  #creditBytes: number
  #filledAtMs = -Infinity
  /** A packet is waiting for its time. */
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

  /**
   * Whether, since the last call, we woke up so late that sending time was lost: we held the packets up, not the path.
   */
  takeLateness(): boolean {
    const wasLate = this.#wasLate
    this.#wasLate = false
    return wasLate
  }

  sent(sizeBytes: number): void {
    this.#creditBytes -= sizeBytes
  }

  /**
   * When the next packets may leave, after `mayLeave` returned false. At high rates several leave together, as timers
   * are too coarse for each.
   */
  nextAtMs(bytesPerMs: number, datagramBytes: number): number {
    const togetherBytes = Math.min(BURST_DATAGRAMS * datagramBytes / 2, bytesPerMs * GRANULARITY_MS)
    return this.#filledAtMs + (togetherBytes - this.#creditBytes) / bytesPerMs
  }

  #fill(bytesPerMs: number, datagramBytes: number, srttMs: number, nowMs: number): void {
    const latenessMs = this.#isWaiting ? Math.min(LATENESS_MAX_MS, LATENESS_ROUND_TRIPS * srttMs) : 0
    const burstBytes = Math.max(BURST_DATAGRAMS * datagramBytes, Math.max(2 * GRANULARITY_MS, latenessMs) * bytesPerMs)
    const filledBytes = this.#filledAtMs === -Infinity ? 0 : (nowMs - this.#filledAtMs) * bytesPerMs
    // Packets that ignored pacing, such as probes, and earlier, longer datagrams are not fully paid for: at a rate that
    // has fallen this would take minutes.
    this.#creditBytes = Math.max(this.#creditBytes, -datagramBytes)
    // The initial credit is not cut down to the burst limit.
    if (this.#isWaiting && this.#creditBytes + filledBytes > burstBytes) this.#wasLate = true
    if (this.#creditBytes < burstBytes) this.#creditBytes = Math.min(burstBytes, this.#creditBytes + filledBytes)
    this.#filledAtMs = nowMs
  }
}
