/**
 * The zone on disk: dns.zone, which a person may edit, and a journal of the changes since it was written. A change is made when
 * it is safe in the journal; dns.zone follows within a second, and then the journal starts anew.
 */
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { HamletError, oneLine, UsageError } from '../kit/errors.ts'
import type { Clock } from '../kit/node/clock.ts'
import { diskError, errnoOf, nodeDisk, setAside } from '../kit/node/disk.ts'
import { openJournal, type Journal } from '../kit/node/journal.ts'
import { replaceFile } from '../kit/node/replace-file.ts'
import { formatZoneFile, parseZoneFile } from './core/zone-file.ts'
import type { Register, Unregister, ZoneChange } from './core/zone-change.ts'
import type { ZoneDifference } from './core/zone-history.ts'
import { Zone } from './core/zone.ts'

export const ZONE_FILE = 'dns.zone'
export const ZONE_JOURNAL = 'dns.journal'
const WRITE_AFTER_MS = 800
/** A disk that failed gets time to recover. */
const TRY_AGAIN_AFTER_MS = 10_000
const FILE_BYTES_MAX = 16 * 1024 * 1024

const register: z.ZodType<Register> = z.object({ change: z.literal('register'), name: z.string(), type: z.string(), rdata: z.string(), replace: z.boolean(), ttl: z.int().min(0).optional() })
const unregister: z.ZodType<Unregister> = z.object({ change: z.literal('unregister'), name: z.string(), type: z.string().optional(), rdata: z.string().optional() })
const zoneChange: z.ZodType<ZoneChange> = z.union([register, unregister, z.object({ change: z.literal('update'), changes: z.array(z.union([register, unregister])) })])

export interface ZoneStoreOptions {
  /** Locked for this service by the caller. */
  readonly folder: string
  readonly clock: Clock
  readonly log: (text: string) => void
  /** dns.zone cannot be written: a sentence; undefined when it can again. */
  readonly onTrouble: (sentence: string | undefined) => void
  /** dns.zone could not be read, and names may be missing. */
  readonly onDamaged: (sentence: string) => void
  /** The zone's content was replaced by what a person wrote. */
  readonly onLoaded: () => void
}

/** Which state of the file we know: what differs was written by somebody else. */
interface Seen {
  readonly mtimeMs: number
  readonly sizeBytes: number
}

/** @throws HamletError disk-failed, or file-damaged for a journal of a newer version */
export async function openZoneStore(options: ZoneStoreOptions): Promise<ZoneStore> {
  const { journal, records, warnings } = await openJournal({ folder: options.folder, name: ZONE_JOURNAL, parse: value => zoneChange.parse(value) })
  warnings.forEach(options.log)
  const store = new ZoneStore(options, journal)
  await store.begin(records)
  return store
}

export class ZoneStore {
  readonly zone = new Zone()
  /** Changes that are in the zone and the journal, but not yet in dns.zone. */
  #unwritten: ZoneChange[] = []
  #seen: Seen | undefined
  #cancelWrite: (() => void) | undefined
  #writing: Promise<void> = Promise.resolve()
  #closed = false
  readonly #path: string
  private readonly options: ZoneStoreOptions
  private readonly journal: Journal<ZoneChange>

  constructor(options: ZoneStoreOptions, journal: Journal<ZoneChange>) {
    this.options = options
    this.journal = journal
    this.#path = join(options.folder, ZONE_FILE)
  }

  /** Loads dns.zone and makes the journal's changes on top. */
  async begin(changes: readonly ZoneChange[]): Promise<void> {
    const loaded = await this.#load()
    this.#replay(changes)
    this.#unwritten = [...changes]
    if (changes.length > 0 || loaded !== 'read') this.#writeLater(WRITE_AFTER_MS)
  }

  /**
   * Makes a change. Returns when it is safe on disk and in the zone.
   * @throws UsageError where it cannot be made, HamletError where the disk fails; then nothing has changed
   */
  change(change: ZoneChange): Promise<ZoneDifference> {
    return new Promise((resolve, reject) => {
      this.journal.append(change, error => {
        try {
          if (error !== undefined) throw error
          const difference = this.zone.apply(change)
          this.#unwritten.push(change)
          resolve(difference)
        } catch (cause) {
          reject(cause)
        }
        this.#writeLater(error === undefined ? WRITE_AFTER_MS : TRY_AGAIN_AFTER_MS)
      })
    })
  }

  /** Writes what is left to write. */
  async close(): Promise<void> {
    const pending = this.#cancelWrite !== undefined
    this.#closed = true
    this.#cancelWrite?.()
    await this.#writing
    if (pending || this.#unwritten.length > 0) await this.#write()
    await this.journal.close()
  }

  #writeLater(afterMs: number): void {
    if (this.#closed) return
    this.#cancelWrite ??= this.options.clock.wakeAt(this.options.clock.nowMs() + afterMs, () => {
      this.#cancelWrite = undefined
      this.#writing = this.#writing.then(() => this.#write())
    })
  }

  async #write(): Promise<void> {
    try {
      await this.#takePersonsChanges()
      const written = this.#unwritten.length
      await replaceFile(this.#path, formatZoneFile(this.zone.records()))
      this.#seen = await this.#look()
      this.#unwritten.splice(0, written)
      await this.journal.compact(this.#unwritten)
      this.options.onTrouble(undefined)
    } catch (error) {
      this.options.log(oneLine(error))
      this.options.onTrouble(oneLine(error))
      this.#writeLater(TRY_AGAIN_AFTER_MS)
    }
  }

  /** A person may have edited dns.zone since we saw it: their text counts, and our newer changes go on top. */
  async #takePersonsChanges(): Promise<void> {
    const now = await this.#look()
    if (now === undefined || (now.mtimeMs === this.#seen?.mtimeMs && now.sizeBytes === this.#seen.sizeBytes)) return
    if (await this.#load() !== 'read') return
    this.#replay(this.#unwritten)
    this.options.log(`${ZONE_FILE} was edited: its text was loaded`)
    this.options.onLoaded()
  }

  /** Reads dns.zone into the zone. What cannot be read is set aside, and the zone stays as it was. */
  async #load(): Promise<'read' | 'missing' | 'damaged'> {
    const seen = await this.#look()
    if (seen === undefined) return 'missing'
    let bytes: Buffer | undefined
    try {
      if (seen.sizeBytes > FILE_BYTES_MAX) throw new HamletError({ code: 'file-damaged', what: `${ZONE_FILE} could not be read`, why: `it has ${seen.sizeBytes} bytes, and ${FILE_BYTES_MAX} is the limit`, remedy: 'make it smaller' })
      bytes = await readFile(this.#path)
      this.zone.load(parseZoneFile(bytes.toString('latin1'), ZONE_FILE))
      this.#seen = seen
      return 'read'
    } catch (error) {
      if (!(error instanceof HamletError && error.code === 'file-damaged')) throw diskError(error, this.#path, `${ZONE_FILE} could not be read`)
      const copy = await setAside(nodeDisk, this.#path, bytes ?? await readFile(this.#path))
      const told = new HamletError({ ...error.parts, done: `it was set aside as ${copy}` }, { cause: error })
      this.options.log(oneLine(told))
      this.options.onDamaged(oneLine(told))
      this.#seen = seen
      return 'damaged'
    }
  }

  async #look(): Promise<Seen | undefined> {
    try {
      const { mtimeMs, size } = await stat(this.#path)
      return { mtimeMs, sizeBytes: size }
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return undefined
      throw error
    }
  }

  /** Makes changes again that were acknowledged. What the zone refuses now, it refused then, or a person's text stands against it. */
  #replay(changes: readonly ZoneChange[]): void {
    for (const change of changes) {
      try {
        this.zone.apply(change)
      } catch (error) {
        if (!(error instanceof UsageError)) throw error
        if (change.change !== 'unregister') this.options.log(oneLine(error))
      }
    }
  }
}
