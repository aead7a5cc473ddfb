/**
 * Changes to a zone: what can be requested, and what it results in. A change is first planned, name by name, against the
 * current records. Only a complete plan is carried out, so a change happens as a whole or not at all.
 */
import { UsageError } from '../../../kit/errors.ts'
import type { ResourceRecord } from '../../wire/message.ts'
import { nameKey, parseName } from '../../wire/name.ts'
import { dataKey } from '../../wire/rdata.ts'
import { formatType, isMetaType, parseType, TYPE } from '../../wire/types.ts'
import { APEX, isApexOwn, isNewerSerial, plainRecord, REGISTERED_TTL_SECONDS, serialOf } from './apex.ts'
import { areIncompatible } from './redirection.ts'
import { RECORDS_OF_NAME_MAX } from './zone-content.ts'

/** Adds one record. Its TTL also becomes that of the other records of its name and type (RFC 2181 §5.2). */
export interface Register {
  readonly change: 'register'
  readonly name: string
  readonly type: string
  readonly rdata: string
  /** Removes the other records of that name and type. */
  readonly replace: boolean
  /** Seconds. By default that of the name's records of this type, or else REGISTERED_TTL_SECONDS. */
  readonly ttl?: number | undefined
}

/** Removes all records of a name, those of one type, or, with data, a single one. */
export interface Unregister {
  readonly change: 'unregister'
  readonly name: string
  readonly type?: string | undefined
  readonly rdata?: string | undefined
}

/**
 * All of these changes or none, with one increment of the serial (RFC 2136 §3.4). As in the RFC, it is not an error if there
 * is nothing to remove, and a record is ignored if it is a CNAME next to other records, another record next to a CNAME, a
 * DNAME next to NS (or the reverse), or an SOA that is not newer.
 */
export interface Update {
  readonly change: 'update'
  readonly changes: readonly (Register | Unregister)[]
}

/** A change as recorded in the journal: plain text, readable without this program. */
export type ZoneChange = Register | Unregister | Update

/** The result of a change. */
export interface Plan {
  /** The single changes that have an effect, each given those before it. */
  readonly parts: readonly (Register | Unregister)[]
  readonly names: readonly NameChange[]
}

/** The records of a name before and after a change. */
export interface NameChange {
  readonly name: string
  readonly before: readonly ResourceRecord[]
  readonly after: readonly ResourceRecord[]
}

/** The single changes that make up a change. */
export function partsOfChange(change: ZoneChange): readonly (Register | Unregister)[] {
  return change.change === 'update' ? change.changes : [change]
}

/**
 * The records of a name while a change is planned: by type, then by data (dataKey). The cost of a single change depends on
 * what it changes, not on how many records the name has. A type without records has no entry.
 */
type RecordSets = Map<number, Map<string, ResourceRecord>>

interface PlannedName {
  readonly name: string
  readonly before: readonly ResourceRecord[]
  readonly sets: RecordSets
}

/**
 * The result of a change for each name that it affects.
 * @param recordsOf the current records of a name
 * @throws UsageError if the change is invalid: nothing to remove, a CNAME next to other data, a DNAME next to NS, a limit exceeded,
 * or data that does not fit its type
 */
export function planChange(change: ZoneChange, recordsOf: (name: string) => readonly ResourceRecord[]): Plan {
  const inUpdate = change.change === 'update'
  const parts: (Register | Unregister)[] = []
  const planned = new Map<string, PlannedName>()
  for (const part of partsOfChange(change)) {
    const name = parseName(part.name)
    const { sets } = planned.get(nameKey(name)) ?? beginName(name, recordsOf, planned)
    if (part.change === 'register' ? register(part, sets, inUpdate) : unregister(part, sets, inUpdate)) parts.push(part)
  }
  return { parts, names: [...planned.values()].map(changeOfName).filter(({ before, after }) => before.length !== after.length || !hasAll(before, after)) }
}

function beginName(name: string, recordsOf: (name: string) => readonly ResourceRecord[], planned: Map<string, PlannedName>): PlannedName {
  const before = recordsOf(name)
  const sets: RecordSets = new Map()
  for (const record of before) sets.set(record.type, (sets.get(record.type) ?? new Map<string, ResourceRecord>()).set(dataKey(record), record))
  const begun = { name, before, sets }
  planned.set(nameKey(name), begun)
  return begun
}

function changeOfName({ name, before, sets }: PlannedName): NameChange {
  return { name, before, after: [...sets.values()].flatMap(set => [...set.values()]) }
}

function hasAll(these: readonly ResourceRecord[], those: readonly ResourceRecord[]): boolean {
  const all = new Set(these)
  return those.every(record => all.has(record))
}

/** Removes records from `sets`. @returns whether there were any */
function unregister(change: Unregister, sets: RecordSets, inUpdate: boolean): boolean {
  const isChanged = change.type !== undefined && change.rdata !== undefined ? removeOne(change.name, change.type, change.rdata, sets) : removeAll(change, sets)
  if (isChanged || inUpdate) return isChanged
  const { name, type, rdata } = change
  throw new UsageError(`${name} was not unregistered`, `it is not registered${type === undefined ? '' : ` with type ${type}`}${rdata === undefined ? '' : ` and data ${rdata}`}`, 'LIST shows what is')
}

function removeOne(name: string, typeText: string, rdata: string, sets: RecordSets): boolean {
  const type = typeOf(name, typeText)
  const key = dataKey(plainRecord(name, type, rdata))
  const set = sets.get(type)
  const record = set?.get(key)
  if (set === undefined || record === undefined) return false
  // Of the zone's own records, only a name server can be removed, and only if another remains (RFC 2136 §3.4.2.4).
  if (isApexOwn(record) && !(type === TYPE.NS && set.size > 1)) return false
  set.delete(key)
  if (set.size === 0) sets.delete(type)
  return true
}

function removeAll({ name, type }: Unregister, sets: RecordSets): boolean {
  const owner = parseName(name)
  const wanted = type === undefined ? [...sets.keys()] : [typeOf(name, type)]
  return wanted.filter(each => !isApexOwn({ name: owner, type: each }) && sets.delete(each)).length > 0
}

/** Adds a record to `sets`. @returns whether that changes anything */
function register(change: Register, sets: RecordSets, inUpdate: boolean): boolean {
  const record = recordOf(change, sets)
  const { type } = record
  const isApex = nameKey(change.name) === APEX
  const conflicting = [...sets.keys()].find(other => areIncompatible(type, other, isApex))
  if (conflicting !== undefined) {
    if (inUpdate) return false
    throw refused(change.name, whyIncompatible(type, conflicting), `UNREGISTER ${change.name} ${formatType(conflicting)} first`)
  }
  if (type === TYPE.SOA) return registerSoa(change, record, sets, inUpdate)
  const key = dataKey(record)
  const set = sets.get(type) ?? new Map<string, ResourceRecord>()
  const alone = type === TYPE.CNAME || type === TYPE.DNAME || (change.replace && !isApexOwn(record))
  const hasOtherTtl = ttlOf(set) !== record.ttl
  if (set.has(key) && !hasOtherTtl && (!alone || set.size === 1)) return false
  if (alone) set.clear()
  else if (hasOtherTtl) for (const [each, held] of set) set.set(each, { ...held, ttl: record.ttl })
  set.delete(key)
  if (sizeOf(sets) >= RECORDS_OF_NAME_MAX) throw refused(change.name, `it has ${RECORDS_OF_NAME_MAX} records, which is the limit`, 'UNREGISTER some of them')
  sets.set(type, set.set(key, record))
  return true
}

function whyIncompatible(type: number, conflicting: number): string {
  if (type === TYPE.CNAME || conflicting === TYPE.CNAME) return `a CNAME excludes other records, and the name has ${formatType(conflicting)} (RFC 1034 §3.6.2)`
  return 'a name cannot have both NS and DNAME (RFC 6672 §2.3)'
}

/** The TTL that all records of a set share (RFC 2181 §5.2). */
function ttlOf(set: ReadonlyMap<string, ResourceRecord> | undefined): number | undefined {
  for (const { ttl } of set?.values() ?? []) return ttl
  return undefined
}

function sizeOf(sets: RecordSets): number {
  let size = 0
  for (const set of sets.values()) size += set.size
  return size
}

function registerSoa(change: Register, soa: ResourceRecord, sets: RecordSets, inUpdate: boolean): boolean {
  if (nameKey(change.name) !== APEX) throw refused(change.name, `only ${APEX} has an SOA here`, 'register a record of another type')
  for (const now of sets.get(TYPE.SOA)?.values() ?? []) {
    if (isNewerSerial(serialOf(soa), serialOf(now))) continue
    if (inUpdate) return false
    throw refused(change.name, `its serial ${serialOf(soa)} is not newer than ${serialOf(now)} (RFC 1982)`, 'increase the serial')
  }
  sets.set(TYPE.SOA, new Map([[dataKey(soa), soa]]))
  return true
}

function recordOf({ name, type, rdata, ttl }: Register, sets: RecordSets): ResourceRecord {
  const number = typeOf(name, type)
  if (isMetaType(number)) throw refused(name, `${formatType(number)} is only valid in questions (RFC 6895 §3.1)`, 'write a type such as A or TXT')
  return { ...plainRecord(parseName(name), number, rdata), ttl: ttl ?? ttlOf(sets.get(number)) ?? REGISTERED_TTL_SECONDS }
}

function typeOf(name: string, type: string): number {
  const number = parseType(type)
  if (number === undefined) throw refused(name, `"${type}" is not a record type`, 'write a type such as A or TXT')
  return number
}

function refused(name: string, why: string, remedy: string): UsageError {
  return new UsageError(`${name} was not registered`, why, remedy)
}
