/**
 * Changes of a zone: what may be asked, and what it comes to. A change is planned against what the names have now, name by name;
 * a plan that stands is carried out whole, so a change is made or refused, and never half.
 */
import { UsageError } from '../../../kit/errors.ts'
import type { ResourceRecord } from '../../wire/message.ts'
import { nameKey, parseName } from '../../wire/name.ts'
import { formatRdata } from '../../wire/rdata.ts'
import { formatType, isMetaType, parseType, TYPE } from '../../wire/types.ts'
import { APEX, isApexOwn, isNewerSerial, plainRecord, REGISTERED_TTL_SECONDS, serialOf } from './apex.ts'
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
 * CNAME that would not stand alone, or an SOA that is not newer, is passed over.
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
 * What a change makes of each name that it touches.
 * @param recordsOf what a name has now
 * @throws UsageError where it cannot be: nothing to remove, a CNAME beside other data, a limit, data that does not fit its type
 */
export function planChange(change: ZoneChange, recordsOf: (name: string) => readonly ResourceRecord[]): Plan {
  const parts: (Register | Unregister)[] = []
  const plan = new Map<string, NameChange>()
  for (const part of partsOfChange(change)) {
    const name = parseName(part.name)
    const planned = plan.get(nameKey(name))
    const before = planned?.before ?? recordsOf(name)
    const held = planned?.after ?? before
    const after = changed(part, held, change.change === 'update')
    if (after !== held) parts.push(part)
    plan.set(nameKey(name), { name, before, after })
  }
  const names = [...plan.values()].filter(({ before, after }) => before.length !== after.length || before.some((record, index) => record !== after[index]))
  return { parts, names }
}

/** True for records that a zone holds as one: same type, same data. Names in the data are equal whatever their case. */
export function sameData(a: ResourceRecord, b: ResourceRecord): boolean {
  if (a.type !== b.type || a.rdata.length !== b.rdata.length) return false
  if (a.rdata.every((octet, index) => octet === b.rdata[index])) return true
  return TYPES_OF_NAMES.has(a.type) && formatRdata(a.type, a.rdata).toLowerCase() === formatRdata(b.type, b.rdata).toLowerCase()
}

const TYPES_OF_NAMES: ReadonlySet<number> = new Set([TYPE.NS, TYPE.CNAME, TYPE.SOA, TYPE.PTR, TYPE.MX, TYPE.SRV])

/** What `held` becomes; `held` itself where nothing changes. */
function changed(part: Register | Unregister, held: readonly ResourceRecord[], inUpdate: boolean): readonly ResourceRecord[] {
  const after = part.change === 'register' ? withRegistered(part, held, inUpdate) : without(part, held)
  if (part.change === 'unregister' && after.length === held.length) {
    if (inUpdate) return held
    throw new UsageError(`${part.name} was not unregistered`, `it is not registered${part.type === undefined ? '' : ` with type ${part.type}`}${part.rdata === undefined ? '' : ` and data ${part.rdata}`}`, 'see LIST for what is')
  }
  return after
}

function without({ name, type, rdata }: Unregister, held: readonly ResourceRecord[]): readonly ResourceRecord[] {
  const number = type === undefined ? undefined : typeOf(name, type)
  const one = number === undefined || rdata === undefined ? undefined : plainRecord(name, number, rdata)
  // Of the zone's own records one can go: a name server beside which another stays (RFC 2136 §3.4.2.4).
  const spare = one?.type === TYPE.NS && held.filter(record => record.type === TYPE.NS).length > 1
  return held.filter(record => !(number === undefined || record.type === number) || (one !== undefined && !sameData(record, one)) || (isApexOwn(record) && !spare))
}

function withRegistered(change: Register, held: readonly ResourceRecord[], inUpdate: boolean): readonly ResourceRecord[] {
  const record = recordOf(change, held)
  const others = held.filter(({ type }) => type !== record.type)
  const aliasBeside = record.type === TYPE.CNAME ? others[0] : others.find(({ type }) => type === TYPE.CNAME)
  if (aliasBeside !== undefined) {
    if (inUpdate) return held
    throw refused(change.name, `a CNAME stands alone and the name has ${formatType(aliasBeside.type)} (RFC 1034 §3.6.2)`, `UNREGISTER ${change.name} ${formatType(aliasBeside.type)} before`)
  }
  if (record.type === TYPE.SOA) return withSoa(change, record, held, inUpdate)
  const alone = record.type === TYPE.CNAME || (change.replace && !isApexOwn(record))
  const same = held.filter(({ type }) => type === record.type)
  if (same.every(({ ttl }) => ttl === record.ttl) && same.some(each => sameData(each, record)) && (!alone || same.length === 1)) return held
  const kept = alone ? others : held.filter(each => !sameData(each, record)).map(each => each.type === record.type && each.ttl !== record.ttl ? { ...each, ttl: record.ttl } : each)
  if (kept.length >= RECORDS_OF_NAME_MAX) throw refused(change.name, `it has ${RECORDS_OF_NAME_MAX} records, which is the limit`, 'UNREGISTER some of them')
  return [...kept, record]
}

function withSoa(change: Register, soa: ResourceRecord, held: readonly ResourceRecord[], inUpdate: boolean): readonly ResourceRecord[] {
  if (nameKey(change.name) !== APEX) throw refused(change.name, `only ${APEX} has an SOA here`, 'register other types')
  const now = held.find(({ type }) => type === TYPE.SOA)
  if (now !== undefined && !isNewerSerial(serialOf(soa), serialOf(now))) {
    if (inUpdate) return held
    throw refused(change.name, `its serial ${serialOf(soa)} is not newer than ${serialOf(now)} (RFC 1982)`, 'raise the serial')
  }
  return [soa, ...held.filter(({ type }) => type !== TYPE.SOA)]
}

function recordOf({ name, type, rdata, ttl }: Register, held: readonly ResourceRecord[]): ResourceRecord {
  const number = typeOf(name, type)
  if (isMetaType(number)) throw refused(name, `${formatType(number)} is for questions only (RFC 6895 §3.1)`, 'write a type such as A or TXT')
  const seconds = ttl ?? held.find(record => record.type === number)?.ttl ?? REGISTERED_TTL_SECONDS
  return { ...plainRecord(parseName(name), number, rdata), ttl: seconds }
}

function typeOf(name: string, type: string): number {
  const number = parseType(type)
  if (number === undefined) throw refused(name, `"${type}" is no record type`, 'write a type such as A or TXT')
  return number
}

function refused(name: string, why: string, remedy: string): UsageError {
  return new UsageError(`${name} was not registered`, why, remedy)
}
