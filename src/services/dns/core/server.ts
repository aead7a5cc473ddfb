/**
 * The DNS server as a machine (RFC 1034 §4.3.2): a query is looked up in the zone, then in the cache, then forwarded.
 *
 *     query → readable? → one of ours? → private? → remembered? → forward → answer
 *               │ FORMERR    │ zone         │ NXDOMAIN   │ cache       │ upstream, stale or SERVFAIL
 *
 * A CNAME registered here may lead anywhere: its target goes the same way again.
 */
import type { Path } from '../../kit/endpoint.ts'
import { formatEndpoint } from '../../kit/endpoint.ts'
import { assertNever, MalformedPacket } from '../../kit/errors.ts'
import type { Effect, Machine } from '../../kit/machine.ts'
import { decodeHeader, decodeMessage, type Message, type Question, type ResourceRecord } from '../wire/message.ts'
import { nameKey } from '../wire/name.ts'
import { CLASS, formatRcode, formatType, isMetaType, OPCODE_QUERY, RCODE, TYPE } from '../wire/types.ts'
import { ednsOf, UDP_PAYLOAD_BYTES, UDP_PAYLOAD_BYTES_MIN, type Edns } from '../wire/edns.ts'
import type { Authority, AuthorityEvent, Request } from './authority.ts'
import { Cache } from './cache.ts'
import { isCanaryName } from './canary-names.ts'
import { targetOf, type Finding } from './finding.ts'
import { HotAnswers } from './hot-answers.ts'
import { Forwarder, type ForwarderEvent, type ForwarderOptions, type Settled, type UpstreamWay } from './forwarder.ts'
import { privateZoneOf } from './private-names.ts'
import { encodeResponse, type ResponseParts } from './response.ts'
import type { SignedRequest } from './tsig.ts'
import { soaFor } from './apex.ts'
import { anyRecord, type Zone } from './zone.ts'

export type AnswerSource = 'zone' | 'cache' | 'stale' | 'upstream' | 'none'

export interface AnsweredEvent {
  readonly name: 'answered'
  readonly qname: string
  readonly qtype: string
  readonly rcode: string
  readonly source: AnswerSource
  readonly client: string
  readonly tookMs: number
}

export type DnsEvent = ForwarderEvent
  | AuthorityEvent
  | AnsweredEvent
  /** An upstream's answer is remembered until then. */
  | { readonly name: 'cached'; readonly finding: Finding; readonly expiresAtMs: number }

/** A CNAME chain through the zone ends at this length: nobody means a longer one. */
const ALIASES_MAX = 8
const TCP_BYTES_MAX = 65_535

export interface DnsServerOptions extends ForwarderOptions {
  /** Canary names (canary-names.ts) do not exist. */
  readonly hidesCanaries?: boolean
  /** Takes updates, transfers and signatures; without it they are not implemented. */
  readonly authority?: Authority
}

/** A query on its way to an answer. */
interface Query {
  /** As it came; only lent, so of use only while it is being received. */
  readonly bytes: Uint8Array
  readonly message: Message
  readonly question: Question
  readonly edns: Edns | undefined
  readonly signed: SignedRequest | undefined
  readonly path: Path
  readonly limitBytes: number
  readonly receivedAtMs: number
  /** Aliases found so far. */
  readonly chain: ResourceRecord[]
  /** The name that is looked for now. */
  qname: string
}

export class DnsServer implements Machine<DnsEvent> {
  readonly outbox: Effect<DnsEvent>[] = []
  readonly #forwarder: Forwarder<Query>
  readonly #hot = new HotAnswers()
  /** The zone's, when the hot answers began. */
  #hotGeneration = 0
  readonly #hidesCanaries: boolean
  readonly #authority: Authority | undefined
  readonly zone: Zone
  readonly cache: Cache

  constructor(zone: Zone, cache: Cache, options: DnsServerOptions) {
    this.#hidesCanaries = options.hidesCanaries ?? false
    this.#authority = options.authority
    this.zone = zone
    this.cache = cache
    this.#forwarder = new Forwarder(options)
  }

  /**
   * Answers at once what was asked and answered before: from `query[at..at+length)` into `out[outAt…)`, which has `roomBytes`.
   * @returns the answer's length; 0 where `receive` has to see the query
   */
  answerAtOnce(query: Uint8Array, at: number, length: number, out: Uint8Array, outAt: number, roomBytes: number, nowMs: number): number {
    if (this.#hotGeneration !== this.zone.generation) this.#forgetHot()
    return this.#hot.answer(query, at, length, out, outAt, roomBytes, nowMs)
  }

  /** Empties the cache. @returns how many answers were forgotten */
  flush(): number {
    this.#forgetHot()
    return this.cache.flush()
  }

  /** A datagram: a client's query, or an upstream's answer on a way that the outbox opened. */
  receive(bytes: Uint8Array, path: Path, nowMs: number): void {
    if (this.#forwarder.wayOf(path) !== undefined) this.#receiveReply(bytes, path, nowMs)
    else this.#receiveQuery(bytes, path, UDP_PAYLOAD_BYTES_MIN, nowMs)
  }

  /** A query that came over TCP: its answer may have any length. */
  receiveOverTcp(bytes: Uint8Array, path: Path, nowMs: number): void {
    this.#receiveQuery(bytes, path, TCP_BYTES_MAX, nowMs)
  }

  /** The system says that a way of the outbox leads nowhere. */
  refused(path: Path, why: string, nowMs: number): void {
    this.#forwarder.refused(path, why)
    this.#takeSettled(nowMs)
  }

  timeout(nowMs: number): void {
    this.#forwarder.timeout(nowMs)
    this.#takeSettled(nowMs)
  }

  deadlineMs(): number {
    return this.#forwarder.deadlineMs()
  }

  /** The answer to an update that `updateAsked` told of; authority.ts says when. */
  answerUpdate(request: Request, rcode: number): void {
    this.#authority?.answerUpdate(request, rcode)
    this.outbox.push(...this.#authority?.outbox.splice(0) ?? [])
  }

  /** How something in the outbox has to travel: to a client as it came, or to an upstream by a socket of its own. */
  wayOf(path: Path): UpstreamWay | 'client' {
    return this.#forwarder.wayOf(path) ?? 'client'
  }

  #receiveReply(bytes: Uint8Array, path: Path, nowMs: number): void {
    try {
      this.#forwarder.receive(bytes, path)
    } catch (error) {
      // What cannot be read may be forged: the true answer may still come.
      if (!(error instanceof MalformedPacket)) throw error
    }
    this.#takeSettled(nowMs)
  }

  #receiveQuery(bytes: Uint8Array, path: Path, limitBytes: number, nowMs: number): void {
    let message: Message
    let edns: Edns | undefined
    let signed: SignedRequest | undefined
    try {
      if (decodeHeader(bytes).qr) return // A response to nobody's question: answering it could go on for ever.
      message = decodeMessage(bytes)
      edns = ednsOf(message)
      signed = this.#authority?.verify(bytes, message)
    } catch (error) {
      if (!(error instanceof MalformedPacket)) throw error
      return this.#refuseUnreadable(bytes, path)
    }
    const granted = limitBytes === TCP_BYTES_MAX ? TCP_BYTES_MAX : Math.min(edns?.udpPayloadBytes ?? UDP_PAYLOAD_BYTES_MIN, UDP_PAYLOAD_BYTES)
    if (this.#authority?.take({ message, edns, signed, path, overTcp: limitBytes === TCP_BYTES_MAX, limitBytes: granted }) === true) {
      this.outbox.push(...this.#authority.outbox.splice(0))
      return
    }
    const [question, second] = message.questions
    if (question === undefined || second !== undefined || message.header.opcode !== OPCODE_QUERY) return this.#refuseUnreadable(bytes, path)
    const query: Query = { bytes, message, question, edns, signed, path, limitBytes: granted, receivedAtMs: nowMs, chain: [], qname: question.name }
    if (edns !== undefined && edns.version !== 0) this.#answer(query, { rcode: RCODE.BADVERS }, 'none', nowMs)
    else if (question.class !== CLASS.IN || (isMetaType(question.type) && question.type !== TYPE.ANY)) this.#answer(query, { rcode: RCODE.REFUSED }, 'none', nowMs)
    else this.#resolve(query, nowMs)
    this.#takeSettled(nowMs)
  }

  /** The header alone, with NOTIMP for another opcode and FORMERR else (RFC 1035 §4.1.1); what has no header gets nothing. */
  #refuseUnreadable(bytes: Uint8Array, path: Path): void {
    if (bytes.length < 12) return
    const header = decodeHeader(bytes)
    const rcode = header.opcode === OPCODE_QUERY ? RCODE.FORMERR : RCODE.NOTIMP
    this.outbox.push({ kind: 'send', path, bytes: encodeResponse({ header, questions: [], edns: undefined }, { rcode }, UDP_PAYLOAD_BYTES_MIN) })
  }

  #resolve(query: Query, nowMs: number): void {
    while (query.chain.length < ALIASES_MAX) {
      const known = this.zone.lookup(query.qname, query.question.type)
      if (known === undefined) return this.#resolveElsewhere(query, nowMs)
      switch (known.kind) {
        case 'records': return this.#answer(query, { rcode: RCODE.NOERROR, aa: true, answers: known.records }, 'zone', nowMs, Infinity)
        case 'nodata': return this.#answer(query, { rcode: RCODE.NOERROR, aa: true, soa: known.soa }, 'zone', nowMs, Infinity)
        case 'nxdomain': return this.#answer(query, { rcode: RCODE.NXDOMAIN, aa: true, soa: known.soa }, 'zone', nowMs, Infinity)
        case 'alias':
          query.chain.push(known.record)
          query.qname = targetOf(known.record)
          break
        default: assertNever(known)
      }
    }
    this.#answer(query, { rcode: RCODE.SERVFAIL }, 'none', nowMs)
  }

  #resolveElsewhere(query: Query, nowMs: number): void {
    const wanted = { ...query.question, name: query.qname }
    const privateZone = privateZoneOf(query.qname)
    if (privateZone !== undefined) {
      const exists = nameKey(query.qname) === privateZone || this.zone.hasBelow(query.qname)
      return this.#answer(query, { rcode: exists ? RCODE.NOERROR : RCODE.NXDOMAIN, aa: true, soa: soaFor(privateZone) }, 'zone', nowMs, Infinity)
    }
    if (wanted.type === TYPE.ANY) return this.#answer(query, { rcode: RCODE.NOERROR, answers: [anyRecord(query.qname)] }, 'none', nowMs)
    if (this.#hidesCanaries && isCanaryName(query.qname)) return this.#answer(query, { rcode: RCODE.NXDOMAIN, aa: true, soa: soaFor(query.qname) }, 'zone', nowMs, Infinity)
    const cached = this.cache.get(wanted, nowMs)
    if (cached !== undefined) return this.#answer(query, cached, 'cache', nowMs, this.cache.freshUntilMs(wanted))
    if (!query.message.header.rd) return this.#answer(query, { rcode: RCODE.REFUSED }, 'none', nowMs)
    const hasStale = this.cache.stale(wanted, nowMs) !== undefined
    if (!this.#forwarder.ask(wanted, query, hasStale, nowMs)) this.#answerStale(query, wanted, nowMs)
  }

  #takeSettled(nowMs: number): void {
    for (const { question, waiters, outcome } of this.#forwarder.settled.splice(0)) this.#settle(question, waiters, outcome, nowMs)
    this.outbox.push(...this.#forwarder.outbox.splice(0))
  }

  #settle(question: Question, waiters: readonly Query[], outcome: Settled<Query>['outcome'], nowMs: number): void {
    if (outcome.kind !== 'found') {
      for (const query of waiters) this.#answerStale(query, question, nowMs)
      return
    }
    const expiresAtMs = this.cache.put(question, outcome.finding, nowMs)
    if (expiresAtMs !== undefined) this.outbox.push({ kind: 'event', event: { name: 'cached', finding: outcome.finding, expiresAtMs } })
    for (const query of waiters) this.#answer(query, outcome.finding, 'upstream', nowMs)
  }

  #answerStale(query: Query, question: Question, nowMs: number): void {
    const stale = this.cache.stale(question, nowMs)
    if (stale !== undefined) this.#answer(query, stale, 'stale', nowMs)
    else this.#answer(query, { rcode: RCODE.SERVFAIL }, 'none', nowMs)
  }

  /** @param holdsUntilMs until when the whole answer may be given again as it is; Infinity: until the zone changes */
  #answer(query: Query, parts: ResponseParts, source: AnswerSource, nowMs: number, holdsUntilMs = 0): void {
    const { message, question, edns, signed, path } = query
    const answers = [...query.chain, ...parts.answers ?? []]
    const room = query.limitBytes - (signed?.signature.octets ?? 0)
    const bytes = encodeResponse({ header: message.header, questions: [question], edns }, { ...parts, aa: parts.aa ?? query.chain.length > 0, answers }, room)
    this.outbox.push({ kind: 'send', path, bytes: this.#authority?.sign(bytes, signed?.signature) ?? bytes })
    if (holdsUntilMs > nowMs && signed === undefined) this.#remember(query, bytes, holdsUntilMs, nowMs)
    this.outbox.push({ kind: 'event', event: {
      name: 'answered', qname: question.name, qtype: formatType(question.type), rcode: formatRcode(parts.rcode), source,
      client: formatEndpoint(path.peer), tookMs: nowMs - query.receivedAtMs,
    } })
  }

  #remember(query: Query, response: Uint8Array, holdsUntilMs: number, nowMs: number): void {
    if (this.#hotGeneration !== this.zone.generation) this.#forgetHot()
    this.#hot.remember(query.bytes, response, holdsUntilMs, nowMs)
  }

  #forgetHot(): void {
    this.#hot.forget()
    this.#hotGeneration = this.zone.generation
  }
}
