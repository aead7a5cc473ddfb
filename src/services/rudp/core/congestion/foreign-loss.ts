/**
 * Loss that is not the sender's doing, as a radio's: learnt in rounds in which nothing queued. Its mean and variation are smoothed as
 * RFC 6298 §2 smooths round trips.
 */

/** A new round counts for one in so many, in the mean and in the variation: what one round lost says little. */
const ROUNDS = 16
/** So many variations above the mean hardly a round exceeds. */
const VARIATIONS = 3
/** More is not made good: a path that loses so much may as well be broken. */
const PART_MAX = 0.2

export class ForeignLoss {
  #mean = 0
  #variation = 0

  /** @param part of what was sent in a round, 0 to 1 */
  learn(part: number): void {
    const bounded = Math.min(PART_MAX, part)
    this.#variation += (Math.abs(bounded - this.#mean) - this.#variation) / ROUNDS
    this.#mean += (bounded - this.#mean) / ROUNDS
  }

  /** The part that nearly every round loses. Where losses come in bursts it is none: the rounds between them lose nothing. */
  get atLeast(): number {
    return Math.max(0, this.#mean - this.#variation)
  }

  /** The part that hardly a round exceeds. */
  get atMost(): number {
    return this.#mean + VARIATIONS * this.#variation
  }
}
