/**
 * A journal of records on disk: append-only, and what it has acknowledged survives kill -9 and loss of power.
 *
 * Group commit: while one group of records is written and synced, the next gathers; so many waiting appends share one fdatasync.
 * After any error of a write or sync the journal has failed and acknowledges nothing more: the system may have dropped the
 * unwritten pages and call the next sync a success. Only `compact`, a new file from memory, makes it whole again.
 *
 * Opening never destroys a byte: damage is copied aside first. A damaged tail is what a crash leaves, and is cut. Damage before
 * whole lines sets the whole file aside, and every whole record is used, those behind the damage too: they were acknowledged,
 * each is proven by its checksum, and a record says how one thing is now, so a later one stands without an earlier one.
 * journal-lines.ts shows the format.
 */
import { basename, dirname, join } from 'node:path'
import { z } from 'zod'
import { assert, HamletError } from '../errors.ts'
import { diskError, nodeDisk, setAside, writeAll, type Disk, type DiskFile } from './disk.ts'
import { decodeLines, encodeLines, JOURNAL_VERSION } from './journal-lines.ts'

export interface Journal<Journaled> {
  /** Writes the record; `done` is called once, later, with no error only when the record is safe on disk (fdatasync, in groups). */
  append(record: Journaled, done: (error: HamletError | undefined) => void): void
  /**
   * Replaces the whole content by `records`, atomically. They are taken at once and must hold what every `done` called so far
   * stands for; appends whose `done` was not called yet, and those made meanwhile, are kept behind them. Makes a failed journal
   * whole again.
   * @throws HamletError disk-failed; where the new file could not be written, the old one goes on
   */
  compact(records: Iterable<Journaled>): Promise<void>
  /** Waits for all appends. */
  close(): Promise<void>
}

/** One record as JSON, in UTF-16 units. Longer ones are refused. */
export const RECORD_LENGTH_MAX = 262_144
/** Records that wait for the disk. Beyond, appends are refused until it has caught up. */
export const WAITING_RECORDS_MAX = 65_536
const WAITING_LENGTH_MAX = 16_777_216
/** Opening reads the file whole. Beyond, appends are refused until the owner compacts. */
const FILE_BYTES_MAX = 268_435_456
const GROUP_RECORDS_MAX = 1024
const REWRITE_CHUNK_RECORDS = 1000

export interface JournalOptions<R> {
  /** Exists, and is this process's alone (folder-lock.ts). */
  readonly folder: string
  /** The file's name: `leases.jsonl`. */
  readonly name: string
  /** A record out of its JSON. @throws where it is none */
  readonly parse: (value: unknown) => R
  readonly disk?: Disk
}

export interface OpenedJournal<R> {
  readonly journal: Journal<R>
  /** What was on disk, oldest first. */
  readonly records: R[]
  /** Sentences for the person: what was damaged and where the copy is. */
  readonly warnings: string[]
}

/**
 * Opens a journal, or begins one.
 * @throws HamletError disk-failed; file-damaged where a newer Hamlet wrote it (nothing is changed then)
 */
export async function openJournal<R>({ folder, name, parse, disk = nodeDisk }: JournalOptions<R>): Promise<OpenedJournal<R>> {
  const path = join(folder, name)
  const writer = new JournalWriter<R>(path, disk)
  try {
    const bytes = await disk.read(path)
    if (bytes === undefined) {
      await writer.compact([])
      return { journal: writer, records: [], warnings: [] }
    }
    const { records, damage, tailAt } = readRecords(bytes, name, parse)
    if (damage === 'none') {
      await writer.resume(bytes.length, records.length + 1)
      return { journal: writer, records, warnings: [] }
    }
    const copy = await setAside(disk, path, damage === 'tail' ? bytes.subarray(tailAt) : bytes)
    await writer.compact(records)
    return { journal: writer, records, warnings: [warningOf(name, copy, damage === 'tail' ? bytes.length - tailAt : undefined, records.length)] }
  } catch (error) {
    throw diskError(error, path, `${name} could not be opened`)
  }
}

const header = z.object({ v: z.int(), created: z.string() })

function readRecords<R>(bytes: Uint8Array, name: string, parse: (value: unknown) => R): { records: R[]; damage: 'none' | 'tail' | 'middle'; tailAt: number } {
  const { lines, damage, tailAt } = decodeLines(bytes)
  let unreadable = false
  const records: R[] = []
  for (const { number, value } of lines) {
    try {
      if (number === 0) refuseNewer(header.parse(value), name)
      else records.push(parse(value))
    } catch (error) {
      if (error instanceof HamletError && error.code === 'file-damaged') throw error
      unreadable = true
    }
  }
  return { records, damage: unreadable ? 'middle' : damage, tailAt }
}

function refuseNewer({ v }: z.output<typeof header>, name: string): void {
  if (v === JOURNAL_VERSION) return
  throw new HamletError({
    code: 'file-damaged', what: `${name} could not be opened`, why: `it has format ${v}, and this Hamlet knows format ${JOURNAL_VERSION}`, done: 'it was left as it is',
    remedy: 'use the newer Hamlet that wrote it, or another data folder',
  })
}

function warningOf(name: string, copy: string, tailBytes: number | undefined, records: number): string {
  const kept = records === 1 ? '1 record was' : `${records} records were`
  if (tailBytes !== undefined) return `${name} ended in ${tailBytes} damaged bytes, which were cut and kept as ${copy}; the ${kept} whole`
  return `${name} was damaged and set aside as ${copy}; ${kept} whole and went into a new file`
}

interface Waiting {
  readonly json: string
  readonly done: (error: HamletError | undefined) => void
}

interface Compaction {
  readonly records: readonly unknown[]
  /** Records on their way to disk when it was asked for: `records` may lack them. */
  inFlight: readonly Waiting[]
  readonly resolve: () => void
  readonly reject: (error: HamletError) => void
}

/** The one writer of a file: one group or one compaction at a time. */
class JournalWriter<R> implements Journal<R> {
  readonly #path: string
  readonly #disk: Disk
  #file: DiskFile | undefined
  #fileBytes = 0
  #nextNumber = 1
  #failure: HamletError | undefined
  #closed = false
  #waiting: Waiting[] = []
  #waitingLength = 0
  #group: readonly Waiting[] = []
  readonly #compactions: Compaction[] = []
  #running: Promise<void> | undefined

  constructor(path: string, disk: Disk) {
    this.#path = path
    this.#disk = disk
  }

  /** Goes on behind what the file holds. Its content is synced first: it may have been read from a cache that no disk knows. */
  async resume(fileBytes: number, nextNumber: number): Promise<void> {
    const file = await this.#disk.open(this.#path, 'kept')
    await file.sync()
    this.#file = file
    this.#fileBytes = fileBytes
    this.#nextNumber = nextNumber
  }

  append(record: R, done: (error: HamletError | undefined) => void): void {
    const json = JSON.stringify(record)
    assert(typeof json === 'string', 'a record can be written as JSON')
    const refusal = this.#refusal(json.length)
    if (refusal !== undefined) return queueMicrotask(() => done(refusal))
    this.#waiting.push({ json, done })
    this.#waitingLength += json.length
    this.#wake()
  }

  compact(records: Iterable<R>): Promise<void> {
    if (this.#closed) return Promise.reject(this.#refused('it is closed', 'start the service again'))
    return new Promise((resolve, reject) => {
      this.#compactions.push({ records: [...records], inFlight: this.#group, resolve, reject })
      this.#wake()
    })
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#running
    const file = this.#file
    this.#file = undefined
    await file?.close()
  }

  #refusal(length: number): HamletError | undefined {
    if (this.#closed) return this.#refused('the journal is closed', 'start the service again')
    if (this.#failure !== undefined) return this.#failure
    if (length > RECORD_LENGTH_MAX) return this.#refused(`it has ${length} characters, and ${RECORD_LENGTH_MAX} are the limit`, 'store less at once')
    if (this.#waiting.length >= WAITING_RECORDS_MAX || this.#waitingLength + length > WAITING_LENGTH_MAX) return this.#refused(`${this.#waiting.length} records wait for the disk already`, 'try again when the disk has caught up')
    if (this.#fileBytes > FILE_BYTES_MAX) return this.#refused(`the file has reached ${this.#fileBytes} bytes`, 'restart the service, which makes the file smaller')
    return undefined
  }

  #refused(why: string, remedy: string): HamletError {
    return new HamletError({ code: 'refused', what: `a record could not be stored in ${basename(this.#path)}`, why, remedy })
  }

  #wake(): void {
    this.#running ??= this.#run()
  }

  async #run(): Promise<void> {
    await Promise.resolve() // Appends of the same turn join the first group.
    try {
      for (;;) {
        const compaction = this.#compactions.shift()
        if (compaction !== undefined) await this.#rewrite(compaction)
        else if (this.#waiting.length > 0) await this.#writeGroup()
        else return
      }
    } finally {
      this.#running = undefined
    }
  }

  async #writeGroup(): Promise<void> {
    const group = this.#waiting.splice(0, GROUP_RECORDS_MAX)
    this.#waitingLength -= group.reduce((sum, { json }) => sum + json.length, 0)
    this.#group = group
    const bytes = encodeLines(this.#nextNumber, group.map(({ json }) => json))
    try {
      assert(this.#file !== undefined, 'a journal that has not failed has a file')
      await writeAll(this.#file, bytes, this.#fileBytes)
      await this.#file.syncData()
    } catch (error) {
      this.#fail(error)
      return
    }
    this.#fileBytes += bytes.length
    this.#nextNumber += group.length
    // The group counts as on its way until all are told: a compaction asked for by one of them may lack what the next will learn.
    for (const { done } of group) done(undefined)
    this.#group = []
  }

  /** Writes a new file and puts it in the place of the old one, which stays untouched, and in use, until the new one is safe. */
  async #rewrite({ records, inFlight, resolve, reject }: Compaction): Promise<void> {
    const temporary = `${this.#path}.new`
    let written: { bytes: number; nextNumber: number }
    try {
      written = await this.#writeNew(temporary, records, inFlight)
    } catch (error) {
      return reject(diskError(error, temporary, `a new ${basename(this.#path)} could not be written`))
    }
    try {
      await this.#file?.close() // Windows renames over no open file.
      this.#file = undefined
      await this.#disk.rename(temporary, this.#path)
      await this.#disk.syncFolder(dirname(this.#path))
      this.#file = await this.#disk.open(this.#path, 'kept')
    } catch (error) {
      // Nobody knows now which of the two files a loss of power would leave.
      return reject(this.#fail(error))
    }
    this.#fileBytes = written.bytes
    this.#nextNumber = written.nextNumber
    this.#failure = undefined
    resolve()
  }

  async #writeNew(path: string, records: readonly unknown[], inFlight: readonly Waiting[]): Promise<{ bytes: number; nextNumber: number }> {
    const file = await this.#disk.open(path, 'emptied')
    try {
      let bytes = 0
      let number = 0
      const write = async (jsons: readonly string[]) => {
        const chunk = encodeLines(number, jsons)
        number += jsons.length
        await writeAll(file, chunk, bytes)
        bytes += chunk.length
      }
      await write([JSON.stringify({ v: JOURNAL_VERSION, created: new Date().toISOString() })])
      for (let at = 0; at < records.length; at += REWRITE_CHUNK_RECORDS) await write(records.slice(at, at + REWRITE_CHUNK_RECORDS).map(record => JSON.stringify(record)))
      await write(inFlight.map(({ json }) => json))
      await file.sync()
      return { bytes, nextNumber: number }
    } finally {
      await file.close()
    }
  }

  /** From here on nothing is acknowledged. */
  #fail(error: unknown): HamletError {
    const name = basename(this.#path)
    const failed = diskError(error, this.#path, `${name} could not be written`)
    const failure = new HamletError({ ...failed.parts, done: 'nothing more is acknowledged, so that nothing acknowledged gets lost' }, { cause: error })
    const group = this.#group
    const refused = [...group, ...this.#waiting]
    this.#failure = failure
    this.#group = []
    this.#waiting = []
    this.#waitingLength = 0
    // Only this group failed: another that a waiting compaction carries has been acknowledged meanwhile.
    for (const compaction of this.#compactions) if (compaction.inFlight === group) compaction.inFlight = []
    for (const { done } of refused) done(failure)
    return failure
  }
}
