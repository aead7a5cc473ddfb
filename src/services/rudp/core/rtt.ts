/**
 * Round-trip time and retransmission time-out: RFC 6298 §2. Packet numbers are never used again, so every sample is sound and
 * Karn's rule (§3) has nothing to exclude. Deviations, both named in docs/rudp.md §6: before the first sample the RTO is 250 ms
 * instead of 1 s, and later at least 200 ms instead of 1 s; a back-off goes to 4 s.
 */
import { ACK_DELAY_MAX_MS, GRANULARITY_MS } from './limits.ts'

export const FIRST_RTO_MS = 250
const RTO_MIN_MS = 200
const BACKED_OFF_MAX_MS = 4_000

export class RoundTrip {
  #srttMs: number | undefined
  #rttvarMs = 0
  #latestMs = 0
  #minMs = Infinity

  /** Smoothed; undefined before the first sample. */
  get srttMs(): number | undefined {
    return this.#srttMs
  }

  get latestMs(): number {
    return this.#latestMs
  }

  /** @param ackDelayMs how long the peer says it held the acknowledgement back; never lets a sample fall below the least seen (RFC 9002 §5.3) */
  sample(measuredMs: number, ackDelayMs: number): void {
    this.#minMs = Math.min(this.#minMs, measuredMs)
    const heldMs = Math.min(ackDelayMs, ACK_DELAY_MAX_MS)
    const rttMs = measuredMs - heldMs >= this.#minMs ? measuredMs - heldMs : measuredMs
    this.#latestMs = rttMs
    if (this.#srttMs === undefined) {
      this.#srttMs = rttMs
      this.#rttvarMs = rttMs / 2
    } else {
      this.#rttvarMs += (Math.abs(this.#srttMs - rttMs) - this.#rttvarMs) / 4
      this.#srttMs += (rttMs - this.#srttMs) / 8
    }
  }

  /** @param backOff how often it has passed in vain: each time doubles it */
  rtoMs(backOff = 0): number {
    const rtoMs = this.#srttMs === undefined
      ? FIRST_RTO_MS
      : Math.max(RTO_MIN_MS, this.#srttMs + Math.max(GRANULARITY_MS, 4 * this.#rttvarMs))
    return Math.max(rtoMs, Math.min(BACKED_OFF_MAX_MS, rtoMs * 2 ** backOff))
  }

  /** How long a tail stays unacknowledged before it is probed: two round trips and the peer's hold (RFC 8985 §7.2), never more than the RTO. */
  probeMs(): number {
    return this.#srttMs === undefined ? FIRST_RTO_MS : Math.min(this.rtoMs(), 2 * this.#srttMs + ACK_DELAY_MAX_MS + GRANULARITY_MS)
  }

  /** How much later than a newer packet an older one may still come: 9/8 of a round trip (RFC 9002 §6.1.2). */
  reorderingMs(): number {
    return Math.max(GRANULARITY_MS, 9 / 8 * Math.max(this.#srttMs ?? FIRST_RTO_MS, this.#latestMs))
  }
}
