/**
 * Asks upstream servers what is not known here. One question is one flight, however many clients wait for it; a flight sends
 * its query to one upstream after the other until one answers or 3.8 s are over.
 *
 *     0 s        0.4          1.2      1.8          2.8          3.8
 *     send #1    send #2      send #3  stale answer send #4      failed
 *
 * Each sending has an id of its own and a way (socket, source port) of its own, so who wants to forge an answer has to guess
 * 32 bits (RFC 5452). A late answer to an earlier sending is as good as one to the last.
 */
import { formatEndpoint, type Endpoint, type Path } from '../../kit/endpoint.ts'
import type { Effect } from '../../kit/machine.ts'
import { below, type Random } from '../../kit/random.ts'
import { optRecord } from '../wire/edns.ts'
import { decodeMessage, encodeMessage, type Message, type Question } from '../wire/message.ts'
import { nameKey } from '../wire/name.ts'
import { formatRcode, OPCODE_QUERY, RCODE } from '../wire/types.ts'
import { answersQuestion, readFinding, type Finding } from './finding.ts'

/** How long after the first sending the others follow, how long a stale answer waits, and when a flight has failed. */
export interface ForwarderTimings {
  readonly sendAgainAtMs: readonly number[]
  readonly staleAtMs: number
  readonly failAtMs: number
}
export const FORWARDER_TIMINGS: ForwarderTimings = { sendAgainAtMs: [400, 1200, 2800], staleAtMs: 1800, failAtMs: 3800 }

export const FLIGHTS_MAX = 512
export const WAITERS_MAX = 8192

/** By TCP, where the answer was too large for UDP. */
export type UpstreamWay = 'upstream-udp' | 'upstream-tcp'

export type ForwarderEvent =
  /** What was sent on these ways is answered or given up. */
  | { readonly name: 'waysDone'; readonly paths: readonly Path[] }
  /** No upstream could tell anything: why; undefined: one answers again. */
  | { readonly name: 'upstream'; readonly trouble: string | undefined }

/** What became of a question, with all who waited. */
export interface Settled<Waiter> {
  readonly question: Question
  readonly waiters: readonly Waiter[]
  /** `slow`: no answer yet, take a stale one; `failed`: none will come. */
  readonly outcome:
    | { readonly kind: 'found'; readonly finding: Finding; readonly upstream: Endpoint }
    | { readonly kind: 'slow' }
    | { readonly kind: 'failed'; readonly troubles: readonly Trouble[] }
}

/** Why an upstream could not help. */
export interface Trouble {
  readonly upstream: Endpoint
  readonly kind: 'silent' | 'unreachable' | 'answered'
  /** `answers SERVFAIL`: the sentence's end. */
  readonly why: string
  /** What it answered instead of a finding. */
  readonly rcode?: number
}

interface Sending {
  readonly id: number
  readonly upstream: Endpoint
  readonly overTcp: boolean
  /** Refused, or answered with nothing of use. */
  over: boolean
}

interface Flight<Waiter> {
  readonly question: Question
  readonly startedAtMs: number
  waiters: Waiter[]
  hasStale: boolean
  readonly sendings: Map<Path, Sending>
  /** Which upstreams have said or shown that they cannot help, and how. */
  readonly troubles: Map<Endpoint, Trouble>
  /** Index of the next entry of `sendAgainAtMs`. */
  nextSending: number
  nextUpstream: number
}

export interface ForwarderOptions {
  readonly upstreams: readonly Endpoint[]
  readonly random: Random
  readonly timings?: ForwarderTimings
}

/** Where an upstream sending leaves from: any address, any free port, one socket for each. */
const ANY_LOCAL = { ipv4: { address: '0.0.0.0', port: 0 }, ipv6: { address: '::', port: 0 } } as const

export class Forwarder<Waiter> {
  readonly outbox: Effect<ForwarderEvent>[] = []
  /** What was decided since the owner looked last; the owner takes all of it after each input. */
  readonly settled: Settled<Waiter>[] = []
  readonly #flights = new Map<string, Flight<Waiter>>()
  readonly #flightOf = new Map<Path, Flight<Waiter>>()
  /** Every way ever taken, for as long as somebody holds it: what comes late on one is still no client's query. */
  readonly #ways = new WeakMap<Path, UpstreamWay>()
  readonly #timings: ForwarderTimings
  #waiterCount = 0
  #preferred = 0
  #trouble: string | undefined
  readonly options: ForwarderOptions

  constructor(options: ForwarderOptions) {
    this.options = options
    this.#timings = options.timings ?? FORWARDER_TIMINGS
  }

  /** How a message of this forwarder travels; undefined for a way that is not its own. */
  wayOf(path: Path): UpstreamWay | undefined {
    return this.#ways.get(path)
  }

  /**
   * Finds out, for one who waits.
   * @param hasStale an expired answer is there: settle as `slow` when time is up for it
   * @returns false where too much is under way already, or there is no upstream
   */
  ask(question: Question, waiter: Waiter, hasStale: boolean, nowMs: number): boolean {
    const key = keyOf(question)
    const known = this.#flights.get(key)
    if (this.#waiterCount >= WAITERS_MAX || this.options.upstreams.length === 0 || (known === undefined && this.#flights.size >= FLIGHTS_MAX)) return false
    this.#waiterCount++
    if (known !== undefined) {
      known.waiters.push(waiter)
      known.hasStale ||= hasStale
      if (known.hasStale && nowMs >= known.startedAtMs + this.#timings.staleAtMs) this.#settle(known, { kind: 'slow' })
      return true
    }
    const flight: Flight<Waiter> = { question, startedAtMs: nowMs, waiters: [waiter], hasStale, sendings: new Map(), troubles: new Map(), nextSending: 0, nextUpstream: this.#preferred }
    this.#flights.set(key, flight)
    this.#send(flight)
    return true
  }

  /** A datagram or a TCP message that came on a way of this forwarder. What does not answer its question is ignored. */
  receive(bytes: Uint8Array, path: Path): void {
    const flight = this.#flightOf.get(path)
    const sending = flight?.sendings.get(path)
    if (flight === undefined || sending === undefined || sending.over) return
    const message = decodeMessage(bytes)
    const { id, qr, tc, rcode } = message.header
    if (id !== sending.id) return
    // Some servers leave the question out where they could not read it; that is trouble, and never an answer.
    const bare = qr && message.questions.length === 0 && rcode !== RCODE.NOERROR
    if (!bare && !answersQuestion(message, flight.question)) return
    sending.over = true
    if (tc && !sending.overTcp) return this.#transmit(flight, sending.upstream, true)
    const finding = bare ? undefined : readFinding(message, flight.question)
    if (finding === undefined) return this.#fails(flight, { upstream: sending.upstream, kind: 'answered', why: `answers ${formatRcode(rcode)}`, rcode })
    this.#preferred = this.options.upstreams.indexOf(sending.upstream)
    this.#report(undefined)
    this.#settle(flight, { kind: 'found', finding, upstream: sending.upstream })
    this.#land(flight)
  }

  /** The system says that nobody listens there, or that no way leads there. */
  refused(path: Path, why: string): void {
    const flight = this.#flightOf.get(path)
    const sending = flight?.sendings.get(path)
    if (flight === undefined || sending === undefined || sending.over) return
    sending.over = true
    this.#fails(flight, { upstream: sending.upstream, kind: 'unreachable', why })
  }

  timeout(nowMs: number): void {
    for (const flight of [...this.#flights.values()]) {
      const elapsedMs = nowMs - flight.startedAtMs
      if (elapsedMs >= this.#timings.failAtMs) {
        this.#failed(flight)
        continue
      }
      if (flight.hasStale && flight.waiters.length > 0 && elapsedMs >= this.#timings.staleAtMs) this.#settle(flight, { kind: 'slow' })
      if (elapsedMs >= (this.#timings.sendAgainAtMs[flight.nextSending] ?? Infinity)) {
        flight.nextSending++
        this.#send(flight)
      }
    }
  }

  deadlineMs(): number {
    let deadlineMs = Infinity
    for (const flight of this.#flights.values()) {
      const { sendAgainAtMs, staleAtMs, failAtMs } = this.#timings
      const stale = flight.hasStale && flight.waiters.length > 0 ? staleAtMs : Infinity
      deadlineMs = Math.min(deadlineMs, flight.startedAtMs + Math.min(sendAgainAtMs[flight.nextSending] ?? Infinity, stale, failAtMs))
    }
    return deadlineMs
  }

  /** The next upstream in turn that has not shown trouble yet. */
  #send(flight: Flight<Waiter>): void {
    const { upstreams } = this.options
    for (let step = 0; step < upstreams.length; step++) {
      const upstream = upstreams[flight.nextUpstream++ % upstreams.length]
      if (upstream !== undefined && !flight.troubles.has(upstream)) return this.#transmit(flight, upstream, false)
    }
  }

  #transmit(flight: Flight<Waiter>, upstream: Endpoint, overTcp: boolean): void {
    const id = below(this.options.random, 0x10000)
    const path: Path = { local: upstream.address.includes(':') ? ANY_LOCAL.ipv6 : ANY_LOCAL.ipv4, interfaceName: '', peer: upstream }
    flight.sendings.set(path, { id, upstream, overTcp, over: false })
    this.#flightOf.set(path, flight)
    this.#ways.set(path, overTcp ? 'upstream-tcp' : 'upstream-udp')
    this.outbox.push({ kind: 'send', path, bytes: encodeMessage(queryFor(flight.question, id)) })
  }

  #fails(flight: Flight<Waiter>, trouble: Trouble): void {
    flight.troubles.set(trouble.upstream, trouble)
    if (this.options.upstreams.every(each => flight.troubles.has(each))) this.#failed(flight)
    else this.#send(flight)
  }

  #failed(flight: Flight<Waiter>): void {
    const troubles = this.options.upstreams.map(upstream => flight.troubles.get(upstream) ?? { upstream, kind: 'silent', why: 'does not answer' } satisfies Trouble)
    // Who answers at all is reachable, even if this one name is beyond it.
    const reached = troubles.some(({ kind }) => kind === 'answered')
    this.#report(reached ? undefined : `Names of the internet cannot be found: ${troubles.map(({ upstream, why }) => `${formatEndpoint(upstream)} ${why}`).join(', ')}`)
    this.#settle(flight, { kind: 'failed', troubles })
    this.#land(flight)
  }

  #report(trouble: string | undefined): void {
    if (trouble === this.#trouble) return
    this.#trouble = trouble
    this.outbox.push({ kind: 'event', event: { name: 'upstream', trouble } })
  }

  /** Everybody who waits is told; the flight may go on, so that the cache learns what comes late. */
  #settle(flight: Flight<Waiter>, outcome: Settled<Waiter>['outcome']): void {
    this.settled.push({ question: flight.question, waiters: flight.waiters, outcome })
    this.#waiterCount -= flight.waiters.length
    flight.waiters = []
  }

  #land(flight: Flight<Waiter>): void {
    this.#flights.delete(keyOf(flight.question))
    const paths = [...flight.sendings.keys()]
    for (const path of paths) this.#flightOf.delete(path)
    this.outbox.push({ kind: 'event', event: { name: 'waysDone', paths } })
  }
}

/** A recursive query with EDNS (RFC 6891). */
export function queryFor(question: Question, id: number): Message {
  return {
    header: { id, qr: false, opcode: OPCODE_QUERY, aa: false, tc: false, rd: true, ra: false, ad: false, cd: false, rcode: 0 },
    questions: [question], answers: [], authorities: [], additionals: [optRecord({ rcode: 0, dnssecOk: false })],
  }
}

function keyOf({ name, type, class: qclass }: Question): string {
  return `${type} ${qclass} ${nameKey(name)}`
}
