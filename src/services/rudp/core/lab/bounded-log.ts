/**
 * A log of the newest entries, numbered from 0. Readers ask from a number on; a reader that is too slow misses the
 * oldest.
 */
export class BoundedLog<T> {
  readonly #keep: number
  #kept: T[] = []
  /** The number of the first entry still kept. */
  #first = 0

  /** @param keep the minimum number of entries kept; fewer than twice as many are */
  constructor(keep: number) {
    this.#keep = keep
  }

  push(one: T): void {
    this.#kept.push(one)
    if (this.#kept.length < 2 * this.#keep) return
    this.#first += this.#keep
    this.#kept = this.#kept.slice(this.#keep)
  }

  /**
   * @returns the entries from number `after` on, at most `limit`, and the number of the entry that would follow them
   */
  from(after: number, limit: number): { readonly rows: readonly T[]; readonly next: number } {
    const at = Math.max(0, after - this.#first)
    const rows = this.#kept.slice(at, at + limit)
    return { rows, next: this.#first + Math.min(this.#kept.length, at + rows.length) }
  }
}
