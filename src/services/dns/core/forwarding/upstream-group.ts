/**
 * The servers of one zone, and which of them is asked next: the quickest of those that are well. How quick one is, is learned
 * from every answer as TCP learns its round trips (RFC 6298): a smoothed time, and how far answers stray from it.
 *
 *     srtt ← 7/8 srtt + 1/8 rtt        rttvar ← 3/4 rttvar + 1/4 |srtt − rtt|        usual ≤ srtt + 4 rttvar
 *
 * One that is silent or unreachable is left alone for a second, then two, up to a minute. One that was not measured for half a
 * minute gets a question beside the chosen one: else a server that was slow once would be slow for ever.
 */
import type { Upstream } from './upstream.ts'

const PROBE_EVERY_MS = 30_000
const BACKOFF_MS_MIN = 1000
const BACKOFF_MS_MAX = 60_000
/** Answers stray by this much without any trouble. */
const USUAL_MS_MIN = 30

/** Without what a server is asked that could not bear it, until it is tried anew: it may be another by then, or it was chance. */
const DEFECT_HOLDS_MS = 15 * 60_000

/** Something that a server was seen to be unable to do. */
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

/** What is known of one server from what it did. */
export class UpstreamHealth {
  readonly upstream: Upstream
  /** It changed the letters of names that it was asked for, so they prove nothing (0x20). */
  readonly changesCase = new Defect()
  /** It could read a query only without EDNS, so it gets none with it (RFC 6891 §6.2.2). */
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

  /** It let a question wait for too long. One that answers others is well: that name is what takes so long. */
  silent(sinceMs: number, nowMs: number): void {
    if (!this.hasAnsweredSince(sinceMs)) this.failed(nowMs)
  }

  hasAnsweredSince(sinceMs: number): boolean {
    return this.#answeredAtMs >= sinceMs
  }

  /** Unreachable, silent, or unable to say what another could. */
  failed(nowMs: number): void {
    this.#resumeAtMs = nowMs + Math.min(BACKOFF_MS_MAX, BACKOFF_MS_MIN * 2 ** this.#failures)
    this.#failures++
    this.#measuredAtMs = nowMs
  }

  isHealthy(nowMs: number): boolean {
    return nowMs >= this.#resumeAtMs
  }

  /** Nearly every answer comes within this; undefined where none came yet. */
  get usualMs(): number | undefined {
    return this.#srttMs === undefined ? undefined : Math.max(USUAL_MS_MIN, this.#srttMs + 4 * this.#rttvarMs)
  }

  /** Not measured: behind all that are. */
  get srttMs(): number {
    return this.#srttMs ?? Infinity
  }

  /** True once, when it is time to see how it does. */
  isDueForProbe(nowMs: number): boolean {
    if (this.#measuredAtMs === -Infinity) this.#measuredAtMs = nowMs
    if (nowMs < this.#measuredAtMs + PROBE_EVERY_MS || !this.isHealthy(nowMs)) return false
    this.#measuredAtMs = nowMs
    return true
  }
}

/** What a question has had of a server so far. */
export interface Tried {
  /** How often it was asked. */
  times(health: UpstreamHealth): number
  /** It has shown that it cannot help. */
  hasFailed(health: UpstreamHealth): boolean
}

export class UpstreamGroup {
  /** The zone that they are asked for. */
  readonly zone: string
  readonly members: readonly UpstreamHealth[]
  /** Why none of them could say anything, as it was told last. */
  trouble: string | undefined

  constructor(zone: string, upstreams: readonly Upstream[]) {
    this.zone = zone
    this.members = upstreams.map(upstream => new UpstreamHealth(upstream))
  }

  /** The server for the next sending: least asked, well, quickest; in the order of the settings where all are alike. */
  choose(tried: Tried, nowMs: number): UpstreamHealth | undefined {
    let best: UpstreamHealth | undefined
    for (const member of this.members) {
      if (!tried.hasFailed(member) && (best === undefined || this.#isBetter(member, best, tried, nowMs))) best = member
    }
    return best
  }

  /** A server beside the chosen one that was not measured for long. */
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
