/**
 * CUBIC (RFC 9438). After a loss the window returns along a cubic curve: fast at first, then flat around the window at
 * which the loss occurred, then fast again. Growth depends on time, not on round trips. Where Reno would be faster, it
 * does as Reno does. Slow start ends by HyStart++.
 */
import type { AckSample, CongestionFactory } from './congestion.ts'
import { HyStart } from './hystart.ts'
import { LossBased } from './loss-based.ts'

export const cubic: CongestionFactory = (...given) => new Cubic(...given)

/** RFC 9438 §4.6: the multiplicative decrease factor. */
const BETA = 0.7
/** §5: how steep the curve is, in datagrams per s³. */
const C = 0.4
/** §4.3: the additive increase of a Reno sender that decreases by 1 − BETA. */
const RENO_ALPHA = 3 * (1 - BETA) / (1 + BETA)

class Cubic extends LossBased {
  readonly name = 'cubic'
  #hyStart: HyStart | undefined = new HyStart()
  /** W_max: where the curve is flat, in bytes. */
  #plateauBytes = 0
  /** cwnd_prior: the window before the latest loss, in bytes. */
  #priorBytes = 0
  /**
   * When congestion avoidance began, shifted by all idle time since; undefined if it has not begun since the latest
   * loss.
   */
  #epochFromMs: number | undefined
  /** When the window last grew. */
  #grownAtMs = 0
  /** K: the time at which the curve reaches the plateau, in seconds after the epoch began. */
  #plateauAfterS = 0
  /** W_est: the window that Reno would have, in bytes. */
  #renoBytes = 0

  protected override slowStart(sample: AckSample): void {
    const growth = this.#hyStart?.growth(sample) ?? 1
    if (growth === 0) this.ssthreshBytes = this.windowBytes
    else this.windowBytes += growth * sample.ackedBytes
  }

  protected avoid({ ackedBytes, nowMs, srttMs }: AckSample): void {
    const mss = this.datagramBytes
    if (this.#epochFromMs === undefined) {
      this.#epochFromMs = nowMs
      this.#grownAtMs = nowMs
      if (this.#plateauBytes < this.windowBytes) this.#plateauBytes = this.windowBytes
      this.#plateauAfterS = Math.cbrt((this.#plateauBytes - this.windowBytes) / mss / C)
      this.#renoBytes = this.windowBytes
    }
    // §4.2 and §5.8: an unused window does not grow, and no time passes for it.
    this.#epochFromMs += Math.max(0, nowMs - this.#grownAtMs - srttMs)
    this.#grownAtMs = nowMs
    this.#renoBytes += (this.#renoBytes < this.#priorBytes ? RENO_ALPHA : 1) * mss * ackedBytes / this.windowBytes
    // §4.2: the target is where the curve will be a round trip from now, at most half a window away. §4.4 and §4.5: the
    // window reaches it within that round trip.
    const afterS = (nowMs - this.#epochFromMs + srttMs) / 1000
    const curveBytes = C * (afterS - this.#plateauAfterS) ** 3 * mss + this.#plateauBytes
    const targetBytes = Math.min(Math.max(curveBytes, this.windowBytes), 1.5 * this.windowBytes)
    this.windowBytes += (targetBytes - this.windowBytes) * ackedBytes / this.windowBytes
    this.windowBytes = Math.max(this.windowBytes, this.#renoBytes)
  }

  protected reduced(): number {
    // §4.7, fast convergence: a loss below the last plateau makes room for other flows.
    this.#plateauBytes = this.windowBytes < this.#plateauBytes ? this.windowBytes * (1 + BETA) / 2 : this.windowBytes
    this.#priorBytes = this.windowBytes
    this.#epochFromMs = undefined
    this.#hyStart = undefined
    return this.windowBytes * BETA
  }
}
