/**
 * How often a socket is read under load. Waking a process costs more than answering a datagram, so a process that wakes for each one
 * spends most of its time waking. In a crowd, therefore, the socket pauses after each read, and what arrives meanwhile is read together.
 * Network cards moderate their interrupts for the same reason.
 *
 *     few      ·        ·          ·              read as each arrives
 *     crowd    ···· · ·· ··|··· ·· ···|·· ···     read at the bars
 *     flood    ·································  read as fast as possible: there is always a batch to fill
 */

/** This many datagrams within one pause length are a crowd. */
const CROWD_COUNT = 4
/** A read that brings this many needs no pause before the next. */
const FLOOD_COUNT = 32

export class ReceiveModeration {
  readonly #pauseMs: number
  /** Counts the datagrams since this time. */
  #sinceMs = -Infinity
  #count = 0

  constructor(pauseMs: number) {
    this.#pauseMs = pauseMs
  }

  /**
   * Call after each read.
   * @param count how many datagrams it brought
   * @returns when the socket should be read again, or undefined to read on without a pause
   */
  pauseUntilMs(count: number, nowMs: number): number | undefined {
    if (nowMs - this.#sinceMs >= this.#pauseMs) {
      this.#sinceMs = nowMs
      this.#count = 0
    }
    this.#count += count
    return this.#count >= CROWD_COUNT && count < FLOOD_COUNT ? nowMs + this.#pauseMs : undefined
  }
}
