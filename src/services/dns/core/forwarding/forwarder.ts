/**
 * Asks upstream servers for what is not known here. Equal questions share one flight, however many clients wait; a flight
 * queries one upstream after another until one answers or 3.8 s have passed.
 *
 *     0 s          0.4          1.2          1.8            2.8          3.8
 *     attempt 1    attempt 2    attempt 3    stale answer   attempt 4    failed
 *
 * If the first upstream is slower than usual, the second attempt goes to another one early, and the two race. Every attempt
 * has its own random id and letter case, and leaves from a socket drawn from a pool (../upstream/datagrams.ts), so a forger
 * has to guess at least 32 bits (RFC 5452). A late answer to an earlier attempt is as good as an answer to the last.
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

/**
 * When the later attempts follow, when a stale answer is used, and
 * when the flight fails; all counted from the first attempt.
 */
export interface ForwarderTimings {
  readonly sendAgainAtMs: readonly number[]
  readonly staleAtMs: number
  readonly failAtMs: number
}
const FORWARDER_TIMINGS: ForwarderTimings = { sendAgainAtMs: [400, 1200, 2800], staleAtMs: 1800, failAtMs: 3800 }

export const FLIGHTS_MAX = 4096
const WAITERS_MAX = 16_384
/** A bound on the attempts of one flight: four scheduled, one over TCP for each, and some after refusals. */
const ATTEMPTS_MAX = 24

export type ForwarderEvent =
  /** Send this query. */
  | { readonly name: 'ask'; readonly query: UpstreamQuery }
  /** Ignore further replies to these queries. */
  | { readonly name: 'forget'; readonly queries: readonly UpstreamQuery[] }
  /** No upstream of the zone answers, and why; undefined: one answers again. */
  | { readonly name: 'upstream'; readonly zone: string; readonly trouble: string | undefined }

/** The outcome of a question, and everyone who waited for it. */
export interface Settled<Waiter> {
  readonly wanted: Wanted
  readonly waiters: readonly Waiter[]
  readonly outcome: Outcome
}

interface TransmitOptions {
  readonly overTcp?: boolean
  readonly withoutEdns?: boolean
}

export interface ForwarderOptions {
  readonly random: Random
  readonly timings?: ForwarderTimings
  /** Randomizes the case of names (0x20); off for networks where a middlebox mishandles that. */
  readonly randomizeCase?: boolean
  /** Included in every query. */
  readonly ednsOptions?: readonly EdnsOption[]
}

export class Forwarder<Waiter> {
  readonly outbox: Effect<ForwarderEvent>[] = []
  /** Questions settled since the owner last looked; it takes them all after each input. */
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
   * Asks a question on behalf of a waiter.
   * @param hasStale a stale answer exists: settle as `slow` when it is time to use it
   * @returns false if too much is in flight already, or there is no upstream
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

  /** Asks for what the cache still knows but will soon lose. Nobody waits for it. */
  prefetch(wanted: Wanted, group: UpstreamGroup, nowMs: number): void {
    const flight = this.#flightFor(wanted, group, nowMs)
    if (flight !== undefined) this.#schedule(flight)
  }

  /** A message that came back for a query. */
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

  /** The operating system or the peer refused a query: nothing listens there, or there is no route. */
  refused(query: UpstreamQuery, why: string, nowMs: number): void {
    const attempt = this.#attempts.get(query)
    if (attempt === undefined) return
    this.#close(attempt)
    const { flight, health } = attempt
    if (query.overTcp && flight.open.some(open => open.health === health && open.checksCase)) {
      // It has no TCP to verify its case with. Its answers are needed, so case proves nothing from now on.
      health.changesCase.seen(nowMs)
      this.#transmit(flight, health, nowMs)
      return this.#schedule(flight)
    }
    health.failed(nowMs)
    this.#attemptFailed(attempt, { upstream: query.upstream, kind: 'unreachable', why }, nowMs)
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

  /** The time until the second attempt: if another upstream is healthy, no longer than the first usually takes. */
  #firstGapMs(group: UpstreamGroup, first: UpstreamHealth, nowMs: number): number {
    const gapMs = this.#timings.sendAgainAtMs[0] ?? Infinity
    const mayRace = first.usualMs !== undefined && group.members.some(member => member !== first && member.isHealthy(nowMs))
    return mayRace ? Math.min(gapMs, first.usualMs ?? gapMs) : gapMs
  }

  #transmit(flight: Flight<Waiter>, health: UpstreamHealth, nowMs: number, { overTcp = false, withoutEdns = health.lacksEdns.holds(nowMs) }: TransmitOptions = {}): void {
    if (flight.asked.length >= ATTEMPTS_MAX) return
    const { random, randomizeCase = true, ednsOptions = [] } = this.options
    const { upstream } = health
    const plainMessage = encodeQuery(flight.wanted, below(random, 0x10000), { options: ednsOptions, padded: upstream.transport !== 'udp', withoutEdns })
    const hasRandomCase = randomizeCase && upstream.transport === 'udp' && !health.changesCase.holds(nowMs)
    const query: UpstreamQuery = { upstream, overTcp, message: hasRandomCase ? withRandomCase(plainMessage, random) : plainMessage }
    const attempt: Attempt<Waiter> = { query, flight, health, sentAtMs: nowMs, plainMessage, withoutEdns, checksCase: false }
    flight.open.push(attempt)
    flight.asked.push(health)
    this.#attempts.set(query, attempt)
    this.outbox.push({ kind: 'event', event: { name: 'ask', query } })
  }

  /** @throws MalformedPacket */
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

  /**
   * Not an answer to the query. Over UDP it may be forged, and the
   * genuine one may yet come; on a connection it cannot be.
   */
  #takeUnusable(attempt: Attempt<Waiter>, nowMs: number): void {
    const { query: { upstream, overTcp } } = attempt
    if (upstream.transport === 'udp' && !overTcp) return
    this.#close(attempt)
    this.#attemptFailed(attempt, { upstream, kind: 'answered', why: 'sent an unusable answer', rcode: RCODE.SERVFAIL }, nowMs)
  }

  /**
   * Either the reply is forged or the server does not echo case. A
   * query over TCP, where replies cannot be forged, tells which.
   */
  #takeOtherCase(attempt: Attempt<Waiter>, bytes: Uint8Array, nowMs: number): void {
    const { query, flight, health } = attempt
    const hasRandomCase = query.message !== attempt.plainMessage
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
    if (this.#retryWithoutEdns(attempt, rcode, nowMs)) return
    this.#attemptFailed(attempt, { upstream: attempt.query.upstream, kind: 'answered', why: `answers ${formatRcode(rcode)}`, rcode }, nowMs)
  }

  #takeReply(attempt: Attempt<Waiter>, bytes: Uint8Array, nowMs: number): void {
    const { query, flight, health, plainMessage } = attempt
    const { upstream } = query
    const message = decodeMessage(query.message === plainMessage ? bytes : withQuestionOf(plainMessage, bytes))
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
      if (edns === undefined && this.#retryWithoutEdns(attempt, rcode, nowMs)) return
      const isError = isWhole && rcode !== RCODE.NOERROR
      const why = isError ? `answers ${formatRcode(rcode)}` : isWhole ? 'sent a referral instead of an answer' : 'sent a truncated answer'
      return this.#attemptFailed(attempt, { upstream, kind: 'answered', why, rcode: isError ? rcode : RCODE.SERVFAIL, extendedError: extendedErrorsOf(options)[0] }, nowMs)
    }
    if (!attempt.withoutEdns) health.lacksEdns.disproved()
    // A query sent without EDNS because the defect was known already proves nothing new.
    else if (!health.lacksEdns.holds(attempt.sentAtMs)) health.lacksEdns.seen(nowMs)
    // Where another server had an answer, those without one have a problem of their own.
    for (const member of flight.group.members) if (member !== health && flight.hasFailed(member)) member.failed(nowMs)
    this.#report(flight.group, undefined)
    this.#settle(flight, { kind: 'found', finding, upstream, tookMs: nowMs - attempt.sentAtMs, provenance: provenanceOf(options) })
    this.#flights.delete(flight.key)
    flight.found = true
    this.#schedule(flight)
  }

  /**
   * Repeats the query without EDNS for a server that may not support it (RFC 6891 §6.2.2).
   * @returns false if EDNS is not the reason
   */
  #retryWithoutEdns({ flight, health, withoutEdns }: Attempt<Waiter>, rcode: number, nowMs: number): boolean {
    if ((rcode !== RCODE.FORMERR && rcode !== RCODE.NOTIMP) || withoutEdns || flight.found) return false
    this.#transmit(flight, health, nowMs, { withoutEdns: true })
    this.#schedule(flight)
    return true
  }

  /** Tries the next upstream; without one, the flight fails. */
  #attemptFailed({ flight }: Attempt<Waiter>, trouble: Trouble, nowMs: number): void {
    if (flight.found) return this.#schedule(flight)
    flight.troubles.push(trouble)
    if (flight.group.members.every(member => flight.hasFailed(member))) return this.#flightFailed(flight, nowMs)
    this.#sendNext(flight, nowMs)
    this.#schedule(flight)
  }

  #sendNext(flight: Flight<Waiter>, nowMs: number): void {
    const next = flight.group.choose(flight, nowMs)
    if (next !== undefined) this.#transmit(flight, next, nowMs)
  }

  #wake(flight: Flight<Waiter>, nowMs: number): void {
    const elapsedMs = nowMs - flight.startedAtMs
    if (elapsedMs >= this.#timings.failAtMs) return this.#flightFailed(flight, nowMs)
    if (flight.hasStale && flight.waiters.length > 0 && elapsedMs >= this.#timings.staleAtMs) this.#settle(flight, { kind: 'slow' })
    if (nowMs >= flight.sendAgainAtMs) {
      flight.nextAttempt++
      const nextMs = this.#timings.sendAgainAtMs[flight.nextAttempt]
      flight.sendAgainAtMs = nextMs === undefined ? Infinity : flight.startedAtMs + nextMs
      this.#sendNext(flight, nowMs)
    }
    this.#schedule(flight)
  }

  /** Time is up, or no upstream is left. */
  #flightFailed(flight: Flight<Waiter>, nowMs: number): void {
    for (const health of new Set(flight.open.map(({ health }) => health))) if (!flight.hasFailed(health)) health.silent(flight.startedAtMs, nowMs)
    this.#end(flight)
    if (flight.found) return
    this.#flights.delete(flight.key)
    const troubles = flight.allTroubles()
    // A server that responded at all, to this question or to another
    // meanwhile, is reachable even if this name is beyond it.
    const reached = troubles.some(({ kind }) => kind === 'answered') || flight.group.members.some(member => member.hasAnsweredSince(flight.startedAtMs))
    this.#report(flight.group, reached ? undefined : troubles.map(({ upstream, why }) => `${upstream.title} ${why}`).join(', '))
    this.#settle(flight, { kind: 'failed', troubles })
  }

  #report(group: UpstreamGroup, trouble: string | undefined): void {
    if (trouble === group.trouble) return
    group.trouble = trouble
    this.outbox.push({ kind: 'event', event: { name: 'upstream', zone: group.zone, trouble } })
  }

  /** Hands the outcome to everyone who waits. The flight may continue, so that the cache gets a late answer. */
  #settle(flight: Flight<Waiter>, outcome: Outcome): void {
    this.settled.push({ wanted: flight.wanted, waiters: flight.waiters, outcome })
    this.#waiterCount -= flight.waiters.length
    flight.waiters = []
  }

  /** Sets the flight's next deadline; a flight that has nothing left to wait for ends. */
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

  #end(flight: Flight<Waiter>): void {
    this.#deadlines.delete(flight)
    for (const attempt of [...flight.open]) this.#close(attempt)
  }
}
