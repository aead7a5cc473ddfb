/** Where leases survive: the folder's lock and the journal in it, kept small, and made whole again after a fault of the disk. */
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

/** Records that may lie in the file before it is written anew, and how many of them a live one may stand for. */
const RECORDS_KEPT_MIN = 1000
const RECORDS_A_LIVE_ONE_MAX = 4
/**
 * A sync costs the processor ten times what a lease does. So what comes within this time of the last one gathers and goes to disk together
 * when it is over, or when there is enough. A lease that comes alone goes at once.
 */
const GATHER_MS = 4
const ENOUGH_COUNT = 32
/** After a fault of the disk: as long as it lasts. */
const RETRY_MS = 5_000

interface Held {
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
  /** What was on disk, oldest first. */
  readonly records: readonly LeaseRecord[]
  /** All that is worth keeping now. */
  live: () => LeaseRecord[]
  /** Called when a record is safe, or failed. */
  onSettled = () => {}
  readonly #journal: Journal<LeaseRecord>
  readonly #options: LeaseStoreOptions
  readonly #release: () => Promise<void>
  #written: number
  #compactAt: number
  #compacting = false
  /** The journal acknowledges nothing. */
  #hasFailed = false
  #cancelRetry = () => {}
  #waiting = 0
  /** Records that gather, and what ends that early; undefined where they do not wait for more. */
  #held: Held[] = []
  #cutShort: (() => void) | undefined
  /** When the last ones went to the journal. */
  #passedAtMs = -Infinity

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

  /** Records that are not safe yet. */
  get waiting(): number {
    return this.#waiting
  }

  append(record: LeaseRecord, done: Held['done']): void {
    this.#waiting++
    this.#held.push({ record, done })
    if (this.#held.length === 1) this.#gather()
    else if (this.#held.length >= ENOUGH_COUNT) this.#cutShort?.()
  }

  #gather(): void {
    const { clock } = this.#options
    const gatheredAtMs = this.#passedAtMs + GATHER_MS
    const passSoon = () => queueMicrotask(() => this.#pass()) // What this turn of the event loop brings goes together anyway.
    if (clock.nowMs() >= gatheredAtMs) return passSoon()
    const cancel = clock.wakeAt(gatheredAtMs, () => this.#pass())
    this.#cutShort = () => {
      this.#cutShort = undefined
      cancel()
      passSoon()
    }
  }

  /** Gives to the journal what has gathered. */
  #pass(): void {
    const held = this.#held
    this.#held = []
    this.#cutShort = undefined
    this.#passedAtMs = this.#options.clock.nowMs()
    for (const { record, done } of held) {
      this.#journal.append(record, error => {
        this.#waiting--
        done(error)
        this.onSettled()
      })
    }
    this.#written += held.length
    if (this.#written > this.#compactAt) void this.#compactLive()
  }

  compact(records: Iterable<LeaseRecord>): Promise<void> {
    return this.#journal.compact(records)
  }

  /** A record could not be made safe. The journal acknowledges nothing until it is written anew, which is tried now, and every 5 s. */
  failed(error: Error): void {
    if (this.#hasFailed) return
    this.#hasFailed = true
    const why = oneLine(new HamletError({ ...partsOf(error), remedy: `free space or check the disk; it is tried again every ${RETRY_MS / 1000} s` }, { cause: error }))
    this.#options.setHealth(`no lease is granted: ${why}`)
    this.#options.log(why)
    void this.#compactLive()
  }

  async close(): Promise<void> {
    this.#cancelRetry()
    this.#hasFailed = false
    this.#pass()
    await this.#journal.close()
    await this.#release()
  }

  /** Writes the journal anew, as things are now. */
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

/** How many records may lie in the file that stand for so many live ones. */
function compactAtFor(live: number): number {
  return Math.max(RECORDS_KEPT_MIN, live * RECORDS_A_LIVE_ONE_MAX)
}
