/**
 * What a zone holds, made for a million names: a tree of names, a chain of records at each, and the addresses the other way
 * round. All of it is columns of numbers and one heap of octets, some 90 octets for a name with an address; records become
 * objects when somebody asks for them.
 */
import type { ResourceRecord } from '../../wire/message.ts'
import { CLASS, TYPE } from '../../wire/types.ts'
import { AddressTree } from './address-tree.ts'
import { APEX } from './apex.ts'
import { NameTree, NONE } from './name-tree.ts'
import { OctetHeap } from './octet-heap.ts'
import { RecordTable } from './record-table.ts'
import { standApart } from './redirection.ts'
import type { ReversePrefix } from './reverse-name.ts'

export const NAMES_MAX = 1_200_000
/** Of one name. An answer with all of them still fits a message. */
export const RECORDS_OF_NAME_MAX = 1000
/** Names that one address leads back to: more, and nobody reads them. */
const NAMES_OF_ADDRESS_MAX = 100

export class ZoneContent {
  #heap = new OctetHeap()
  readonly #names: NameTree
  readonly #records = new RecordTable(this.#heap)
  readonly #ipv4 = new AddressTree(4, (record, index) => this.#records.octet(record, index))
  readonly #ipv6 = new AddressTree(16, (record, index) => this.#records.octet(record, index))
  /** Stands first, whatever comes. */
  readonly apex: number
  #size = 0
  /** Records that `cutOf` looks for. Nearly always none, and then it need not look. */
  #cuts = 0

  /** @param expectedNames spares some work where it is near the truth */
  constructor(expectedNames = 0) {
    this.#names = new NameTree(this.#heap, Math.min(expectedNames, NAMES_MAX))
    this.apex = this.#names.add(APEX)
  }

  /** How many names have records. */
  get size(): number {
    return this.#size
  }

  /** The node of a name; NONE where the name does not exist. */
  find(name: string): number {
    return this.#names.find(name)
  }

  /** `*` under the closest encloser of a name that `find` has just not found (RFC 4592 §3.3.1); NONE where there is none. */
  wildcard(): number {
    return this.#names.childOf(this.#names.closest, '*')
  }

  /**
   * Where on the way from the apex down to a name that `find` has just looked for its own data ends: the first node with NS but the
   * apex, where another zone begins (RFC 1034 §4.2.1), or with a DNAME but the name itself (RFC 6672 §3.2). NONE where nothing does.
   * @param node what `find` gave for a name at or below the apex
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
   * Adds a record as a zone file has it: what is there already is not added again, and the TTL is that of the first of its name and
   * type (RFC 2181 §5.2).
   * @returns why it cannot stand there: apart from the name's other types, a second SOA or DNAME, or one record too many
   */
  add(node: number, type: number, ttl: number, rdata: Uint8Array): 'added' | 'known' | 'apart' | 'second' | 'full' {
    let count = 0
    let commonTtl = ttl
    for (let record = this.#records.firstOf(node); record !== NONE; record = this.#records.nextOf(record)) {
      const held = this.#records.typeOf(record)
      if (held === type) {
        if (this.#hasData(record, rdata)) return 'known'
        if (type === TYPE.SOA || type === TYPE.DNAME) return 'second'
        commonTtl = this.#records.ttlOf(record)
      }
      if (standApart(type, held, node === this.apex) || type === TYPE.CNAME) return 'apart'
      if (++count === RECORDS_OF_NAME_MAX) return 'full'
    }
    this.#insert(node, type, commonTtl, rdata)
    return 'added'
  }

  /** Makes what a name has into something else. `before` is what recordsOf gave; what both lists hold stays untouched. */
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
   * @param owner their name; without, as it was registered
   * @param type only these; without, all
   */
  recordsOf(node: number, owner = this.#names.nameOf(node), type?: number): ResourceRecord[] {
    const records: ResourceRecord[] = []
    for (let record = this.#records.firstOf(node); record !== NONE; record = this.#records.nextOf(record)) {
      if (type !== undefined && this.#records.typeOf(record) !== type) continue
      records.push({ name: owner, type: this.#records.typeOf(record), class: CLASS.IN, ttl: this.#records.ttlOf(record), rdata: this.#records.rdataOf(record) })
    }
    return records
  }

  /** Names that have this address, oldest first, NAMES_OF_ADDRESS_MAX at most. */
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

  /** Whether any registered address begins so. */
  hasAddressIn({ address, bits }: ReversePrefix): boolean {
    return this.#addresses(address.length).hasPrefix(address, bits)
  }

  /** Every node that has records: the apex first, then in order of registration, but that a new name may take a removed one's place. */
  *nodes(): Generator<number> {
    yield this.apex
    for (const node of this.#names.nodes()) if (node !== this.apex && this.hasRecords(node)) yield node
  }

  #insert(node: number, type: number, ttl: number, rdata: Uint8Array): void {
    if (!this.hasRecords(node)) this.#size++
    if (this.#isCut(node, type)) this.#cuts++
    const record = this.#records.add(node, type, ttl, rdata, type === TYPE.SOA ? 'first' : 'last')
    if (this.#leadsBack(node, type)) this.#addresses(rdata.length).add(record, rdata)
  }

  #remove(record: number): void {
    const node = this.#records.nodeOf(record)
    const type = this.#records.typeOf(record)
    if (this.#isCut(node, type)) this.#cuts--
    if (this.#leadsBack(node, type)) {
      const address = this.#records.rdataOf(record)
      this.#addresses(address.length).remove(record, address)
    }
    this.#records.remove(record)
    if (!this.hasRecords(node)) this.#size--
  }

  /** Takes out a node that stands for nothing, and its ancestors that stood for it alone. */
  #prune(node: number): void {
    let empty = node
    while (empty > this.apex && !this.hasRecords(empty) && !this.#names.hasChildren(empty)) empty = this.#names.remove(empty)
  }

  /** A wildcard's address is nobody's own. */
  #leadsBack(node: number, type: number): boolean {
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
