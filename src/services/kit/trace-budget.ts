/**
 * How much of the traffic a trace takes. Up to a rate that no eye follows it takes everything; in a flood it takes that share and
 * counts the rest, so that looking costs next to nothing just when there is most to do, and what is missing is told.
 */

const PACKETS_PER_SECOND_MAX = 2000

export class TraceBudget {
  #second = -Infinity
  #left = 0
  #untraced = 0
  readonly #perSecond: number

  constructor(perSecond = PACKETS_PER_SECOND_MAX) {
    this.#perSecond = perSecond
  }

  /** @returns how many of `count` packets may be traced now */
  take(count: number, nowMs: number): number {
    if (nowMs - this.#second >= 1000) {
      this.#second = nowMs
      this.#left = this.#perSecond
    }
    const taken = Math.min(count, this.#left)
    this.#left -= taken
    this.#untraced += count - taken
    return taken
  }

  /** True once after packets were left out, when others may be traced again: the time to tell how many. */
  get owesCount(): boolean {
    return this.#untraced > 0 && this.#left > 0
  }

  /** How many were left out since this was asked last. */
  takeUntraced(): number {
    const untraced = this.#untraced
    this.#untraced = 0
    return untraced
  }
}
