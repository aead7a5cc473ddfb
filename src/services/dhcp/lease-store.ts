/**
 * Stores leases durably: locks the data folder, appends to the journal in it, compacts it, and repairs it after a disk
 * fault.
 */
import { z } from 'zod'
import { HamletError, oneLine, partsOf } from '../kit/errors.ts'
import type { Clock } from '../kit/node/clock.ts'
import { lockFolder } from '../kit/node/folder-lock.ts'
import { openJournal, type Journal } from '../kit/node/journal.ts'
import type { LeaseRecord } from './core/binding.ts'

const leaseRecord: z.ZodType<LeaseRecord> = z.object({
  yiaddr: z.ipv4(), state: z.enum(['leased', 'declined', 'released']), key: z.string(), mac: z.string(), hostName: z.string(), unlisted: z.literal(true).optional(),
  expiresAtMs: z.number().min(0).max(8.64e15).nullable().transform(atMs => atMs ?? Infinity), // JSON has no Infinity, and null in its place.
})

/** The file is compacted when it has more than this many records, and more than this many for each live one. */
const RECORDS_KEPT_MIN = 1000
const RECORDS_PER_LIVE_ONE_MAX = 4
/**
 * Group commit: an fsync costs ten times the CPU time of a lease. Records that arrive within this time of the last
 * write are collected, and written together when the time is over or there are enough of them. A record that arrives
 * later than that is written at once.
 */
const GROUP_MS = 4
const GROUP_COUNT_MAX = 32
/** How often to retry after a disk fault. */
const RETRY_MS = 5_000

interface PendingRecord {
  readonly record: LeaseRecord
  readonly done: Parameters<Journal<LeaseRecord>['append']>[1]
}

export interface LeaseStoreOptions {
  readonly dataFolder: string
  readonly clock: Clock
  log(text: string): void
  setHealth(reason: string | undefined): void
}

export class LeaseStore implements Journal<LeaseRecord> {
  /** The records on disk at startup, oldest first. */
  readonly records: readonly LeaseRecord[]
  /** The current state as records, for compaction. */
  live: () => LeaseRecord[]
  /** Called when a record is durable or has failed. */
  onSettled = () => {}
  readonly #journal: Journal<LeaseRecord>
  readonly #options: LeaseStoreOptions
  readonly #release: () => Promise<void>
  #written: number
  #compactAt: number
  #compacting = false
  /** After a disk fault, until the journal is repaired. */
  #hasFailed = false
  #cancelRetry = () => {}
  #pending = 0
  /** The group being collected, and how to write it early; undefined if it is about to be written anyway. */
  #group: PendingRecord[] = []
  #writeEarly: (() => void) | undefined
  /** When the last group went to the journal. */
  #writtenAtMs = -Infinity

  /** @throws HamletError folder-locked, disk-failed, file-damaged */
  static async open(options: LeaseStoreOptions): Promise<LeaseStore> {
    const lock = await lockFolder(options.dataFolder, 'dhcp')
    try {
      const { journal, records, warnings } = await openJournal({ folder: options.dataFolder, name: 'leases.jsonl', parse: value => leaseRecord.parse(value) })
      warnings.forEach(warning => options.log(warning))
      return new LeaseStore(journal, records, options, () => lock.release())
    } catch (error) {
      await lock.release()
      throw error
    }
  }

  private constructor(journal: Journal<LeaseRecord>, records: readonly LeaseRecord[], options: LeaseStoreOptions, release: () => Promise<void>) {
    this.#journal = journal
    this.records = records
    this.live = () => [...records]
    this.#options = options
    this.#release = release
    this.#written = records.length
    this.#compactAt = compactAtFor(new Set(records.map(({ yiaddr }) => yiaddr)).size)
  }

  /** How many records are not durable yet. */
  get pending(): number {
    return this.#pending
  }

  append(record: LeaseRecord, done: PendingRecord['done']): void {
    this.#pending++
    this.#group.push({ record, done })
    if (this.#group.length === 1) this.#startGroup()
    else if (this.#group.length >= GROUP_COUNT_MAX) this.#writeEarly?.()
  }

  #startGroup(): void {
    const { clock } = this.#options
    const dueAtMs = this.#writtenAtMs + GROUP_MS
    const writeSoon = () => queueMicrotask(() => this.#writeGroup()) // Records of the same turn of the event loop go together anyway.
    if (clock.nowMs() >= dueAtMs) return writeSoon()
    const cancel = clock.wakeAt(dueAtMs, () => this.#writeGroup())
    this.#writeEarly = () => {
      this.#writeEarly = undefined
      cancel()
      writeSoon()
    }
  }

  /** Passes the collected records to the journal. */
  #writeGroup(): void {
    const group = this.#group
    this.#group = []
    this.#writeEarly = undefined
    this.#writtenAtMs = this.#options.clock.nowMs()
    for (const { record, done } of group) {
      this.#journal.append(record, error => {
        this.#pending--
        done(error)
        this.onSettled()
      })
    }
    this.#written += group.length
    if (this.#written > this.#compactAt) void this.#compactLive()
  }

  compact(records: Iterable<LeaseRecord>): Promise<void> {
    return this.#journal.compact(records)
  }

  /** A write failed. The journal acknowledges nothing until it has been rewritten, which is tried now and every 5 s. */
  failed(error: Error): void {
    if (this.#hasFailed) return
    this.#hasFailed = true
    const why = oneLine(new HamletError({ ...partsOf(error), remedy: `free space or check the disk; Hamlet retries every ${RETRY_MS / 1000} s` }, { cause: error }))
    this.#options.setHealth(`no lease is granted: ${why}`)
    this.#options.log(why)
    void this.#compactLive()
  }

  async close(): Promise<void> {
    this.#cancelRetry()
    this.#hasFailed = false
    this.#writeGroup()
    await this.#journal.close()
    await this.#release()
  }

  /** Rewrites the journal with the current state. */
  rewrite(): void {
    void this.#compactLive()
  }

  async #compactLive(): Promise<void> {
    if (this.#compacting) return
    this.#compacting = true
    try {
      const records = this.live()
      const replaced = this.#written
      await this.#journal.compact(records)
      this.#written += records.length - replaced
      this.#compactAt = compactAtFor(records.length)
      if (this.#hasFailed) this.#options.log('leases are granted again')
      this.#hasFailed = false
      this.#options.setHealth(undefined)
    } catch (error) {
      this.#compactAt = this.#written * 2
      const { clock, log } = this.#options
      if (this.#hasFailed) this.#cancelRetry = clock.wakeAt(clock.nowMs() + RETRY_MS, () => void this.#compactLive())
      else log(oneLine(error))
    } finally {
      this.#compacting = false
    }
  }
}

/** How many records a file with so many live ones may have before it is compacted. */
function compactAtFor(live: number): number {
  return Math.max(RECORDS_KEPT_MIN, live * RECORDS_PER_LIVE_ONE_MAX)
}
