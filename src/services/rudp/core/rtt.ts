/**
 * Round-trip time, and the times that hang on it: RFC 9002 §5 and §6 (RFC 6298 §2 for the smoothing). Packet numbers are never used
 * again, so every sample is sound. Deviation, named in docs/rudp.md §9: before the first sample a probe is sent after 250 ms, where
 * RFC 9002 §6.2.2 waits a second. A person waits for a page; the loss of a first packet should not cost a second.
 */
import { ACK_DELAY_MAX_MS, GRANULARITY_MS } from './limits.ts'

export const FIRST_PROBE_MS = 250
/** A peer that claims to hold back longer is not believed. */
const PEER_ACK_DELAY_MAX_MS = 1_000
/** After an outage the path is noticed again so soon. */
const BACKED_OFF_MAX_MS = 2_000
/** RFC 9002 §6.1.2: kTimeThreshold. */
const TIME_THRESHOLD = 9 / 8
/** RFC 9002 §7.6.1: kPersistentCongestionThreshold. */
const PERSISTENT = 3

export class RoundTrip {
  #srttMs: number | undefined
  #rttvarMs = 0
  /** The latest sample without the time for which its acknowledgement was held back: RFC 9002's adjusted_rtt. */
  #latestMs = 0
  /** The same as it was measured: RFC 9002's latest_rtt. */
  #measuredMs = 0
  #minMs = Infinity
  /** The peer holds acknowledgements back no longer. */
  #ackDelayMaxMs = ACK_DELAY_MAX_MS

  /** What the peer's PARAMETERS say. */
  learn(ackDelayMaxMs: number): void {
    this.#ackDelayMaxMs = Math.min(PEER_ACK_DELAY_MAX_MS, ackDelayMaxMs)
  }

  /** Smoothed; undefined before the first sample. */
  get srttMs(): number | undefined {
    return this.#srttMs
  }

  /** Infinity before the first sample: an acknowledgement may come that tells none, and nobody shall take that for no time at all. */
  get latestMs(): number {
    return this.#srttMs === undefined ? Infinity : this.#latestMs
  }

  /** The least that was measured; Infinity before the first sample. */
  get minMs(): number {
    return this.#minMs
  }

  /** @param ackDelayMs how long the peer says it held the acknowledgement back; never lets a sample fall below the least seen (RFC 9002 §5.3) */
  sample(measuredMs: number, ackDelayMs: number): void {
    this.#minMs = Math.min(this.#minMs, measuredMs)
    const heldMs = Math.min(ackDelayMs, this.#ackDelayMaxMs)
    const rttMs = measuredMs - heldMs >= this.#minMs ? measuredMs - heldMs : measuredMs
    this.#latestMs = rttMs
    this.#measuredMs = measuredMs
    if (this.#srttMs === undefined) {
      this.#srttMs = rttMs
      this.#rttvarMs = rttMs / 2
    } else {
      this.#rttvarMs += (Math.abs(this.#srttMs - rttMs) - this.#rttvarMs) / 4
      this.#srttMs += (rttMs - this.#srttMs) / 8
    }
  }

  /** How long nothing may be acknowledged before a probe is sent (RFC 9002 §6.2.1). @param backOff probes in vain: each doubles it */
  probeMs(backOff = 0): number {
    const probeMs = this.#srttMs === undefined ? FIRST_PROBE_MS : this.#srttMs + Math.max(GRANULARITY_MS, 4 * this.#rttvarMs) + this.#ackDelayMaxMs
    return Math.max(probeMs, Math.min(BACKED_OFF_MAX_MS, probeMs * 2 ** backOff))
  }

  /**
   * How much later than a newer packet an older one may still come (RFC 9002 §6.1.2).
   * @param toleranceMs what reordering was seen beyond that
   */
  lossDelayMs(toleranceMs: number): number {
    return Math.max(GRANULARITY_MS, TIME_THRESHOLD * Math.max(this.#srttMs ?? FIRST_PROBE_MS, this.#measuredMs) + toleranceMs)
  }

  /** Losses that span so long a time mean that the path is gone or another: RFC 9002 §7.6. */
  persistentMs(): number {
    return PERSISTENT * this.probeMs()
  }

  /** The path is another one: what was measured says nothing. */
  restart(): void {
    this.#srttMs = undefined
    this.#rttvarMs = 0
    this.#latestMs = 0
    this.#measuredMs = 0
    this.#minMs = Infinity
  }
}
