/**
 * Finds the records that hold an address, for reverse lookups (`1.2.0.192.in-addr.arpa PTR`). A crit-bit tree: a branch holds
 * the index of the first bit in which the addresses below it differ. There are never more branches than addresses, and both
 * "who has this address?" and "is there any in 192.0.2.0/24?" are a walk along the bits.
 *
 *              bit 27 ?                   192.0.2.1    …0000 0001
 *             0 /    \ 1                  192.0.2.2    …0000 0010
 *          bit 30 ?   192.0.2.16          192.0.2.16   …0001 0000
 *         0 /    \ 1
 *    192.0.2.1   192.0.2.2
 *
 * Records with the same address form a ring, oldest first.
 */
import { Column } from './column.ts'

const EMPTY = 0

/** A node of the tree is a number: even for a branch, odd for a leaf (a record). */
const leaf = (record: number) => record * 2 + 1
const branch = (row: number) => row * 2
const isLeaf = (place: number) => (place & 1) === 1
const rowOf = (place: number) => place >>> 1

export class AddressTree {
  readonly #bit = new Column()
  readonly #zero = new Column()
  /** For a free branch, the next free one. */
  readonly #one = new Column()
  readonly #nextSame = new Column()
  readonly #lastSame = new Column()
  #root = EMPTY
  #end = 1
  #free = EMPTY
  readonly octetOf: (record: number, index: number) => number
  readonly length: number

  /**
   * @param length the length of an address, in octets
   * @param octetOf reads the address that a record holds
   */
  constructor(length: number, octetOf: (record: number, index: number) => number) {
    this.length = length
    this.octetOf = octetOf
  }

  add(record: number, address: Uint8Array): void {
    this.#nextSame.set(record, record)
    this.#lastSame.set(record, record)
    if (this.#root === EMPTY) {
      this.#root = leaf(record)
      return
    }
    const near = this.#nearest(address)
    const bit = this.#firstDifference(near, address)
    if (bit === this.length * 8) this.#joinRing(near, record)
    else this.#split(bit, record, address)
  }

  remove(record: number, address: Uint8Array): void {
    const next = this.#nextSame.get(record)
    const previous = this.#lastSame.get(record)
    this.#nextSame.set(previous, next)
    this.#lastSame.set(next, previous)
    let grand = EMPTY
    let parent = EMPTY
    let place = this.#root
    while (!isLeaf(place)) {
      grand = parent
      parent = place
      place = this.#side(place, address).get(rowOf(place))
    }
    if (place !== leaf(record)) return
    if (next !== record) return this.#replace(parent, address, leaf(next))
    if (parent === EMPTY) {
      this.#root = EMPTY
      return
    }
    const row = rowOf(parent)
    const sibling = this.#zero.get(row) === place ? this.#one.get(row) : this.#zero.get(row)
    this.#replace(grand, address, sibling)
    this.#one.set(row, this.#free)
    this.#free = row
  }

  /** The records with this address, oldest first. */
  *recordsWith(address: Uint8Array): Generator<number> {
    if (this.#root === EMPTY) return
    const first = this.#nearest(address)
    if (this.#firstDifference(first, address) < this.length * 8) return
    let record = first
    do {
      yield record
      record = this.#nextSame.get(record)
    } while (record !== first)
  }

  /** Whether any address begins with the first `bits` bits of this one. */
  hasPrefix(address: Uint8Array, bits: number): boolean {
    return this.#root !== EMPTY && this.#firstDifference(this.#nearest(address), address) >= bits
  }

  /** The leaf at the end of this address's path: no other record shares a longer prefix with it. */
  #nearest(address: Uint8Array): number {
    let place = this.#root
    while (!isLeaf(place)) place = this.#side(place, address).get(rowOf(place))
    return rowOf(place)
  }

  #firstDifference(record: number, address: Uint8Array): number {
    for (let index = 0; index < this.length; index++) {
      const difference = this.octetOf(record, index) ^ (address[index] ?? 0)
      if (difference !== 0) return index * 8 + Math.clz32(difference) - 24
    }
    return this.length * 8
  }

  #side(place: number, address: Uint8Array): Column {
    return bitAt(address, this.#bit.get(rowOf(place))) === 0 ? this.#zero : this.#one
  }

  #joinRing(first: number, record: number): void {
    const last = this.#lastSame.get(first)
    this.#nextSame.set(last, record)
    this.#lastSame.set(record, last)
    this.#nextSame.set(record, first)
    this.#lastSame.set(first, record)
  }

  /** Inserts a branch on the path of this address, above the first one with a later bit. */
  #split(bit: number, record: number, address: Uint8Array): void {
    let parent = EMPTY
    let place = this.#root
    while (!isLeaf(place) && this.#bit.get(rowOf(place)) < bit) {
      parent = place
      place = this.#side(place, address).get(rowOf(place))
    }
    const row = this.#free === EMPTY ? this.#end++ : this.#free
    if (row === this.#free) this.#free = this.#one.get(row)
    const isOne = bitAt(address, bit) === 1
    this.#bit.set(row, bit)
    this.#zero.set(row, isOne ? place : leaf(record))
    this.#one.set(row, isOne ? leaf(record) : place)
    this.#replace(parent, address, branch(row))
  }

  #replace(parent: number, address: Uint8Array, place: number): void {
    if (parent === EMPTY) this.#root = place
    else this.#side(parent, address).set(rowOf(parent), place)
  }
}

function bitAt(address: Uint8Array, bit: number): number {
  return ((address[bit >>> 3] ?? 0) >>> (7 - (bit & 7))) & 1
}
