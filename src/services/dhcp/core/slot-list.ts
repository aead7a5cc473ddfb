/**
 * A doubly linked list of a pool's slots, with O(1) access to the first, removal of any, and insertion at either end.
 * It is built on typed arrays: eight bytes per slot and no objects.
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

  /** Starts empty. Slots are numbered from 0 to `slots` - 1. */
  constructor(slots: number) {
    this.#next = new Int32Array(slots).fill(NOT_LISTED)
    this.#previous = new Int32Array(slots).fill(NOT_LISTED)
  }

  get count(): number {
    return this.#count
  }

  /** The first slot, or undefined. */
  first(): number | undefined {
    return this.#first === NONE ? undefined : this.#first
  }

  /** The slot after a listed one, or undefined. */
  after(slot: number): number | undefined {
    const next = this.#next[slot] ?? NONE
    return next < 0 ? undefined : next
  }

  has(slot: number): boolean {
    return (this.#next[slot] ?? NOT_LISTED) !== NOT_LISTED
  }

  /** Appends a slot that is not listed. */
  addLast(slot: number): void {
    this.#insert(slot, this.#last, NONE)
  }

  /** Prepends a slot that is not listed. */
  addFirst(slot: number): void {
    this.#insert(slot, NONE, this.#first)
  }

  #insert(slot: number, previous: number, next: number): void {
    assert(!this.has(slot), 'a slot is listed at most once')
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
