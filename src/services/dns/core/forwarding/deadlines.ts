/**
 * Who has to be woken when: a binary heap, earliest first, in which each item knows its place, so that it can be moved or
 * taken out wherever it stands. Thousands of questions are under way at once, and each changes its deadline some times.
 *
 *              12            heap[i] is never later than heap[2i + 1] and heap[2i + 2]
 *           15    13
 *         20  17
 */
export interface Scheduled {
  deadlineMs: number
  /** The item's place in the heap, -1 where it is in none; the heap's own. */
  heapIndex: number
}

export class Deadlines<Item extends Scheduled> {
  readonly #heap: Item[] = []

  /** The earliest deadline; Infinity where there is none. */
  get nextMs(): number {
    return this.#heap[0]?.deadlineMs ?? Infinity
  }

  get size(): number {
    return this.#heap.length
  }

  /** Puts an item in, or moves it to its new deadline. */
  set(item: Item, deadlineMs: number): void {
    item.deadlineMs = deadlineMs
    if (item.heapIndex < 0) {
      item.heapIndex = this.#heap.length
      this.#heap.push(item)
    }
    this.#settle(item)
  }

  delete(item: Item): void {
    const { heapIndex } = item
    if (heapIndex < 0) return
    item.heapIndex = -1
    const last = this.#heap.pop()
    if (last === undefined || last === item) return
    this.#place(last, heapIndex)
    this.#settle(last)
  }

  /** Takes out the earliest item whose deadline has come. */
  takeDue(nowMs: number): Item | undefined {
    const first = this.#heap[0]
    if (first === undefined || first.deadlineMs > nowMs) return undefined
    this.delete(first)
    return first
  }

  /** Moves an item up or down to where it belongs. */
  #settle(item: Item): void {
    let at = item.heapIndex
    for (;;) {
      const above = this.#heap[(at - 1) >> 1]
      if (at === 0 || above === undefined || above.deadlineMs <= item.deadlineMs) break
      this.#place(above, at)
      at = (at - 1) >> 1
    }
    for (;;) {
      const left = this.#heap[2 * at + 1]
      const right = this.#heap[2 * at + 2]
      const earlier = right !== undefined && left !== undefined && right.deadlineMs < left.deadlineMs ? right : left
      if (earlier === undefined || earlier.deadlineMs >= item.deadlineMs) break
      const freed = earlier.heapIndex
      this.#place(earlier, at)
      at = freed
    }
    this.#place(item, at)
  }

  #place(item: Item, at: number): void {
    this.#heap[at] = item
    item.heapIndex = at
  }
}
