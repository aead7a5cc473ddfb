/** A finding is what a response says about the question, and nothing else: records that were not asked for are dropped. */
import type { Message, Question, ResourceRecord } from '../../wire/message.ts'
import { isWithin, nameKey, NameDecoder } from '../../wire/name.ts'
import { OctetReader } from '../../wire/octets.ts'
import { CLASS, RCODE, TYPE } from '../../wire/types.ts'

/** A question with the DNSSEC bits of its query. Answers to the same question with different bits are kept apart. */
export interface Wanted extends Question {
  /** Include DNSSEC records (DO, RFC 3225). */
  readonly dnssecOk?: boolean
  /** Answer even if validation fails (CD, RFC 4035 §3.2.2). */
  readonly checkingDisabled?: boolean
}

export interface Finding {
  /** NOERROR or NXDOMAIN; a server's failure is not a finding. */
  readonly rcode: number
  /** The CNAME chain that starts at the question's name, then the records asked for. */
  readonly answers: readonly ResourceRecord[]
  /** In a negative answer the SOA, which limits how long it may be cached (RFC 2308 §3); with DO also the proofs. */
  readonly authorities: readonly ResourceRecord[]
  /** A trusted server has validated all of it (AD, RFC 6840 §5.8). */
  readonly authentic: boolean
  /** Private addresses were removed from it (rebinding.ts). */
  readonly filtered?: boolean
}

/** One day: no old answer and no malicious server can fix an address for longer. */
export const TTL_SECONDS_MAX = 86_400
const CHAIN_MAX = 16
/** Denial of existence takes at most eight records: an SOA, three NSEC3, and an RRSIG for each. Some zones sign twice. */
const PROOFS_MAX = 16
/** NSEC3, RFC 5155 §3. */
const TYPE_NSEC3 = 50
/** RFC 6672. */
const TYPE_DNAME = 39

/**
 * Extracts the finding from a response. Records outside the chain that starts at the question's name are dropped:
 * unrequested data is a cache poisoner's tool.
 * @param rcode the response's, including the upper bits from EDNS
 * @param trusted whether to believe the server's AD bit
 * @returns undefined if the server has no answer (SERVFAIL, REFUSED, a referral …)
 */
export function readFinding(message: Message, rcode: number, wanted: Wanted, trusted: boolean): Finding | undefined {
  if (rcode !== RCODE.NOERROR && rcode !== RCODE.NXDOMAIN) return undefined
  const { answers, name } = readChain(message.answers, wanted)
  if (rcode === RCODE.NOERROR && answers.length === 0 && isReferral(message, name)) return undefined
  const finding = { rcode, answers, authentic: trusted && message.header.ad }
  const soa = isPositive(finding, wanted) ? undefined : message.authorities.find(record => record.type === TYPE.SOA && isWithin(name, record.name))
  const proofs = wanted.dnssecOk === true ? readProofs(message.authorities, soa?.name ?? signerOf(answers, name), name) : []
  const authorities = soa === undefined ? proofs : [soa, ...proofs]
  return { ...finding, answers: answers.map(withBoundedTtl), authorities: authorities.map(withBoundedTtl) }
}

/**
 * A server without recursion named the servers of a zone that contains the
 * name, and said nothing of the name itself (RFC 2308 §2.2).
 */
function isReferral({ header, authorities }: Message, name: string): boolean {
  if (header.aa || header.ra || authorities.some(({ type }) => type === TYPE.SOA)) return false
  return authorities.some(record => record.type === TYPE.NS && isWithin(name, record.name))
}

function withBoundedTtl(record: ResourceRecord): ResourceRecord {
  return record.ttl <= TTL_SECONDS_MAX ? record : { ...record, ttl: TTL_SECONDS_MAX }
}

function readChain(records: readonly ResourceRecord[], wanted: Wanted): { answers: ResourceRecord[]; name: string } {
  const answers: ResourceRecord[] = []
  let name = wanted.name
  for (let step = 0; step < CHAIN_MAX; step++) {
    const key = nameKey(name)
    const here = records.filter(record => record.class === CLASS.IN && nameKey(record.name) === key)
    const found = here.filter(({ type }) => type === wanted.type || wanted.type === TYPE.ANY)
    const alias = found.length > 0 ? undefined : here.find(({ type }) => type === TYPE.CNAME)
    if (wanted.dnssecOk === true && alias !== undefined) answers.push(...redirectionOf(records, alias))
    answers.push(...found, ...(alias === undefined ? [] : [alias]))
    if (wanted.dnssecOk === true && wanted.type !== TYPE.RRSIG) answers.push(...here.filter(record => signedType(record) === (alias === undefined ? wanted.type : TYPE.CNAME)))
    if (alias === undefined) break
    name = targetOf(alias)
  }
  return { answers, name }
}

/**
 * The DNAME that a CNAME was synthesized from, with its signature: the
 * CNAME cannot be validated without it (RFC 6672 §5.3.1).
 */
function redirectionOf(records: readonly ResourceRecord[], alias: ResourceRecord): ResourceRecord[] {
  const dname = records.find(record => record.type === TYPE_DNAME && isWithin(alias.name, record.name) && leadsTo(record, alias))
  if (dname === undefined) return []
  return [dname, ...records.filter(record => signedType(record) === TYPE_DNAME && nameKey(record.name) === nameKey(dname.name))]
}

/** Whether replacing the DNAME's owner with its target in the alias's name yields the alias's target. */
function leadsTo(dname: ResourceRecord, alias: ResourceRecord): boolean {
  const prefix = nameKey(alias.name).slice(0, -dname.name.length)
  return prefix + nameKey(targetOf(dname)) === nameKey(targetOf(alias))
}

/**
 * The denial-of-existence proofs of a zone that contains the name.
 * @param zone the owner of a negative answer's SOA, or the signer of a positive answer (RFC 4035 §3.1.3.3)
 */
function readProofs(records: readonly ResourceRecord[], zone: string | undefined, name: string): ResourceRecord[] {
  if (zone === undefined || !isWithin(name, zone)) return []
  return records.filter(record => isProof(record) && isWithin(record.name, zone)).slice(0, PROOFS_MAX)
}

function isProof(record: ResourceRecord): boolean {
  const type = signedType(record) ?? record.type
  return record.type === TYPE.NSEC || record.type === TYPE_NSEC3 || (record.type === TYPE.RRSIG && (type === TYPE.NSEC || type === TYPE_NSEC3 || type === TYPE.SOA))
}

/** The type that an RRSIG signs (RFC 4034 §3.1.1); undefined for other records. */
function signedType({ type, rdata }: ResourceRecord): number | undefined {
  return type === TYPE.RRSIG ? (rdata[0] ?? 0) * 0x100 + (rdata[1] ?? 0) : undefined
}

/** The zone that signed a name's records: the signer's name follows 18 octets and is never compressed (RFC 4034 §3.1.7). */
function signerOf(answers: readonly ResourceRecord[], name: string): string | undefined {
  const signature = answers.find(record => record.type === TYPE.RRSIG && nameKey(record.name) === nameKey(name))
  return signature === undefined ? undefined : new NameDecoder(signature.rdata).decode(18).name
}

/** The same finding without DNSSEC records, for a client that did not set DO (RFC 4035 §3.2.1). */
export function withoutProofs(finding: Finding, { type: wanted }: Wanted): Finding {
  const isWanted = ({ type }: ResourceRecord) => type === wanted || (type !== TYPE.RRSIG && type !== TYPE.NSEC && type !== TYPE_NSEC3 && type !== TYPE_DNAME)
  return { ...finding, answers: finding.answers.filter(isWanted), authorities: finding.authorities.filter(isWanted) }
}

/** The name that a CNAME, DNAME or NS record points to. */
export function targetOf({ rdata }: ResourceRecord): string {
  return new NameDecoder(rdata).decode(0).name
}

/** Whether the finding has records of the type asked for. */
export function isPositive({ rcode, answers }: Pick<Finding, 'rcode' | 'answers'>, { type: wanted }: Question): boolean {
  return rcode === RCODE.NOERROR && answers.some(({ type }) => type === wanted || wanted === TYPE.ANY)
}

/**
 * The target of an alias that the server did not follow, as an authoritative
 * server does not outside its zones; undefined if there is none.
 */
export function unresolvedTarget(finding: Finding, wanted: number): string | undefined {
  const { rcode, answers, authorities, filtered } = finding
  if (rcode !== RCODE.NOERROR || filtered === true || authorities.some(({ type }) => type === TYPE.SOA)) return undefined
  const last = answers.filter(({ type }) => type === wanted || type === TYPE.CNAME).at(-1)
  return last === undefined || last.type === wanted ? undefined : targetOf(last)
}

/** Short: the private address may be a mistake that its owner soon corrects. */
const FILTERED_TTL_SECONDS = 60

/** How many seconds a finding may be cached: its shortest TTL; if negative, as RFC 2308 §5 says, and 0 without an SOA. */
export function lifetimeSeconds(finding: Finding, question: Question): number {
  if (finding.filtered === true) return FILTERED_TTL_SECONDS
  const ttls = [...finding.answers, ...finding.authorities].map(({ ttl }) => ttl)
  if (isPositive(finding, question) || unresolvedTarget(finding, question.type) !== undefined) return Math.min(...ttls)
  const soa = finding.authorities.find(({ type }) => type === TYPE.SOA)
  return soa === undefined ? 0 : Math.min(...ttls, negativeTtlOf(soa))
}

/** How many seconds a negative answer with this SOA may be cached (RFC 2308 §3); MINIMUM is the SOA's last field. */
export function negativeTtlOf({ ttl, rdata }: ResourceRecord): number {
  return Math.min(ttl, new OctetReader(rdata, rdata.length - 4, rdata.length).uint32())
}
