/** The stub resolver with which the gateway and the command line look up names. It never uses the system's resolver. */
import type { Endpoint } from '../kit/endpoint.ts'
import { HamletError } from '../kit/errors.ts'
import type { Clock } from '../kit/node/clock.ts'
import type { Random } from '../kit/random.ts'
import type { TraceRing } from '../kit/trace.ts'
import { Cache } from './core/answering/cache.ts'
import { provenanceOption } from './wire/edns-options.ts'
import { Forwarder, type ForwarderTimings, type Settled } from './core/forwarding/forwarder.ts'
import { cachedResolution, questionOf, RESOLVER_TIMINGS, resolutionOf, resolutionOfTroubles, unresolved, type Resolution } from './core/resolver.ts'
import { plainUpstream } from './core/forwarding/upstream.ts'
import { UpstreamGroup } from './core/forwarding/upstream-group.ts'
import { UpstreamDoors } from './upstream/doors.ts'
import { ROOT } from './wire/name.ts'

export { questionOf, unresolved, type Resolution }

export interface Resolver {
  /**
   * Looks up a name. That it does not exist, or has no such record, is a result.
   * @throws UsageError for an invalid name or type; HamletError upstream-unreachable (nothing listens) or timed-out (silence)
   */
  resolve(qname: string, qtype: string): Promise<Resolution>
  /** Abandons pending lookups. */
  close(): Promise<void>
}

export interface ResolverOptions {
  /** Queried in this order, and again while they are silent. */
  readonly servers: readonly Endpoint[]
  readonly clock: Clock
  readonly random: Random
  readonly trace: TraceRing
  readonly timings?: ForwarderTimings
}

export function createResolver(options: ResolverOptions): Resolver {
  return new StubResolver(options)
}

interface Waiter {
  readonly startedAtMs: number
  readonly resolve: (resolution: Resolution) => void
  readonly reject: (error: unknown) => void
}

const CACHE_LIMITS = { entriesMax: 1000, octetsMax: 1024 * 1024 } as const

class StubResolver implements Resolver {
  readonly #forwarder: Forwarder<Waiter>
  readonly #cache = new Cache(CACHE_LIMITS)
  readonly #servers: UpstreamGroup
  readonly #doors: UpstreamDoors
  readonly #waiters = new Set<Waiter>()
  #cancelTimer: () => void = () => undefined
  #closed = false
  private readonly options: ResolverOptions

  constructor(options: ResolverOptions) {
    this.options = options
    const { servers, random, trace, clock, timings = RESOLVER_TIMINGS } = options
    // The empty option asks the server where its answer came from.
    this.#forwarder = new Forwarder({ random, timings, ednsOptions: [provenanceOption('')] })
    this.#servers = new UpstreamGroup(ROOT, servers.map(plainUpstream))
    this.#doors = new UpstreamDoors({
      trace, clock, random,
      receive: (message, query) => this.#forwarder.receive(message, query, clock.nowMs()),
      refused: (query, why) => this.#forwarder.refused(query, why, clock.nowMs()),
      drain: () => this.#drain(),
    })
  }

  resolve(qname: string, qtype: string): Promise<Resolution> {
    return new Promise((resolve, reject) => {
      const question = questionOf(qname, qtype)
      const nowMs = this.options.clock.nowMs()
      const known = this.#cache.get(question, nowMs)
      if (known !== undefined) return resolve(cachedResolution(question, known.finding, known.ageMs))
      const waiter: Waiter = { startedAtMs: nowMs, resolve, reject }
      this.#waiters.add(waiter)
      if (this.#closed || !this.#forwarder.ask(question, this.#servers, waiter, false, nowMs)) return this.#reject(waiter, overloaded(qname, this.#closed, this.options.servers.length))
      this.#drain()
    })
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#cancelTimer()
    for (const waiter of [...this.#waiters]) this.#reject(waiter, overloaded('a name', true, 1))
    await this.#doors.close()
  }

  #drain(): void {
    if (this.#closed) return
    const { clock } = this.options
    for (const effect of this.#forwarder.outbox.splice(0)) {
      if (effect.kind !== 'event') continue
      if (effect.event.name === 'ask') this.#doors.ask(effect.event.query)
      else if (effect.event.name === 'forget') this.#doors.forget(effect.event.queries)
    }
    this.#doors.flush()
    for (const settled of this.#forwarder.settled.splice(0)) this.#settle(settled)
    this.#cancelTimer()
    this.#cancelTimer = clock.wakeAt(this.#forwarder.deadlineMs(), () => {
      this.#forwarder.timeout(clock.nowMs())
      this.#drain()
    })
  }

  #settle({ wanted: question, waiters, outcome }: Settled<Waiter>): void {
    const nowMs = this.options.clock.nowMs()
    // Negative answers are not cached: a name should resolve as soon as it is registered.
    if (outcome.kind === 'found' && outcome.finding.answers.length > 0) this.#cache.put(question, outcome.finding, outcome.upstream.title, nowMs)
    for (const waiter of waiters) {
      const tookMs = nowMs - waiter.startedAtMs
      this.#waiters.delete(waiter)
      try {
        if (outcome.kind === 'found') waiter.resolve(resolutionOf(question, outcome.finding, { server: outcome.upstream.title, tookMs, provenance: outcome.provenance }))
        else waiter.resolve(resolutionOfTroubles(question, outcome.kind === 'failed' ? outcome.troubles : [], tookMs))
      } catch (error) {
        waiter.reject(error)
      }
    }
  }

  #reject(waiter: Waiter, error: HamletError): void {
    this.#waiters.delete(waiter)
    waiter.reject(error)
  }
}

function overloaded(qname: string, closed: boolean, serverCount: number): HamletError {
  const why = closed ? 'the resolver was closed' : serverCount === 0 ? 'no DNS server is set' : 'too many lookups are pending'
  return new HamletError({ code: serverCount === 0 ? 'upstream-unreachable' : 'refused', what: `${qname} could not be looked up`, why, remedy: serverCount === 0 ? 'name a server with --dns IP:PORT' : 'try again' })
}
