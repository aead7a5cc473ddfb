/** What an answer says about a question, freed of everything that nobody asked for. */
import type { Message, Question, ResourceRecord } from '../wire/message.ts'
import { isWithin, nameKey, NameDecoder } from '../wire/name.ts'
import { OctetReader } from '../wire/octets.ts'
import { CLASS, OPCODE_QUERY, RCODE, TYPE } from '../wire/types.ts'

export interface Finding {
  /** NOERROR or NXDOMAIN; a server's own trouble is no finding. */
  readonly rcode: number
  /** The CNAME chain from the question's name on, then the records asked for. */
  readonly answers: readonly ResourceRecord[]
  /** Says how long a negative answer holds (RFC 2308 §3). */
  readonly soa: ResourceRecord | undefined
}

const CHAIN_MAX = 16

/** True for the response to exactly this question. Id and peer are the caller's to compare. */
export function answersQuestion(message: Message, question: Question): boolean {
  const [asked, second] = message.questions
  return message.header.qr && message.header.opcode === OPCODE_QUERY && second === undefined && asked !== undefined
    && nameKey(asked.name) === nameKey(question.name) && asked.type === question.type && asked.class === question.class
}

/**
 * The finding in a response; undefined where the server says that it cannot tell (SERVFAIL, REFUSED …). Records that do not
 * belong to the chain from the question's name are dropped: nobody asked, so nobody believes.
 */
export function readFinding(message: Message, question: Question): Finding | undefined {
  const { rcode } = message.header
  if (rcode !== RCODE.NOERROR && rcode !== RCODE.NXDOMAIN) return undefined
  const answers: ResourceRecord[] = []
  let name = question.name
  for (let step = 0; step < CHAIN_MAX; step++) {
    const here = message.answers.filter(record => nameKey(record.name) === nameKey(name) && record.class === CLASS.IN)
    const found = here.filter(({ type }) => type === question.type || question.type === TYPE.ANY)
    answers.push(...found)
    const alias = found.length > 0 ? undefined : here.find(({ type }) => type === TYPE.CNAME)
    if (alias === undefined) break
    answers.push(alias)
    name = targetOf(alias)
  }
  const soa = message.authorities.find(record => record.type === TYPE.SOA && isWithin(name, record.name))
  return { rcode, answers, soa }
}

/** Where a CNAME leads. */
export function targetOf(alias: ResourceRecord): string {
  return new NameDecoder(alias.rdata).decode(0).name
}

/** How long a finding may be remembered, in seconds: its shortest TTL; a negative one as RFC 2308 §5 says; 0 without an SOA. */
export function lifetimeSeconds({ rcode, answers, soa }: Finding, question: Question): number {
  const ttls = answers.map(({ ttl }) => ttl)
  const positive = rcode === RCODE.NOERROR && answers.some(({ type }) => type === question.type || question.type === TYPE.ANY)
  if (positive) return Math.min(...ttls)
  if (soa === undefined) return 0
  return Math.min(...ttls, soa.ttl, new OctetReader(soa.rdata, soa.rdata.length - 4, soa.rdata.length).uint32())
}
