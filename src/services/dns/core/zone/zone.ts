/**
 * What is registered here, permanently: any number of records under any name. Below the apex (`home`) this server is the
 * authority, so what is not registered there does not exist. Outside the apex it answers for exactly the names registered.
 * Addresses get their PTR records by themselves.
 *
 * A name that is missing may be made up from a wildcard (RFC 1034 §4.3.3, RFC 4592): `*.home` speaks for `x.home` and `y.x.home`,
 * but not for a name that exists, nor below one.
 *
 * What lies below a delegation belongs to others, who are named instead (RFC 1034 §4.3.2, step 3b); what lies below a DNAME is an
 * alias for what lies below its target (RFC 6672).
 *
 *     *.home, a.b.home registered      x.home  y.x.home   from *.home
 *                                      b.home             exists: no data
 *                                      c.b.home           its closest encloser is b.home, and there is no *.b.home: no such name
 */
import { UsageError } from '../../../kit/errors.ts'
import type { ResourceRecord } from '../../wire/message.ts'
import { isWithin } from '../../wire/name.ts'
import { TYPE } from '../../wire/types.ts'
import { negativeTtlOf, targetOf } from '../forwarding/finding.ts'
import { APEX, apexRecords, isNewerSerial, plainRecord, REGISTERED_TTL_SECONDS, serialOf, soaFor, withSerial } from './apex.ts'
import { NONE } from './name-tree.ts'
import { aliasFrom } from './redirection.ts'
import { isWholeAddress, parseReverseName } from './reverse-name.ts'
import { planChange, type NameChange, type Plan, type ZoneChange } from './zone-change.ts'
import { NAMES_MAX, ZoneContent } from './zone-content.ts'
import { ZoneHistory, type ZoneDifference } from './zone-history.ts'

/** Records of the answer have the name of the question as their owner, in its letters. */
export type ZoneAnswer =
  | { readonly kind: 'records'; readonly records: readonly ResourceRecord[] }
  | { readonly kind: 'alias'; readonly record: ResourceRecord }
  /** The alias that a DNAME above the name makes of it; undefined where that would be too long for a name. */
  | { readonly kind: 'redirection'; readonly dname: ResourceRecord; readonly alias: ResourceRecord | undefined }
  /** The name belongs to another zone: its servers, what is known of its keys, and the addresses that are known of its servers. */
  | { readonly kind: 'referral'; readonly servers: readonly ResourceRecord[]; readonly keys: readonly ResourceRecord[]; readonly glue: readonly ResourceRecord[] }
  /** The name has other types, or names below it. */
  | { readonly kind: 'nodata'; readonly soa: ResourceRecord }
  | { readonly kind: 'nxdomain'; readonly soa: ResourceRecord }

export class Zone {
  /** Names are missing that belong here, for the file that has them cannot be read: no secondary is to take this for the zone. */
  isPartial = false
  #content = new ZoneContent()
  readonly #history = new ZoneHistory()
  #soa = soaFor(APEX)
  /** The SOA as a negative answer has it: with the time for which that holds (RFC 2308 §3). */
  #negativeSoa = this.#soa
  #generation = 0

  constructor() {
    this.load(this.#content)
  }

  /**
   * Replaces everything. SOA and NS of the apex are made up where the content has none.
   * @param content belongs to the zone from now on
   * @param leastSerial the zone's serial where the content's own is older than it
   */
  load(content: ZoneContent, leastSerial?: number): void {
    for (const { type, ttl, rdata } of apexRecords(leastSerial ?? 1)) {
      if (content.recordsOf(content.apex, APEX, type).length === 0) content.add(content.apex, type, ttl, rdata)
    }
    this.#content = content
    this.#history.forget()
    this.#generation++
    this.#takeSoa()
    if (leastSerial !== undefined && isNewerSerial(leastSerial, this.serial)) this.#setSoa(withSerial(this.#soa, leastSerial))
  }

  /** Goes up with every change and every load: what was made of an older state is out of date. */
  get generation(): number {
    return this.#generation
  }

  get soa(): ResourceRecord {
    return this.#soa
  }

  get serial(): number {
    return serialOf(this.#soa)
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
   * @param qtype ANY gets the CNAME of an alias, and else one small HINFO record (RFC 8482 §4.2)
   */
  lookup(qname: string, qtype: number): ZoneAnswer | undefined {
    const node = this.#content.find(qname)
    const cut = isWithin(qname, APEX) ? this.#content.cutOf(node) : NONE
    // What is known of the other zone's keys is this zone's (RFC 4035 §3.1.4.1).
    if (cut !== NONE && !(cut === node && qtype === TYPE.DS)) return this.#answerBeyond(cut, qname, qtype)
    if (node !== NONE && this.#content.hasRecords(node)) return this.#answerFrom(node, qname, qtype)
    const pointers = this.#pointers(qname)
    if (pointers.length > 0) return this.#answerWith(pointers, qname, qtype)
    const source = node === NONE ? this.#content.wildcard() : NONE
    if (source !== NONE && this.#content.hasRecords(source)) return this.#answerFrom(source, qname, qtype)
    if (!isWithin(qname, APEX)) return undefined
    return { kind: node !== NONE || source !== NONE ? 'nodata' : 'nxdomain', soa: this.#negativeSoa }
  }

  /** True for a name that has names below it, so it exists though it may have no records. */
  hasBelow(name: string): boolean {
    const node = this.#content.find(name)
    if (node !== NONE && this.#content.hasBelow(node)) return true
    const reverse = parseReverseName(name)
    return reverse !== undefined && !isWholeAddress(reverse) && this.#content.hasAddressIn(reverse)
  }

  /**
   * Everything: the SOA, what else the apex has, then the names in the order of their registration (a new name may stand where one
   * was removed). A change meanwhile does no harm, but then names are as they were at different moments: `generation` tells.
   */
  *records(): Generator<ResourceRecord> {
    const content = this.#content
    for (const node of content.nodes()) yield* content.recordsOf(node)
  }

  /** What a name itself has, as it was registered. */
  recordsOf(name: string): readonly ResourceRecord[] {
    const node = this.#content.find(name)
    return node === NONE ? [] : this.#content.recordsOf(node)
  }

  /** How many names are registered, the apex with its own SOA and NS not counted. */
  get size(): number {
    const apexHasMore = this.#content.recordsOf(this.#content.apex, APEX).some(({ type }) => type !== TYPE.SOA && type !== TYPE.NS)
    return this.#content.size - (apexHasMore ? 0 : 1)
  }

  /**
   * Makes a change. Doing the same change again changes no more than the serial.
   * @throws UsageError where it cannot be (planChange says why), or a limit is reached; then nothing has changed
   */
  apply(change: ZoneChange): ZoneDifference {
    const { names } = this.plan(change)
    const from = this.#soa
    for (const { name, before, after } of names) this.#content.replace(name, before, after)
    this.#takeSoa()
    if (!isNewerSerial(this.serial, serialOf(from))) this.#setSoa(withSerial(this.#soa, (serialOf(from) + 1) >>> 0))
    const difference = differenceOf(names, from, this.#soa)
    this.#history.remember(difference)
    this.#generation++
    return difference
  }

  /**
   * What `apply` would do.
   * @param recordsOf what a name has, where other changes are to be made before
   * @throws UsageError as `apply` would
   */
  plan(change: ZoneChange, recordsOf = (name: string) => this.recordsOf(name)): Plan {
    const plan = planChange(change, name => [...recordsOf(name)])
    const more = plan.names.filter(({ before }) => before.length === 0).length - plan.names.filter(({ after }) => after.length === 0).length
    if (more > 0 && this.size + more > NAMES_MAX) throw new UsageError(`${plan.names[0]?.name ?? ''} was not registered`, `${NAMES_MAX} names are registered, which is the limit`, 'UNREGISTER names that nobody needs')
    return plan
  }

  #answerFrom(source: number, qname: string, qtype: number): ZoneAnswer {
    const found = this.#content.recordsOf(source, qname, qtype)
    if (found.length > 0) return { kind: 'records', records: found }
    const [alias] = this.#content.recordsOf(source, qname, TYPE.CNAME)
    if (qtype === TYPE.ANY) return { kind: 'records', records: [alias ?? anyRecord(qname)] }
    if (alias !== undefined) return { kind: 'alias', record: alias }
    return { kind: 'nodata', soa: isWithin(qname, APEX) ? this.#negativeSoa : soaFor(qname) }
  }

  #answerBeyond(cut: number, qname: string, qtype: number): ZoneAnswer {
    const owner = this.#content.nameOf(cut)
    const at = (type: number) => this.#content.recordsOf(cut, owner, type)
    const [dname] = at(TYPE.DNAME)
    if (dname === undefined) {
      const servers = at(TYPE.NS)
      return { kind: 'referral', servers, keys: at(TYPE.DS), glue: servers.flatMap(server => this.#addressesOf(targetOf(server))) }
    }
    const alias = aliasFrom(dname, qname)
    return alias !== undefined && (qtype === TYPE.CNAME || qtype === TYPE.ANY) ? { kind: 'records', records: [dname, alias] } : { kind: 'redirection', dname, alias }
  }

  #addressesOf(name: string): ResourceRecord[] {
    return this.recordsOf(name).filter(({ type }) => type === TYPE.A || type === TYPE.AAAA)
  }

  #answerWith(pointers: readonly ResourceRecord[], qname: string, qtype: number): ZoneAnswer {
    if (qtype === TYPE.ANY) return { kind: 'records', records: [anyRecord(qname)] }
    return qtype === TYPE.PTR ? { kind: 'records', records: pointers } : { kind: 'nodata', soa: soaFor(qname) }
  }

  /** The PTR records that nobody wrote: of the names that have this address. */
  #pointers(qname: string): ResourceRecord[] {
    const reverse = parseReverseName(qname)
    if (reverse === undefined || !isWholeAddress(reverse)) return []
    return this.#content.namesWithAddress(reverse.address).map(name => ({ ...plainRecord(qname, TYPE.PTR, `${name}.`), ttl: REGISTERED_TTL_SECONDS }))
  }

  #takeSoa(): void {
    const [soa] = this.#content.recordsOf(this.#content.apex, APEX, TYPE.SOA)
    if (soa !== undefined) this.#adoptSoa(soa)
  }

  #setSoa(soa: ResourceRecord): void {
    const held = this.#content.recordsOf(this.#content.apex, APEX)
    this.#content.replace(APEX, held, [soa, ...held.filter(({ type }) => type !== TYPE.SOA)])
    this.#adoptSoa(soa)
  }

  #adoptSoa(soa: ResourceRecord): void {
    this.#soa = soa
    this.#negativeSoa = { ...soa, ttl: negativeTtlOf(soa) }
  }
}

function differenceOf(names: readonly NameChange[], from: ResourceRecord, to: ResourceRecord): ZoneDifference {
  const own = names.filter(({ name }) => isWithin(name, APEX))
  const missing = (these: readonly ResourceRecord[], those: readonly ResourceRecord[]) => {
    const found = new Set(those)
    return these.filter(record => record.type !== TYPE.SOA && !found.has(record))
  }
  return { from, to, removed: own.flatMap(({ before, after }) => missing(before, after)), added: own.flatMap(({ before, after }) => missing(after, before)) }
}

/** The answer to ANY where there is no CNAME: one record that says "see RFC 8482", too small to be worth a forged question. */
export function anyRecord(qname: string): ResourceRecord {
  return { ...plainRecord(qname, TYPE.HINFO, '"RFC8482" ""'), ttl: 3600 }
}
