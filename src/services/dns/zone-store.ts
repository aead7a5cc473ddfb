/**
 * The zone on disk: dns.zone, which the user may edit at any time, and a journal of the changes since it was written. A change
 * is applied once it is durable in the journal; soon after, dns.zone is rewritten and the journal restarted.
 *
 *     dns.journal   mark                   the state of dns.zone as last known, and the zone's serial at that point
 *                   change, change, …      each as applied, not as requested, and one step of the serial
 *
 * The mark guarantees secondaries that the serial never goes back (RFC 1996, RFC 1982), whatever the user writes into the file
 * and whenever the power fails. An edit is loaded within two seconds, and the changes in the journal are replayed on top of it.
 * A file that cannot be parsed is left alone until the user repairs it: the zone stays as it was, or after a start has only what
 * the journal holds. The journal continues meanwhile, so that acknowledged changes are replayed on the repaired file too.
 */
import { z } from 'zod'
import { HamletError, oneLine, UsageError } from '../kit/errors.ts'
import type { Clock } from '../kit/node/clock.ts'
import { openJournal, type Journal } from '../kit/node/journal.ts'
import type { FileState } from '../kit/node/replace-file.ts'
import type { ZoneChange } from './core/zone/zone-change.ts'
import { ZoneContent } from './core/zone/zone-content.ts'
import { Zone } from './core/zone/zone.ts'
import { PendingChanges } from './pending-changes.ts'
import { isSameState, ZONE_FILE, ZoneFile } from './zone-file.ts'

export const ZONE_JOURNAL = 'dns.journal'
/**
 * How far dns.zone may lag behind: this, plus a second for each MiB, so
 * that writing a large file takes only a fraction of the time.
 */
const WRITE_AFTER_MS = 800
const WRITE_AFTER_MS_PER_MIB = 1000
/** How long to wait after a disk error. */
const TRY_AGAIN_AFTER_MS = 10_000
/** A file that has not changed for this long has been written completely. */
const SETTLED_AFTER_MS = 250

/** The state of dns.zone when it contained all changes before this entry. */
interface Mark extends FileState {
  readonly change: 'mark'
  readonly serial: number
}

type Entry = ZoneChange | Mark

const register = z.object({ change: z.literal('register'), name: z.string(), type: z.string(), rdata: z.string(), replace: z.boolean(), ttl: z.int().min(0).optional() })
const unregister = z.object({ change: z.literal('unregister'), name: z.string(), type: z.string().optional(), rdata: z.string().optional() })
const entry: z.ZodType<Entry> = z.discriminatedUnion('change', [
  register, unregister,
  z.object({ change: z.literal('update'), changes: z.array(z.discriminatedUnion('change', [register, unregister])) }),
  z.object({ change: z.literal('mark'), serial: z.int().min(0).max(0xffffffff), mtimeMs: z.number(), sizeBytes: z.int() }),
])

export interface ZoneStoreOptions {
  /** Locked for this service by the caller. */
  readonly folder: string
  readonly clock: Clock
  readonly log: (text: string) => void
  /** Why dns.zone cannot be written, as a sentence; undefined once it can. */
  readonly onTrouble: (sentence: string | undefined) => void
  /** Why dns.zone cannot be parsed, as a sentence with line and reason; undefined once it can. */
  readonly onDamaged: (sentence: string | undefined) => void
  /** The zone's content was replaced by an edit. */
  readonly onLoaded: () => void
}

/** @throws HamletError disk-failed, or file-damaged for a journal of a newer version */
export async function openZoneStore(options: ZoneStoreOptions): Promise<ZoneStore> {
  const { journal, records, warnings } = await openJournal({ folder: options.folder, name: ZONE_JOURNAL, parse: value => entry.parse(value) })
  warnings.forEach(options.log)
  const store = new ZoneStore(options, journal)
  await store.begin(records)
  return store
}

export class ZoneStore {
  readonly zone = new Zone()
  /** Changes in the zone and the journal that are not yet in dns.zone. */
  #unwritten: ZoneChange[] = []
  /** Changes on their way to the journal. */
  readonly #pending: PendingChanges
  #diskFailed = false
  /** The state of the file that was last loaded, written, or found unreadable. */
  #known: FileState | undefined
  /** A new state, seen once: it is loaded when it is seen again. */
  #unsettled: FileState | undefined
  /** Why dns.zone could not be checked the last time; logged once. */
  #checkTrouble: string | undefined
  /** dns.zone holds an edit that cannot be parsed, and must not be overwritten. */
  #unreadable = false
  #cancelWrite: (() => void) | undefined
  #cancelCheck: (() => void) | undefined
  #unwatch: () => void = () => undefined
  /** Serializes the operations on the file. */
  #work: Promise<void> = Promise.resolve()
  #closed = false
  readonly #file: ZoneFile
  private readonly options: ZoneStoreOptions
  private readonly journal: Journal<Entry>

  constructor(options: ZoneStoreOptions, journal: Journal<Entry>) {
    this.options = options
    this.journal = journal
    this.#file = new ZoneFile(options.folder)
    this.#pending = new PendingChanges(name => this.zone.recordsOf(name))
  }

  /** Loads dns.zone and replays the journal. */
  async begin(entries: readonly Entry[]): Promise<void> {
    const mark = entries.find((each): each is Mark => each.change === 'mark')
    const changes = entries.filter((each): each is ZoneChange => each.change !== 'mark')
    const state = await this.#file.stat()
    const isMarked = mark !== undefined && isSameState(state, mark)
    // A file written by someone else is a new version of the zone, newer than all that was served.
    const leastSerial = mark === undefined || isMarked ? mark?.serial : (mark.serial + changes.length + 1) >>> 0
    await this.#loadFirst(state, leastSerial)
    this.#known = state
    this.#unwritten = changes
    this.#replay(changes)
    if (changes.length > 0 || state === undefined) this.#writeLater(WRITE_AFTER_MS)
    else if (!isMarked) await this.#restartJournal()
    this.#unwatch = this.#file.watch(this.options.clock, () => this.#checkAfter(0))
  }

  /**
   * Makes a change. Returns when it is durable and in the zone.
   * @returns the change as applied, which is what the journal holds; undefined if the zone already had it
   * @throws UsageError if it is not possible, HamletError if the disk fails; then nothing has changed
   */
  async change(change: ZoneChange): Promise<ZoneChange | undefined> {
    const { parts, names } = this.zone.plan(change, name => this.#pending.recordsOf(name))
    if (names.length === 0 && this.#pending.count === 0 && !this.#diskFailed) return undefined
    // The parts that had no effect must not take effect when the journal is replayed on a newer dns.zone.
    const made: ZoneChange = change.change !== 'update' && parts.length > 0 ? change : { change: 'update', changes: parts }
    this.#pending.add(names)
    return new Promise((resolve, reject) => {
      this.journal.append(made, error => {
        this.#pending.remove(names)
        try {
          if (error !== undefined) throw error
          this.zone.apply(made)
          this.#unwritten.push(made)
          resolve(made)
        } catch (cause) {
          reject(cause)
        }
        this.#diskFailed ||= error !== undefined
        this.#writeLater(error === undefined ? this.#writeAfterMs() : TRY_AGAIN_AFTER_MS)
      })
    })
  }

  /** Writes what is left, and closes. */
  async close(): Promise<void> {
    const pending = this.#cancelWrite !== undefined
    this.#closed = true
    this.#unwatch()
    this.#cancelCheck?.()
    this.#cancelWrite?.()
    await this.#work
    if (pending || this.#unwritten.length > 0) await this.#write()
    await this.journal.close()
  }

  #writeAfterMs(): number {
    return WRITE_AFTER_MS + WRITE_AFTER_MS_PER_MIB * Math.floor((this.#known?.sizeBytes ?? 0) / (1024 * 1024))
  }

  #writeLater(afterMs: number): void {
    if (this.#closed) return
    this.#cancelWrite ??= this.options.clock.wakeAt(this.options.clock.nowMs() + afterMs, () => {
      this.#cancelWrite = undefined
      this.#work = this.#work.then(() => this.#write())
    })
  }

  #checkAfter(afterMs: number): void {
    if (this.#closed) return
    this.#cancelCheck ??= this.options.clock.wakeAt(this.options.clock.nowMs() + afterMs, () => {
      this.#cancelCheck = undefined
      this.#work = this.#work.then(() => this.#checkForEdit())
    })
  }

  /** Loads an edit once it has been written completely. */
  async #checkForEdit(): Promise<void> {
    try {
      const state = await this.#file.stat()
      if (isSameState(state, this.#known)) return
      if (state === undefined) return this.#handleRemoval()
      if (isSameState(state, this.#unsettled)) await this.#loadEdit(state)
      else this.#checkAfter(SETTLED_AFTER_MS)
      this.#unsettled = state
      this.#checkTrouble = undefined
    } catch (error) {
      const trouble = oneLine(error)
      if (trouble !== this.#checkTrouble) this.options.log(trouble)
      this.#checkTrouble = trouble
    }
  }

  async #write(): Promise<void> {
    try {
      const state = await this.#file.stat()
      if (state !== undefined && !isSameState(state, this.#known)) {
        // The edit may still be in progress. When closing there is no time to wait for that.
        if (!this.#closed) return this.#checkAfter(0)
        await this.#loadEdit(state)
      }
      if (this.#unreadable) return
      this.#cancelWrite?.()
      this.#cancelWrite = undefined
      const written = this.#unwritten.length
      const newState = await this.#file.write(this.zone, this.#known)
      if (newState === undefined) return this.#checkAfter(0)
      this.#known = newState
      this.#unwritten.splice(0, written)
      await this.#restartJournal()
      this.#diskFailed = false
      this.options.onTrouble(undefined)
    } catch (error) {
      this.options.log(oneLine(error))
      this.options.onTrouble(oneLine(error))
      this.#writeLater(TRY_AGAIN_AFTER_MS)
    }
  }

  /** Restarts the journal with the known state of the file and the changes that it lacks. */
  #restartJournal(): Promise<void> {
    const serial = (this.zone.serial - this.#unwritten.length) >>> 0
    const { mtimeMs, sizeBytes } = this.#known ?? { mtimeMs: 0, sizeBytes: 0 }
    return this.journal.compact([{ change: 'mark', serial, mtimeMs, sizeBytes }, ...this.#unwritten])
  }

  /** Loads an edit and replays newer changes on top. One that cannot be parsed is reported and changes nothing. */
  async #loadEdit(state: FileState): Promise<void> {
    try {
      const content = await this.#file.read(state)
      this.zone.load(content, (this.zone.serial + 1) >>> 0)
      this.#known = state
    } catch (error) {
      this.#reportUnreadable(error, 'the names are served as before')
      this.#known = state
      return
    }
    this.#replay(this.#unwritten)
    this.options.log(`${ZONE_FILE} was edited: it was loaded, and the serial is ${this.zone.serial}`)
    this.options.onLoaded()
    this.#markReadable()
    await this.#restartJournal()
    if (this.#unwritten.length > 0) this.#writeLater(this.#writeAfterMs())
  }

  /** A deleted file is written again with the next change; or soon, if changes are pending or it could not be parsed. */
  #handleRemoval(): void {
    if (!this.#unreadable && this.#unwritten.length === 0) return
    if (this.#unreadable) this.#markReadable()
    this.#writeLater(WRITE_AFTER_MS)
  }

  #markReadable(): void {
    this.#unreadable = false
    this.zone.isPartial = false
    this.options.onDamaged(undefined)
  }

  /**
   * After a start there is no earlier state to serve: if the file
   * cannot be parsed, only the names in the journal are left.
   */
  async #loadFirst(state: FileState | undefined, leastSerial: number | undefined): Promise<void> {
    try {
      this.zone.load(state === undefined ? new ZoneContent() : await this.#file.read(state), leastSerial)
    } catch (error) {
      this.#reportUnreadable(error, 'it is left as it is, and its names are not served until it is repaired')
      this.zone.load(new ZoneContent(), leastSerial)
      this.zone.isPartial = true
    }
  }

  /** @throws any error other than file-damaged */
  #reportUnreadable(error: unknown, done: string): void {
    if (!(error instanceof HamletError && error.code === 'file-damaged')) throw error
    const reported = new HamletError({ ...error.parts, done, remedy: `${error.parts.remedy}, or delete the file to start over` }, { cause: error })
    this.#unreadable = true
    this.options.log(oneLine(reported))
    this.options.onDamaged(oneLine(reported))
  }

  /**
   * Replays acknowledged changes. A change that the zone now refuses conflicts with an edit, or was refused before; the other parts
   * of an update are still applied. The serial advances in any case, since secondaries may have seen it.
   */
  #replay(changes: readonly ZoneChange[]): void {
    for (const change of changes) {
      try {
        this.zone.apply(change)
      } catch (error) {
        if (!(error instanceof UsageError)) throw error
        if (change.change === 'update') {
          this.#replay(change.changes)
          continue
        }
        if (change.change === 'register') this.options.log(oneLine(error))
        this.zone.apply({ change: 'update', changes: [] })
      }
    }
  }
}
