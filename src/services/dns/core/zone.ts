/**
 * What is registered here, permanently: any number of records under any name. Below the apex (`home`) this server is the
 * authority, so what is not registered there does not exist. Outside the apex it answers for exactly the names registered.
 * Addresses get their PTR records by themselves.
 */
import { UsageError } from '../../kit/errors.ts'
import type { ResourceRecord } from '../wire/message.ts'
import { isWithin, nameKey, parentOf, ROOT } from '../wire/name.ts'
import { formatRdata } from '../wire/rdata.ts'
import { TYPE } from '../wire/types.ts'
import { APEX, apexRecords, isApexOwn, isNewerSerial, plainRecord, REGISTERED_TTL_SECONDS, serialOf, soaFor, withSerial } from './apex.ts'
import { reverseNameOf } from './reverse-name.ts'
import { planChange, type NameChange, type ZoneChange } from './zone-change.ts'
import { ZoneHistory, type ZoneDifference } from './zone-history.ts'

export const NAMES_MAX = 10_000

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
  readonly #nodes = new Map<string, Node>()
  /** How many registered names lie below a name that may itself have nothing (an "empty non-terminal", RFC 8020 §2). */
  readonly #below = new Map<string, number>()
  /** Reverse name → names that have that address. */
  readonly #reverse = new Map<string, Set<string>>()

  readonly #history = new ZoneHistory()
  #generation = 0

  constructor(records: readonly ResourceRecord[] = []) {
    this.load(records)
  }

  /** Replaces everything. SOA and NS of the apex are made up where the records have none. */
  load(records: readonly ResourceRecord[]): void {
    this.#nodes.clear()
    this.#below.clear()
    this.#reverse.clear()
    this.#history.forget()
    this.#generation++
    const own = records.filter(isApexOwn)
    const missing = apexRecords(1).filter(({ type }) => own.every(record => record.type !== type))
    for (const record of [...missing, ...records]) this.#insert(record, record.type === TYPE.SOA)
  }

  /** Goes up with every change and every load: what was made of an older state is out of date. */
  get generation(): number {
    return this.#generation
  }

  get soa(): ResourceRecord {
    return this.recordsOf(APEX).find(({ type }) => type === TYPE.SOA) ?? soaFor(APEX)
  }

  get serial(): number {
    return serialOf(this.soa)
  }

  /**
   * The changes since the state with this serial, oldest first; none where that is the state of now. Undefined where it is not
   * known, or not any more (zone-history.ts has the limits): then the whole zone is what is new.
   */
  differencesSince(serial: number): readonly ZoneDifference[] | undefined {
    return serial === this.serial ? [] : this.#history.since(serial)
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
    return { kind: this.hasBelow(key) ? 'nodata' : 'nxdomain', soa: this.soa }
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
   * Makes a change. Doing the same change again changes no more than the serial.
   * @throws UsageError where it cannot be (planChange says why), or a limit is reached; then nothing has changed
   */
  apply(change: ZoneChange): ZoneDifference {
    const plan = this.#plan(change)
    const from = this.soa
    for (const { name, before, after } of plan) {
      this.#remove(name, record => before.includes(record) && !after.includes(record))
      for (const record of after) if (!before.includes(record)) this.#insert(record, false)
    }
    const to = isNewerSerial(this.serial, serialOf(from)) ? this.soa : withSerial(from, (serialOf(from) + 1) >>> 0)
    this.#insert(to, true)
    const difference = differenceOf(plan, from, to)
    this.#history.remember(difference)
    this.#generation++
    return difference
  }

  /** @throws UsageError as `apply` would; changes nothing */
  check(change: ZoneChange): void {
    this.#plan(change)
  }

  #plan(change: ZoneChange): NameChange[] {
    const plan = planChange(change, name => [...this.recordsOf(name)])
    const more = plan.filter(({ before }) => before.length === 0).length - plan.filter(({ after }) => after.length === 0).length
    if (more > 0 && this.size + more > NAMES_MAX) throw new UsageError(`${plan[0]?.name ?? ''} was not registered`, `${NAMES_MAX} names are registered, which is the limit`, 'UNREGISTER names that nobody needs')
    return plan
  }

  #answerFrom(qname: string, qtype: number, records: readonly ResourceRecord[]): ZoneAnswer {
    if (qtype === TYPE.ANY) return { kind: 'records', records: [anyRecord(qname)] }
    const found = records.filter(({ type }) => type === qtype)
    if (found.length > 0) return { kind: 'records', records: found }
    const alias = records.find(({ type }) => type === TYPE.CNAME)
    if (alias !== undefined) return { kind: 'alias', record: alias }
    return { kind: 'nodata', soa: isWithin(qname, APEX) ? this.soa : soaFor(qname) }
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
}

function differenceOf(plan: readonly NameChange[], from: ResourceRecord, to: ResourceRecord): ZoneDifference {
  const own = plan.filter(({ name }) => isWithin(name, APEX))
  const missing = (these: readonly ResourceRecord[], those: readonly ResourceRecord[]) => these.filter(record => record.type !== TYPE.SOA && !those.includes(record))
  return { from, to, removed: own.flatMap(({ before, after }) => missing(before, after)), added: own.flatMap(({ before, after }) => missing(after, before)) }
}

/** The answer to ANY: one record that says "see RFC 8482", too small to be worth a forged question. */
export function anyRecord(qname: string): ResourceRecord {
  return { ...plainRecord(qname, TYPE.HINFO, '"RFC8482" ""'), ttl: 3600 }
}
