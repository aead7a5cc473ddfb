/**
 * What tahoe, reno and cubic share: a window that grows until packets are lost, with the bookkeeping of RFC 9002 §7.
 * Slow start doubles the window each round trip, all losses of one round trip count once, and an unused window does not
 * grow.
 */
import type { AckSample, Congestion, CongestionName, LossSample } from './congestion.ts'

/** RFC 5681 §3.1, equation 4. */
const WINDOW_DATAGRAMS_MIN = 2
/**
 * Pacing gains: a window leaves in a fraction of a round trip. Slow start is faster, so that acknowledgments come early
 * (RFC 9002 §7.7).
 */
const PACING_GAIN = 1.25
const PACING_GAIN_SLOW_START = 2

export abstract class LossBased implements Congestion {
  abstract readonly name: CongestionName
  windowBytes: number
  ssthreshBytes: number
  datagramBytes: number
  /** Packets sent before this belong to a congestion event that has been handled (RFC 9002 §7.3.2). */
  #recoveryFromMs = -Infinity
  /** The state before the latest loss, in case that is undone. */
  #before = { windowBytes: 0, ssthreshBytes: Infinity }

  constructor(datagramBytes: number, windowBytes: number, ssthreshBytes = Infinity) {
    this.datagramBytes = datagramBytes
    this.windowBytes = windowBytes
    this.ssthreshBytes = ssthreshBytes
  }

  get phase(): string {
    return this.windowBytes < this.ssthreshBytes ? 'slow start' : 'congestion avoidance'
  }

  pacingBytesPerMs(srttMs: number | undefined): number {
    if (srttMs === undefined) return Infinity
    return (this.windowBytes < this.ssthreshBytes ? PACING_GAIN_SLOW_START : PACING_GAIN) * this.windowBytes / srttMs
  }

  onAcked(sample: AckSample): void {
    if (sample.newestSentAtMs <= this.#recoveryFromMs || !sample.isHeldBack) return
    if (this.windowBytes < this.ssthreshBytes) this.slowStart(sample)
    else this.avoid(sample)
  }

  onLost(sample: LossSample): void {
    if (sample.newestSentAtMs <= this.#recoveryFromMs && !sample.isPersistent) return
    this.#before = { windowBytes: this.windowBytes, ssthreshBytes: this.ssthreshBytes }
    this.#recoveryFromMs = sample.nowMs
    this.ssthreshBytes = this.atLeastMinimum(this.reduced())
    this.windowBytes = sample.isPersistent ? WINDOW_DATAGRAMS_MIN * this.datagramBytes : this.windowAfterLoss()
  }

  onSpurious(): void {
    if (this.#before.windowBytes <= this.windowBytes) return
    this.windowBytes = this.#before.windowBytes
    this.ssthreshBytes = this.#before.ssthreshBytes
    this.#recoveryFromMs = -Infinity
  }

  setDatagramBytes(datagramBytes: number): void {
    this.datagramBytes = datagramBytes
    this.windowBytes = this.atLeastMinimum(this.windowBytes)
  }

  /** Grows by one byte for each byte acknowledged. */
  protected slowStart({ ackedBytes }: AckSample): void {
    this.windowBytes += ackedBytes
  }

  /** Congestion avoidance. */
  protected abstract avoid(sample: AckSample): void

  /**
   * The new ssthresh: a fraction of the window (RFC 9002 §7.3.2). RFC 5681 §3.1 and RFC 9438 §4.6 take a fraction of
   * the flight instead, to guard against windows that grew without being used; here none does.
   */
  protected abstract reduced(): number

  /** The window after a loss; ssthresh is already set. */
  protected windowAfterLoss(): number {
    return this.ssthreshBytes
  }

  protected atLeastMinimum(bytes: number): number {
    return Math.max(WINDOW_DATAGRAMS_MIN * this.datagramBytes, bytes)
  }
}
