/**
 * Addresses of a pool in some order, as slot numbers in a doubly linked list: take the first, take any, put one first or last, each in
 * O(1). All in typed arrays, so a list costs eight bytes a slot and no object.
 */
import { assert } from '../../kit/errors.ts'

const NOT_LISTED = -2
const NONE = -1

export class SlotList {
  readonly #next: Int32Array
  readonly #previous: Int32Array
  #first = NONE
  #last = NONE
  #count = 0

  /** Empty at first; slots are numbered from 0 to `slots` - 1. */
  constructor(slots: number) {
    this.#next = new Int32Array(slots).fill(NOT_LISTED)
    this.#previous = new Int32Array(slots).fill(NOT_LISTED)
  }

  get count(): number {
    return this.#count
  }

  /** The slot to be taken next, or undefined. */
  first(): number | undefined {
    return this.#first === NONE ? undefined : this.#first
  }

  /** The slot behind one that is listed, or undefined. */
  after(slot: number): number | undefined {
    const next = this.#next[slot] ?? NONE
    return next < 0 ? undefined : next
  }

  has(slot: number): boolean {
    return (this.#next[slot] ?? NOT_LISTED) !== NOT_LISTED
  }

  /** Puts a slot that is not listed at the end. */
  addLast(slot: number): void {
    this.#insert(slot, this.#last, NONE)
  }

  /** Puts a slot that is not listed where it is taken next. */
  addFirst(slot: number): void {
    this.#insert(slot, NONE, this.#first)
  }

  #insert(slot: number, previous: number, next: number): void {
    assert(!this.has(slot), 'a slot is listed once')
    this.#next[slot] = next
    this.#previous[slot] = previous
    if (previous === NONE) this.#first = slot
    else this.#next[previous] = slot
    if (next === NONE) this.#last = slot
    else this.#previous[next] = slot
    this.#count++
  }

  remove(slot: number): void {
    if (!this.has(slot)) return
    const next = this.#next[slot] ?? NONE
    const previous = this.#previous[slot] ?? NONE
    if (previous === NONE) this.#first = next
    else this.#next[previous] = next
    if (next === NONE) this.#last = previous
    else this.#previous[next] = previous
    this.#next[slot] = NOT_LISTED
    this.#previous[slot] = NOT_LISTED
    this.#count--
  }
}
