/** What an answer says about a question, freed of everything that nobody asked for. */
import type { Message, Question, ResourceRecord } from '../../wire/message.ts'
import { isWithin, nameKey, NameDecoder } from '../../wire/name.ts'
import { OctetReader } from '../../wire/octets.ts'
import { CLASS, RCODE, TYPE } from '../../wire/types.ts'

/** A question and what kind of answer is wanted. Answers of different kinds are different answers. */
export interface Wanted extends Question {
  /** With the records that prove it (DO, RFC 3225). */
  readonly dnssecOk?: boolean
  /** Even where a server that checks them finds them wrong (CD, RFC 4035 §3.2.2). */
  readonly checkingDisabled?: boolean
}

export interface Finding {
  /** NOERROR or NXDOMAIN; a server's own trouble is no finding. */
  readonly rcode: number
  /** The CNAME chain from the question's name on, then the records asked for. */
  readonly answers: readonly ResourceRecord[]
  /** Of a negative answer the SOA, which says how long it holds (RFC 2308 §3); where DNSSEC is wanted, the proofs. */
  readonly authorities: readonly ResourceRecord[]
  /** A server that can be trusted has checked all of it (AD, RFC 6840 §5.8). */
  readonly authentic: boolean
  /** Addresses were taken out of it (rebinding.ts). */
  readonly filtered?: boolean
}

/** A day: nobody is told an address for longer than that by an old answer, nor by a server that means harm. */
export const TTL_SECONDS_MAX = 86_400
const CHAIN_MAX = 16
/** A proof that a name does not exist takes eight records at most: an SOA, three NSEC3, and an RRSIG for each. Some zones sign twice. */
const PROOFS_MAX = 16
/** NSEC3, RFC 5155 §3. */
const TYPE_NSEC3 = 50
/** RFC 6672. */
const TYPE_DNAME = 39

/**
 * The finding in a response; undefined where the server says that it cannot tell (SERVFAIL, REFUSED, a referral …). Records that do not
 * belong to the chain from the question's name are dropped: nobody asked, so nobody believes.
 * @param rcode of the response, with its upper bits
 * @param trusted what the server says of authenticity counts
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

/** The servers of a zone that the name lies in, from one that does not look names up for others: nothing is said of the name (RFC 2308 §2.2). */
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

/** The DNAME that a CNAME was made from, with its signature: without it the CNAME cannot be proven (RFC 6672 §5.3.1). */
function redirectionOf(records: readonly ResourceRecord[], alias: ResourceRecord): ResourceRecord[] {
  const dname = records.find(record => record.type === TYPE_DNAME && isWithin(alias.name, record.name) && leadsTo(record, alias))
  if (dname === undefined) return []
  return [dname, ...records.filter(record => signedType(record) === TYPE_DNAME && nameKey(record.name) === nameKey(dname.name))]
}

/** The alias is its owner's name with the DNAME's end in place of the other. */
function leadsTo(dname: ResourceRecord, alias: ResourceRecord): boolean {
  const prefix = nameKey(alias.name).slice(0, -dname.name.length)
  return prefix + nameKey(targetOf(dname)) === nameKey(targetOf(alias))
}

/**
 * The proofs of a zone that the name lies in.
 * @param zone that of a negative answer's SOA, or the one that signed what was found (RFC 4035 §3.1.3.3)
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

/** Whose signature a name's records have (RFC 4034 §3.1.7); it stands behind 18 octets and is never compressed. */
function signerOf(answers: readonly ResourceRecord[], name: string): string | undefined {
  const signature = answers.find(record => record.type === TYPE.RRSIG && nameKey(record.name) === nameKey(name))
  return signature === undefined ? undefined : new NameDecoder(signature.rdata).decode(18).name
}

/** The same finding for who does not want the records that prove it (RFC 4035 §3.2.1). */
export function withoutProofs(finding: Finding, { type: wanted }: Wanted): Finding {
  const isWanted = ({ type }: ResourceRecord) => type === wanted || (type !== TYPE.RRSIG && type !== TYPE.NSEC && type !== TYPE_NSEC3 && type !== TYPE_DNAME)
  return { ...finding, answers: finding.answers.filter(isWanted), authorities: finding.authorities.filter(isWanted) }
}

/** Where a CNAME, DNAME or NS leads. */
export function targetOf({ rdata }: ResourceRecord): string {
  return new NameDecoder(rdata).decode(0).name
}

/** What was asked for is there. */
export function isPositive({ rcode, answers }: Pick<Finding, 'rcode' | 'answers'>, { type: wanted }: Question): boolean {
  return rcode === RCODE.NOERROR && answers.some(({ type }) => type === wanted || wanted === TYPE.ANY)
}

/** Where a finding ends with an alias whose target the server says nothing of, as one that knows its own zone alone; undefined for others. */
export function unresolvedTarget(finding: Finding, wanted: number): string | undefined {
  const { rcode, answers, authorities, filtered } = finding
  if (rcode !== RCODE.NOERROR || filtered === true || authorities.some(({ type }) => type === TYPE.SOA)) return undefined
  const last = answers.filter(({ type }) => type === wanted || type === TYPE.CNAME).at(-1)
  return last === undefined || last.type === wanted ? undefined : targetOf(last)
}

/** A filtered answer may be a mistake that is corrected soon. */
const FILTERED_TTL_SECONDS = 60

/** How long a finding may be remembered, in seconds: its shortest TTL; a negative one as RFC 2308 §5 says; 0 for that without an SOA. */
export function lifetimeSeconds(finding: Finding, question: Question): number {
  if (finding.filtered === true) return FILTERED_TTL_SECONDS
  const ttls = [...finding.answers, ...finding.authorities].map(({ ttl }) => ttl)
  if (isPositive(finding, question) || unresolvedTarget(finding, question.type) !== undefined) return Math.min(...ttls)
  const soa = finding.authorities.find(({ type }) => type === TYPE.SOA)
  return soa === undefined ? 0 : Math.min(...ttls, negativeTtlOf(soa))
}

/** How long a negative answer with this SOA holds, in seconds: its minimum stands last (RFC 2308 §3). */
export function negativeTtlOf({ ttl, rdata }: ResourceRecord): number {
  return Math.min(ttl, new OctetReader(rdata, rdata.length - 4, rdata.length).uint32())
}
