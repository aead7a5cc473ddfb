/**
 * The cache of upstream answers. It is bounded in entries and octets, and evicts the least recently used name. Expired entries
 * are kept for another day, to be served while no upstream can be reached (RFC 8767).
 *
 *     |------------------ TTL ------------------|------- stale, one day -------|
 *     put        get, get, get …   get: prefetch       better than SERVFAIL
 */
import type { ResourceRecord } from '../../wire/message.ts'
import { nameKey } from '../../wire/name.ts'
import { RCODE } from '../../wire/types.ts'
import { isPositive, lifetimeSeconds, TTL_SECONDS_MAX, withoutProofs, type Finding, type Wanted } from '../forwarding/finding.ts'

export interface CacheLimits {
  readonly entriesMax: number
  readonly octetsMax: number
}

/** RFC 2308 §5 suggests a limit of one to three hours; a name that was just created should not be missing for that long. */
const NEGATIVE_TTL_SECONDS_MAX = 900
const STALE_MS_MAX = 86_400_000
/** RFC 8767 §4 and §5: the TTL of a stale answer, and how long to wait after a failed refresh before asking again. */
const STALE_TTL_SECONDS = 30
/** An answer that was used this often … */
const PREFETCH_USES_MIN = 3
/** … is prefetched in the last tenth of its TTL, so that nobody has to wait when it expires. */
const PREFETCH_FRACTION = 0.1
/**
 * The memory a record takes besides its name and data, and an entry
 * besides its records: measured with 100,000 of them on Node 24.
 */
const RECORD_OVERHEAD_OCTETS = 280
const ENTRY_OVERHEAD_OCTETS = 600
/** Answers to different questions about one name. */
const ENTRIES_OF_NAME_MAX = 32

interface CacheEntry {
  readonly slot: number
  readonly finding: Finding
  readonly upstream: string
  readonly storedAtMs: number
  readonly expiresAtMs: number
  readonly octets: number
  uses: number
  /** After a failed refresh: not to be asked for again before this. */
  retryAtMs: number
}

export interface CachedFinding {
  /** With TTLs counted down. */
  readonly finding: Finding
  readonly ageMs: number
  /** The upstream that gave it. */
  readonly upstream: string
  /** Query again although it is still valid: it is popular and about to expire. */
  readonly shouldPrefetch: boolean
  /** From then on every use must reach the cache, which counts them to decide on prefetching. */
  readonly quietUntilMs: number
}

export interface StaleFinding extends Omit<CachedFinding, 'shouldPrefetch' | 'quietUntilMs'> {
  /** A refresh failed a moment ago: it is too early to try again. */
  readonly refreshFailed: boolean
}

export class Cache {
  /** By name, least recently used first. */
  readonly #names = new Map<string, CacheEntry[]>()
  /**
   * Yields the names to evict: it removes each one it visits, so all that remains lies ahead of it. It is never recreated: a new
   * iterator would have to step over the holes that deleted entries leave in the map.
   */
  readonly #oldest = this.#names.entries()
  #size = 0
  #octets = 0
  readonly limits: CacheLimits

  constructor(limits: CacheLimits = { entriesMax: 10_000, octetsMax: 16 * 1024 * 1024 }) {
    this.limits = limits
  }

  /** The number of cached answers. */
  get size(): number {
    return this.#size
  }

  /**
   * Caches a finding.
   * @param upstream the server that gave it
   * @returns when it expires; undefined if it must not be cached (TTL 0, RFC 2308 §5)
   */
  put(wanted: Wanted, finding: Finding, upstream: string, nowMs: number): number | undefined {
    const key = nameKey(wanted.name)
    const seconds = Math.min(lifetimeSeconds(finding, wanted), isPositive(finding, wanted) ? TTL_SECONDS_MAX : NEGATIVE_TTL_SECONDS_MAX)
    const slot = finding.rcode === RCODE.NXDOMAIN && finding.answers.length === 0 ? missingSlot(wanted) : slotOf(wanted)
    this.#forget(key, slot, missingSlot(wanted))
    if (seconds <= 0) return undefined
    const expiresAtMs = nowMs + seconds * 1000
    this.#insert(key, { slot, finding, upstream, storedAtMs: nowMs, expiresAtMs, octets: octetsOf(key, finding), uses: 0, retryAtMs: -Infinity })
    return expiresAtMs
  }

  /** A finding that has not expired. */
  get(wanted: Wanted, nowMs: number): CachedFinding | undefined {
    const entry = this.#find(wanted, nowMs)
    if (entry === undefined) return undefined
    entry.uses++
    const restMs = entry.expiresAtMs - nowMs
    const quietUntilMs = entry.expiresAtMs - PREFETCH_FRACTION * (entry.expiresAtMs - entry.storedAtMs)
    const shouldPrefetch = entry.uses >= PREFETCH_USES_MIN && nowMs >= quietUntilMs
    return { finding: findingWithTtl(entry, wanted, Math.ceil(restMs / 1000)), ageMs: nowMs - entry.storedAtMs, upstream: entry.upstream, shouldPrefetch, quietUntilMs }
  }

  /** A finding that expired less than a day ago, or not yet: better than none while no upstream answers. */
  stale(wanted: Wanted, nowMs: number): StaleFinding | undefined {
    const entry = this.#find(wanted, nowMs - STALE_MS_MAX)
    if (entry === undefined) return undefined
    return { finding: findingWithTtl(entry, wanted, STALE_TTL_SECONDS), ageMs: nowMs - entry.storedAtMs, upstream: entry.upstream, refreshFailed: nowMs < entry.retryAtMs }
  }

  /** No upstream could refresh the stale answer: for half a minute it is served at once (RFC 8767 §5). */
  refreshFailed(wanted: Wanted, nowMs: number): void {
    const entry = this.#find(wanted, nowMs - STALE_MS_MAX)
    if (entry !== undefined) entry.retryAtMs = nowMs + STALE_TTL_SECONDS * 1000
  }

  /** Empties the cache. @returns the number of answers removed */
  flush(): number {
    const count = this.#size
    this.#names.clear()
    this.#size = 0
    this.#octets = 0
    return count
  }

  /** The entry that answers, if it is valid beyond `aliveAtMs`; marks its name as the most recently used. */
  #find(wanted: Wanted, aliveAtMs: number): CacheEntry | undefined {
    const key = nameKey(wanted.name)
    const entries = this.#names.get(key)
    if (entries === undefined) return undefined
    const entry = bestOf(entries, wanted, aliveAtMs)
    if (entry === undefined) return undefined
    this.#names.delete(key)
    this.#names.set(key, entries)
    return entry
  }

  #insert(key: string, entry: CacheEntry): void {
    const entries = this.#names.get(key) ?? []
    const oldest = entries.length < ENTRIES_OF_NAME_MAX ? undefined : entries[0]
    if (oldest !== undefined) this.#forget(key, oldest.slot, oldest.slot)
    entries.push(entry)
    this.#names.delete(key)
    this.#names.set(key, entries)
    this.#size++
    this.#octets += entry.octets
    while (this.#size > this.limits.entriesMax || this.#octets > this.limits.octetsMax) this.#forgetOldest()
  }

  #forgetOldest(): void {
    const next = this.#oldest.next()
    if (next.done === true) return
    const [key, { length }] = next.value
    for (let count = 0; count < length; count++) this.#forgetAt(key, 0)
  }

  #forget(key: string, slot: number, otherSlot: number): void {
    const entries = this.#names.get(key) ?? []
    for (let index = entries.length - 1; index >= 0; index--) {
      const at = entries[index]?.slot
      if (at === slot || at === otherSlot) this.#forgetAt(key, index)
    }
  }

  #forgetAt(key: string, index: number): void {
    const entries = this.#names.get(key) ?? []
    for (const { octets } of entries.splice(index, 1)) {
      this.#size--
      this.#octets -= octets
    }
    if (entries.length === 0) this.#names.delete(key)
  }
}

/** The exact answer, or that the name does not exist, or either of them with DNSSEC records that have to be left out. */
function bestOf(entries: readonly CacheEntry[], wanted: Wanted, aliveAtMs: number): CacheEntry | undefined {
  const proven = { ...wanted, dnssecOk: true }
  for (const slot of [slotOf(wanted), missingSlot(wanted), slotOf(proven), missingSlot(proven)]) {
    const entry = entries.find(each => each.slot === slot)
    if (entry !== undefined && aliveAtMs < entry.expiresAtMs) return entry
  }
  return undefined
}

/** One number for type, DO and CD: an unvalidated answer never goes to a client that wants validation. */
function slotOf({ type, dnssecOk, checkingDisabled }: Wanted): number {
  return type * 4 + (dnssecOk === true ? 2 : 0) + (checkingDisabled === true ? 1 : 0)
}

/** NXDOMAIN applies to all types of a name (RFC 2308 §5); no record has type 0. */
function missingSlot(wanted: Wanted): number {
  return slotOf({ ...wanted, type: 0 })
}

function octetsOf(key: string, { answers, authorities }: Finding): number {
  const size = (sum: number, { name, rdata }: ResourceRecord) => sum + name.length + rdata.length + RECORD_OVERHEAD_OCTETS
  return authorities.reduce(size, answers.reduce(size, key.length + ENTRY_OVERHEAD_OCTETS))
}

/** All records of a finding expire together, so they get the same TTL. */
function findingWithTtl(entry: CacheEntry, wanted: Wanted, ttl: number): Finding {
  const finding = wanted.dnssecOk === true ? entry.finding : withoutProofs(entry.finding, wanted)
  const withTtl = (record: ResourceRecord): ResourceRecord => ({ ...record, ttl })
  return { ...finding, answers: finding.answers.map(withTtl), authorities: finding.authorities.map(withTtl) }
}
