/**
 * The servers of one zone, and the choice of the next to query: the fastest healthy one. Speed is estimated from every
 * answer as TCP estimates its round-trip time (RFC 6298): a smoothed time and its variation.
 *
 *     srtt ← 7/8 srtt + 1/8 rtt        rttvar ← 3/4 rttvar + 1/4 |srtt − rtt|        usual ≤ srtt + 4 rttvar
 *
 * A silent or unreachable server is avoided for a second, then two, up to a minute. A server that was not measured for half a
 * minute gets a query in addition to the chosen one; otherwise a server that was slow once would count as slow forever.
 */
import type { Upstream } from './upstream.ts'

const PROBE_EVERY_MS = 30_000
const BACKOFF_MS_MIN = 1000
const BACKOFF_MS_MAX = 60_000
/** Variation below this is normal. */
const USUAL_MS_MIN = 30

/**
 * How long a server is spared what it could not handle before it is
 * tried again: it may have been replaced, or it was a fluke.
 */
const DEFECT_HOLDS_MS = 15 * 60_000

/** Something that a server was seen to mishandle. */
class Defect {
  #untilMs = -Infinity

  seen(nowMs: number): void {
    this.#untilMs = nowMs + DEFECT_HOLDS_MS
  }

  disproved(): void {
    this.#untilMs = -Infinity
  }

  holds(nowMs: number): boolean {
    return nowMs < this.#untilMs
  }
}

/** What was observed of one server. */
export class UpstreamHealth {
  readonly upstream: Upstream
  /** It does not echo the case of names, so case proves nothing (0x20). */
  readonly changesCase = new Defect()
  /** It only answered without EDNS, so its queries have none (RFC 6891 §6.2.2). */
  readonly lacksEdns = new Defect()
  #srttMs: number | undefined
  #rttvarMs = 0
  #failures = 0
  #resumeAtMs = -Infinity
  #answeredAtMs = -Infinity
  #measuredAtMs = -Infinity

  constructor(upstream: Upstream) {
    this.upstream = upstream
  }

  answered(rttMs: number, nowMs: number): void {
    if (this.#srttMs === undefined) {
      this.#srttMs = rttMs
      this.#rttvarMs = rttMs / 2
    } else {
      this.#rttvarMs += (Math.abs(this.#srttMs - rttMs) - this.#rttvarMs) / 4
      this.#srttMs += (rttMs - this.#srttMs) / 8
    }
    this.#failures = 0
    this.#resumeAtMs = -Infinity
    this.#answeredAtMs = nowMs
    this.#measuredAtMs = nowMs
  }

  /** It did not answer in time. If it answered other questions meanwhile it is healthy, and that name is what is slow. */
  silent(sinceMs: number, nowMs: number): void {
    if (!this.hasAnsweredSince(sinceMs)) this.failed(nowMs)
  }

  hasAnsweredSince(sinceMs: number): boolean {
    return this.#answeredAtMs >= sinceMs
  }

  /** It is unreachable, silent, or could not answer what another server could. */
  failed(nowMs: number): void {
    this.#resumeAtMs = nowMs + Math.min(BACKOFF_MS_MAX, BACKOFF_MS_MIN * 2 ** this.#failures)
    this.#failures++
    this.#measuredAtMs = nowMs
  }

  isHealthy(nowMs: number): boolean {
    return nowMs >= this.#resumeAtMs
  }

  /** Nearly every answer comes within this; undefined before the first. */
  get usualMs(): number | undefined {
    return this.#srttMs === undefined ? undefined : Math.max(USUAL_MS_MIN, this.#srttMs + 4 * this.#rttvarMs)
  }

  /** Infinity if never measured: measured servers go first. */
  get srttMs(): number {
    return this.#srttMs ?? Infinity
  }

  /** True once each time a new measurement is due. */
  isDueForProbe(nowMs: number): boolean {
    if (this.#measuredAtMs === -Infinity) this.#measuredAtMs = nowMs
    if (nowMs < this.#measuredAtMs + PROBE_EVERY_MS || !this.isHealthy(nowMs)) return false
    this.#measuredAtMs = nowMs
    return true
  }
}

/** What one question has already tried. */
export interface Tried {
  /** How often the server was queried. */
  times(health: UpstreamHealth): number
  /** Whether it failed this question. */
  hasFailed(health: UpstreamHealth): boolean
}

export class UpstreamGroup {
  /** The zone that they serve. */
  readonly zone: string
  readonly members: readonly UpstreamHealth[]
  /** Why none of them can answer, as last reported; undefined while one can. */
  trouble: string | undefined

  constructor(zone: string, upstreams: readonly Upstream[]) {
    this.zone = zone
    this.members = upstreams.map(upstream => new UpstreamHealth(upstream))
  }

  /**
   * The next server to query: the one queried least for this question,
   * then a healthy one, then the fastest; ties go in configured order.
   */
  choose(tried: Tried, nowMs: number): UpstreamHealth | undefined {
    let best: UpstreamHealth | undefined
    for (const member of this.members) {
      if (!tried.hasFailed(member) && (best === undefined || this.#isBetter(member, best, tried, nowMs))) best = member
    }
    return best
  }

  /** Another server than the chosen one that is due for a measurement. */
  dueForProbe(chosen: UpstreamHealth, nowMs: number): UpstreamHealth | undefined {
    if (this.members.length === 1) return undefined
    return this.members.find(member => member !== chosen && member.isDueForProbe(nowMs))
  }

  #isBetter(left: UpstreamHealth, right: UpstreamHealth, tried: Tried, nowMs: number): boolean {
    const times = tried.times(left) - tried.times(right)
    if (times !== 0) return times < 0
    if (left.isHealthy(nowMs) !== right.isHealthy(nowMs)) return left.isHealthy(nowMs)
    return left.srttMs < right.srttMs
  }
}
