/** The records of all nodes of the name tree. Each node has a chain of records, in order of addition. */
import { Column } from './column.ts'
import { NONE } from './name-tree.ts'
import type { OctetHeap } from './octet-heap.ts'

export class RecordTable {
  /** Node → its first record. */
  readonly #first = new Column()
  /** Record → the next of its node; for a free record, the next free one. */
  readonly #next = new Column()
  readonly #node = new Column()
  readonly #type = new Column()
  readonly #ttl = new Column()
  /** Record → the heap run of its data. */
  readonly #rdata = new Column()
  #end = 1
  #free = NONE
  #heap: OctetHeap

  constructor(heap: OctetHeap) {
    this.#heap = heap
  }

  /** @param where `first` for an SOA, which precedes the other records of its node */
  add(node: number, type: number, ttl: number, rdata: Uint8Array, where: 'first' | 'last'): number {
    const record = this.#free === NONE ? this.#end++ : this.#free
    if (record === this.#free) this.#free = this.#next.get(record)
    this.#node.set(record, node)
    this.#type.set(record, type)
    this.#ttl.set(record, ttl)
    this.#rdata.set(record, this.#heap.add(rdata))
    const first = this.#first.get(node)
    const before = where === 'first' || first === NONE ? NONE : this.#lastFrom(first)
    this.#next.set(record, before === NONE ? first : NONE)
    if (before === NONE) this.#first.set(node, record)
    else this.#next.set(before, record)
    return record
  }

  remove(record: number): void {
    const node = this.#node.get(record)
    const next = this.#next.get(record)
    if (this.#first.get(node) === record) this.#first.set(node, next)
    else {
      let before = this.#first.get(node)
      while (this.#next.get(before) !== record) before = this.#next.get(before)
      this.#next.set(before, next)
    }
    this.#heap.drop(this.#rdata.get(record))
    this.#node.set(record, NONE)
    this.#next.set(record, this.#free)
    this.#free = record
  }

  firstOf(node: number): number {
    return this.#first.get(node)
  }

  nextOf(record: number): number {
    return this.#next.get(record)
  }

  nodeOf(record: number): number {
    return this.#node.get(record)
  }

  typeOf(record: number): number {
    return this.#type.get(record)
  }

  ttlOf(record: number): number {
    return this.#ttl.get(record)
  }

  lengthOf(record: number): number {
    return this.#heap.lengthOf(this.#rdata.get(record))
  }

  octet(record: number, index: number): number {
    return this.#heap.octet(this.#rdata.get(record), index)
  }

  /** A copy. */
  rdataOf(record: number): Uint8Array {
    return this.#heap.view(this.#rdata.get(record)).slice()
  }

  /** Moves all data to another heap. */
  moveTo(heap: OctetHeap): void {
    for (let record = 1; record < this.#end; record++) if (this.#node.get(record) !== NONE) this.#rdata.set(record, heap.addFrom(this.#heap, this.#rdata.get(record)))
    this.#heap = heap
  }

  #lastFrom(first: number): number {
    let last = first
    while (this.#next.get(last) !== NONE) last = this.#next.get(last)
    return last
  }
}
