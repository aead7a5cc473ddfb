/** A stub resolver's answers, in the words of a person (the pure part of ../resolver.ts). */
import { HamletError, UsageError } from '../../kit/errors.ts'
import type { Question } from '../wire/message.ts'
import { nameKey, parseName } from '../wire/name.ts'
import { formatRdata } from '../wire/rdata.ts'
import { CLASS, formatRcode, formatType, isMetaType, parseType, RCODE, TYPE } from '../wire/types.ts'
import type { Finding } from './forwarding/finding.ts'
import type { Trouble } from './forwarding/flight.ts'
import type { ForwarderTimings } from './forwarding/forwarder.ts'

/** A server may take 4 s itself to say that its upstream is silent. */
export const RESOLVER_TIMINGS: ForwarderTimings = { sendAgainAtMs: [1000, 2500], staleAtMs: Infinity, failAtMs: 5000 }

/** What a name is, and how that is known. */
export interface Resolution {
  /** `NOERROR`, `NXDOMAIN`; `SERVFAIL` and the like where the server could not find out. */
  readonly rcode: string
  /** The alias chain first, if there is one, then what was asked for. Without the latter: the name has no such record. */
  readonly records: readonly { readonly name: string; readonly type: string; readonly ttl: number; readonly data: string }[]
  /** `127.0.0.1:53`; empty where it was remembered. */
  readonly server: string
  readonly tookMs: number
  readonly source: 'cache' | 'server'
  /** How the server knows, where it tells: `zone`, `cache, 12 s old, from 192.0.2.53:53`, `upstream 192.0.2.53:53 in 23 ms`. */
  readonly provenance: string
  /** `my-app.home is 192.168.1.50, told by 127.0.0.1:53 in 2 ms (zone)`. */
  readonly sentence: string
}

/** @throws UsageError where name or type cannot be asked for */
export function questionOf(qname: string, qtype: string): Question {
  if (/[^\x20-\x7e]/.test(qname)) throw new UsageError(`"${qname}" cannot be asked for`, 'a name is written in ASCII', 'write the "xn--" form of the name')
  const type = parseType(qtype)
  if (type === undefined || (isMetaType(type) && type !== TYPE.ANY)) throw new UsageError(`"${qtype}" cannot be asked for`, 'it is no record type', 'ask for a type such as A, AAAA or TXT')
  return { name: parseName(qname), type, class: CLASS.IN }
}

/** Who told, and how that one knows. */
export interface Told {
  readonly server: string
  readonly tookMs: number
  /** Empty where the server does not say. */
  readonly provenance: string
}

export function resolutionOf(question: Question, finding: Finding, { server, tookMs, provenance }: Told): Resolution {
  const how = `told by ${server} in ${shownMs(tookMs)} ms${provenance === '' ? '' : ` (${provenance})`}`
  return { ...factsOf(question, finding, how), server, tookMs, source: 'server', provenance }
}

/** @param ageMs how long ago it was told */
export function rememberedResolution(question: Question, finding: Finding, ageMs: number): Resolution {
  return { ...factsOf(question, finding, `remembered for ${Math.floor(ageMs / 1000)} s`), server: '', tookMs: 0, source: 'cache', provenance: '' }
}

function factsOf(question: Question, finding: Finding, how: string): Pick<Resolution, 'rcode' | 'records' | 'sentence'> {
  const records = finding.answers.map(({ name, type, ttl, rdata }) => ({ name, type: formatType(type), ttl, data: plainData(type, formatRdata(type, rdata)) }))
  return { rcode: formatRcode(finding.rcode), records, sentence: `${statement(question, finding, records)}, ${how}` }
}

/**
 * What to say when no server could tell.
 * @returns a resolution where a server answered that it cannot (SERVFAIL, REFUSED)
 * @throws HamletError upstream-unreachable or timed-out where none answered at all
 */
export function resolutionOfTroubles(question: Question, troubles: readonly Trouble[], tookMs: number): Resolution {
  const answered = troubles.find(({ kind }) => kind === 'answered')
  if (answered !== undefined) {
    const { upstream: { title: server }, extendedError } = answered
    const rcode = formatRcode(answered.rcode ?? RCODE.SERVFAIL)
    const why = extendedError === undefined || extendedError.text === '' ? rcode : `${rcode}: ${extendedError.text}`
    return { rcode, records: [], server, tookMs, source: 'server', provenance: '', sentence: `${server} could not find out what ${question.name} is (${why}) in ${shownMs(tookMs)} ms` }
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
 * A resolution without what was asked for, as an error: there is none, or the server could not find out.
 * @param wanted `address`, `TXT record`
 */
export function unresolved(name: string, wanted: string, { rcode, sentence, server }: Resolution): HamletError {
  const proof = server === '' ? rcode : `${rcode} from ${server}`
  if (rcode === 'NXDOMAIN' || rcode === 'NOERROR') {
    return new HamletError({
      code: 'name-unknown', what: `No ${wanted} is known for ${name}`, why: sentence,
      remedy: `check the spelling, or register it: start the application server with --domain ${name}, or send REGISTER with it to the DNS server`, proof,
    })
  }
  return new HamletError({ code: 'upstream-unreachable', what: `${name} could not be looked up`, why: sentence, remedy: 'check that the DNS server runs and can reach the one it asks', proof })
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
  const alias = nameKey(owner) === nameKey(name) ? '' : ` by its other name ${owner}`
  return question.type === TYPE.A || question.type === TYPE.AAAA ? `${name} is ${data}${alias}` : `${name} has ${type} ${data}${alias}`
}

/** Names in data without the final dot, as names stand everywhere else here. */
function plainData(type: number, data: string): string {
  const endsInName = type === TYPE.CNAME || type === TYPE.NS || type === TYPE.PTR || type === TYPE.MX || type === TYPE.SRV
  return endsInName && data.endsWith('.') && data.length > 1 && !data.endsWith(' .') ? data.slice(0, -1) : data
}
