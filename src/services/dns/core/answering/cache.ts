/**
 * What upstream servers said, for as long as they said. Bounded in entries and octets; the name that was longest not asked for
 * gives way. Expired entries stay a day more, for the time that no upstream can be reached (RFC 8767).
 *
 *     |------------------ TTL ------------------|--------- a day: stale ---------|
 *     put        get, get, get …    hot: refresh        better than nothing
 */
import type { ResourceRecord } from '../../wire/message.ts'
import { nameKey } from '../../wire/name.ts'
import { RCODE } from '../../wire/types.ts'
import { isPositive, lifetimeSeconds, TTL_SECONDS_MAX, withoutProofs, type Finding, type Wanted } from '../forwarding/finding.ts'

export interface CacheLimits {
  readonly entriesMax: number
  readonly octetsMax: number
}

/** RFC 2308 §5 advises one to three hours at most; a name that was just created should not be missing that long. */
const NEGATIVE_TTL_SECONDS_MAX = 900
const STALE_MS_MAX = 86_400_000
/** RFC 8767 §4: the TTL of a stale answer, and how long nobody is asked again after nobody could tell. */
const STALE_TTL_SECONDS = 30
/** An answer that was asked for this often … */
const PREFETCH_USES_MIN = 3
/** … is fetched anew in the last tenth of its time, so that nobody has to wait when it is over. */
const PREFETCH_FRACTION = 0.1
/** What a record costs beside its text and data, and an entry beside its records: as measured with 100,000 of them on Node 24. */
const RECORD_OVERHEAD_OCTETS = 280
const ENTRY_OVERHEAD_OCTETS = 600
/** Kinds of answers remembered for one name. */
const ENTRIES_OF_NAME_MAX = 32

interface CacheEntry {
  readonly slot: number
  readonly finding: Finding
  readonly upstream: string
  readonly storedAtMs: number
  readonly expiresAtMs: number
  readonly octets: number
  uses: number
  /** Nobody is asked anew before: it was tried in vain. */
  retryAtMs: number
}

/** What is remembered of a question. */
export interface Remembered {
  /** With TTLs counted down. */
  readonly finding: Finding
  readonly ageMs: number
  /** Who said it. */
  readonly upstream: string
  /** Ask again though it holds still: it is asked for often and will soon be over. */
  readonly shouldPrefetch: boolean
  /** From then on the cache wants to hear who asks: that is how it knows what is hot. */
  readonly quietUntilMs: number
}

/** What was true once. */
export interface Stale extends Omit<Remembered, 'shouldPrefetch' | 'quietUntilMs'> {
  /** Nobody could say anything newer a moment ago: asking again is of no use yet. */
  readonly refreshFailed: boolean
}

export class Cache {
  /** By name, in order of use, the longest unused first. */
  readonly #names = new Map<string, CacheEntry[]>()
  /**
   * Goes along the names, and each that it comes to gives way: so all that is remembered stands before it. One for all times: a
   * new one would have to pass all gaps again.
   */
  readonly #oldest = this.#names.entries()
  #size = 0
  #octets = 0
  readonly limits: CacheLimits

  constructor(limits: CacheLimits = { entriesMax: 10_000, octetsMax: 16 * 1024 * 1024 }) {
    this.limits = limits
  }

  /** How many answers are remembered. */
  get size(): number {
    return this.#size
  }

  /**
   * Remembers a finding.
   * @param upstream who said it
   * @returns until when; undefined where it may not be remembered (TTL 0, RFC 2308 §5)
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

  /** A finding that still holds. */
  get(wanted: Wanted, nowMs: number): Remembered | undefined {
    const entry = this.#find(wanted, nowMs)
    if (entry === undefined) return undefined
    entry.uses++
    const restMs = entry.expiresAtMs - nowMs
    const quietUntilMs = entry.expiresAtMs - PREFETCH_FRACTION * (entry.expiresAtMs - entry.storedAtMs)
    const shouldPrefetch = entry.uses >= PREFETCH_USES_MIN && nowMs >= quietUntilMs
    return { finding: told(entry, wanted, Math.ceil(restMs / 1000)), ageMs: nowMs - entry.storedAtMs, upstream: entry.upstream, shouldPrefetch, quietUntilMs }
  }

  /** A finding that holds or expired less than a day ago: better than none while no upstream answers. */
  stale(wanted: Wanted, nowMs: number): Stale | undefined {
    const entry = this.#find(wanted, nowMs - STALE_MS_MAX)
    if (entry === undefined) return undefined
    return { finding: told(entry, wanted, STALE_TTL_SECONDS), ageMs: nowMs - entry.storedAtMs, upstream: entry.upstream, refreshFailed: nowMs < entry.retryAtMs }
  }

  /** Nobody could tell anything newer than the stale answer: for half a minute it is given at once (RFC 8767 §5). */
  refreshFailed(wanted: Wanted, nowMs: number): void {
    const entry = this.#find(wanted, nowMs - STALE_MS_MAX)
    if (entry !== undefined) entry.retryAtMs = nowMs + STALE_TTL_SECONDS * 1000
  }

  /** Forgets everything. @returns how many answers that were */
  flush(): number {
    const count = this.#size
    this.#names.clear()
    this.#size = 0
    this.#octets = 0
    return count
  }

  /** The entry that answers, if it holds after `aliveAtMs`; its name is the one used last now. */
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

/** Its own answer, that the name does not exist, or either with proofs that are not wanted. */
function bestOf(entries: readonly CacheEntry[], wanted: Wanted, aliveAtMs: number): CacheEntry | undefined {
  const proven = { ...wanted, dnssecOk: true }
  for (const slot of [slotOf(wanted), missingSlot(wanted), slotOf(proven), missingSlot(proven)]) {
    const entry = entries.find(each => each.slot === slot)
    if (entry !== undefined && aliveAtMs < entry.expiresAtMs) return entry
  }
  return undefined
}

/** One number for type, DO and CD: what was not checked is never told to who wants it checked. */
function slotOf({ type, dnssecOk, checkingDisabled }: Wanted): number {
  return type * 4 + (dnssecOk === true ? 2 : 0) + (checkingDisabled === true ? 1 : 0)
}

/** NXDOMAIN holds for all types of a name (RFC 2308 §5); no record has type 0. */
function missingSlot(wanted: Wanted): number {
  return slotOf({ ...wanted, type: 0 })
}

function octetsOf(key: string, { answers, authorities }: Finding): number {
  const size = (sum: number, { name, rdata }: ResourceRecord) => sum + name.length + rdata.length + RECORD_OVERHEAD_OCTETS
  return authorities.reduce(size, answers.reduce(size, key.length + ENTRY_OVERHEAD_OCTETS))
}

/** All records of a finding are forgotten together, so they show the same time. */
function told(entry: CacheEntry, wanted: Wanted, ttl: number): Finding {
  const finding = wanted.dnssecOk === true ? entry.finding : withoutProofs(entry.finding, wanted)
  const withTtl = (record: ResourceRecord): ResourceRecord => ({ ...record, ttl })
  return { ...finding, answers: finding.answers.map(withTtl), authorities: finding.authorities.map(withTtl) }
}
