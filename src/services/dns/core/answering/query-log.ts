/**
 * Decides which answers are reported individually and which are only counted: nobody reads more than a few lines a second, and
 * reporting an answer costs more than giving it. The first answers of each second are reported; the rest are summed up at its end.
 */

export const REPORTED_PER_SECOND_MAX = 50

/** The summary of one second. */
export interface AnswerCounts {
  /** All answers, including those reported individually. */
  readonly answers: number
  readonly untold: number
  /** Queries over a client's rate limit (client-limit.ts). */
  readonly limited: number
}

/** One second of answers. */
export class QueryLog {
  #answers = 0
  #told = 0
  #limited = 0

  /** Counts an answer. @returns whether to report it individually */
  answered(): boolean {
    this.#answers++
    if (this.#told >= REPORTED_PER_SECOND_MAX) return false
    this.#told++
    return true
  }

  /** Counts a query over its client's rate limit. */
  limited(): void {
    this.#limited++
  }

  /** Ends the second. @returns its summary; undefined if everything was reported individually */
  sum(): AnswerCounts | undefined {
    const counts = { answers: this.#answers, untold: this.#answers - this.#told, limited: this.#limited }
    this.#answers = 0
    this.#told = 0
    this.#limited = 0
    return counts.untold + counts.limited === 0 ? undefined : counts
  }
}
