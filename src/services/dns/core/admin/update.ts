/**
 * Dynamic update (RFC 2136): one message that adds and removes records under given conditions, all or nothing. The four
 * sections of the message have names of their own:
 *
 *     zone            one question: the name of the zone, type SOA
 *     prerequisites   the conditions, expressed by class and type of records with TTL 0 (§2.4)
 *     update          the changes (§2.5)
 *     additional      a TSIG, which identifies the client
 *
 *     class        prerequisite                          update
 *     the zone's   the name has exactly these records    add this record
 *     ANY          the name (type ANY) or type exists    remove all of the name (type ANY) or of its type
 *     NONE         the name or type does not exist       remove this record
 */
import { UsageError } from '../../../kit/errors.ts'
import type { Message, Question, ResourceRecord } from '../../wire/message.ts'
import { isWithin, nameKey } from '../../wire/name.ts'
import { dataKey, formatRdata } from '../../wire/rdata.ts'
import { CLASS, formatType, isMetaType, RCODE, TYPE } from '../../wire/types.ts'
import { APEX } from '../zone/apex.ts'
import type { Register, Unregister, Update } from '../zone/zone-change.ts'
import type { Zone } from '../zone/zone.ts'

/** Small enough that a message of a transfer can hold such a record with room to spare. */
const RDATA_BYTES_MAX = 16_384

/** A valid change, or the rcode that says why there is none. An update without changes succeeds with NOERROR and none. */
export interface UpdateDecision {
  readonly rcode: number
  readonly update: Update | undefined
}

/** Evaluates an update against the current zone (RFC 2136 §3.1–3.4). */
export function decideUpdate({ questions, answers: prerequisites, authorities: updates }: Message, zone: Pick<Zone, 'recordsOf' | 'plan'>): UpdateDecision {
  const refused = (rcode: number): UpdateDecision => ({ rcode, update: undefined })
  const rcode = checkZoneSection(questions) ?? checkPrerequisites(prerequisites, zone) ?? prescan(updates)
  if (rcode !== undefined) return refused(rcode)
  if (updates.some(({ rdata }) => rdata.length > RDATA_BYTES_MAX)) return refused(RCODE.REFUSED)
  const changes = updates.filter(record => !isStraySoa(record)).map(changeOf)
  if (changes.length === 0) return refused(RCODE.NOERROR)
  const update: Update = { change: 'update', changes }
  try {
    zone.plan(update)
    return { rcode: RCODE.NOERROR, update }
  } catch (error) {
    // A limit of this server, or data that it does not accept.
    if (!(error instanceof UsageError)) throw error
    return refused(RCODE.REFUSED)
  }
}

/** RFC 2136 §3.1. */
function checkZoneSection([zone, second]: readonly Question[]): number | undefined {
  if (zone === undefined || second !== undefined || zone.type !== TYPE.SOA) return RCODE.FORMERR
  return zone.class === CLASS.IN && nameKey(zone.name) === APEX ? undefined : RCODE.NOTAUTH
}

/** RFC 2136 §3.2. Records of the zone's class are collected first, since those of a name and type form one condition. */
function checkPrerequisites(prerequisites: readonly ResourceRecord[], zone: Pick<Zone, 'recordsOf'>): number | undefined {
  const exact = new Map<string, ResourceRecord[]>()
  const recordsOf = memoizedByName(name => zone.recordsOf(name))
  for (const record of prerequisites) {
    const { name, type } = record
    if (record.ttl !== 0) return RCODE.FORMERR
    if (!isWithin(name, APEX)) return RCODE.NOTZONE
    if (record.class === CLASS.IN) {
      const key = `${nameKey(name)} ${type}`
      const records = exact.get(key) ?? []
      records.push(record)
      exact.set(key, records)
      continue
    }
    if ((record.class !== CLASS.ANY && record.class !== CLASS.NONE) || record.rdata.length > 0) return RCODE.FORMERR
    const wanted = record.class === CLASS.ANY
    const exists = recordsOf(name).some(held => type === TYPE.ANY || held.type === type)
    if (exists === wanted) continue
    if (type === TYPE.ANY) return wanted ? RCODE.NXDOMAIN : RCODE.YXDOMAIN
    return wanted ? RCODE.NXRRSET : RCODE.YXRRSET
  }
  return [...exact.values()].every(records => hasExactly(records, zone)) ? undefined : RCODE.NXRRSET
}

/** Thousands of conditions may concern one name, and the zone creates its records anew for each call. */
function memoizedByName(recordsOf: (name: string) => readonly ResourceRecord[]): (name: string) => readonly ResourceRecord[] {
  const known = new Map<string, readonly ResourceRecord[]>()
  return name => {
    const records = known.get(nameKey(name)) ?? recordsOf(name)
    known.set(nameKey(name), records)
    return records
  }
}

function hasExactly(wanted: readonly ResourceRecord[], zone: Pick<Zone, 'recordsOf'>): boolean {
  const [first] = wanted
  const held = first === undefined ? [] : zone.recordsOf(first.name).filter(({ type }) => type === first.type)
  const [wantedKeys, heldKeys] = [new Set(wanted.map(dataKey)), new Set(held.map(dataKey))]
  return wantedKeys.size === heldKeys.size && [...wantedKeys].every(key => heldKeys.has(key))
}

/** RFC 2136 §3.4.1. */
function prescan(updates: readonly ResourceRecord[]): number | undefined {
  for (const { name, type, ttl, rdata, class: recordClass } of updates) {
    if (!isWithin(name, APEX)) return RCODE.NOTZONE
    const removesAll = recordClass === CLASS.ANY
    if (recordClass !== CLASS.IN && recordClass !== CLASS.NONE && !removesAll) return RCODE.FORMERR
    if (isMetaType(type) && !(removesAll && type === TYPE.ANY)) return RCODE.FORMERR
    if (recordClass !== CLASS.IN && ttl !== 0) return RCODE.FORMERR
    if (removesAll !== (rdata.length === 0)) return RCODE.FORMERR
  }
  return undefined
}

/** An SOA anywhere but at the apex is ignored (RFC 2136 §3.4.2.2). */
function isStraySoa({ name, type, class: recordClass }: ResourceRecord): boolean {
  return type === TYPE.SOA && recordClass === CLASS.IN && nameKey(name) !== APEX
}

/**
 * The other rules of RFC 2136 §3.4.2 (a CNAME excludes other records, an SOA must be newer, the apex keeps its own) are
 * in zone-change.ts.
 */
function changeOf({ name, type, ttl, rdata, class: recordClass }: ResourceRecord): Register | Unregister {
  if (recordClass === CLASS.IN) return { change: 'register', name, type: formatType(type), rdata: formatRdata(type, rdata), ttl, replace: false }
  if (recordClass === CLASS.NONE) return { change: 'unregister', name, type: formatType(type), rdata: formatRdata(type, rdata) }
  return { change: 'unregister', name, ...(type === TYPE.ANY ? {} : { type: formatType(type) }) }
}
