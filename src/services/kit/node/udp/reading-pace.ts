/**
 * How often a socket is read where datagrams come in crowds. To be woken costs a process more than to answer: one that is woken for each
 * datagram spends most of its time on that. So in a crowd the socket rests after each reading, and what comes meanwhile is read together;
 * network cards moderate their interrupts for the same reason.
 *
 *     few      ·        ·          ·            read as each comes
 *     crowd    ···· · ·· ··|··· ·· ···|·· ···   read where the bars stand
 *     flood    ·································  read as fast as can be: there is a batch to fill at any time
 */

/** So many within the time of a rest are a crowd. */
const CROWD_COUNT = 4
/** A reading that brings so many needs no rest before the next. */
const FLOOD_COUNT = 32

export class ReadingPace {
  readonly #restMs: number
  /** Datagrams since then. */
  #sinceMs = -Infinity
  #count = 0

  constructor(restMs: number) {
    this.#restMs = restMs
  }

  /**
   * To be told of each reading, and how many datagrams it brought.
   * @returns until when the socket shall rest; undefined: not at all
   */
  restsUntilMs(count: number, nowMs: number): number | undefined {
    if (nowMs - this.#sinceMs >= this.#restMs) {
      this.#sinceMs = nowMs
      this.#count = 0
    }
    this.#count += count
    return this.#count >= CROWD_COUNT && count < FLOOD_COUNT ? nowMs + this.#restMs : undefined
  }
}
