/**
 * Which answers are told one by one, and which are only counted: a person reads some lines a second, and telling costs more than
 * answering. Each second the first answers are told; of the others there is one sum at its end.
 */

export const REPORTED_PER_SECOND_MAX = 50

/** What happened in a second beside what was told. */
export interface AnswerCounts {
  /** All answers, told ones too. */
  readonly answers: number
  readonly untold: number
  /** Queries beyond a client's share (client-limit.ts). */
  readonly limited: number
}

/** One second of answers. */
export class QueryLog {
  #answers = 0
  #told = 0
  #limited = 0

  /** One answer. @returns true where it shall be told */
  answered(): boolean {
    this.#answers++
    if (this.#told >= REPORTED_PER_SECOND_MAX) return false
    this.#told++
    return true
  }

  /** One query beyond its client's share. */
  limited(): void {
    this.#limited++
  }

  /** The sum of the second, which is over with it; undefined where all of it was told. */
  sum(): AnswerCounts | undefined {
    const counts = { answers: this.#answers, untold: this.#answers - this.#told, limited: this.#limited }
    this.#answers = 0
    this.#told = 0
    this.#limited = 0
    return counts.untold + counts.limited === 0 ? undefined : counts
  }
}
