/**
 * The registered names: any number of records under any name. At and below the apex (`home`) this server is authoritative, so
 * a name that is not registered there does not exist. Outside the apex it answers for exactly the names registered. PTR
 * records for the registered addresses are synthesized.
 *
 * A missing name may be synthesized from a wildcard (RFC 1034 §4.3.3, RFC 4592): `*.home` covers `x.home` and `y.x.home`, but
 * neither a name that exists nor any name below one.
 *
 * Names below a delegation belong to other servers, and the answer is a referral to them (RFC 1034 §4.3.2, step 3b). Names
 * below a DNAME are aliases for names below its target (RFC 6672).
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

/** The owner of the answer's records is the name in the question, with its case. */
export type ZoneAnswer =
  | { readonly kind: 'records'; readonly records: readonly ResourceRecord[] }
  | { readonly kind: 'alias'; readonly record: ResourceRecord }
  /** A DNAME above the name, and the alias synthesized from it; undefined if that would be too long for a name. */
  | { readonly kind: 'redirection'; readonly dname: ResourceRecord; readonly alias: ResourceRecord | undefined }
  /** The name belongs to another zone: its servers, the known DS records, and the known addresses of its servers. */
  | { readonly kind: 'referral'; readonly servers: readonly ResourceRecord[]; readonly keys: readonly ResourceRecord[]; readonly glue: readonly ResourceRecord[] }
  /** The name has other types, or names below it. */
  | { readonly kind: 'nodata'; readonly soa: ResourceRecord }
  | { readonly kind: 'nxdomain'; readonly soa: ResourceRecord }

export class Zone {
  /** Names are missing because the zone file cannot be read. No secondary may transfer the zone in this state. */
  isPartial = false
  #content = new ZoneContent()
  readonly #history = new ZoneHistory()
  #soa = soaFor(APEX)
  /** The SOA for negative answers, with the TTL for which they may be cached (RFC 2308 §3). */
  #negativeSoa = this.#soa
  #generation = 0

  constructor() {
    this.load(this.#content)
  }

  /**
   * Replaces the whole content. If it has no SOA or NS at the apex, default ones are added.
   * @param content the zone takes ownership
   * @param leastSerial becomes the zone's serial if the content's own is older
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

  /** Increments with every change and load: anything derived from an older state is out of date. */
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
   * The changes since the state with this serial, oldest first; none if that is the current state. Undefined if it is unknown
   * or no longer remembered (zone-history.ts has the limits): then only the whole zone will do.
   */
  differencesSince(serial: number): readonly ZoneDifference[] | undefined {
    return serial === this.serial ? [] : this.#history.since(serial)
  }

  /**
   * The zone's answer to a question; undefined if another server must be queried.
   * @param qtype ANY gets the CNAME of an alias, otherwise one small HINFO record (RFC 8482 §4.2)
   */
  lookup(qname: string, qtype: number): ZoneAnswer | undefined {
    const node = this.#content.find(qname)
    const cut = isWithin(qname, APEX) ? this.#content.cutOf(node) : NONE
    // The DS records of the child zone belong to this zone (RFC 4035 §3.1.4.1).
    if (cut !== NONE && !(cut === node && qtype === TYPE.DS)) return this.#answerBelowCut(cut, qname, qtype)
    if (node !== NONE && this.#content.hasRecords(node)) return this.#answerFrom(node, qname, qtype)
    const pointers = this.#pointers(qname)
    if (pointers.length > 0) return this.#answerFromPointers(pointers, qname, qtype)
    const source = node === NONE ? this.#content.wildcard() : NONE
    if (source !== NONE && this.#content.hasRecords(source)) return this.#answerFrom(source, qname, qtype)
    if (!isWithin(qname, APEX)) return undefined
    return { kind: node !== NONE || source !== NONE ? 'nodata' : 'nxdomain', soa: this.#negativeSoa }
  }

  /** True if there are names below this one: it exists, though it may have no records. */
  hasBelow(name: string): boolean {
    const node = this.#content.find(name)
    if (node !== NONE && this.#content.hasBelow(node)) return true
    const reverse = parseReverseName(name)
    return reverse !== undefined && !isWholeAddress(reverse) && this.#content.hasAddressIn(reverse)
  }

  /**
   * All records: the SOA, the other records of the apex, then the names in order of registration (a new name may take the place
   * of a removed one). The zone may change during iteration, but then names reflect different states; compare `generation`.
   */
  *records(): Generator<ResourceRecord> {
    const content = this.#content
    for (const node of content.nodes()) yield* content.recordsOf(node)
  }

  /** The records registered under exactly this name. */
  recordsOf(name: string): readonly ResourceRecord[] {
    const node = this.#content.find(name)
    return node === NONE ? [] : this.#content.recordsOf(node)
  }

  /** The number of registered names. The apex counts only if it has more than its own SOA and NS. */
  get size(): number {
    const apexHasMore = this.#content.recordsOf(this.#content.apex, APEX).some(({ type }) => type !== TYPE.SOA && type !== TYPE.NS)
    return this.#content.size - (apexHasMore ? 0 : 1)
  }

  /**
   * Applies a change. Applying it again changes only the serial.
   * @throws UsageError if it is invalid (see planChange) or a limit is reached; then nothing has changed
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
   * @param recordsOf the records of a name; given if other changes are to be applied first
   * @throws UsageError as `apply`
   */
  plan(change: ZoneChange, recordsOf = (name: string) => this.recordsOf(name)): Plan {
    const plan = planChange(change, name => [...recordsOf(name)])
    const more = plan.names.filter(({ before }) => before.length === 0).length - plan.names.filter(({ after }) => after.length === 0).length
    if (more > 0 && this.size + more > NAMES_MAX) throw new UsageError(`${plan.names[0]?.name ?? ''} was not registered`, `${NAMES_MAX} names are registered, which is the limit`, 'UNREGISTER unused names')
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

  #answerBelowCut(cut: number, qname: string, qtype: number): ZoneAnswer {
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

  #answerFromPointers(pointers: readonly ResourceRecord[], qname: string, qtype: number): ZoneAnswer {
    if (qtype === TYPE.ANY) return { kind: 'records', records: [anyRecord(qname)] }
    return qtype === TYPE.PTR ? { kind: 'records', records: pointers } : { kind: 'nodata', soa: soaFor(qname) }
  }

  /** The synthesized PTR records: one for each name with this address. */
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

/**
 * The answer to ANY without a CNAME: one record that says "RFC8482", too small for an amplification attack with forged
 * queries.
 */
export function anyRecord(qname: string): ResourceRecord {
  return { ...plainRecord(qname, TYPE.HINFO, '"RFC8482" ""'), ttl: 3600 }
}
