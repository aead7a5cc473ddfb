/** One question in flight: the clients that wait for it, the queries sent to upstreams, and what came of them. */
import { nameKey } from '../../wire/name.ts'
import type { Scheduled } from './deadlines.ts'
import type { ExtendedError } from '../../wire/edns-options.ts'
import type { Finding, Wanted } from './finding.ts'
import type { Tried, UpstreamGroup, UpstreamHealth } from './upstream-group.ts'
import type { Upstream } from './upstream.ts'

/** One query to one upstream. The sockets that carry it hand its replies back with this same object. */
export interface UpstreamQuery {
  readonly upstream: Upstream
  /** Over TCP, though this upstream normally gets UDP. */
  readonly overTcp: boolean
  readonly message: Uint8Array
}

/** How a question ended. `slow`: no answer yet, use a stale one; `failed`: no answer will come. */
export type Outcome =
  | { readonly kind: 'found'; readonly finding: Finding; readonly upstream: Upstream; readonly tookMs: number; readonly provenance: string }
  | { readonly kind: 'slow' }
  | { readonly kind: 'failed'; readonly troubles: readonly Trouble[] }

/** Why an upstream gave no answer. */
export interface Trouble {
  readonly upstream: Upstream
  readonly kind: 'silent' | 'unreachable' | 'answered'
  /** Completes a sentence that begins with the upstream, such as `answers SERVFAIL`. */
  readonly why: string
  /** The response code, if it responded at all. */
  readonly rcode?: number
  readonly extendedError?: ExtendedError | undefined
}

/** A query that still awaits a reply. */
export interface Attempt<Waiter> {
  readonly query: UpstreamQuery
  readonly flight: Flight<Waiter>
  readonly health: UpstreamHealth
  readonly sentAtMs: number
  /** The query before case randomization, which may apply to `query.message`. */
  readonly plainMessage: Uint8Array
  readonly withoutEdns: boolean
  /** A reply with the name in another case came; a query over TCP is checking it. */
  checksCase: boolean
}

export class Flight<Waiter> implements Scheduled, Tried {
  readonly key: string
  readonly wanted: Wanted
  readonly group: UpstreamGroup
  readonly startedAtMs: number
  waiters: Waiter[] = []
  hasStale = false
  /** An answer came; open attempts now only measure how fast their upstreams are. */
  found = false
  readonly open: Attempt<Waiter>[] = []
  /** The upstreams that were queried, in order. */
  readonly asked: UpstreamHealth[] = []
  /** Of the upstreams that failed this question. */
  readonly troubles: Trouble[] = []
  /** Index of the next scheduled attempt, and its time. */
  nextAttempt = 0
  sendAgainAtMs = Infinity
  deadlineMs = Infinity
  heapIndex = -1

  constructor(wanted: Wanted, group: UpstreamGroup, nowMs: number) {
    this.key = flightKey(wanted)
    this.wanted = wanted
    this.group = group
    this.startedAtMs = nowMs
  }

  times(health: UpstreamHealth): number {
    let count = 0
    for (const each of this.asked) if (each === health) count++
    return count
  }

  hasFailed(health: UpstreamHealth): boolean {
    return this.troubles.some(({ upstream }) => upstream === health.upstream)
  }

  /** One trouble for each upstream of the group. */
  allTroubles(): Trouble[] {
    return this.group.members.map(({ upstream }) => this.troubles.find(trouble => trouble.upstream === upstream) ?? { upstream, kind: 'silent', why: 'does not answer' })
  }
}

/** Questions with the same key share one flight. */
export function flightKey({ name, type, class: qclass, dnssecOk = false, checkingDisabled = false }: Wanted): string {
  return `${type} ${qclass} ${dnssecOk ? 1 : 0}${checkingDisabled ? 1 : 0} ${nameKey(name)}`
}
