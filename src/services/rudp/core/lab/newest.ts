/** The newest of what happens, numbered from 0: readers ask from a number on, and whoever is too slow misses the oldest. */
export class Newest<T> {
  readonly #keep: number
  #kept: T[] = []
  /** The number of the first one that is still kept. */
  #first = 0

  /** @param keep so many are kept at least, and fewer than twice as many */
  constructor(keep: number) {
    this.#keep = keep
  }

  push(one: T): void {
    this.#kept.push(one)
    if (this.#kept.length < 2 * this.#keep) return
    this.#first += this.#keep
    this.#kept = this.#kept.slice(this.#keep)
  }

  /** @returns those from number `after` on, at most so many, and the number of the one that would follow */
  from(after: number, limit: number): { readonly rows: readonly T[]; readonly next: number } {
    const at = Math.max(0, after - this.#first)
    const rows = this.#kept.slice(at, at + limit)
    return { rows, next: this.#first + Math.min(this.#kept.length, at + rows.length) }
  }
}
