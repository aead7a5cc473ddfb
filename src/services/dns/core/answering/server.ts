/**
 * The DNS server as a machine (RFC 1034 §4.3.2): it looks a query up in the zone, then in the cache, and else forwards it.
 *
 *     query → well-formed? → registered? → private? → cached? → forward → answer
 *               │ FORMERR      │ zone        │ NXDOMAIN │ cache  │ upstream, stale or SERVFAIL
 *
 * An alias, registered here or left unresolved by an upstream, may point anywhere: its target takes the same path again.
 */
import type { Path } from '../../../kit/endpoint.ts'
import { assertNever, MalformedPacket } from '../../../kit/errors.ts'
import type { Effect, Machine } from '../../../kit/machine.ts'
import { decodeHeader, decodeMessage, type Header, type Message, type Question, type ResourceRecord } from '../../wire/message.ts'
import { nameKey, ROOT } from '../../wire/name.ts'
import { formatRdata } from '../../wire/rdata.ts'
import { CLASS, isMetaType, OPCODE_QUERY, RCODE, TYPE } from '../../wire/types.ts'
import { EDE, OPTION } from '../../wire/edns-options.ts'
import { ednsOf, UDP_PAYLOAD_BYTES, UDP_PAYLOAD_BYTES_MIN, type Edns } from '../../wire/edns.ts'
import { soaFor } from '../zone/apex.ts'
import type { Authority, AuthorityEvent, Request } from '../admin/authority.ts'
import { AliasChain } from './alias-chain.ts'
import { Cache } from './cache.ts'
import { isCanaryName } from './canary-names.ts'
import { extendedErrorOf, Failures } from '../forwarding/failures.ts'
import { isDiscoveryName } from '../forwarding/private-names.ts'
import { unresolvedTarget, type Finding, type Wanted } from '../forwarding/finding.ts'
import type { UpstreamQuery, Outcome, Trouble } from '../forwarding/flight.ts'
import { Forwarder, type ForwarderEvent, type ForwarderOptions } from '../forwarding/forwarder.ts'
import { PacketCache } from './packet-cache.ts'
import { localhostRecords } from './localhost.ts'
import { explain, type Provenance } from './provenance.ts'
import { withoutPrivateAddresses } from '../forwarding/rebinding.ts'
import { encodeResponse, referral, type ResponseParts } from './response.ts'
import { routeFor, type Routes } from '../forwarding/routes.ts'
import type { SignedRequest } from '../admin/tsig.ts'
import { anyRecord, type Zone } from '../zone/zone.ts'
import type { ZoneMap } from '../forwarding/zone-map.ts'

export type AnswerSource = Provenance['source']

/** In raw form, since most are only counted (query-log.ts); those that are reported are formatted then. */
export interface AnsweredEvent {
  readonly name: 'answered'
  readonly question: Question
  readonly rcode: number
  readonly source: AnswerSource
  readonly path: Path
  readonly tookMs: number
}

export type DnsEvent = ForwarderEvent
  | AuthorityEvent
  | AnsweredEvent
  /** An upstream's answer was cached. */
  | { readonly name: 'cached'; readonly finding: Finding; readonly expiresAtMs: number }
  /** A private address was removed from an upstream's answer for a public name. */
  | { readonly name: 'filtered'; readonly qname: string; readonly data: string; readonly upstream: string }

const TCP_BYTES_MAX = 65_535
const FROM_ZONE: Provenance = { source: 'zone' }
const NO_ANSWER: Provenance = { source: 'none' }

/** A query on its way to an answer. */
interface Query {
  /** As received; the buffer is borrowed, and valid only while the query is being received. */
  readonly bytes: Uint8Array
  readonly header: Header
  readonly question: Question
  readonly edns: Edns | undefined
  /** It has the option that asks where the answer came from. */
  readonly wantsProvenance: boolean
  /** It came over TCP and asks how long its connection may be idle. */
  readonly wantsKeepalive: boolean
  readonly signed: SignedRequest | undefined
  readonly path: Path
  readonly limitBytes: number
  readonly receivedAtMs: number
  readonly chain: AliasChain
}

export interface DnsServerOptions extends ForwarderOptions {
  /** The upstreams for names that are not known here. */
  readonly routes: Routes
  /** Zones whose names may have private addresses in upstream answers. */
  readonly allowPrivate?: ZoneMap<true>
  /** Answer that canary names (canary-names.ts) do not exist. */
  readonly hidesCanaries?: boolean
  /** Handles updates, transfers and signatures; without it they are not implemented. */
  readonly authority?: Authority
}

export class DnsServer implements Machine<DnsEvent> {
  readonly outbox: Effect<DnsEvent>[] = []
  readonly #forwarder: Forwarder<Query>
  readonly #packetCache = new PacketCache()
  /** The generation of the zone that the packet cache reflects. */
  #packetCacheGeneration = 0
  readonly #failures = new Failures()
  readonly zone: Zone
  readonly cache: Cache
  readonly options: DnsServerOptions

  constructor(zone: Zone, cache: Cache, options: DnsServerOptions) {
    this.zone = zone
    this.cache = cache
    this.options = options
    this.#forwarder = new Forwarder(options)
  }

  /**
   * Answers the query in `query[at..at+length)` from the packet cache into `out[outAt…)`, which has `roomBytes`.
   * @returns the answer's length; 0 if the query has to go to `receive`
   */
  answerAtOnce(query: Uint8Array, at: number, length: number, out: Uint8Array, outAt: number, roomBytes: number, nowMs: number): number {
    if (this.#packetCacheGeneration !== this.zone.generation) this.#clearPacketCache()
    return this.#packetCache.answer(query, at, length, out, outAt, roomBytes, nowMs)
  }

  /** Empties the cache. @returns the number of answers removed */
  flush(): number {
    this.#clearPacketCache()
    return this.cache.flush()
  }

  /** A query that came over UDP. */
  receive(bytes: Uint8Array, path: Path, nowMs: number): void {
    this.#receiveQuery(bytes, path, UDP_PAYLOAD_BYTES_MIN, nowMs)
  }

  /** A query that came over TCP, where an answer may have any length. */
  receiveOverTcp(bytes: Uint8Array, path: Path, nowMs: number): void {
    this.#receiveQuery(bytes, path, TCP_BYTES_MAX, nowMs)
  }

  /** A message that came back for an upstream query in the outbox. */
  receiveReply(bytes: Uint8Array, query: UpstreamQuery, nowMs: number): void {
    this.#forwarder.receive(bytes, query, nowMs)
    this.#takeSettled(nowMs)
  }

  /** An upstream query could not be delivered. */
  refused(query: UpstreamQuery, why: string, nowMs: number): void {
    this.#forwarder.refused(query, why, nowMs)
    this.#takeSettled(nowMs)
  }

  /** The result of an update that an `updateAsked` event requested (authority.ts). */
  answerUpdate(request: Request, rcode: number): void {
    this.options.authority?.answerUpdate(request, rcode)
    this.#takeFromAuthority()
  }

  timeout(nowMs: number): void {
    this.#forwarder.timeout(nowMs)
    this.#takeSettled(nowMs)
  }

  deadlineMs(): number {
    return this.#forwarder.deadlineMs()
  }

  #receiveQuery(bytes: Uint8Array, path: Path, limitBytes: number, nowMs: number): void {
    let message: Message
    let edns: Edns | undefined
    let signed: SignedRequest | undefined
    try {
      if (decodeHeader(bytes).qr) return // A response that nobody asked for: answering it could start an endless exchange.
      message = decodeMessage(bytes)
      edns = ednsOf(message)
      signed = this.options.authority?.verify(bytes, message)
    } catch (error) {
      if (!(error instanceof MalformedPacket)) throw error
      return this.#refuseMalformed(bytes, path)
    }
    const overTcp = limitBytes === TCP_BYTES_MAX
    const granted = overTcp ? TCP_BYTES_MAX : Math.min(edns?.udpPayloadBytes ?? UDP_PAYLOAD_BYTES_MIN, UDP_PAYLOAD_BYTES)
    if (this.options.authority?.take({ message, edns, signed, path, overTcp, limitBytes: granted }) === true) return this.#takeFromAuthority()
    const [question, second] = message.questions
    if (question === undefined || second !== undefined || message.header.opcode !== OPCODE_QUERY) return this.#refuseMalformed(bytes, path, edns)
    const asks = (option: number) => edns?.options.some(({ code }) => code === option) === true
    const query: Query = {
      bytes, header: message.header, question, edns, signed, path, limitBytes: granted, receivedAtMs: nowMs, chain: new AliasChain(question.name),
      wantsProvenance: asks(OPTION.PROVENANCE), wantsKeepalive: overTcp && asks(OPTION.KEEPALIVE),
    }
    if (edns !== undefined && edns.version !== 0) this.#answer(query, { rcode: RCODE.BADVERS }, NO_ANSWER, nowMs)
    else if (question.class !== CLASS.IN || (isMetaType(question.type) && question.type !== TYPE.ANY)) this.#answer(query, { rcode: RCODE.REFUSED }, NO_ANSWER, nowMs)
    else this.#resolve(query, nowMs)
    this.#takeSettled(nowMs)
  }

  #takeFromAuthority(): void {
    this.outbox.push(...this.options.authority?.outbox.splice(0) ?? [])
  }

  /** Answers NOTIMP or FORMERR (RFC 1035 §4.1.1), with EDNS if the query has it (RFC 6891 §6.1.1); nothing without a header. */
  #refuseMalformed(bytes: Uint8Array, path: Path, edns?: Edns): void {
    if (bytes.length < 12) return
    const header = decodeHeader(bytes)
    const rcode = header.opcode === OPCODE_QUERY ? RCODE.FORMERR : RCODE.NOTIMP
    this.outbox.push({ kind: 'send', path, bytes: encodeResponse({ header, questions: [], edns }, { rcode }, UDP_PAYLOAD_BYTES_MIN) })
  }

  #resolve(query: Query, nowMs: number): void {
    const known = this.zone.lookup(query.chain.end, query.question.type)
    if (known === undefined) return this.#resolveElsewhere(query, nowMs)
    switch (known.kind) {
      case 'records': return this.#answer(query, { rcode: RCODE.NOERROR, aa: true, answers: known.records }, FROM_ZONE, nowMs)
      case 'nodata': return this.#answer(query, { rcode: RCODE.NOERROR, aa: true, authorities: [known.soa] }, FROM_ZONE, nowMs)
      case 'nxdomain': return this.#answer(query, { rcode: RCODE.NXDOMAIN, aa: true, authorities: [known.soa] }, FROM_ZONE, nowMs)
      case 'alias': return this.#follow(query, [known.record], 'zone', nowMs)
      case 'redirection':
        if (known.alias === undefined) return this.#answer(query, { rcode: RCODE.YXDOMAIN, aa: true, answers: [known.dname] }, FROM_ZONE, nowMs)
        return this.#follow(query, [known.dname, known.alias], 'zone', nowMs)
      case 'referral': return this.#answer(query, referral(known, query.edns), FROM_ZONE, nowMs)
      default: assertNever(known)
    }
  }

  #follow(query: Query, aliases: readonly ResourceRecord[], from: 'zone' | 'upstream', nowMs: number): void {
    if (query.chain.follow(aliases, from)) this.#resolve(query, nowMs)
    else this.#answer(query, { rcode: RCODE.SERVFAIL }, NO_ANSWER, nowMs)
  }

  #resolveElsewhere(query: Query, nowMs: number): void {
    const { header, edns, question, chain: { end: qname, records: aliases } } = query
    // In lower case for the cache and the table of names; each client gets its own case back (RFC 4343 §4).
    const wanted: Wanted = { name: nameKey(qname), type: question.type, class: question.class, dnssecOk: edns?.dnssecOk === true, checkingDisabled: header.cd }
    const { zone, value: group } = routeFor(this.options.routes, qname, question.type)
    if (group === undefined) return this.#answerLocalZone(query, zone, nowMs)
    if (wanted.type === TYPE.ANY) return this.#answer(query, { rcode: RCODE.NOERROR, answers: [anyRecord(qname)] }, NO_ANSWER, nowMs)
    if (this.options.hidesCanaries === true && isCanaryName(qname)) return this.#answer(query, { rcode: RCODE.NXDOMAIN, aa: true, authorities: [soaFor(qname)] }, FROM_ZONE, nowMs)
    const cached = this.cache.get(wanted, nowMs)
    if (cached !== undefined) {
      if (cached.shouldPrefetch && header.rd) this.#forwarder.prefetch(wanted, group, nowMs)
      return this.#answerFinding(query, cached.finding, { source: 'cache', ageMs: cached.ageMs, upstream: cached.upstream }, nowMs, cached.quietUntilMs)
    }
    // Without recursion an alias alone is an answer (RFC 1034 §4.3.2): the client follows it itself.
    if (!header.rd) return this.#answer(query, { rcode: aliases.length === 0 ? RCODE.REFUSED : RCODE.NOERROR }, NO_ANSWER, nowMs)
    const troubles = this.#failures.get(wanted, nowMs)
    if (troubles !== undefined) return this.#answerStale(query, wanted, troubles, nowMs)
    const stale = this.cache.stale(wanted, nowMs)
    if (stale?.refreshFailed === true || !this.#forwarder.ask(wanted, group, query, stale !== undefined, nowMs)) this.#answerStale(query, wanted, [], nowMs)
  }

  /** A zone that is not forwarded: its unregistered names do not exist, except localhost and discovery names. */
  #answerLocalZone(query: Query, zone: string, nowMs: number): void {
    const local = localhostRecords(query.chain.end, query.question.type)
    if (local !== undefined) return this.#answer(query, { rcode: RCODE.NOERROR, aa: true, answers: local, authorities: local.length === 0 ? [soaFor(zone)] : [] }, FROM_ZONE, nowMs)
    const { end } = query.chain
    const exists = nameKey(end) === nameKey(zone) || this.zone.hasBelow(end) || isDiscoveryName(end)
    this.#answer(query, { rcode: exists ? RCODE.NOERROR : RCODE.NXDOMAIN, aa: true, authorities: [soaFor(zone)] }, FROM_ZONE, nowMs)
  }

  #takeSettled(nowMs: number): void {
    const { settled, outbox } = this.#forwarder
    for (const { wanted, waiters, outcome } of settled) this.#settle(wanted, waiters, outcome, nowMs)
    for (const effect of outbox) this.outbox.push(effect)
    settled.length = 0
    outbox.length = 0
  }

  #settle(wanted: Wanted, waiters: readonly Query[], outcome: Outcome, nowMs: number): void {
    if (outcome.kind !== 'found') {
      const troubles = outcome.kind === 'failed' ? outcome.troubles : []
      if (outcome.kind === 'failed') {
        this.cache.refreshFailed(wanted, nowMs)
        this.#failures.add(wanted, troubles, nowMs)
      }
      for (const query of waiters) this.#answerStale(query, wanted, troubles, nowMs)
      return
    }
    const { upstream, tookMs } = outcome
    const finding = this.#filtered(wanted.name, outcome.finding, upstream.title)
    const expiresAtMs = this.cache.put(wanted, finding, upstream.title, nowMs)
    if (expiresAtMs !== undefined) this.outbox.push({ kind: 'event', event: { name: 'cached', finding, expiresAtMs } })
    for (const query of waiters) this.#answerFinding(query, finding, { source: 'upstream', upstream: upstream.title, tookMs }, nowMs)
  }

  /** Removes private addresses from a finding for a public name. */
  #filtered(name: string, finding: Finding, upstream: string): Finding {
    const filtered = withoutPrivateAddresses(finding)
    if (filtered === undefined || this.#mayBePrivate(name)) return finding
    const { type, rdata } = filtered.record
    this.outbox.push({ kind: 'event', event: { name: 'filtered', qname: name, data: formatRdata(type, rdata), upstream } })
    return filtered.finding
  }

  #mayBePrivate(name: string): boolean {
    return this.options.allowPrivate?.longestMatch(name) !== undefined || this.options.routes.longestMatch(name)?.zone !== ROOT
  }

  #answerStale(query: Query, wanted: Wanted, troubles: readonly Trouble[], nowMs: number): void {
    const stale = this.cache.stale(wanted, nowMs)
    if (stale === undefined) return this.#answer(query, { rcode: RCODE.SERVFAIL, extendedError: extendedErrorOf(troubles) }, NO_ANSWER, nowMs)
    this.#answerFinding(query, stale.finding, { source: 'stale', ageMs: stale.ageMs, upstream: stale.upstream }, nowMs)
  }

  #answerFinding(query: Query, known: Finding, provenance: Extract<Provenance, { upstream: string }>, nowMs: number, holdsUntilMs = 0): void {
    const { chain, question: { type } } = query
    const finding = chain.publicName === undefined ? known : this.#filtered(chain.publicName, known, provenance.upstream)
    const target = unresolvedTarget(finding, type)
    if (target !== undefined && this.#mayFollow(chain, target, type)) {
      chain.holdsUntilMs = Math.min(chain.holdsUntilMs, holdsUntilMs)
      return this.#follow(query, finding.answers, 'upstream', nowMs)
    }
    const { rcode, answers, authorities, authentic } = finding
    const stale = rcode === RCODE.NXDOMAIN ? EDE.STALE_NXDOMAIN_ANSWER : EDE.STALE_ANSWER
    const extendedError = finding.filtered === true ? { infoCode: EDE.FILTERED, text: 'a private address was removed' }
      : provenance.source === 'stale' ? { infoCode: stale, text: '' } : undefined
    const wantsAd = query.header.ad || query.edns?.dnssecOk === true
    this.#answer(query, { rcode, answers, authorities, ad: authentic && wantsAd && chain.records.length === 0, extendedError }, provenance, nowMs, holdsUntilMs)
  }

  /** Whether to follow an upstream's alias. One from a public name into this network would be DNS rebinding. */
  #mayFollow(chain: AliasChain, target: string, type: number): boolean {
    if (chain.publicName === undefined && !this.#mayBePrivate(chain.end)) chain.publicName = chain.end
    return chain.publicName === undefined || (this.zone.lookup(target, type) === undefined && this.options.routes.longestMatch(target)?.value !== undefined)
  }

  /** @param holdsUntilMs until when the encoded answer may be reused; Infinity: until the zone changes */
  #answer(query: Query, parts: ResponseParts, provenance: Provenance, nowMs: number, holdsUntilMs = provenance === FROM_ZONE ? Infinity : 0): void {
    const { header, question, edns, signed, path, chain } = query
    // A failure to find the end of a chain does not include the chain.
    const aliases = parts.rcode === RCODE.SERVFAIL ? [] : chain.records
    const { aa = false, answers = [] } = parts
    const explained = query.wantsProvenance ? explain(provenance) : undefined
    const known = aliases.length === 0 ? { aa, answers } : { aa: chain.isAuthoritative, answers: [...aliases, ...answers] }
    const whole = { ...parts, ...known, provenance: explained, includesKeepalive: query.wantsKeepalive }
    const room = query.limitBytes - (signed?.signature.octets ?? 0)
    const bytes = encodeResponse({ header, questions: [question], edns }, whole, room)
    this.outbox.push({ kind: 'send', path, bytes: this.options.authority?.sign(bytes, signed?.signature) ?? bytes })
    const untilMs = Math.min(holdsUntilMs, chain.holdsUntilMs)
    if (untilMs > nowMs && signed === undefined) this.#putInPacketCache(query, bytes, untilMs, nowMs)
    this.outbox.push({ kind: 'event', event: { name: 'answered', question, rcode: parts.rcode, source: provenance.source, path, tookMs: nowMs - query.receivedAtMs } })
  }

  #putInPacketCache(query: Query, response: Uint8Array, holdsUntilMs: number, nowMs: number): void {
    if (this.#packetCacheGeneration !== this.zone.generation) this.#clearPacketCache()
    this.#packetCache.put(query.bytes, response, holdsUntilMs, nowMs)
  }

  #clearPacketCache(): void {
    this.#packetCache.clear()
    this.#packetCacheGeneration = this.zone.generation
  }
}
