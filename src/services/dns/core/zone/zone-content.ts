/**
 * The content of a zone, designed for a million names: a tree of names, a chain of records for each, and an index from
 * addresses to records. All of it is stored in columns of numbers and one heap of octets, about 90 octets for a name with an
 * address. Records become objects only when requested.
 */
import type { ResourceRecord } from '../../wire/message.ts'
import { CLASS, TYPE } from '../../wire/types.ts'
import { AddressTree } from './address-tree.ts'
import { APEX } from './apex.ts'
import { NameTree, NONE } from './name-tree.ts'
import { OctetHeap } from './octet-heap.ts'
import { RecordTable } from './record-table.ts'
import { areIncompatible } from './redirection.ts'
import type { ReversePrefix } from './reverse-name.ts'

export const NAMES_MAX = 1_200_000
/** Per name. An answer with all of them still fits in a message. */
export const RECORDS_OF_NAME_MAX = 1000
/** Names in the reverse lookup of one address: nobody would read more. */
const NAMES_OF_ADDRESS_MAX = 100

export class ZoneContent {
  #heap = new OctetHeap()
  readonly #names: NameTree
  readonly #records = new RecordTable(this.#heap)
  readonly #ipv4 = new AddressTree(4, (record, index) => this.#records.octet(record, index))
  readonly #ipv6 = new AddressTree(16, (record, index) => this.#records.octet(record, index))
  /** Always the first node. */
  readonly apex: number
  #size = 0
  /** The number of records that make a cut. Nearly always zero, and then `cutOf` need not search. */
  #cuts = 0

  /** @param expectedNames a hint that avoids resizing */
  constructor(expectedNames = 0) {
    this.#names = new NameTree(this.#heap, Math.min(expectedNames, NAMES_MAX))
    this.apex = this.#names.add(APEX)
  }

  /** The number of names with records. */
  get size(): number {
    return this.#size
  }

  /** The node of a name; NONE if the name does not exist. */
  find(name: string): number {
    return this.#names.find(name)
  }

  /**
   * `*` under the closest encloser of the name that `find` has just failed to find (RFC 4592 §3.3.1); NONE if there is
   * none.
   */
  wildcard(): number {
    return this.#names.childOf(this.#names.closest, '*')
  }

  /**
   * The node where this zone's own data ends on the path from the apex down to the name of the last `find`: the first node with
   * NS records, other than the apex, where another zone begins (RFC 1034 §4.2.1), or with a DNAME, other than the name itself
   * (RFC 6672 §3.2). NONE if there is no such node.
   * @param node the result of `find` for a name at or below the apex
   */
  cutOf(node: number): number {
    let cut = NONE
    if (this.#cuts === 0) return cut
    for (let above = node === NONE ? this.#names.closest : node; ; above = this.#names.parentOf(above)) {
      if ((above !== this.apex && this.#has(above, TYPE.NS)) || (above !== node && this.#has(above, TYPE.DNAME))) cut = above
      if (above === this.apex) return cut
    }
  }

  /** The node of a name for `add`; see NameTree.add. */
  nodeFor(text: string, start?: number, end?: number, under?: number): number {
    return this.#names.add(text, start, end, under)
  }

  nameOf(node: number): string {
    return this.#names.nameOf(node)
  }

  /**
   * Adds a record from a zone file. A duplicate is not added again, and the TTL is that of the first record of the same name and
   * type (RFC 2181 §5.2).
   * @returns `incompatible` with the name's other types, a `second` SOA or DNAME, or `full` if the name has too many records
   */
  add(node: number, type: number, ttl: number, rdata: Uint8Array): 'added' | 'duplicate' | 'incompatible' | 'second' | 'full' {
    let count = 0
    let commonTtl = ttl
    for (let record = this.#records.firstOf(node); record !== NONE; record = this.#records.nextOf(record)) {
      const held = this.#records.typeOf(record)
      if (held === type) {
        if (this.#hasData(record, rdata)) return 'duplicate'
        if (type === TYPE.SOA || type === TYPE.DNAME) return 'second'
        commonTtl = this.#records.ttlOf(record)
      }
      if (areIncompatible(type, held, node === this.apex) || type === TYPE.CNAME) return 'incompatible'
      if (++count === RECORDS_OF_NAME_MAX) return 'full'
    }
    this.#insert(node, type, commonTtl, rdata)
    return 'added'
  }

  /** Replaces the records of a name. `before` is the result of `recordsOf`; records in both lists stay untouched. */
  replace(name: string, before: readonly ResourceRecord[], after: readonly ResourceRecord[]): void {
    const node = this.#names.add(name)
    const [had, stays] = [new Set(before), new Set(after)]
    let record = this.#records.firstOf(node)
    for (const each of before) {
      const next = this.#records.nextOf(record)
      if (!stays.has(each)) this.#remove(record)
      record = next
    }
    for (const each of after) if (!had.has(each)) this.#insert(node, each.type, each.ttl, each.rdata)
    this.#prune(node)
    if (this.#heap.isWasteful) this.#compact()
  }

  hasRecords(node: number): boolean {
    return this.#records.firstOf(node) !== NONE
  }

  /**
   * The records of a node, as objects.
   * @param owner their name; by default as registered
   * @param type only records of this type; by default all
   */
  recordsOf(node: number, owner = this.#names.nameOf(node), type?: number): ResourceRecord[] {
    const records: ResourceRecord[] = []
    for (let record = this.#records.firstOf(node); record !== NONE; record = this.#records.nextOf(record)) {
      if (type !== undefined && this.#records.typeOf(record) !== type) continue
      records.push({ name: owner, type: this.#records.typeOf(record), class: CLASS.IN, ttl: this.#records.ttlOf(record), rdata: this.#records.rdataOf(record) })
    }
    return records
  }

  /** The names with this address, oldest first, at most NAMES_OF_ADDRESS_MAX. */
  namesWithAddress(address: Uint8Array): string[] {
    const names: string[] = []
    for (const record of this.#addresses(address.length).recordsWith(address)) {
      names.push(this.#names.nameOf(this.#records.nodeOf(record)))
      if (names.length === NAMES_OF_ADDRESS_MAX) break
    }
    return names
  }

  hasBelow(node: number): boolean {
    return this.#names.hasChildren(node)
  }

  /** Whether any registered address has this prefix. */
  hasAddressIn({ address, bits }: ReversePrefix): boolean {
    return this.#addresses(address.length).hasPrefix(address, bits)
  }

  /**
   * All nodes with records: the apex, then the others in order of registration, except that a new name may take the place
   * of a removed one.
   */
  *nodes(): Generator<number> {
    yield this.apex
    for (const node of this.#names.nodes()) if (node !== this.apex && this.hasRecords(node)) yield node
  }

  #insert(node: number, type: number, ttl: number, rdata: Uint8Array): void {
    if (!this.hasRecords(node)) this.#size++
    if (this.#isCut(node, type)) this.#cuts++
    const record = this.#records.add(node, type, ttl, rdata, type === TYPE.SOA ? 'first' : 'last')
    if (this.#isReverseMapped(node, type)) this.#addresses(rdata.length).add(record, rdata)
  }

  #remove(record: number): void {
    const node = this.#records.nodeOf(record)
    const type = this.#records.typeOf(record)
    if (this.#isCut(node, type)) this.#cuts--
    if (this.#isReverseMapped(node, type)) {
      const address = this.#records.rdataOf(record)
      this.#addresses(address.length).remove(record, address)
    }
    this.#records.remove(record)
    if (!this.hasRecords(node)) this.#size--
  }

  /** Removes a node without records or children, and the ancestors that existed only for its sake. */
  #prune(node: number): void {
    let empty = node
    while (empty > this.apex && !this.hasRecords(empty) && !this.#names.hasChildren(empty)) empty = this.#names.remove(empty)
  }

  /** True for addresses, except those of a wildcard, which belong to no particular name. */
  #isReverseMapped(node: number, type: number): boolean {
    return (type === TYPE.A || type === TYPE.AAAA) && !this.#names.isWildcard(node)
  }

  #isCut(node: number, type: number): boolean {
    return type === TYPE.DNAME || (type === TYPE.NS && node !== this.apex)
  }

  #has(node: number, type: number): boolean {
    for (let record = this.#records.firstOf(node); record !== NONE; record = this.#records.nextOf(record)) if (this.#records.typeOf(record) === type) return true
    return false
  }

  #addresses(length: number): AddressTree {
    return length === 4 ? this.#ipv4 : this.#ipv6
  }

  #hasData(record: number, rdata: Uint8Array): boolean {
    if (this.#records.lengthOf(record) !== rdata.length) return false
    for (let index = 0; index < rdata.length; index++) if (this.#records.octet(record, index) !== rdata[index]) return false
    return true
  }

  #compact(): void {
    this.#heap = new OctetHeap()
    this.#names.moveTo(this.#heap)
    this.#records.moveTo(this.#heap)
  }
}
