/**
 * Asks upstream servers what is not known here. One question is one flight, however many clients wait for it; a flight sends
 * its query to one upstream after the other until one answers or 3.8 s are over.
 *
 *     0 s        0.4          1.2      1.8          2.8          3.8
 *     send #1    send #2      send #3  stale answer send #4      failed
 *
 * The second sending goes earlier, to another upstream, where the first is slower than it usually is: the two race. Each sending
 * has an id and letters of its own, and leaves from a socket that is drawn from many (../upstream/datagrams.ts), so who wants
 * to forge an answer has to guess 32 bits and more (RFC 5452). A late answer to an earlier sending is as good as one to the last.
 */
import { assertNever, MalformedPacket } from '../../../kit/errors.ts'
import type { Effect } from '../../../kit/machine.ts'
import { below, type Random } from '../../../kit/random.ts'
import { ednsOf, type EdnsOption } from '../../wire/edns.ts'
import { decodeMessage } from '../../wire/message.ts'
import { formatRcode, RCODE } from '../../wire/types.ts'
import { Deadlines } from './deadlines.ts'
import { extendedErrorsOf, provenanceOf } from '../../wire/edns-options.ts'
import { readFinding, type Wanted } from './finding.ts'
import { Flight, flightKey, type Asking, type Outcome, type Sending, type Trouble } from './flight.ts'
import { encodeQuery, judgeReply, withQuestionOf, withRandomLetters } from './query.ts'
import type { UpstreamGroup, UpstreamHealth } from './upstream-group.ts'

/** How long after the first sending the others follow, how long a stale answer waits, and when a flight has failed. */
export interface ForwarderTimings {
  readonly sendAgainAtMs: readonly number[]
  readonly staleAtMs: number
  readonly failAtMs: number
}
const FORWARDER_TIMINGS: ForwarderTimings = { sendAgainAtMs: [400, 1200, 2800], staleAtMs: 1800, failAtMs: 3800 }

export const FLIGHTS_MAX = 4096
const WAITERS_MAX = 16_384
/** One flight's sendings, whatever happens: four by time, one by TCP for each, and some where servers refuse. */
const SENDINGS_MAX = 24

export type ForwarderEvent =
  /** To be sent. */
  | { readonly name: 'ask'; readonly asking: Asking }
  /** Nothing that comes back by these is of interest any more. */
  | { readonly name: 'askingsOver'; readonly askings: readonly Asking[] }
  /** No upstream of a zone could tell anything: why; undefined: one answers again. */
  | { readonly name: 'upstream'; readonly zone: string; readonly trouble: string | undefined }

/** What became of a question, with all who waited. */
export interface Settled<Waiter> {
  readonly wanted: Wanted
  readonly waiters: readonly Waiter[]
  readonly outcome: Outcome
}

/** How a query is sent. */
interface Manner {
  readonly overTcp?: boolean
  readonly withoutEdns?: boolean
}

export interface ForwarderOptions {
  readonly random: Random
  readonly timings?: ForwarderTimings
  /** Names are asked for in random letters; off for networks in which something on the way cannot bear them. */
  readonly randomLetters?: boolean
  /** Stand in each query. */
  readonly ednsOptions?: readonly EdnsOption[]
}

export class Forwarder<Waiter> {
  readonly outbox: Effect<ForwarderEvent>[] = []
  /** What was decided since the owner looked last; the owner takes all of it after each input. */
  readonly settled: Settled<Waiter>[] = []
  readonly #flights = new Map<string, Flight<Waiter>>()
  readonly #sendings = new Map<Asking, Sending<Waiter>>()
  readonly #deadlines = new Deadlines<Flight<Waiter>>()
  readonly #timings: ForwarderTimings
  #waiterCount = 0
  readonly options: ForwarderOptions

  constructor(options: ForwarderOptions) {
    this.options = options
    this.#timings = options.timings ?? FORWARDER_TIMINGS
  }

  /**
   * Finds out, for one who waits.
   * @param hasStale an expired answer is there: settle as `slow` when time is up for it
   * @returns false where too much is under way already, or there is no upstream
   */
  ask(wanted: Wanted, group: UpstreamGroup, waiter: Waiter, hasStale: boolean, nowMs: number): boolean {
    if (this.#waiterCount >= WAITERS_MAX) return false
    const flight = this.#flightFor(wanted, group, nowMs)
    if (flight === undefined) return false
    this.#waiterCount++
    flight.waiters.push(waiter)
    flight.hasStale ||= hasStale
    if (flight.hasStale && nowMs >= flight.startedAtMs + this.#timings.staleAtMs) this.#settle(flight, { kind: 'slow' })
    else this.#schedule(flight)
    return true
  }

  /** Finds out what is known still, so that it will be known then. Nobody waits. */
  refresh(wanted: Wanted, group: UpstreamGroup, nowMs: number): void {
    const flight = this.#flightFor(wanted, group, nowMs)
    if (flight !== undefined) this.#schedule(flight)
  }

  /** Something that came back. */
  receive(bytes: Uint8Array, asking: Asking, nowMs: number): void {
    const sending = this.#sendings.get(asking)
    if (sending === undefined) return
    try {
      this.#take(sending, bytes, nowMs)
    } catch (error) {
      if (!(error instanceof MalformedPacket)) throw error
      this.#takeUnusable(sending, nowMs)
    }
  }

  /** The system says that nobody listens there, or that no way leads there. */
  refused(asking: Asking, why: string, nowMs: number): void {
    const sending = this.#sendings.get(asking)
    if (sending === undefined) return
    this.#close(sending)
    const { flight, health } = sending
    if (asking.overTcp && flight.open.some(open => open.health === health && open.checksLetters)) {
      // No TCP there, so its letters cannot be checked: they prove nothing, and its answers are needed.
      health.changesLetters.seen(nowMs)
      this.#transmit(flight, health, nowMs)
      return this.#schedule(flight)
    }
    health.failed(nowMs)
    this.#fails(sending, { upstream: asking.upstream, kind: 'unreachable', why }, nowMs)
  }

  timeout(nowMs: number): void {
    for (let flight = this.#deadlines.takeDue(nowMs); flight !== undefined; flight = this.#deadlines.takeDue(nowMs)) this.#wake(flight, nowMs)
  }

  deadlineMs(): number {
    return this.#deadlines.nextMs
  }

  #flightFor(wanted: Wanted, group: UpstreamGroup, nowMs: number): Flight<Waiter> | undefined {
    const known = this.#flights.get(flightKey(wanted))
    if (known !== undefined) return known
    if (this.#deadlines.size >= FLIGHTS_MAX) return undefined
    const flight = new Flight<Waiter>(wanted, group, nowMs)
    const first = group.choose(flight, nowMs)
    if (first === undefined) return undefined
    this.#flights.set(flight.key, flight)
    this.#transmit(flight, first, nowMs)
    const probed = group.dueForProbe(first, nowMs)
    if (probed !== undefined) this.#transmit(flight, probed, nowMs)
    flight.sendAgainAtMs = nowMs + this.#firstGapMs(group, first, nowMs)
    return flight
  }

  /** Until the second sending: where another upstream is well, no longer than the first usually needs. */
  #firstGapMs(group: UpstreamGroup, first: UpstreamHealth, nowMs: number): number {
    const gapMs = this.#timings.sendAgainAtMs[0] ?? Infinity
    const mayRace = first.usualMs !== undefined && group.members.some(member => member !== first && member.isWell(nowMs))
    return mayRace ? Math.min(gapMs, first.usualMs ?? gapMs) : gapMs
  }

  #transmit(flight: Flight<Waiter>, health: UpstreamHealth, nowMs: number, { overTcp = false, withoutEdns = health.lacksEdns.holds(nowMs) }: Manner = {}): void {
    if (flight.asked.length >= SENDINGS_MAX) return
    const { random, randomLetters = true, ednsOptions = [] } = this.options
    const { upstream } = health
    const plainQuery = encodeQuery(flight.wanted, below(random, 0x10000), { options: ednsOptions, padded: upstream.transport !== 'udp', withoutEdns })
    const hasLetters = randomLetters && upstream.transport === 'udp' && !health.changesLetters.holds(nowMs)
    const asking: Asking = { upstream, overTcp, query: hasLetters ? withRandomLetters(plainQuery, random) : plainQuery }
    const sending: Sending<Waiter> = { asking, flight, health, sentAtMs: nowMs, plainQuery, withoutEdns, checksLetters: false }
    flight.open.push(sending)
    flight.asked.push(health)
    this.#sendings.set(asking, sending)
    this.outbox.push({ kind: 'event', event: { name: 'ask', asking } })
  }

  /** @throws MalformedPacket where nothing came of it */
  #take(sending: Sending<Waiter>, bytes: Uint8Array, nowMs: number): void {
    const verdict = judgeReply(sending.asking.query, bytes)
    switch (verdict) {
      case 'other': return this.#takeUnusable(sending, nowMs)
      case 'other letters': return this.#otherLetters(sending, bytes, nowMs)
      case 'bare': return this.#takeBare(sending, bytes, nowMs)
      case 'reply': return this.#takeReply(sending, bytes, nowMs)
      default: assertNever(verdict)
    }
  }

  /** No answer to the query. By UDP it may be forged, and the true one still come; on a connection nobody forges. */
  #takeUnusable(sending: Sending<Waiter>, nowMs: number): void {
    const { asking: { upstream, overTcp } } = sending
    if (upstream.transport === 'udp' && !overTcp) return
    this.#close(sending)
    this.#fails(sending, { upstream, kind: 'answered', why: 'answers with what is no answer', rcode: RCODE.SERVFAIL }, nowMs)
  }

  /** A forged reply, or a server that writes names in its own way: over TCP nobody forges, and its letters are seen there. */
  #otherLetters(sending: Sending<Waiter>, bytes: Uint8Array, nowMs: number): void {
    const { asking, flight, health } = sending
    const hasLetters = asking.query !== sending.plainQuery
    if (asking.overTcp || !hasLetters) {
      if (hasLetters) health.changesLetters.seen(nowMs)
      return this.#takeReply(sending, bytes, nowMs)
    }
    if (sending.checksLetters || flight.found) return
    sending.checksLetters = true
    this.#transmit(flight, health, nowMs, { overTcp: true, withoutEdns: sending.withoutEdns })
    this.#schedule(flight)
  }

  #takeBare(sending: Sending<Waiter>, bytes: Uint8Array, nowMs: number): void {
    const rcode = (bytes[3] ?? 0) & 15
    this.#close(sending)
    if (this.#askedWithoutEdns(sending, rcode, nowMs)) return
    this.#fails(sending, { upstream: sending.asking.upstream, kind: 'answered', why: `answers ${formatRcode(rcode)}`, rcode }, nowMs)
  }

  #takeReply(sending: Sending<Waiter>, bytes: Uint8Array, nowMs: number): void {
    const { asking, flight, health, plainQuery } = sending
    const { upstream } = asking
    const message = decodeMessage(asking.query === plainQuery ? bytes : withQuestionOf(plainQuery, bytes))
    const edns = ednsOf(message)
    const rcode = message.header.rcode | (edns?.extendedRcode ?? 0)
    const isWhole = !message.header.tc
    const finding = isWhole ? readFinding(message, rcode, flight.wanted, upstream.trusted) : undefined
    const options = edns?.options ?? []
    this.#close(sending)
    if (finding !== undefined || !isWhole) health.answered(nowMs - sending.sentAtMs, nowMs)
    if (flight.found) return this.#schedule(flight)
    if (!isWhole && upstream.transport === 'udp' && !asking.overTcp) {
      this.#transmit(flight, health, nowMs, { overTcp: true, withoutEdns: sending.withoutEdns })
      return this.#schedule(flight)
    }
    if (finding === undefined) {
      if (edns === undefined && this.#askedWithoutEdns(sending, rcode, nowMs)) return
      const isError = isWhole && rcode !== RCODE.NOERROR
      const why = isError ? `answers ${formatRcode(rcode)}` : isWhole ? 'names other servers instead of an answer' : 'gives only a part of its answer'
      return this.#fails(sending, { upstream, kind: 'answered', why, rcode: isError ? rcode : RCODE.SERVFAIL, extendedError: extendedErrorsOf(options)[0] }, nowMs)
    }
    if (!sending.withoutEdns) health.lacksEdns.disproved()
    // What was sent without because of what was known proves nothing new.
    else if (!health.lacksEdns.holds(sending.sentAtMs)) health.lacksEdns.seen(nowMs)
    // What one could not tell and another could, was that one's own trouble.
    for (const member of flight.group.members) if (member !== health && flight.isOut(member)) member.failed(nowMs)
    this.#report(flight.group, undefined)
    this.#settle(flight, { kind: 'found', finding, upstream, tookMs: nowMs - sending.sentAtMs, provenance: provenanceOf(options) })
    this.#flights.delete(flight.key)
    flight.found = true
    this.#schedule(flight)
  }

  /** Asks a server that may not know EDNS once more, in the words of 1987 (RFC 6891 §6.2.2). @returns false where that is not the reason */
  #askedWithoutEdns({ flight, health, withoutEdns }: Sending<Waiter>, rcode: number, nowMs: number): boolean {
    if ((rcode !== RCODE.FORMERR && rcode !== RCODE.NOTIMP) || withoutEdns || flight.found) return false
    this.#transmit(flight, health, nowMs, { withoutEdns: true })
    this.#schedule(flight)
    return true
  }

  /** One sending is lost: another upstream's turn, or nobody's any more. */
  #fails({ flight }: Sending<Waiter>, trouble: Trouble, nowMs: number): void {
    if (flight.found) return this.#schedule(flight)
    flight.troubles.push(trouble)
    if (flight.group.members.every(member => flight.isOut(member))) return this.#failed(flight, nowMs)
    this.#sendNext(flight, nowMs)
    this.#schedule(flight)
  }

  #sendNext(flight: Flight<Waiter>, nowMs: number): void {
    const next = flight.group.choose(flight, nowMs)
    if (next !== undefined) this.#transmit(flight, next, nowMs)
  }

  #wake(flight: Flight<Waiter>, nowMs: number): void {
    const elapsedMs = nowMs - flight.startedAtMs
    if (elapsedMs >= this.#timings.failAtMs) return this.#failed(flight, nowMs)
    if (flight.hasStale && flight.waiters.length > 0 && elapsedMs >= this.#timings.staleAtMs) this.#settle(flight, { kind: 'slow' })
    if (nowMs >= flight.sendAgainAtMs) {
      flight.nextSending++
      const nextMs = this.#timings.sendAgainAtMs[flight.nextSending]
      flight.sendAgainAtMs = nextMs === undefined ? Infinity : flight.startedAtMs + nextMs
      this.#sendNext(flight, nowMs)
    }
    this.#schedule(flight)
  }

  /** Its time is over, or nobody is left to ask. */
  #failed(flight: Flight<Waiter>, nowMs: number): void {
    for (const health of new Set(flight.open.map(({ health }) => health))) if (!flight.isOut(health)) health.silent(flight.startedAtMs, nowMs)
    this.#land(flight)
    if (flight.found) return
    this.#flights.delete(flight.key)
    const troubles = flight.allTroubles()
    // Who answers at all is reachable, even if this one name is beyond it: with a trouble of its own, or what was asked meanwhile.
    const reached = troubles.some(({ kind }) => kind === 'answered') || flight.group.members.some(member => member.hasAnsweredSince(flight.startedAtMs))
    this.#report(flight.group, reached ? undefined : troubles.map(({ upstream, why }) => `${upstream.title} ${why}`).join(', '))
    this.#settle(flight, { kind: 'failed', troubles })
  }

  #report(group: UpstreamGroup, trouble: string | undefined): void {
    if (trouble === group.trouble) return
    group.trouble = trouble
    this.outbox.push({ kind: 'event', event: { name: 'upstream', zone: group.zone, trouble } })
  }

  /** Everybody who waits is told; the flight may go on, so that the cache learns what comes late. */
  #settle(flight: Flight<Waiter>, outcome: Outcome): void {
    this.settled.push({ wanted: flight.wanted, waiters: flight.waiters, outcome })
    this.#waiterCount -= flight.waiters.length
    flight.waiters = []
  }

  /** Sets the flight's next deadline; one that has nothing to wait for is over. */
  #schedule(flight: Flight<Waiter>): void {
    const { staleAtMs, failAtMs } = this.#timings
    if (flight.found && flight.open.length === 0) return this.#deadlines.delete(flight)
    const failMs = flight.startedAtMs + failAtMs
    const staleMs = flight.hasStale && flight.waiters.length > 0 ? flight.startedAtMs + staleAtMs : Infinity
    this.#deadlines.set(flight, flight.found ? failMs : Math.min(failMs, staleMs, flight.sendAgainAtMs))
  }

  #close(sending: Sending<Waiter>): void {
    this.#sendings.delete(sending.asking)
    const { open } = sending.flight
    open.splice(open.indexOf(sending), 1)
    this.outbox.push({ kind: 'event', event: { name: 'askingsOver', askings: [sending.asking] } })
  }

  #land(flight: Flight<Waiter>): void {
    this.#deadlines.delete(flight)
    for (const sending of [...flight.open]) this.#close(sending)
  }
}
