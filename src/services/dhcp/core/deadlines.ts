/**
 * One deadline per slot, with the earliest in O(1): an indexed binary heap, which knows the position of each slot and
 * so can change or clear any deadline in O(log n). It is built on typed arrays, so that a hundred thousand slots are
 * restored quickly.
 */

const NO_POSITION = -1

export class Deadlines {
  /** Slots in heap order: the slot at position i is not due after its children at 2i + 1 and 2i + 2. */
  readonly #heap: Int32Array
  readonly #placeOf: Int32Array
  readonly #atMs: Float64Array
  #count = 0

  /** Slots are numbered from 0 to `slots` - 1. */
  constructor(slots: number) {
    this.#heap = new Int32Array(slots)
    this.#placeOf = new Int32Array(slots).fill(NO_POSITION)
    this.#atMs = new Float64Array(slots)
  }

  /** When the earliest slot is due; Infinity if there is none. */
  earliestMs(): number {
    return this.#count === 0 ? Infinity : this.#due(0)
  }

  /** Sets or changes the deadline of a slot. */
  set(slot: number, atMs: number): void {
    this.#atMs[slot] = atMs
    const place = this.#placeOf[slot] ?? NO_POSITION
    if (place === NO_POSITION) {
      this.#put(slot, this.#count++)
      this.#rise(this.#count - 1)
    } else this.#sink(this.#rise(place))
  }

  clear(slot: number): void {
    const place = this.#placeOf[slot] ?? NO_POSITION
    if (place === NO_POSITION) return
    this.#placeOf[slot] = NO_POSITION
    const moved = this.#heap[--this.#count] ?? 0
    if (moved === slot) return
    this.#put(moved, place)
    this.#sink(this.#rise(place))
  }

  /** Removes and returns the earliest slot that is due; undefined if none is. */
  takeDue(nowMs: number): number | undefined {
    if (this.earliestMs() > nowMs) return undefined
    const slot = this.#heap[0]
    if (this.#count === 0 || slot === undefined) return undefined
    this.clear(slot)
    return slot
  }

  /** Moves all deadlines by the same time. */
  shift(byMs: number): void {
    for (let place = 0; place < this.#count; place++) {
      const slot = this.#heap[place] ?? 0
      this.#atMs[slot] = (this.#atMs[slot] ?? 0) + byMs
    }
  }

  /** When the slot at this position of the heap is due; Infinity past its end. */
  #due(place: number): number {
    return place < this.#count ? this.#atMs[this.#heap[place] ?? 0] ?? Infinity : Infinity
  }

  #put(slot: number, place: number): void {
    this.#heap[place] = slot
    this.#placeOf[slot] = place
  }

  #rise(from: number): number {
    let place = from
    while (place > 0) {
      const parent = (place - 1) >>> 1
      if (this.#due(parent) <= this.#due(place)) break
      this.#swap(place, parent)
      place = parent
    }
    return place
  }

  #sink(from: number): void {
    for (let place = from; ;) {
      const left = 2 * place + 1
      const child = this.#due(left + 1) < this.#due(left) ? left + 1 : left
      if (this.#due(child) >= this.#due(place)) return
      this.#swap(place, child)
      place = child
    }
  }

  #swap(one: number, other: number): void {
    const slot = this.#heap[one] ?? 0
    this.#put(this.#heap[other] ?? 0, one)
    this.#put(slot, other)
  }
}
