/**
 * What is registered here, permanently: any number of records under any name. Below the apex (`home`) this server is the
 * authority, so what is not registered there does not exist. Outside the apex it answers for exactly the names registered.
 * Addresses get their PTR records by themselves.
 */
import { UsageError } from '../../kit/errors.ts'
import type { ResourceRecord } from '../wire/message.ts'
import { isWithin, nameKey, parentOf, parseName, ROOT } from '../wire/name.ts'
import { OctetReader } from '../wire/octets.ts'
import { EntryReader } from '../wire/presentation.ts'
import { formatRdata, parseRdata } from '../wire/rdata.ts'
import { CLASS, formatType, parseType, TYPE } from '../wire/types.ts'
import { reverseNameOf } from './reverse-name.ts'

export const APEX = 'home'
/** Short, so that a name that moves is found at its new place soon. */
export const REGISTERED_TTL_SECONDS = 10
/** How long others may remember that a name is not registered (RFC 2308 §4: the SOA's minimum). */
const NEGATIVE_TTL_SECONDS = 5
export const NAMES_MAX = 10_000
export const RECORDS_OF_NAME_MAX = 100

/** A change as it stands in the journal: plain text, readable without this program. */
export type ZoneChange =
  /** `replace`: what the name has of that type goes. */
  | { readonly change: 'register'; readonly name: string; readonly type: string; readonly rdata: string; readonly replace: boolean }
  /** Without a type: all that the name has. */
  | { readonly change: 'unregister'; readonly name: string; readonly type?: string | undefined }

export type ZoneAnswer =
  | { readonly kind: 'records'; readonly records: readonly ResourceRecord[] }
  | { readonly kind: 'alias'; readonly record: ResourceRecord }
  /** The name has other types, or names below it. */
  | { readonly kind: 'nodata'; readonly soa: ResourceRecord }
  | { readonly kind: 'nxdomain'; readonly soa: ResourceRecord }

interface Node {
  readonly name: string
  readonly records: ResourceRecord[]
}

export class Zone {
  /** Goes up with every change: what was made of the zone before is old then. */
  generation = 0
  readonly #nodes = new Map<string, Node>()
  /** How many registered names lie below a name that may itself have nothing (an "empty non-terminal", RFC 8020 §2). */
  readonly #below = new Map<string, number>()
  /** Reverse name → names that have that address. */
  readonly #reverse = new Map<string, Set<string>>()

  constructor(records: readonly ResourceRecord[] = []) {
    this.load(records)
  }

  /** Replaces everything. SOA and NS of the apex are made up where the records have none. */
  load(records: readonly ResourceRecord[]): void {
    this.generation++
    this.#nodes.clear()
    this.#below.clear()
    this.#reverse.clear()
    const own = records.filter(isApexOwn)
    const missing = [soaFor(APEX), plainRecord(APEX, TYPE.NS, 'localhost.')].filter(({ type }) => own.every(record => record.type !== type))
    for (const record of [...missing, ...records]) this.#insert(record, record.type === TYPE.SOA)
  }

  /**
   * What is known here about a question; undefined where another server has to be asked.
   * @param qtype ANY gets one small HINFO record (RFC 8482 §4.2)
   */
  lookup(qname: string, qtype: number): ZoneAnswer | undefined {
    const key = nameKey(qname)
    const node = this.#nodes.get(key)
    const pointers = node === undefined ? this.#pointers(qname, key) : []
    const records = node?.records ?? pointers
    if (records.length > 0) return this.#answerFrom(qname, qtype, records)
    if (!isWithin(qname, APEX)) return undefined
    return { kind: this.hasBelow(key) ? 'nodata' : 'nxdomain', soa: this.#soa() }
  }

  /** True for a name that has names below it, so it exists though it has no records. */
  hasBelow(name: string): boolean {
    return this.#below.has(nameKey(name))
  }

  /** Everything, apex first, in order of registration. */
  *records(): Generator<ResourceRecord> {
    for (const { records } of this.#nodes.values()) yield* records
  }

  recordsOf(name: string): readonly ResourceRecord[] {
    return this.#nodes.get(nameKey(name))?.records ?? []
  }

  /** How many names are registered, the apex with its own SOA and NS not counted. */
  get size(): number {
    return this.#nodes.size - (this.recordsOf(APEX).every(isApexOwn) ? 1 : 0)
  }

  /**
   * Makes a change. Doing the same change again changes nothing.
   * @throws UsageError where it cannot be: nothing to remove, a CNAME beside other data, a limit
   */
  apply(change: ZoneChange): void {
    if (change.change === 'register') this.#register(change)
    else this.#unregister(change)
    this.#bumpSerial()
    this.generation++
  }

  /** @throws UsageError as `apply` would; changes nothing */
  check(change: ZoneChange): void {
    const node = this.#nodes.get(nameKey(change.name))
    const type = change.type === undefined ? undefined : parseType(change.type)
    if (change.change === 'unregister') {
      const found = node?.records.filter(record => !isApexOwn(record) && (type === undefined || record.type === type)) ?? []
      if (found.length === 0) throw new UsageError(`${change.name} was not unregistered`, `it is not registered${change.type === undefined ? '' : ` with type ${change.type}`}`, 'see LIST for what is')
      return
    }
    const others = node?.records.filter(record => record.type !== type) ?? []
    const aliasBeside = type === TYPE.CNAME ? others[0] : others.find(record => record.type === TYPE.CNAME)
    if (aliasBeside !== undefined) throw new UsageError(`${change.name} was not registered`, `a CNAME stands alone and the name has ${formatType(aliasBeside.type)} (RFC 1034 §3.6.2)`, `UNREGISTER ${change.name} ${formatType(aliasBeside.type)} before`)
    if (node === undefined && this.#nodes.size > NAMES_MAX) throw new UsageError(`${change.name} was not registered`, `${NAMES_MAX} names are registered, which is the limit`, 'UNREGISTER names that nobody needs')
    if ((node?.records.length ?? 0) >= RECORDS_OF_NAME_MAX) throw new UsageError(`${change.name} was not registered`, `it has ${RECORDS_OF_NAME_MAX} records, which is the limit`, 'UNREGISTER some of them')
  }

  #register(change: Extract<ZoneChange, { change: 'register' }>): void {
    const record = recordOf(change)
    this.check(change)
    if (change.replace || record.type === TYPE.CNAME) this.#remove(change.name, held => held.type === record.type && !isApexOwn(held))
    this.#insert(record, false)
  }

  #unregister(change: Extract<ZoneChange, { change: 'unregister' }>): void {
    this.check(change)
    const type = change.type === undefined ? undefined : parseType(change.type)
    this.#remove(change.name, record => !isApexOwn(record) && (type === undefined || record.type === type))
  }

  #answerFrom(qname: string, qtype: number, records: readonly ResourceRecord[]): ZoneAnswer {
    if (qtype === TYPE.ANY) return { kind: 'records', records: [anyRecord(qname)] }
    const found = records.filter(({ type }) => type === qtype)
    if (found.length > 0) return { kind: 'records', records: found }
    const alias = records.find(({ type }) => type === TYPE.CNAME)
    if (alias !== undefined) return { kind: 'alias', record: alias }
    return { kind: 'nodata', soa: isWithin(qname, APEX) ? this.#soa() : soaFor(qname) }
  }

  #pointers(qname: string, key: string): ResourceRecord[] {
    const names = this.#reverse.get(key)
    return [...names ?? []].map(target => ({ ...plainRecord(qname, TYPE.PTR, `${this.#nodes.get(target)?.name ?? target}.`), ttl: REGISTERED_TTL_SECONDS }))
  }

  #insert(record: ResourceRecord, replace: boolean): void {
    const key = nameKey(record.name)
    if (replace) this.#remove(record.name, held => held.type === record.type)
    const node = this.#nodes.get(key) ?? { name: record.name, records: [] }
    if (!this.#nodes.has(key)) {
      this.#nodes.set(key, node)
      this.#countBelow(key, 1)
    }
    const data = formatRdata(record.type, record.rdata)
    if (node.records.some(held => held.type === record.type && formatRdata(held.type, held.rdata) === data)) return
    node.records.push(record)
    const reverse = reverseNameOf(record.type, record.rdata)
    if (reverse === undefined) return
    if (!this.#reverse.has(reverse)) this.#countBelow(reverse, 1)
    this.#reverse.set(reverse, (this.#reverse.get(reverse) ?? new Set()).add(key))
  }

  #remove(name: string, which: (record: ResourceRecord) => boolean): void {
    const key = nameKey(name)
    const node = this.#nodes.get(key)
    if (node === undefined) return
    for (const record of node.records.filter(which)) {
      node.records.splice(node.records.indexOf(record), 1)
      const reverse = reverseNameOf(record.type, record.rdata)
      if (reverse === undefined) continue
      const names = this.#reverse.get(reverse)
      names?.delete(key)
      if (names?.size !== 0) continue
      this.#reverse.delete(reverse)
      this.#countBelow(reverse, -1)
    }
    if (node.records.length > 0) return
    this.#nodes.delete(key)
    this.#countBelow(key, -1)
  }

  #countBelow(key: string, step: 1 | -1): void {
    for (let ancestor = parentOf(key); ancestor !== ROOT; ancestor = parentOf(ancestor)) {
      const count = (this.#below.get(ancestor) ?? 0) + step
      if (count > 0) this.#below.set(ancestor, count)
      else this.#below.delete(ancestor)
    }
  }

  #soa(): ResourceRecord {
    return this.recordsOf(APEX).find(({ type }) => type === TYPE.SOA) ?? soaFor(APEX)
  }

  /** RFC 1982: serials count round. */
  #bumpSerial(): void {
    const soa = this.#soa()
    const words = formatRdata(TYPE.SOA, soa.rdata).split(' ')
    words[2] = String((serialOf(soa) + 1) >>> 0)
    this.#insert({ ...plainRecord(soa.name, TYPE.SOA, words.join(' ')), ttl: soa.ttl }, true)
  }
}

/** The SOA of a zone that has no file: private zones, and names registered outside the apex (RFC 6303 §3). */
export function soaFor(zone: string): ResourceRecord {
  return { ...plainRecord(zone, TYPE.SOA, `localhost. nobody.invalid. 1 3600 1200 604800 ${NEGATIVE_TTL_SECONDS}`), ttl: NEGATIVE_TTL_SECONDS }
}

/** The answer to ANY: one record that says "see RFC 8482", too small to be worth a forged question. */
export function anyRecord(qname: string): ResourceRecord {
  return { ...plainRecord(qname, TYPE.HINFO, '"RFC8482" ""'), ttl: 3600 }
}

/** @throws UsageError where type or data are none */
export function recordOf({ name, type, rdata }: Extract<ZoneChange, { change: 'register' }>): ResourceRecord {
  const number = parseType(type)
  if (number === undefined) throw new UsageError(`${name} was not registered`, `"${type}" is no record type`, 'write a type such as A or TXT')
  return plainRecord(parseName(name), number, rdata)
}

/** SOA and NS of the apex belong to the zone itself: they are not registered and cannot be unregistered. */
export function isApexOwn({ name, type }: ResourceRecord): boolean {
  return nameKey(name) === APEX && (type === TYPE.SOA || type === TYPE.NS)
}

function serialOf(soa: ResourceRecord): number {
  return new OctetReader(soa.rdata, soa.rdata.length - 20, soa.rdata.length).uint32()
}

function plainRecord(name: string, type: number, rdata: string): ResourceRecord {
  const tokens = new EntryReader(rdata).next()?.tokens ?? []
  return { name, type, class: CLASS.IN, ttl: REGISTERED_TTL_SECONDS, rdata: parseRdata(type, tokens) }
}
