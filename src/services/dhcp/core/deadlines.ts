/**
 * One deadline a slot, the earliest found at once: a binary heap that knows where each slot stands, so a change moves it. All
 * in typed arrays, for a hundred thousand slots are restored in a moment.
 */

const NOWHERE = -1

export class Deadlines {
  /** Slots in heap order: no slot is due after its children 2i + 1 and 2i + 2. */
  readonly #heap: Int32Array
  readonly #placeOf: Int32Array
  readonly #atMs: Float64Array
  #count = 0

  /** Slots are numbered from 0 to `slots` - 1. */
  constructor(slots: number) {
    this.#heap = new Int32Array(slots)
    this.#placeOf = new Int32Array(slots).fill(NOWHERE)
    this.#atMs = new Float64Array(slots)
  }

  /** When the earliest slot is due; Infinity where there is none. */
  earliestMs(): number {
    return this.#count === 0 ? Infinity : this.#due(0)
  }

  /** Sets the slot's one deadline. */
  set(slot: number, atMs: number): void {
    this.#atMs[slot] = atMs
    const place = this.#placeOf[slot] ?? NOWHERE
    if (place === NOWHERE) {
      this.#put(slot, this.#count++)
      this.#rise(this.#count - 1)
    } else this.#sink(this.#rise(place))
  }

  clear(slot: number): void {
    const place = this.#placeOf[slot] ?? NOWHERE
    if (place === NOWHERE) return
    this.#placeOf[slot] = NOWHERE
    const moved = this.#heap[--this.#count] ?? 0
    if (moved === slot) return
    this.#put(moved, place)
    this.#sink(this.#rise(place))
  }

  /** The earliest slot that is due at `nowMs`, its deadline cleared; undefined where none is. */
  takeDue(nowMs: number): number | undefined {
    if (this.earliestMs() > nowMs) return undefined
    const slot = this.#heap[0]
    if (this.#count === 0 || slot === undefined) return undefined
    this.clear(slot)
    return slot
  }

  /** Moves all deadlines; their order stays. */
  shift(byMs: number): void {
    for (let place = 0; place < this.#count; place++) {
      const slot = this.#heap[place] ?? 0
      this.#atMs[slot] = (this.#atMs[slot] ?? 0) + byMs
    }
  }

  /** When the slot at this place of the heap is due; Infinity beyond its end. */
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
