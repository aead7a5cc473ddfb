/**
 * A priority queue of deadlines: a binary heap, earliest first, in which each item knows its index, so it can be moved or
 * removed from anywhere. Thousands of questions are in flight at once, and each changes its deadline several times.
 *
 *              12            heap[i] is never later than heap[2i + 1] and heap[2i + 2]
 *           15    13
 *         20  17
 */
export interface Scheduled {
  deadlineMs: number
  /** The item's index in the heap, or -1; maintained by the heap. */
  heapIndex: number
}

export class Deadlines<Item extends Scheduled> {
  readonly #heap: Item[] = []

  /** The earliest deadline; Infinity if there is none. */
  get nextMs(): number {
    return this.#heap[0]?.deadlineMs ?? Infinity
  }

  get size(): number {
    return this.#heap.length
  }

  /** Adds an item, or moves it to its new deadline. */
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

  /** Removes and returns the earliest item, if its deadline has passed. */
  takeDue(nowMs: number): Item | undefined {
    const first = this.#heap[0]
    if (first === undefined || first.deadlineMs > nowMs) return undefined
    this.delete(first)
    return first
  }

  /** Restores the heap order by moving one item up or down. */
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
