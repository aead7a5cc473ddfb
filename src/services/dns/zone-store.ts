/**
 * The zone on disk: dns.zone, which a person may edit at any time, and a journal of the changes since it was written. A change is
 * made when it is safe in the journal; dns.zone follows soon, and then the journal starts anew.
 *
 *     dns.journal   mark: dns.zone as it was known, and the zone's serial then
 *                   change, change, …      each what was made, not what was asked for, and one step of the serial
 *
 * The mark makes the serial a promise to secondaries (RFC 1996, RFC 1982: it never goes back), whatever a person writes into the
 * file and whenever the power fails. A person's text is loaded within two seconds, and the changes of the journal are made again
 * on top. A text that cannot be read is left alone until the person has repaired it: the zone stays as it was, and at a start it has
 * what the journal holds. The journal goes on meanwhile, so what was acknowledged is made on top of the repaired text too.
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
/** How long dns.zone may be behind: this, and a second more for each MiB, so that writing a large one is a small part of the time. */
const WRITE_AFTER_MS = 800
const WRITE_AFTER_MS_PER_MIB = 1000
/** A disk that failed gets time to recover. */
const TRY_AGAIN_AFTER_MS = 10_000
/** A file that has not changed for so long has been written to its end. */
const SETTLED_AFTER_MS = 250

/** What dns.zone was when all changes of the journal before were in it. */
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
  /** dns.zone cannot be written: a sentence; undefined when it can again. */
  readonly onTrouble: (sentence: string | undefined) => void
  /** dns.zone cannot be read: a sentence that names line and reason; undefined when it can again. */
  readonly onDamaged: (sentence: string | undefined) => void
  /** The zone's content was replaced by what a person wrote. */
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
  /** Changes that are in the zone and the journal, but not yet in dns.zone. */
  #unwritten: ZoneChange[] = []
  /** Changes on their way into the journal. */
  readonly #underway: PendingChanges
  #diskFailed = false
  /** The file's state that was loaded, written, or found unreadable. */
  #known: FileState | undefined
  /** Another state, seen once: it is loaded when it is seen again. */
  #unsettled: FileState | undefined
  /** Why dns.zone could not be looked at the last time: told once. */
  #lookTrouble: string | undefined
  /** dns.zone holds a person's text that cannot be read, and must not be written over. */
  #unreadable = false
  #cancelWrite: (() => void) | undefined
  #cancelLook: (() => void) | undefined
  #unwatch: () => void = () => undefined
  /** What is done with the file, one after the other. */
  #work: Promise<void> = Promise.resolve()
  #closed = false
  readonly #file: ZoneFile
  private readonly options: ZoneStoreOptions
  private readonly journal: Journal<Entry>

  constructor(options: ZoneStoreOptions, journal: Journal<Entry>) {
    this.options = options
    this.journal = journal
    this.#file = new ZoneFile(options.folder)
    this.#underway = new PendingChanges(name => this.zone.recordsOf(name))
  }

  /** Loads dns.zone and makes the journal's changes on top. */
  async begin(entries: readonly Entry[]): Promise<void> {
    const mark = entries.find((each): each is Mark => each.change === 'mark')
    const changes = entries.filter((each): each is ZoneChange => each.change !== 'mark')
    const state = await this.#file.look()
    const isMarked = mark !== undefined && isSameState(state, mark)
    // A file that somebody else wrote is a new state of the zone, beyond all that was served.
    const leastSerial = mark === undefined || isMarked ? mark?.serial : (mark.serial + changes.length + 1) >>> 0
    await this.#loadFirst(state, leastSerial)
    this.#known = state
    this.#unwritten = changes
    this.#replay(changes)
    if (changes.length > 0 || state === undefined) this.#writeLater(WRITE_AFTER_MS)
    else if (!isMarked) await this.#mark()
    this.#unwatch = this.#file.watch(this.options.clock, () => this.#lookAfter(0))
  }

  /**
   * Makes a change. Returns when it is safe on disk and in the zone.
   * @returns what of it was made, which is what stands in the journal; undefined where the zone holds already what it asks for
   * @throws UsageError where it cannot be made, HamletError where the disk fails; then nothing has changed
   */
  async change(change: ZoneChange): Promise<ZoneChange | undefined> {
    const { parts, names } = this.zone.plan(change, name => this.#underway.recordsOf(name))
    if (names.length === 0 && this.#underway.count === 0 && !this.#diskFailed) return undefined
    // What was passed over now must not be made when the journal is read on top of a newer dns.zone.
    const made: ZoneChange = change.change !== 'update' && parts.length > 0 ? change : { change: 'update', changes: parts }
    this.#underway.add(names)
    return new Promise((resolve, reject) => {
      this.journal.append(made, error => {
        this.#underway.remove(names)
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

  /** Writes what is left to write. */
  async close(): Promise<void> {
    const pending = this.#cancelWrite !== undefined
    this.#closed = true
    this.#unwatch()
    this.#cancelLook?.()
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

  #lookAfter(afterMs: number): void {
    if (this.#closed) return
    this.#cancelLook ??= this.options.clock.wakeAt(this.options.clock.nowMs() + afterMs, () => {
      this.#cancelLook = undefined
      this.#work = this.#work.then(() => this.#lookForEdit())
    })
  }

  /** Loads what a person wrote, once they have written it to its end. */
  async #lookForEdit(): Promise<void> {
    try {
      const state = await this.#file.look()
      if (isSameState(state, this.#known)) return
      if (state === undefined) return this.#takeRemoval()
      if (isSameState(state, this.#unsettled)) await this.#takeEdit(state)
      else this.#lookAfter(SETTLED_AFTER_MS)
      this.#unsettled = state
      this.#lookTrouble = undefined
    } catch (error) {
      const trouble = oneLine(error)
      if (trouble !== this.#lookTrouble) this.options.log(trouble)
      this.#lookTrouble = trouble
    }
  }

  async #write(): Promise<void> {
    try {
      const state = await this.#file.look()
      if (state !== undefined && !isSameState(state, this.#known)) {
        // A person may be writing still. At the end there is no time to wait for that.
        if (!this.#closed) return this.#lookAfter(0)
        await this.#takeEdit(state)
      }
      if (this.#unreadable) return
      this.#cancelWrite?.()
      this.#cancelWrite = undefined
      const written = this.#unwritten.length
      const newState = await this.#file.write(this.zone, this.#known)
      if (newState === undefined) return this.#lookAfter(0)
      this.#known = newState
      this.#unwritten.splice(0, written)
      await this.#mark()
      this.#diskFailed = false
      this.options.onTrouble(undefined)
    } catch (error) {
      this.options.log(oneLine(error))
      this.options.onTrouble(oneLine(error))
      this.#writeLater(TRY_AGAIN_AFTER_MS)
    }
  }

  /** Begins the journal anew: with the file as it is known, and what it lacks. */
  #mark(): Promise<void> {
    const serial = (this.zone.serial - this.#unwritten.length) >>> 0
    const { mtimeMs, sizeBytes } = this.#known ?? { mtimeMs: 0, sizeBytes: 0 }
    return this.journal.compact([{ change: 'mark', serial, mtimeMs, sizeBytes }, ...this.#unwritten])
  }

  /** Loads a person's text, with our newer changes on top. One that cannot be read changes nothing, and is told. */
  async #takeEdit(state: FileState): Promise<void> {
    try {
      const content = await this.#file.read(state)
      this.zone.load(content, (this.zone.serial + 1) >>> 0)
      this.#known = state
    } catch (error) {
      this.#tellUnreadable(error, 'the names are served as they were before')
      this.#known = state
      return
    }
    this.#replay(this.#unwritten)
    this.options.log(`${ZONE_FILE} was edited: its text was loaded, the serial is ${this.zone.serial}`)
    this.options.onLoaded()
    this.#readable()
    await this.#mark()
    if (this.#unwritten.length > 0) this.#writeLater(this.#writeAfterMs())
  }

  /** A file that is gone is written again with the next change; where changes wait for it, or it could not be read, soon. */
  #takeRemoval(): void {
    if (!this.#unreadable && this.#unwritten.length === 0) return
    if (this.#unreadable) this.#readable()
    this.#writeLater(WRITE_AFTER_MS)
  }

  #readable(): void {
    this.#unreadable = false
    this.zone.isPartial = false
    this.options.onDamaged(undefined)
  }

  /** At the start there is no older state to serve: where the file cannot be read, the journal's names are what is left. */
  async #loadFirst(state: FileState | undefined, leastSerial: number | undefined): Promise<void> {
    try {
      this.zone.load(state === undefined ? new ZoneContent() : await this.#file.read(state), leastSerial)
    } catch (error) {
      this.#tellUnreadable(error, 'it stays as it is, and its names are not served until it is put right')
      this.zone.load(new ZoneContent(), leastSerial)
      this.zone.isPartial = true
    }
  }

  /** @throws what is another error */
  #tellUnreadable(error: unknown, done: string): void {
    if (!(error instanceof HamletError && error.code === 'file-damaged')) throw error
    const told = new HamletError({ ...error.parts, done, remedy: `${error.parts.remedy}, or remove the file to begin anew` }, { cause: error })
    this.#unreadable = true
    this.options.log(oneLine(told))
    this.options.onDamaged(oneLine(told))
  }

  /**
   * Makes changes again that were acknowledged. What the zone refuses now, it refused then, or a person's text stands against it;
   * of several changes in one the others are made. The serial goes on in any case, for it may have been served.
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
