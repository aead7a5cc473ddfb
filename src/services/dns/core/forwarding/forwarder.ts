/**
 * Asks upstream servers what is not known here. One question is one flight, however many clients wait for it; a flight sends
 * its query to one upstream after the other until one answers or 3.8 s are over.
 *
 *     0 s        0.4          1.2      1.8          2.8          3.8
 *     send #1    send #2      send #3  stale answer send #4      failed
 *
 * The second attempt goes earlier, to another upstream, where the first is slower than it usually is: the two race. Each attempt
 * has an id and letters of its own, and leaves from a socket that is drawn from many (../upstream/datagrams.ts), so who wants
 * to forge an answer has to guess 32 bits and more (RFC 5452). A late answer to an earlier attempt is as good as one to the last.
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
import { Flight, flightKey, type UpstreamQuery, type Outcome, type Attempt, type Trouble } from './flight.ts'
import { encodeQuery, judgeReply, withQuestionOf, withRandomCase } from './query.ts'
import type { UpstreamGroup, UpstreamHealth } from './upstream-group.ts'

/** How long after the first attempt the others follow, how long a stale answer waits, and when a flight has failed. */
export interface ForwarderTimings {
  readonly sendAgainAtMs: readonly number[]
  readonly staleAtMs: number
  readonly failAtMs: number
}
const FORWARDER_TIMINGS: ForwarderTimings = { sendAgainAtMs: [400, 1200, 2800], staleAtMs: 1800, failAtMs: 3800 }

export const FLIGHTS_MAX = 4096
const WAITERS_MAX = 16_384
/** One flight's attempts, whatever happens: four by time, one by TCP for each, and some where servers refuse. */
const ATTEMPTS_MAX = 24

export type ForwarderEvent =
  /** To be sent. */
  | { readonly name: 'ask'; readonly query: UpstreamQuery }
  /** Nothing that comes back by these is of interest any more. */
  | { readonly name: 'forget'; readonly queries: readonly UpstreamQuery[] }
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
  readonly randomizeCase?: boolean
  /** Stand in each query. */
  readonly ednsOptions?: readonly EdnsOption[]
}

export class Forwarder<Waiter> {
  readonly outbox: Effect<ForwarderEvent>[] = []
  /** What was decided since the owner looked last; the owner takes all of it after each input. */
  readonly settled: Settled<Waiter>[] = []
  readonly #flights = new Map<string, Flight<Waiter>>()
  readonly #attempts = new Map<UpstreamQuery, Attempt<Waiter>>()
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
  receive(bytes: Uint8Array, query: UpstreamQuery, nowMs: number): void {
    const attempt = this.#attempts.get(query)
    if (attempt === undefined) return
    try {
      this.#take(attempt, bytes, nowMs)
    } catch (error) {
      if (!(error instanceof MalformedPacket)) throw error
      this.#takeUnusable(attempt, nowMs)
    }
  }

  /** The system says that nobody listens there, or that no way leads there. */
  refused(query: UpstreamQuery, why: string, nowMs: number): void {
    const attempt = this.#attempts.get(query)
    if (attempt === undefined) return
    this.#close(attempt)
    const { flight, health } = attempt
    if (query.overTcp && flight.open.some(open => open.health === health && open.checksCase)) {
      // No TCP there, so its letters cannot be checked: they prove nothing, and its answers are needed.
      health.changesCase.seen(nowMs)
      this.#transmit(flight, health, nowMs)
      return this.#schedule(flight)
    }
    health.failed(nowMs)
    this.#fails(attempt, { upstream: query.upstream, kind: 'unreachable', why }, nowMs)
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

  /** Until the second attempt: where another upstream is well, no longer than the first usually needs. */
  #firstGapMs(group: UpstreamGroup, first: UpstreamHealth, nowMs: number): number {
    const gapMs = this.#timings.sendAgainAtMs[0] ?? Infinity
    const mayRace = first.usualMs !== undefined && group.members.some(member => member !== first && member.isHealthy(nowMs))
    return mayRace ? Math.min(gapMs, first.usualMs ?? gapMs) : gapMs
  }

  #transmit(flight: Flight<Waiter>, health: UpstreamHealth, nowMs: number, { overTcp = false, withoutEdns = health.lacksEdns.holds(nowMs) }: Manner = {}): void {
    if (flight.asked.length >= ATTEMPTS_MAX) return
    const { random, randomizeCase = true, ednsOptions = [] } = this.options
    const { upstream } = health
    const plainQuery = encodeQuery(flight.wanted, below(random, 0x10000), { options: ednsOptions, padded: upstream.transport !== 'udp', withoutEdns })
    const hasRandomCase = randomizeCase && upstream.transport === 'udp' && !health.changesCase.holds(nowMs)
    const query: UpstreamQuery = { upstream, overTcp, message: hasRandomCase ? withRandomCase(plainQuery, random) : plainQuery }
    const attempt: Attempt<Waiter> = { query, flight, health, sentAtMs: nowMs, plainQuery, withoutEdns, checksCase: false }
    flight.open.push(attempt)
    flight.asked.push(health)
    this.#attempts.set(query, attempt)
    this.outbox.push({ kind: 'event', event: { name: 'ask', query } })
  }

  /** @throws MalformedPacket where nothing came of it */
  #take(attempt: Attempt<Waiter>, bytes: Uint8Array, nowMs: number): void {
    const verdict = judgeReply(attempt.query.message, bytes)
    switch (verdict) {
      case 'other': return this.#takeUnusable(attempt, nowMs)
      case 'other case': return this.#takeOtherCase(attempt, bytes, nowMs)
      case 'bare': return this.#takeBare(attempt, bytes, nowMs)
      case 'reply': return this.#takeReply(attempt, bytes, nowMs)
      default: assertNever(verdict)
    }
  }

  /** No answer to the query. By UDP it may be forged, and the true one still come; on a connection nobody forges. */
  #takeUnusable(attempt: Attempt<Waiter>, nowMs: number): void {
    const { query: { upstream, overTcp } } = attempt
    if (upstream.transport === 'udp' && !overTcp) return
    this.#close(attempt)
    this.#fails(attempt, { upstream, kind: 'answered', why: 'answers with what is no answer', rcode: RCODE.SERVFAIL }, nowMs)
  }

  /** A forged reply, or a server that writes names in its own way: over TCP nobody forges, and its letters are seen there. */
  #takeOtherCase(attempt: Attempt<Waiter>, bytes: Uint8Array, nowMs: number): void {
    const { query, flight, health } = attempt
    const hasRandomCase = query.message !== attempt.plainQuery
    if (query.overTcp || !hasRandomCase) {
      if (hasRandomCase) health.changesCase.seen(nowMs)
      return this.#takeReply(attempt, bytes, nowMs)
    }
    if (attempt.checksCase || flight.found) return
    attempt.checksCase = true
    this.#transmit(flight, health, nowMs, { overTcp: true, withoutEdns: attempt.withoutEdns })
    this.#schedule(flight)
  }

  #takeBare(attempt: Attempt<Waiter>, bytes: Uint8Array, nowMs: number): void {
    const rcode = (bytes[3] ?? 0) & 15
    this.#close(attempt)
    if (this.#askedWithoutEdns(attempt, rcode, nowMs)) return
    this.#fails(attempt, { upstream: attempt.query.upstream, kind: 'answered', why: `answers ${formatRcode(rcode)}`, rcode }, nowMs)
  }

  #takeReply(attempt: Attempt<Waiter>, bytes: Uint8Array, nowMs: number): void {
    const { query, flight, health, plainQuery } = attempt
    const { upstream } = query
    const message = decodeMessage(query.message === plainQuery ? bytes : withQuestionOf(plainQuery, bytes))
    const edns = ednsOf(message)
    const rcode = message.header.rcode | (edns?.extendedRcode ?? 0)
    const isWhole = !message.header.tc
    const finding = isWhole ? readFinding(message, rcode, flight.wanted, upstream.trusted) : undefined
    const options = edns?.options ?? []
    this.#close(attempt)
    if (finding !== undefined || !isWhole) health.answered(nowMs - attempt.sentAtMs, nowMs)
    if (flight.found) return this.#schedule(flight)
    if (!isWhole && upstream.transport === 'udp' && !query.overTcp) {
      this.#transmit(flight, health, nowMs, { overTcp: true, withoutEdns: attempt.withoutEdns })
      return this.#schedule(flight)
    }
    if (finding === undefined) {
      if (edns === undefined && this.#askedWithoutEdns(attempt, rcode, nowMs)) return
      const isError = isWhole && rcode !== RCODE.NOERROR
      const why = isError ? `answers ${formatRcode(rcode)}` : isWhole ? 'names other servers instead of an answer' : 'gives only a part of its answer'
      return this.#fails(attempt, { upstream, kind: 'answered', why, rcode: isError ? rcode : RCODE.SERVFAIL, extendedError: extendedErrorsOf(options)[0] }, nowMs)
    }
    if (!attempt.withoutEdns) health.lacksEdns.disproved()
    // What was sent without because of what was known proves nothing new.
    else if (!health.lacksEdns.holds(attempt.sentAtMs)) health.lacksEdns.seen(nowMs)
    // What one could not tell and another could, was that one's own trouble.
    for (const member of flight.group.members) if (member !== health && flight.hasFailed(member)) member.failed(nowMs)
    this.#report(flight.group, undefined)
    this.#settle(flight, { kind: 'found', finding, upstream, tookMs: nowMs - attempt.sentAtMs, provenance: provenanceOf(options) })
    this.#flights.delete(flight.key)
    flight.found = true
    this.#schedule(flight)
  }

  /** Asks a server that may not know EDNS once more, in the words of 1987 (RFC 6891 §6.2.2). @returns false where that is not the reason */
  #askedWithoutEdns({ flight, health, withoutEdns }: Attempt<Waiter>, rcode: number, nowMs: number): boolean {
    if ((rcode !== RCODE.FORMERR && rcode !== RCODE.NOTIMP) || withoutEdns || flight.found) return false
    this.#transmit(flight, health, nowMs, { withoutEdns: true })
    this.#schedule(flight)
    return true
  }

  /** One attempt is lost: another upstream's turn, or nobody's any more. */
  #fails({ flight }: Attempt<Waiter>, trouble: Trouble, nowMs: number): void {
    if (flight.found) return this.#schedule(flight)
    flight.troubles.push(trouble)
    if (flight.group.members.every(member => flight.hasFailed(member))) return this.#failed(flight, nowMs)
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
      flight.nextAttempt++
      const nextMs = this.#timings.sendAgainAtMs[flight.nextAttempt]
      flight.sendAgainAtMs = nextMs === undefined ? Infinity : flight.startedAtMs + nextMs
      this.#sendNext(flight, nowMs)
    }
    this.#schedule(flight)
  }

  /** Its time is over, or nobody is left to ask. */
  #failed(flight: Flight<Waiter>, nowMs: number): void {
    for (const health of new Set(flight.open.map(({ health }) => health))) if (!flight.hasFailed(health)) health.silent(flight.startedAtMs, nowMs)
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

  #close(attempt: Attempt<Waiter>): void {
    this.#attempts.delete(attempt.query)
    const { open } = attempt.flight
    open.splice(open.indexOf(attempt), 1)
    this.outbox.push({ kind: 'event', event: { name: 'forget', queries: [attempt.query] } })
  }

  #land(flight: Flight<Waiter>): void {
    this.#deadlines.delete(flight)
    for (const attempt of [...flight.open]) this.#close(attempt)
  }
}
