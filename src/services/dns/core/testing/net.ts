/** A DNS server and its network, for tests: virtual time, clients that send queries, upstreams played by the test. */
import type { Path } from '../../../kit/endpoint.ts'
import { assert } from '../../../kit/errors.ts'
import { seededRandom } from '../../../kit/random.ts'
import { decodeMessage, encodeMessage, type Message, type ResourceRecord } from '../../wire/message.ts'
import { EntryReader } from '../../wire/presentation.ts'
import { formatRdata, parseRdata } from '../../wire/rdata.ts'
import { CLASS, formatRcode, parseType } from '../../wire/types.ts'
import { Cache, type CacheLimits } from '../answering/cache.ts'
import { ednsOf } from '../../wire/edns.ts'
import { extendedErrorsOf, provenanceOf } from '../../wire/edns-options.ts'
import type { Wanted } from '../forwarding/finding.ts'
import type { UpstreamQuery } from '../forwarding/flight.ts'
import { queryFor } from '../forwarding/query.ts'
import { createRoutes, parseForwarding } from '../forwarding/routes.ts'
import { DnsServer, type DnsEvent } from '../answering/server.ts'
import { parseUpstream } from '../forwarding/upstream.ts'
import { Zone } from '../zone/zone.ts'
import { ZoneMap } from '../forwarding/zone-map.ts'

export const FIRST = '192.0.2.53:53'
export const SECOND = '198.51.100.53:53'
export const CLIENT: Path = { local: { address: '127.0.0.1', port: 53 }, interfaceName: '', peer: { address: '127.0.0.1', port: 40_000 } }

export function record(name: string, type: number, text: string, ttl = 300): ResourceRecord {
  return { name, type, class: CLASS.IN, ttl, rdata: parseRdata(type, new EntryReader(text).next()?.tokens ?? []) }
}

export interface NetOptions {
  readonly upstreams?: readonly string[]
  readonly forward?: readonly string[]
  readonly allowPrivate?: readonly string[]
  readonly randomizeCase?: boolean
  readonly hidesCanaries?: boolean
  readonly cacheLimits?: CacheLimits
  readonly seed?: number
}

/** Options of a client's query. */
export interface AskOptions extends Pick<Wanted, 'dnssecOk' | 'checkingDisabled'> {
  readonly edns?: boolean
  readonly tcp?: boolean
  readonly explain?: boolean
  readonly change?: (query: Message) => Message
}

export class Net {
  nowMs = 0
  readonly zone = new Zone()
  readonly server: DnsServer
  readonly events: Exclude<DnsEvent, { name: 'ask' | 'forget' }>[] = []
  readonly answers: { atMs: number; message: Message; bytes: Uint8Array }[] = []
  readonly sent: { atMs: number; upstreamQuery: UpstreamQuery; query: Message; to: string }[] = []
  readonly over = new Set<UpstreamQuery>()

  constructor({ upstreams = [FIRST], forward = [], allowPrivate = [], cacheLimits, seed = 7, ...others }: NetOptions = {}) {
    const allowed = new ZoneMap<true>()
    for (const zone of allowPrivate) allowed.set(zone, true)
    const routes = createRoutes(upstreams.map(parseUpstream), forward.map(parseForwarding))
    this.server = new DnsServer(this.zone, new Cache(cacheLimits), { routes, allowPrivate: allowed, random: seededRandom(seed), ...others })
  }

  ask(name: string, type = 'A', { edns = true, tcp = false, explain = false, change, ...kind }: AskOptions = {}): this {
    const options = explain ? [{ code: 65_001, bytes: new Uint8Array(0) }] : []
    const plain = queryFor({ name, type: parseType(type) ?? 0, class: CLASS.IN, ...kind }, 77, options)
    const query = change?.(plain) ?? (edns ? plain : { ...plain, additionals: [] })
    return this.bytes(encodeMessage(query), tcp)
  }

  bytes(bytes: Uint8Array, tcp = false): this {
    if (tcp) this.server.receiveOverTcp(bytes, CLIENT, this.nowMs)
    else this.server.receive(bytes, CLIENT, this.nowMs)
    return this.#drain()
  }

  /** The answer from the packet cache; undefined if the query needs full processing. */
  askAtOnce(name: string, type = 'A'): Message | undefined {
    const query = encodeMessage(queryFor({ name, type: parseType(type) ?? 0, class: CLASS.IN }, 77))
    const out = new Uint8Array(1232)
    const length = this.server.answerAtOnce(query, 0, query.length, out, 0, out.length, this.nowMs)
    return length === 0 ? undefined : decodeMessage(out.slice(0, length))
  }

  /** Delivers the upstream's response to the query at this index of `sent`. */
  reply(index: number, answers: readonly ResourceRecord[], change: (message: Message) => Message = message => message): this {
    const { upstreamQuery, query } = this.sending(index)
    const response = change({ ...query, header: { ...query.header, qr: true, ra: true, ad: false }, answers, additionals: [] })
    return this.replyBytes(upstreamQuery, encodeMessage(response))
  }

  replyBytes(upstreamQuery: UpstreamQuery, bytes: Uint8Array): this {
    this.server.receiveReply(bytes, upstreamQuery, this.nowMs)
    return this.#drain()
  }

  refuse(index: number): this {
    this.server.refused(this.sending(index).upstreamQuery, 'refuses', this.nowMs)
    return this.#drain()
  }

  runUntil(atMs: number): this {
    while (this.server.deadlineMs() <= atMs) {
      this.nowMs = Math.max(this.nowMs, this.server.deadlineMs())
      this.server.timeout(this.nowMs)
      this.#drain()
    }
    this.nowMs = atMs
    return this
  }

  sending(index: number): Net['sent'][number] {
    const sending = this.sent[index]
    assert(sending !== undefined, `query ${index} was sent`)
    return sending
  }

  get last() {
    const answer = this.answers[this.answers.length - 1]
    assert(answer !== undefined, 'an answer was given')
    const { atMs, message, bytes } = answer
    const answered = this.events.filter(event => event.name === 'answered').pop()
    const options = ednsOf(message)?.options ?? []
    return {
      atMs, rcode: formatRcode(message.header.rcode), data: message.answers.map(({ type, rdata }) => formatRdata(type, rdata)), source: answered?.source, message, bytes,
      extendedError: extendedErrorsOf(options)[0]?.infoCode, provenance: provenanceOf(options),
    }
  }

  #drain(): this {
    for (const effect of this.server.outbox.splice(0)) {
      if (effect.kind === 'send') this.answers.push({ atMs: this.nowMs, message: decodeMessage(effect.bytes), bytes: effect.bytes })
      if (effect.kind !== 'event') continue
      if (effect.event.name === 'forget') effect.event.queries.forEach(query => this.over.add(query))
      else if (effect.event.name === 'ask') {
        const { query: upstreamQuery } = effect.event
        this.sent.push({ atMs: this.nowMs, upstreamQuery, query: decodeMessage(upstreamQuery.message), to: `${upstreamQuery.upstream.title}${upstreamQuery.overTcp ? ' by TCP' : ''}` })
      } else this.events.push(effect.event)
    }
    return this
  }
}
