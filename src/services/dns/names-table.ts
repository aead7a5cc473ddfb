/**
 * The panel's table of names: the registered names, and the newest answers of upstreams until they expire. If there are too many
 * to show, a row says how many more there are.
 */
import type { RowOf } from '../kit/contract.ts'
import type { Clock } from '../kit/node/clock.ts'
import type { dns } from './contract.ts'
import { isApexOwn } from './core/zone/apex.ts'
import type { ResourceRecord } from './wire/message.ts'
import { nameKey } from './wire/name.ts'
import { formatRdata } from './wire/rdata.ts'
import { formatType } from './wire/types.ts'

type SetRow = (key: string, row: RowOf<typeof dns> | undefined) => void

/** More names than anyone reads. A newly registered name replaces the one shown longest. */
const REGISTERED_NAMES_MAX = 2000
const ROWS_OF_NAME_MAX = 100
const MORE_KEY = ' more'
const CACHED_ROWS_MAX = 500
/** New cached rows per second: in a flood nobody reads them all. */
const CACHED_ROWS_PER_SECOND_MAX = 100
const SWEEP_EVERY_MS = 1000

export class NamesTable {
  /** Name → keys of its rows, those shown longest first. */
  readonly #registered = new Map<string, Set<string>>()
  #more = 0
  /** Row key → its expiry, oldest first. */
  readonly #cached = new Map<string, number>()
  #second = 0
  #shownInSecond = 0
  #cancelSweep: (() => void) | undefined
  private readonly setRow: SetRow
  private readonly clock: Clock
  private readonly countRegistered: () => number

  /** @param countRegistered returns the current number of registered names */
  constructor(setRow: SetRow, clock: Clock, countRegistered: () => number) {
    this.setRow = setRow
    this.clock = clock
    this.countRegistered = countRegistered
  }

  /** Shows a name's current records in place of its earlier ones. */
  showRegistered(name: string, records: readonly ResourceRecord[]): void {
    const before = this.#registered.get(nameKey(name)) ?? new Set()
    const now = new Set<string>()
    for (const record of records.slice(0, ROWS_OF_NAME_MAX)) {
      if (isApexOwn(record)) continue
      const row = rowOf(record, 'registered')
      const key = keyOf(row)
      now.add(key)
      this.#cached.delete(key)
      this.setRow(key, row)
    }
    for (const key of before) if (!now.has(key)) this.setRow(key, undefined)
    if (now.size > 0) this.#registered.set(nameKey(name), now)
    else this.#registered.delete(nameKey(name))
    this.#keepToLimit()
  }

  /** Shows these records, up to the limit, as all that is registered. @param records with those of each name together */
  showAllRegistered(records: Iterable<ResourceRecord>): void {
    const byName = new Map<string, ResourceRecord[]>()
    for (const record of records) {
      const held = byName.get(nameKey(record.name))
      if (held !== undefined) held.push(record)
      else if (byName.size === REGISTERED_NAMES_MAX) break
      else byName.set(nameKey(record.name), [record])
    }
    for (const name of [...this.#registered.keys()]) if (!byName.has(name)) this.showRegistered(name, [])
    for (const [name, held] of byName) this.showRegistered(name, held)
  }

  showCached(records: readonly ResourceRecord[], expiresAtMs: number): void {
    if (this.#isFlooded(records.length)) return
    for (const record of records) {
      const row = rowOf(record, 'cached')
      const key = keyOf(row)
      if (this.#registered.get(nameKey(record.name))?.has(key) === true) continue
      this.#cached.delete(key)
      this.#cached.set(key, expiresAtMs)
      this.setRow(key, row)
    }
    for (const key of this.#cached.keys()) {
      if (this.#cached.size <= CACHED_ROWS_MAX) break
      this.#forget(key)
    }
    this.#sweepLater()
  }

  forgetCached(): void {
    for (const key of [...this.#cached.keys()]) this.#forget(key)
  }

  stop(): void {
    this.#cancelSweep?.()
  }

  #keepToLimit(): void {
    for (const [name, keys] of this.#registered) {
      if (this.#registered.size <= REGISTERED_NAMES_MAX) break
      for (const key of keys) this.setRow(key, undefined)
      this.#registered.delete(name)
    }
    const more = this.countRegistered() - this.#registered.size
    if (more !== this.#more) this.setRow(MORE_KEY, more > 0 ? { name: `… and ${more} more`, type: '', data: 'dns.zone has them all', ttl: '', source: 'registered' } : undefined)
    this.#more = more
  }

  #sweepLater(): void {
    if (this.#cached.size === 0) return
    this.#cancelSweep ??= this.clock.wakeAt(this.clock.nowMs() + SWEEP_EVERY_MS, () => {
      this.#cancelSweep = undefined
      const nowMs = this.clock.nowMs()
      for (const [key, expiresAtMs] of [...this.#cached]) if (expiresAtMs <= nowMs) this.#forget(key)
      this.#sweepLater()
    })
  }

  #isFlooded(rows: number): boolean {
    const second = Math.floor(this.clock.nowMs() / 1000)
    if (second !== this.#second) this.#shownInSecond = 0
    this.#second = second
    this.#shownInSecond += rows
    return this.#shownInSecond > CACHED_ROWS_PER_SECOND_MAX
  }

  #forget(key: string): void {
    this.#cached.delete(key)
    this.setRow(key, undefined)
  }
}

function rowOf({ name, type, ttl, rdata }: ResourceRecord, source: 'registered' | 'cached'): RowOf<typeof dns> {
  return { name, type: formatType(type), data: formatRdata(type, rdata), ttl: String(ttl), source }
}

function keyOf({ name, type, data }: RowOf<typeof dns>): string {
  return `${nameKey(name)} ${type} ${data}`
}
