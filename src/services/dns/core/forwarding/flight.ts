/** One question under way to its upstreams: who waits for it, what was sent, and what came of that. */
import { nameKey } from '../../wire/name.ts'
import type { Scheduled } from './deadlines.ts'
import type { ExtendedError } from '../../wire/edns-options.ts'
import type { Finding, Wanted } from './finding.ts'
import type { Tried, UpstreamGroup, UpstreamHealth } from './upstream-group.ts'
import type { Upstream } from './upstream.ts'

/** One query to one upstream. Whoever carries it brings back replies by the same object. */
export interface UpstreamQuery {
  readonly upstream: Upstream
  /** Not by UDP, though the upstream is asked by UDP else. */
  readonly overTcp: boolean
  readonly message: Uint8Array
}

/** What became of a question. `slow`: no answer yet, take a stale one; `failed`: none will come. */
export type Outcome =
  | { readonly kind: 'found'; readonly finding: Finding; readonly upstream: Upstream; readonly tookMs: number; readonly provenance: string }
  | { readonly kind: 'slow' }
  | { readonly kind: 'failed'; readonly troubles: readonly Trouble[] }

/** Why an upstream could not help. */
export interface Trouble {
  readonly upstream: Upstream
  readonly kind: 'silent' | 'unreachable' | 'answered'
  /** `answers SERVFAIL`: the sentence's end. */
  readonly why: string
  /** What it answered instead of a finding. */
  readonly rcode?: number
  readonly extendedError?: ExtendedError | undefined
}

/** An query whose replies are still of interest. */
export interface Attempt<Waiter> {
  readonly query: UpstreamQuery
  readonly flight: Flight<Waiter>
  readonly health: UpstreamHealth
  readonly sentAtMs: number
  /** The query as the client wrote the name; `query.message` may have random letters. */
  readonly plainQuery: Uint8Array
  readonly withoutEdns: boolean
  /** A reply with other letters came, and is being checked over TCP. */
  checksCase: boolean
}

export class Flight<Waiter> implements Scheduled, Tried {
  readonly key: string
  readonly wanted: Wanted
  readonly group: UpstreamGroup
  readonly startedAtMs: number
  waiters: Waiter[] = []
  hasStale = false
  /** An answer came; what is still open only tells how quick that upstream is. */
  found = false
  readonly open: Attempt<Waiter>[] = []
  /** Whom the attempts went to, in order. */
  readonly asked: UpstreamHealth[] = []
  /** Of those that have shown that they cannot help. */
  readonly troubles: Trouble[] = []
  /** Which attempt by time is the next, and when it is due. */
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

  /** What each upstream of the group could not do. */
  allTroubles(): Trouble[] {
    return this.group.members.map(({ upstream }) => this.troubles.find(trouble => trouble.upstream === upstream) ?? { upstream, kind: 'silent', why: 'does not answer' })
  }
}

/** Questions with the same key are one flight. */
export function flightKey({ name, type, class: qclass, dnssecOk = false, checkingDisabled = false }: Wanted): string {
  return `${type} ${qclass} ${dnssecOk ? 1 : 0}${checkingDisabled ? 1 : 0} ${nameKey(name)}`
}
