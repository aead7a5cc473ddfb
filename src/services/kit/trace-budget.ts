/**
 * Limits how many packets per second are traced. Below a rate that no reader could follow, all are. In a flood, only that many are and the
 * rest are counted, so that tracing costs next to nothing exactly when there is most to do, and the gap is reported.
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

  /** True if packets were left out and tracing has resumed: now is the time to report how many. */
  get owesCount(): boolean {
    return this.#untraced > 0 && this.#left > 0
  }

  /** How many packets were left out since the last call. */
  takeUntraced(): number {
    const untraced = this.#untraced
    this.#untraced = 0
    return untraced
  }
}
