/** One deadline a slot, the earliest found at once: a binary heap that knows where each slot stands, so a change moves it. */

export class Deadlines {
  /** Slots in heap order: no slot is due after its children 2i + 1 and 2i + 2. */
  readonly #heap: number[] = []
  readonly #placeOf = new Map<number, number>()
  readonly #atMs = new Map<number, number>()

  /** When the earliest slot is due; Infinity where there is none. */
  earliestMs(): number {
    return this.#due(this.#heap[0])
  }

  /** Sets the slot's one deadline. */
  set(slot: number, atMs: number): void {
    this.#atMs.set(slot, atMs)
    const place = this.#placeOf.get(slot)
    if (place === undefined) {
      this.#put(slot, this.#heap.length)
      this.#rise(this.#heap.length - 1)
    } else this.#sink(this.#rise(place))
  }

  clear(slot: number): void {
    const place = this.#placeOf.get(slot)
    if (place === undefined) return
    this.#placeOf.delete(slot)
    this.#atMs.delete(slot)
    const moved = this.#heap.pop()
    if (moved === undefined || moved === slot) return
    this.#put(moved, place)
    this.#sink(this.#rise(place))
  }

  /** The earliest slot that is due at `nowMs`, its deadline cleared; undefined where none is. */
  takeDue(nowMs: number): number | undefined {
    const slot = this.#heap[0]
    if (slot === undefined || this.#due(slot) > nowMs) return undefined
    this.clear(slot)
    return slot
  }

  #due(slot: number | undefined): number {
    return slot === undefined ? Infinity : this.#atMs.get(slot) ?? Infinity
  }

  #put(slot: number, place: number): void {
    this.#heap[place] = slot
    this.#placeOf.set(slot, place)
  }

  #rise(from: number): number {
    let place = from
    while (place > 0) {
      const parent = (place - 1) >>> 1
      if (this.#due(this.#heap[parent]) <= this.#due(this.#heap[place])) break
      this.#swap(place, parent)
      place = parent
    }
    return place
  }

  #sink(from: number): void {
    for (let place = from; ;) {
      const left = 2 * place + 1
      const child = this.#due(this.#heap[left + 1]) < this.#due(this.#heap[left]) ? left + 1 : left
      if (this.#due(this.#heap[child]) >= this.#due(this.#heap[place])) return
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
