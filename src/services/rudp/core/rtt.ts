/**
 * Round-trip time, and the timeouts that depend on it: RFC 9002 §5 and §6, with the smoothing of RFC 6298 §2. Packet
 * numbers are never reused, so every sample is sound. One deviation (docs/rudp.md §9): before the first sample a probe
 * is sent after 250 ms, not after a second as in RFC 9002 §6.2.2. A user is waiting for a page, and losing a first
 * packet should not cost a second.
 */
import { ACK_DELAY_MAX_MS, GRANULARITY_MS } from './limits.ts'

export const FIRST_PROBE_MS = 250
/** The largest ACK delay that a peer may claim. */
const PEER_ACK_DELAY_MAX_MS = 1_000
/** The back-off ends here, so that the end of an outage is noticed soon. */
const BACKED_OFF_MAX_MS = 2_000
/** RFC 9002 §6.1.2: kTimeThreshold. */
const TIME_THRESHOLD = 9 / 8
/** RFC 9002 §7.6.1: kPersistentCongestionThreshold. */
const PERSISTENT = 3

export class RoundTrip {
  #srttMs: number | undefined
  #rttvarMs = 0
  /** The latest sample minus the ACK delay: adjusted_rtt of RFC 9002. */
  #latestMs = 0
  /** The latest sample as measured: latest_rtt of RFC 9002. */
  #measuredMs = 0
  #minMs = Infinity
  /** The longest time for which the peer delays an acknowledgment. */
  #ackDelayMaxMs = ACK_DELAY_MAX_MS

  /** Sets the ACK delay that the PARAMETERS of the peer announce. */
  setPeerAckDelayMax(ackDelayMaxMs: number): void {
    this.#ackDelayMaxMs = Math.min(PEER_ACK_DELAY_MAX_MS, ackDelayMaxMs)
  }

  /** Smoothed; undefined before the first sample. */
  get srttMs(): number | undefined {
    return this.#srttMs
  }

  /**
   * Infinity before the first sample, because an ACK may come that gives no sample, and that must not look like no time
   * at all.
   */
  get latestMs(): number {
    return this.#srttMs === undefined ? Infinity : this.#latestMs
  }

  /** The minimum measured; Infinity before the first sample. */
  get minMs(): number {
    return this.#minMs
  }

  /**
   * @param ackDelayMs the ACK delay that the peer reports; it never takes a sample below the minimum seen (RFC 9002
   * §5.3)
   */
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

  /** The probe timeout (RFC 9002 §6.2.1). @param backOff unanswered probes, each of which doubles it */
  probeMs(backOff = 0): number {
    const probeMs = this.#srttMs === undefined ? FIRST_PROBE_MS : this.#srttMs + Math.max(GRANULARITY_MS, 4 * this.#rttvarMs) + this.#ackDelayMaxMs
    return Math.max(probeMs, Math.min(BACKED_OFF_MAX_MS, probeMs * 2 ** backOff))
  }

  /**
   * The time threshold (RFC 9002 §6.1.2): how long after its sending a packet may still arrive although a later one
   * has.
   * @param toleranceMs reordering observed beyond that
   */
  lossDelayMs(toleranceMs: number): number {
    return Math.max(GRANULARITY_MS, TIME_THRESHOLD * Math.max(this.#srttMs ?? FIRST_PROBE_MS, this.#measuredMs) + toleranceMs)
  }

  /** The span of losses that counts as persistent congestion (RFC 9002 §7.6). */
  persistentMs(): number {
    return PERSISTENT * this.probeMs()
  }

  /** The path has changed: the measurements no longer apply. */
  restart(): void {
    this.#srttMs = undefined
    this.#rttvarMs = 0
    this.#latestMs = 0
    this.#measuredMs = 0
    this.#minMs = Infinity
  }
}
