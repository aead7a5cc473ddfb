/**
 * Changes of a zone: what may be asked, and what it comes to. A change is planned against what the names have now, name by name;
 * a plan that stands is carried out whole, so a change is made or refused, and never half.
 */
import { UsageError } from '../../../kit/errors.ts'
import type { ResourceRecord } from '../../wire/message.ts'
import { nameKey, parseName } from '../../wire/name.ts'
import { dataKey } from '../../wire/rdata.ts'
import { formatType, isMetaType, parseType, TYPE } from '../../wire/types.ts'
import { APEX, isApexOwn, isNewerSerial, plainRecord, REGISTERED_TTL_SECONDS, serialOf } from './apex.ts'
import { standApart } from './redirection.ts'
import { RECORDS_OF_NAME_MAX } from './zone-content.ts'

/** Adds one record. Its TTL becomes that of all of its name and type (RFC 2181 §5.2). */
export interface Register {
  readonly change: 'register'
  readonly name: string
  readonly type: string
  readonly rdata: string
  /** What the name has of that type goes. */
  readonly replace: boolean
  /** Seconds. Without: what the name and type have already, else REGISTERED_TTL_SECONDS. */
  readonly ttl?: number | undefined
}

/** Without a type: all that the name has. With data: this one record. */
export interface Unregister {
  readonly change: 'unregister'
  readonly name: string
  readonly type?: string | undefined
  readonly rdata?: string | undefined
}

/**
 * All of these or none, as one step of the serial (RFC 2136 §3.4). As there, what finds nothing to remove is no error, and a
 * CNAME that would not stand alone, a DNAME beside NS or an SOA that is not newer is passed over.
 */
export interface Update {
  readonly change: 'update'
  readonly changes: readonly (Register | Unregister)[]
}

/** A change as it stands in the journal: plain text, readable without this program. */
export type ZoneChange = Register | Unregister | Update

/** What a change comes to. */
export interface Plan {
  /** Those of its single changes that change something, each after those before it. */
  readonly parts: readonly (Register | Unregister)[]
  readonly names: readonly NameChange[]
}

/** What a name has before and after a change. */
export interface NameChange {
  readonly name: string
  readonly before: readonly ResourceRecord[]
  readonly after: readonly ResourceRecord[]
}

/** The single changes of a change. */
export function partsOfChange(change: ZoneChange): readonly (Register | Unregister)[] {
  return change.change === 'update' ? change.changes : [change]
}

/**
 * The records of a name while a change is planned: by type, and within a type by what makes them one (dataKey). Each single change
 * costs what it changes, not what the name has. A type without records is not there.
 */
type RecordSets = Map<number, Map<string, ResourceRecord>>

interface PlannedName {
  readonly name: string
  readonly before: readonly ResourceRecord[]
  readonly sets: RecordSets
}

/**
 * What a change makes of each name that it touches.
 * @param recordsOf what a name has now
 * @throws UsageError where it cannot be: nothing to remove, a CNAME beside other data, a DNAME beside NS, a limit, data that does not fit its type
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

/** Takes out of `sets` what a change removes. @returns whether that was anything */
function unregister(change: Unregister, sets: RecordSets, inUpdate: boolean): boolean {
  const isChanged = change.type !== undefined && change.rdata !== undefined ? removeOne(change.name, change.type, change.rdata, sets) : removeAll(change, sets)
  if (isChanged || inUpdate) return isChanged
  const { name, type, rdata } = change
  throw new UsageError(`${name} was not unregistered`, `it is not registered${type === undefined ? '' : ` with type ${type}`}${rdata === undefined ? '' : ` and data ${rdata}`}`, 'see LIST for what is')
}

function removeOne(name: string, typeText: string, rdata: string, sets: RecordSets): boolean {
  const type = typeOf(name, typeText)
  const key = dataKey(plainRecord(name, type, rdata))
  const set = sets.get(type)
  const record = set?.get(key)
  if (set === undefined || record === undefined) return false
  // Of the zone's own records one can go: a name server beside which another stays (RFC 2136 §3.4.2.4).
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

/** Puts a record into `sets`. @returns whether that changes anything */
function register(change: Register, sets: RecordSets, inUpdate: boolean): boolean {
  const record = recordOf(change, sets)
  const { type } = record
  const isApex = nameKey(change.name) === APEX
  const inTheWay = [...sets.keys()].find(other => standApart(type, other, isApex))
  if (inTheWay !== undefined) {
    if (inUpdate) return false
    throw refused(change.name, whyApart(type, inTheWay), `UNREGISTER ${change.name} ${formatType(inTheWay)} before`)
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

function whyApart(type: number, inTheWay: number): string {
  if (type === TYPE.CNAME || inTheWay === TYPE.CNAME) return `a CNAME stands alone and the name has ${formatType(inTheWay)} (RFC 1034 §3.6.2)`
  return 'NS and DNAME do not stand together (RFC 6672 §2.3)'
}

/** That of all its records (RFC 2181 §5.2). */
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
  if (nameKey(change.name) !== APEX) throw refused(change.name, `only ${APEX} has an SOA here`, 'register other types')
  for (const now of sets.get(TYPE.SOA)?.values() ?? []) {
    if (isNewerSerial(serialOf(soa), serialOf(now))) continue
    if (inUpdate) return false
    throw refused(change.name, `its serial ${serialOf(soa)} is not newer than ${serialOf(now)} (RFC 1982)`, 'raise the serial')
  }
  sets.set(TYPE.SOA, new Map([[dataKey(soa), soa]]))
  return true
}

function recordOf({ name, type, rdata, ttl }: Register, sets: RecordSets): ResourceRecord {
  const number = typeOf(name, type)
  if (isMetaType(number)) throw refused(name, `${formatType(number)} is for questions only (RFC 6895 §3.1)`, 'write a type such as A or TXT')
  return { ...plainRecord(parseName(name), number, rdata), ttl: ttl ?? ttlOf(sets.get(number)) ?? REGISTERED_TTL_SECONDS }
}

function typeOf(name: string, type: string): number {
  const number = parseType(type)
  if (number === undefined) throw refused(name, `"${type}" is no record type`, 'write a type such as A or TXT')
  return number
}

function refused(name: string, why: string, remedy: string): UsageError {
  return new UsageError(`${name} was not registered`, why, remedy)
}
