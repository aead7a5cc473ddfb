/** A set of integers, as sorted ranges [start, end) that neither touch nor overlap. Lookups are binary searches. */

export class RangeSet {
  readonly #starts: number[] = []
  readonly #ends: number[] = []

  /** The number of ranges. */
  get count(): number {
    return this.#starts.length
  }

  /** The lowest range. */
  get first(): { start: number; end: number } | undefined {
    return this.at(0)
  }

  /** The range at an index; the lowest is at 0. */
  at(index: number): { start: number; end: number } | undefined {
    const start = this.#starts[index]
    const end = this.#ends[index]
    return start === undefined || end === undefined ? undefined : { start, end }
  }

  /** Whether [start, end) touches no existing range, so that adding it would create a new one. */
  isApart(start: number, end: number): boolean {
    const index = this.#firstEndingAtOrAfter(start)
    return (this.#starts[index] ?? Infinity) > end
  }

  has(value: number): boolean {
    return (this.#starts[this.#firstEndingAtOrAfter(value + 1)] ?? Infinity) <= value
  }

  add(start: number, end: number): void {
    if (start >= end) return
    const from = this.#firstEndingAtOrAfter(start)
    let to = from
    let low = start
    let high = end
    for (; (this.#starts[to] ?? Infinity) <= end; to++) {
      low = Math.min(low, this.#starts[to] ?? low)
      high = Math.max(high, this.#ends[to] ?? high)
    }
    this.#replace(from, to, low, high)
  }

  remove(start: number, end: number): void {
    if (start >= end) return
    let index = this.#firstEndingAtOrAfter(start + 1)
    while ((this.#starts[index] ?? Infinity) < end) {
      const low = this.#starts[index] ?? 0
      const high = this.#ends[index] ?? 0
      if (low < start && high > end) {
        this.#replace(index, index + 1, low, start)
        this.#replace(index + 1, index + 1, end, high)
        return
      }
      if (low < start) this.#ends[index++] = start
      else if (high > end) this.#starts[index++] = end
      else {
        this.#starts.splice(index, 1)
        this.#ends.splice(index, 1)
      }
    }
  }

  /** Removes everything below `value`. */
  removeBelow(value: number): void {
    if ((this.#starts[0] ?? Infinity) < value) this.remove(0, value)
  }

  /**
   * Removes everything below `value`, and the range that contains or begins at `value`.
   * @returns where that range ended, or `value` if there was none
   */
  advance(value: number): number {
    this.removeBelow(value)
    const first = this.first
    if (first?.start !== value) return value
    this.removeBelow(first.end)
    return first.end
  }

  /** Calls `visit` for each part of [start, end) that is not in the set, in order. */
  forEachGap(start: number, end: number, visit: (start: number, end: number) => void): void {
    let from = start
    for (let index = this.#firstEndingAtOrAfter(start + 1); from < end && (this.#starts[index] ?? Infinity) < end; index++) {
      const low = this.#starts[index] ?? end
      if (low > from) visit(from, low)
      from = Math.max(from, this.#ends[index] ?? end)
    }
    if (from < end) visit(from, end)
  }

  #replace(from: number, to: number, start: number, end: number): void {
    if (to === from + 1) {
      this.#starts[from] = start
      this.#ends[from] = end
      return
    }
    this.#starts.splice(from, to - from, start)
    this.#ends.splice(from, to - from, end)
  }

  #firstEndingAtOrAfter(value: number): number {
    const ends = this.#ends
    let low = 0
    let high = ends.length
    if (high === 0 || (ends[high - 1] ?? 0) < value) return high
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((ends[middle] ?? 0) < value) low = middle + 1
      else high = middle
    }
    return low
  }
}
