/**
 * A journal of records on disk: append-only, and every acknowledged record survives kill -9 and loss of power.
 *
 * It uses group commit: while one group of records is written and synced, the next one gathers, so that many pending appends share one
 * fdatasync. After any failed write or sync the journal has failed and acknowledges nothing more: the system may have dropped the
 * unwritten pages and report the next sync as a success. Only `compact`, which writes a new file from memory, repairs it.
 *
 * Opening never destroys a byte: damaged bytes are copied aside first. A damaged tail is what a crash leaves behind, and is cut off. If
 * whole lines follow the damage, the whole file is set aside, and every whole record is used, including those after the damage: they were
 * acknowledged, each is proven by its checksum, and a record states the present state of one thing, so it is valid without earlier ones.
 * journal-lines.ts describes the format.
 */
import { basename, dirname, join } from 'node:path'
import { z } from 'zod'
import { assert, HamletError } from '../errors.ts'
import { diskError, nodeDisk, setAside, type Disk } from './disk.ts'
import { JournalFile } from './journal-file.ts'
import { decodeLines, JOURNAL_VERSION } from './journal-lines.ts'

export interface Journal<Journaled> {
  /** Writes the record. `done` is called once, later, without an error only if the record is durable (fdatasync, in groups). */
  append(record: Journaled, done: (error: HamletError | undefined) => void): void
  /**
   * Atomically replaces the whole content with `records`. They are read at once and must include every record whose `done` has been called.
   * Appends whose `done` has not been called yet, and those made meanwhile, are kept after them and do not wait for the compaction.
   * Repairs a failed journal.
   * @throws HamletError disk-failed; if the new file could not be written, the old one stays in use
   */
  compact(records: Iterable<Journaled>): Promise<void>
  /** Closes the journal once all appends are done. */
  close(): Promise<void>
}

/** The longest record, as JSON, in UTF-16 code units. */
export const RECORD_LENGTH_MAX = 262_144
/** The most records that may wait for the disk. Beyond that, appends are refused until it has caught up. */
export const WAITING_RECORDS_MAX = 65_536
const WAITING_LENGTH_MAX = 16_777_216
/** The longest file, since opening reads it whole. Beyond that, appends are refused until the owner compacts. */
const FILE_BYTES_MAX = 268_435_456
const GROUP_RECORDS_MAX = 1024
/** A new file is written in chunks of this many records. Records that arrive meanwhile are added until fewer than a chunk are left. */
const REWRITE_CHUNK_RECORDS = 1000

export interface JournalOptions<R> {
  /** Exists, and is locked by this process (folder-lock.ts). */
  readonly folder: string
  /** The file name, such as `leases.jsonl`. */
  readonly name: string
  /** Parses a record from its JSON value. @throws if it is not a record */
  readonly parse: (value: unknown) => R
  readonly disk?: Disk
}

export interface OpenedJournal<R> {
  readonly journal: Journal<R>
  /** The records on disk, oldest first. */
  readonly records: R[]
  /** Sentences for the user: what was damaged, and where the copy is. */
  readonly warnings: string[]
}

/**
 * Opens a journal, or creates it.
 * @throws HamletError disk-failed; file-damaged if a newer version of Hamlet wrote it, in which case nothing is changed
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
    code: 'file-damaged', what: `${name} could not be opened`, why: `it has format ${v}, and this version of Hamlet knows format ${JOURNAL_VERSION}`, done: 'it was left as it is',
    remedy: 'use the newer version that wrote it, or choose another data folder with --data',
  })
}

function warningOf(name: string, copy: string, tailBytes: number | undefined, records: number): string {
  const kept = records === 1 ? '1 intact record was' : `${records} intact records were`
  if (tailBytes !== undefined) return `${name} ended in ${tailBytes} damaged bytes, which were cut off and saved as ${copy}; ${kept} kept`
  return `${name} was damaged and set aside as ${copy}; ${kept} copied to a new file`
}

interface Waiting {
  readonly json: string
  readonly done: (error: HamletError | undefined) => void
}

interface Compaction {
  readonly records: readonly unknown[]
  /** JSON of the records that have become durable since the request, which `records` may lack. */
  readonly since: string[]
  readonly resolve: () => void
  readonly reject: (error: HamletError) => void
}

/** The only writer of a journal. A compaction writes its file concurrently with groups of records; only its last step takes turns with them. */
class JournalWriter<R> implements Journal<R> {
  readonly #path: string
  readonly #disk: Disk
  #file: JournalFile | undefined
  #failure: HamletError | undefined
  #closed = false
  #waiting: Waiting[] = []
  #waitingLength = 0
  #isGroupDue = false
  /** JSON of the group that is being acknowledged. */
  #acknowledging: readonly string[] = []
  /** The first is in progress. */
  readonly #compactions: Compaction[] = []
  #compacting = Promise.resolve()
  /** Settles when all requested turns are over. */
  #turns = Promise.resolve()

  constructor(path: string, disk: Disk) {
    this.#path = path
    this.#disk = disk
  }

  get #newPath(): string {
    return `${this.#path}.new`
  }

  /** Continues after the file's content, which is synced first: it may have been read from a cache and not be on disk yet. */
  async resume(fileBytes: number, lines: number): Promise<void> {
    const file = new JournalFile(await this.#disk.open(this.#path, 'kept'), fileBytes, lines)
    await file.sync()
    this.#file = file
  }

  append(record: R, done: (error: HamletError | undefined) => void): void {
    const json = JSON.stringify(record)
    assert(typeof json === 'string', 'a record can be written as JSON')
    const refusal = this.#refusal(json.length)
    if (refusal !== undefined) return queueMicrotask(() => done(refusal))
    this.#waiting.push({ json, done })
    this.#waitingLength += json.length
    this.#requestGroup()
  }

  compact(records: Iterable<R>): Promise<void> {
    if (this.#closed) return Promise.reject(this.#refused('it is closed', 'restart the service'))
    return new Promise((resolve, reject) => {
      // A compaction requested from within an acknowledgment does not know yet of the other records in that group.
      this.#compactions.push({ records: [...records], since: [...this.#acknowledging], resolve, reject })
      if (this.#compactions.length === 1) this.#compacting = this.#compactAll()
    })
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#compacting
    do await this.#turns
    while (this.#isGroupDue)
    const file = this.#file
    this.#file = undefined
    await file?.close()
  }

  #refusal(length: number): HamletError | undefined {
    if (this.#closed) return this.#refused('the journal is closed', 'restart the service')
    if (this.#failure !== undefined) return this.#failure
    if (length > RECORD_LENGTH_MAX) return this.#refused(`it has ${length} characters, and the limit is ${RECORD_LENGTH_MAX}`, 'store less at once')
    if (this.#waiting.length >= WAITING_RECORDS_MAX || this.#waitingLength + length > WAITING_LENGTH_MAX) return this.#refused(`${this.#waiting.length} records are already waiting for the disk`, 'try again when the disk has caught up')
    if (this.#file !== undefined && this.#file.bytes > FILE_BYTES_MAX) return this.#refused(`the file has reached ${this.#file.bytes} bytes`, 'restart the service, which compacts the file')
    return undefined
  }

  #refused(why: string, remedy: string): HamletError {
    return new HamletError({ code: 'refused', what: `a record could not be stored in ${basename(this.#path)}`, why, remedy })
  }

  /** Requests a turn to write a group. Appends in the same turn of the event loop join it, since it starts after a promise. */
  #requestGroup(): void {
    if (this.#isGroupDue) return
    this.#isGroupDue = true
    this.#turns = this.#turns.then(() => this.#writeGroup())
  }

  async #writeGroup(): Promise<void> {
    this.#isGroupDue = false
    const group = this.#waiting.splice(0, GROUP_RECORDS_MAX)
    if (group.length === 0) return // The journal has failed in the meantime.
    const jsons = group.map(({ json }) => json)
    this.#waitingLength -= jsons.reduce((sum, { length }) => sum + length, 0)
    try {
      assert(this.#file !== undefined, 'a journal that has not failed has a file')
      await this.#file.append(jsons)
      await this.#file.syncData()
    } catch (error) {
      this.#fail(error, group)
      return
    }
    for (const { since } of this.#compactions) since.push(...jsons)
    this.#acknowledging = jsons
    for (const { done } of group) done(undefined)
    this.#acknowledging = []
    if (this.#waiting.length > 0) this.#requestGroup()
  }

  async #compactAll(): Promise<void> {
    for (let [next] = this.#compactions; next !== undefined; [next] = this.#compactions) {
      await this.#rewrite(next)
      this.#compactions.shift()
    }
  }

  /** Writes a new file. The old one stays untouched and in use until the new one is durable. */
  async #rewrite({ records, since, resolve, reject }: Compaction): Promise<void> {
    let file: JournalFile
    try {
      file = await writeNewFile(this.#disk, this.#newPath, records, since)
    } catch (error) {
      return reject(this.#notRewritten(error))
    }
    this.#turns = this.#turns.then(() => this.#replace(file, since).then(resolve, reject))
    await this.#turns
  }

  /** The last step of a compaction. It has its turn, so no group is being written. @throws HamletError */
  async #replace(next: JournalFile, since: readonly string[]): Promise<void> {
    try {
      await next.append(since).then(() => next.sync()).finally(() => next.close())
    } catch (error) {
      throw this.#notRewritten(error)
    }
    try {
      await this.#file?.close() // Windows cannot rename over an open file.
      this.#file = undefined
      await this.#disk.rename(this.#newPath, this.#path)
      await this.#disk.syncFolder(dirname(this.#path))
      this.#file = new JournalFile(await this.#disk.open(this.#path, 'kept'), next.bytes, next.lines)
    } catch (error) {
      // Now it is unknown which of the two files a loss of power would leave.
      throw this.#fail(error)
    }
    this.#failure = undefined
  }

  #notRewritten(error: unknown): HamletError {
    return diskError(error, this.#newPath, `a new ${basename(this.#path)} could not be written`)
  }

  /** Stops acknowledging. @param group the records that were being written */
  #fail(error: unknown, group: readonly Waiting[] = []): HamletError {
    const failed = diskError(error, this.#path, `${basename(this.#path)} could not be written`)
    const failure = new HamletError({ ...failed.parts, done: 'nothing more is acknowledged, so that nothing acknowledged is lost' }, { cause: error })
    const refused = [...group, ...this.#waiting]
    this.#failure = failure
    this.#waiting = []
    this.#waitingLength = 0
    for (const { done } of refused) done(failure)
    return failure
  }
}

/** Writes a header, `records`, and most of what has arrived `since`. @returns the file, still open, once that is durable */
async function writeNewFile(disk: Disk, path: string, records: readonly unknown[], since: string[]): Promise<JournalFile> {
  const file = new JournalFile(await disk.open(path, 'emptied'))
  try {
    await file.append([JSON.stringify({ v: JOURNAL_VERSION, created: new Date().toISOString() })])
    for (let at = 0; at < records.length; at += REWRITE_CHUNK_RECORDS) await file.append(records.slice(at, at + REWRITE_CHUNK_RECORDS).map(record => JSON.stringify(record)))
    while (since.length > REWRITE_CHUNK_RECORDS) await file.append(since.splice(0, REWRITE_CHUNK_RECORDS))
    await file.sync()
    return file
  } catch (error) {
    await file.close()
    throw error
  }
}
