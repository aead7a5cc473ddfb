/**
 * Estimates the loss that congestion does not cause, such as loss on a radio link: what is lost in rounds in which
 * nothing queued. Mean and variation are smoothed as RFC 6298 §2 smooths round trips.
 */

/** The weight of a new round is one over this, in both mean and variation, because one round says little. */
const ROUNDS = 16
/** Hardly any round exceeds the mean by this many variations. */
const VARIATIONS = 3
/** More than this is not compensated: a path that loses so much may as well be broken. */
const FRACTION_MAX = 0.2

export class NonCongestionLoss {
  #mean = 0
  #variation = 0

  /** @param fraction of what was sent in a round, from 0 to 1 */
  addRound(fraction: number): void {
    const bounded = Math.min(FRACTION_MAX, fraction)
    this.#variation += (Math.abs(bounded - this.#mean) - this.#variation) / ROUNDS
    this.#mean += (bounded - this.#mean) / ROUNDS
  }

  /**
   * The fraction that nearly every round loses. It is 0 if losses come in bursts, because the rounds in between lose
   * nothing.
   */
  get atLeast(): number {
    return Math.max(0, this.#mean - this.#variation)
  }

  /** The fraction that hardly any round exceeds. */
  get atMost(): number {
    return this.#mean + VARIATIONS * this.#variation
  }
}
