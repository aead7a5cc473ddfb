/**
 * Reno: RFC 5681 with the bookkeeping of RFC 9002 §7. Slow start doubles the window every round trip, congestion avoidance adds
 * one datagram, a loss halves, a time-out goes back to one datagram.
 */
import type { Congestion, CongestionFactory } from './congestion.ts'

/** RFC 6928 §2, RFC 9002 §7.2. */
const INITIAL_WINDOW_DATAGRAMS = 10
/** RFC 5681 §3.1, equation 4. */
const SSTHRESH_MIN_DATAGRAMS = 2

export const reno: CongestionFactory = datagramBytes => new Reno(datagramBytes)

class Reno implements Congestion {
  readonly name = 'reno'
  #windowBytes: number
  #ssthreshBytes = Infinity
  /** Packets sent before this belong to a loss that was answered already: one answer a round trip (RFC 9002 §7.3.2). */
  #recoveryFromMs = -Infinity
  /** Bytes acknowledged in congestion avoidance that have not yet moved the window (RFC 5681 §3.1, appropriate byte counting). */
  #countedBytes = 0
  readonly datagramBytes: number

  /** @param datagramBytes the largest datagram: RFC 5681's SMSS */
  constructor(datagramBytes: number) {
    this.datagramBytes = datagramBytes
    this.#windowBytes = INITIAL_WINDOW_DATAGRAMS * datagramBytes
  }

  get windowBytes(): number {
    return this.#windowBytes
  }

  get ssthreshBytes(): number {
    return this.#ssthreshBytes
  }

  onAcked(sizeBytes: number, sentAtMs: number, flightBytes: number): void {
    if (sentAtMs <= this.#recoveryFromMs) return
    // A window that was not used proves nothing about a larger one (RFC 9002 §7.8).
    const slowStart = this.#windowBytes < this.#ssthreshBytes
    if (flightBytes < this.#windowBytes / 2 || (!slowStart && flightBytes + 2 * this.datagramBytes < this.#windowBytes)) return
    if (slowStart) {
      this.#windowBytes += sizeBytes
      return
    }
    this.#countedBytes += sizeBytes
    if (this.#countedBytes >= this.#windowBytes) {
      this.#countedBytes -= this.#windowBytes
      this.#windowBytes += this.datagramBytes
    }
  }

  onLost(sentAtMs: number, nowMs: number): void {
    if (sentAtMs <= this.#recoveryFromMs) return
    this.#recoveryFromMs = nowMs
    this.#ssthreshBytes = this.#atLeastTwo(this.#windowBytes / 2)
    this.#windowBytes = this.#ssthreshBytes
    this.#countedBytes = 0
  }

  onTimeout(flightBytes: number, first: boolean, nowMs: number): void {
    // Later time-outs of the same row hold ssthresh (RFC 5681 §3.1).
    if (first) this.#ssthreshBytes = this.#atLeastTwo(flightBytes / 2)
    this.#windowBytes = this.datagramBytes
    this.#countedBytes = 0
    this.#recoveryFromMs = nowMs
  }

  #atLeastTwo(bytes: number): number {
    return Math.max(SSTHRESH_MIN_DATAGRAMS * this.datagramBytes, bytes)
  }
}
