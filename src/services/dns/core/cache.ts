/**
 * What upstream servers said, for as long as they said. Bounded in entries and octets; the entry that was longest not used
 * gives way. Expired entries stay a day more, for the time that no upstream can be reached (RFC 8767).
 */
import type { Question } from '../wire/message.ts'
import { nameKey } from '../wire/name.ts'
import { RCODE } from '../wire/types.ts'
import { lifetimeSeconds, type Finding } from './finding.ts'

export interface CacheLimits {
  readonly entriesMax: number
  readonly octetsMax: number
}

/** A day: nobody is told an address for longer than that by an old answer. */
const TTL_SECONDS_MAX = 86_400
/** RFC 2308 §5 advises one to three hours at most; a name that was just created should not be missing that long. */
const NEGATIVE_TTL_SECONDS_MAX = 900
const STALE_MS_MAX = 86_400_000
/** RFC 8767 §4. */
const STALE_TTL_SECONDS = 30
/** What a record costs beside its data, roughly. */
const RECORD_OVERHEAD_OCTETS = 200

interface CacheEntry {
  readonly finding: Finding
  readonly expiresAtMs: number
  readonly octets: number
}

export class Cache {
  /** In order of use, the longest unused first. */
  readonly #entries = new Map<string, CacheEntry>()
  #octets = 0
  readonly limits: CacheLimits

  constructor(limits: CacheLimits = { entriesMax: 10_000, octetsMax: 16 * 1024 * 1024 }) {
    this.limits = limits
  }

  get size(): number {
    return this.#entries.size
  }

  /** Remembers a finding. @returns until when; undefined where it may not be remembered (TTL 0, RFC 2308 §5) */
  put(question: Question, finding: Finding, nowMs: number): number | undefined {
    const positive = finding.rcode === RCODE.NOERROR && finding.soa === undefined
    const seconds = Math.min(lifetimeSeconds(finding, question), positive ? TTL_SECONDS_MAX : NEGATIVE_TTL_SECONDS_MAX)
    this.#delete(missingKey(question))
    const key = finding.rcode === RCODE.NXDOMAIN && finding.answers.length === 0 ? missingKey(question) : keyOf(question)
    this.#delete(key)
    if (seconds <= 0) return undefined
    const expiresAtMs = nowMs + seconds * 1000
    this.#insert(key, { finding, expiresAtMs, octets: octetsOf(finding) })
    return expiresAtMs
  }

  /** A finding that still holds, its TTLs counted down. */
  get(question: Question, nowMs: number): Finding | undefined {
    const entry = this.#use(question, entry => nowMs < entry.expiresAtMs)
    if (entry === undefined) return undefined
    return withTtl(entry.finding, Math.ceil((entry.expiresAtMs - nowMs) / 1000))
  }

  /** When the finding expires that `get` gave. */
  freshUntilMs(question: Question): number {
    return (this.#entries.get(keyOf(question)) ?? this.#entries.get(missingKey(question)))?.expiresAtMs ?? 0
  }

  /** A finding that holds or expired less than a day ago: better than none while no upstream answers. */
  stale(question: Question, nowMs: number): Finding | undefined {
    const entry = this.#use(question, entry => nowMs < entry.expiresAtMs + STALE_MS_MAX)
    return entry === undefined ? undefined : withTtl(entry.finding, STALE_TTL_SECONDS)
  }

  /** Forgets everything. @returns how many entries that were */
  flush(): number {
    const count = this.#entries.size
    this.#entries.clear()
    this.#octets = 0
    return count
  }

  #use(question: Question, holds: (entry: CacheEntry) => boolean): CacheEntry | undefined {
    for (const key of [keyOf(question), missingKey(question)]) {
      const entry = this.#entries.get(key)
      if (entry === undefined || !holds(entry)) continue
      this.#entries.delete(key)
      this.#entries.set(key, entry)
      return entry
    }
    return undefined
  }

  #insert(key: string, entry: CacheEntry): void {
    this.#entries.set(key, entry)
    this.#octets += entry.octets
    while (this.#entries.size > this.limits.entriesMax || this.#octets > this.limits.octetsMax) {
      const oldest = this.#entries.keys().next().value
      if (oldest === undefined) return
      this.#delete(oldest)
    }
  }

  #delete(key: string): void {
    this.#octets -= this.#entries.get(key)?.octets ?? 0
    this.#entries.delete(key)
  }
}

function keyOf({ name, type }: Question): string {
  return `${type} ${nameKey(name)}`
}

/** NXDOMAIN holds for all types of a name (RFC 2308 §5). */
function missingKey({ name }: Question): string {
  return `none ${nameKey(name)}`
}

function octetsOf({ answers, soa }: Finding): number {
  return [...answers, ...(soa === undefined ? [] : [soa])].reduce((sum, { name, rdata }) => sum + name.length + rdata.length + RECORD_OVERHEAD_OCTETS, RECORD_OVERHEAD_OCTETS)
}

/** All records of a finding are forgotten together, so they show the same time. */
function withTtl({ rcode, answers, soa }: Finding, ttl: number): Finding {
  return { rcode, answers: answers.map(record => ({ ...record, ttl })), soa: soa === undefined ? undefined : { ...soa, ttl } }
}
