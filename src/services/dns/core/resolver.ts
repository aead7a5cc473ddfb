/** A stub resolver's answers as sentences (the pure part of ../resolver.ts). */
import { HamletError, UsageError } from '../../kit/errors.ts'
import type { Question } from '../wire/message.ts'
import { nameKey, parseName } from '../wire/name.ts'
import { formatRdata } from '../wire/rdata.ts'
import { CLASS, formatRcode, formatType, isMetaType, parseType, RCODE, TYPE } from '../wire/types.ts'
import type { Finding } from './forwarding/finding.ts'
import type { Trouble } from './forwarding/flight.ts'
import type { ForwarderTimings } from './forwarding/forwarder.ts'

/** A server may itself take 4 s to report that its upstream is silent. */
export const RESOLVER_TIMINGS: ForwarderTimings = { sendAgainAtMs: [1000, 2500], staleAtMs: Infinity, failAtMs: 5000 }

/** What a name resolves to, and where that came from. */
export interface Resolution {
  /** `NOERROR`, `NXDOMAIN`; `SERVFAIL` and the like if the server had no answer. */
  readonly rcode: string
  /** The alias chain, if any, then the records asked for. If the latter are missing, the name has none of that type. */
  readonly records: readonly { readonly name: string; readonly type: string; readonly ttl: number; readonly data: string }[]
  /** `127.0.0.1:53`; empty if the answer was cached here. */
  readonly server: string
  readonly tookMs: number
  readonly source: 'cache' | 'server'
  /**
   * The server's explanation, if it gives one: `zone`, `cache, 12 s
   * old, from 192.0.2.53:53`, `upstream 192.0.2.53:53 in 23 ms`.
   */
  readonly provenance: string
  /** `my-app.home is 192.168.1.50, answered by 127.0.0.1:53 in 2 ms (zone)`. */
  readonly sentence: string
}

/** @throws UsageError for an invalid name or type */
export function questionOf(qname: string, qtype: string): Question {
  if (/[^\x20-\x7e]/.test(qname)) throw new UsageError(`"${qname}" cannot be looked up`, 'it is not ASCII', 'write the "xn--" form of the name')
  const type = parseType(qtype)
  if (type === undefined || (isMetaType(type) && type !== TYPE.ANY)) throw new UsageError(`"${qtype}" cannot be looked up`, 'it is not a record type', 'use a type such as A, AAAA or TXT')
  return { name: parseName(qname), type, class: CLASS.IN }
}

/** Which server answered, how fast, and from where. */
export interface AnswerOrigin {
  readonly server: string
  readonly tookMs: number
  /** Empty if the server does not explain. */
  readonly provenance: string
}

export function resolutionOf(question: Question, finding: Finding, { server, tookMs, provenance }: AnswerOrigin): Resolution {
  const how = `answered by ${server} in ${shownMs(tookMs)} ms${provenance === '' ? '' : ` (${provenance})`}`
  return { ...factsOf(question, finding, how), server, tookMs, source: 'server', provenance }
}

/** @param ageMs how long ago it was cached */
export function cachedResolution(question: Question, finding: Finding, ageMs: number): Resolution {
  return { ...factsOf(question, finding, `cached ${Math.floor(ageMs / 1000)} s ago`), server: '', tookMs: 0, source: 'cache', provenance: '' }
}

function factsOf(question: Question, finding: Finding, how: string): Pick<Resolution, 'rcode' | 'records' | 'sentence'> {
  const records = finding.answers.map(({ name, type, ttl, rdata }) => ({ name, type: formatType(type), ttl, data: plainData(type, formatRdata(type, rdata)) }))
  return { rcode: formatRcode(finding.rcode), records, sentence: `${statement(question, finding, records)}, ${how}` }
}

/**
 * The result when no server had an answer.
 * @returns a resolution if a server responded with a failure (SERVFAIL, REFUSED)
 * @throws HamletError upstream-unreachable or timed-out if none responded at all
 */
export function resolutionOfTroubles(question: Question, troubles: readonly Trouble[], tookMs: number): Resolution {
  const answered = troubles.find(({ kind }) => kind === 'answered')
  if (answered !== undefined) {
    const { upstream: { title: server }, extendedError } = answered
    const rcode = formatRcode(answered.rcode ?? RCODE.SERVFAIL)
    const why = extendedError === undefined || extendedError.text === '' ? rcode : `${rcode}: ${extendedError.text}`
    return { rcode, records: [], server, tookMs, source: 'server', provenance: '', sentence: `${server} could not resolve ${question.name} (${why}) after ${shownMs(tookMs)} ms` }
  }
  const silent = troubles.some(({ kind }) => kind === 'silent')
  throw new HamletError({
    code: silent ? 'timed-out' : 'upstream-unreachable',
    what: `${question.name} could not be looked up`,
    why: troubles.length === 0 ? 'no DNS server is set' : troubles.map(({ upstream, why }) => `${upstream.title} ${why}`).join(', '),
    remedy: 'start the DNS server, or name another with --dns IP:PORT',
  })
}

/**
 * The error for a resolution without the wanted records: there are none, or the server could not resolve the name.
 * @param wanted such as `address` or `TXT record`
 */
export function unresolved(name: string, wanted: string, { rcode, sentence, server }: Resolution): HamletError {
  const proof = server === '' ? rcode : `${rcode} from ${server}`
  if (rcode === 'NXDOMAIN' || rcode === 'NOERROR') {
    return new HamletError({
      code: 'name-unknown', what: `No ${wanted} is known for ${name}`, why: sentence,
      remedy: `check the spelling, or register the name: start the application server with --domain ${name}, or send REGISTER to the DNS server`, proof,
    })
  }
  return new HamletError({ code: 'upstream-unreachable', what: `${name} could not be looked up`, why: sentence, remedy: 'check that the DNS server is running and can reach its upstream', proof })
}

function shownMs(tookMs: number): number {
  return Math.max(1, Math.round(tookMs))
}

function statement(question: Question, { rcode }: Finding, records: Resolution['records']): string {
  const name = question.name
  if (rcode === RCODE.NXDOMAIN) return `${name} does not exist`
  const type = formatType(question.type)
  const found = records.filter(record => record.type === type || question.type === TYPE.ANY)
  if (found.length === 0) return `${name} has no ${type} record`
  const data = found.map(record => record.data).join(' and ')
  const owner = found[0]?.name ?? name
  const alias = nameKey(owner) === nameKey(name) ? '' : ` (alias for ${owner})`
  return question.type === TYPE.A || question.type === TYPE.AAAA ? `${name} is ${data}${alias}` : `${name} has ${type} ${data}${alias}`
}

/** Drops the final dot of a name in data, as names are shown everywhere else. */
function plainData(type: number, data: string): string {
  const endsInName = type === TYPE.CNAME || type === TYPE.NS || type === TYPE.PTR || type === TYPE.MX || type === TYPE.SRV
  return endsInName && data.endsWith('.') && data.length > 1 && !data.endsWith(' .') ? data.slice(0, -1) : data
}
