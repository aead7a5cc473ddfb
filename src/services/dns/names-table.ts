/** The panel's table of names: all that are registered, and the newest of those that upstreams told, for as long as they hold. */
import type { RowOf } from '../kit/contract.ts'
import type { Clock } from '../kit/node/clock.ts'
import type { dns } from './contract.ts'
import { isApexOwn } from './core/apex.ts'
import type { ResourceRecord } from './wire/message.ts'
import { nameKey } from './wire/name.ts'
import { formatRdata } from './wire/rdata.ts'
import { formatType } from './wire/types.ts'

type SetRow = (key: string, row: RowOf<typeof dns> | undefined) => void

/** More cached names than a person reads. */
const CACHED_ROWS_MAX = 500
const SWEEP_EVERY_MS = 1000

export class NamesTable {
  readonly #registered = new Map<string, Set<string>>()
  /** Row key → when it expires, oldest first. */
  readonly #cached = new Map<string, number>()
  #cancelSweep: (() => void) | undefined
  private readonly setRow: SetRow
  private readonly clock: Clock

  constructor(setRow: SetRow, clock: Clock) {
    this.setRow = setRow
    this.clock = clock
  }

  /** Shows what a name has now, and no more what it had. */
  showRegistered(name: string, records: readonly ResourceRecord[]): void {
    const before = this.#registered.get(nameKey(name)) ?? new Set()
    const now = new Set<string>()
    for (const record of records) {
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
  }

  /** Shows all of these and nothing else as registered. */
  showAllRegistered(records: Iterable<ResourceRecord>): void {
    const byName = new Map<string, ResourceRecord[]>([...this.#registered.keys()].map(name => [name, []]))
    for (const record of records) byName.set(nameKey(record.name), [...byName.get(nameKey(record.name)) ?? [], record])
    for (const [name, held] of byName) this.showRegistered(name, held)
  }

  showCached(records: readonly ResourceRecord[], expiresAtMs: number): void {
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

  #sweepLater(): void {
    if (this.#cached.size === 0) return
    this.#cancelSweep ??= this.clock.wakeAt(this.clock.nowMs() + SWEEP_EVERY_MS, () => {
      this.#cancelSweep = undefined
      const nowMs = this.clock.nowMs()
      for (const [key, expiresAtMs] of [...this.#cached]) if (expiresAtMs <= nowMs) this.#forget(key)
      this.#sweepLater()
    })
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
