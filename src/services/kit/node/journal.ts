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
import { diskError, nodeDisk, setAside, type Disk } from './disk.ts'
import { JournalFile } from './journal-file.ts'
import { decodeLines, JOURNAL_VERSION } from './journal-lines.ts'

export interface Journal<Journaled> {
  /** Writes the record; `done` is called once, later, with no error only when the record is safe on disk (fdatasync, in groups). */
  append(record: Journaled, done: (error: HamletError | undefined) => void): void
  /**
   * Replaces the whole content by `records`, atomically. They are taken at once and must hold what every `done` called so far
   * stands for; appends whose `done` was not called yet, and those made meanwhile, are kept behind them, and do not wait for it.
   * Makes a failed journal whole again.
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
/** A new file is written in pieces of so many; what has come meanwhile and is more goes to it before it takes its place. */
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
  /** JSON of what has become safe since it was asked for: `records` may lack that. */
  readonly since: string[]
  readonly resolve: () => void
  readonly reject: (error: HamletError) => void
}

/** The one writer of a journal. Groups of records take turns with the last step of a compaction, which is written beside them until then. */
class JournalWriter<R> implements Journal<R> {
  readonly #path: string
  readonly #disk: Disk
  #file: JournalFile | undefined
  #failure: HamletError | undefined
  #closed = false
  #waiting: Waiting[] = []
  #waitingLength = 0
  #isGroupDue = false
  /** JSON of the group whose owners are being told that it is safe. */
  #told: readonly string[] = []
  /** The first is under way. */
  readonly #compactions: Compaction[] = []
  #compacting = Promise.resolve()
  /** Settles when the turns that were asked for are over. */
  #turns = Promise.resolve()

  constructor(path: string, disk: Disk) {
    this.#path = path
    this.#disk = disk
  }

  get #newPath(): string {
    return `${this.#path}.new`
  }

  /** Goes on behind what the file holds. Its content is synced first: it may have been read from a cache that no disk knows. */
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
    this.#askForGroup()
  }

  compact(records: Iterable<R>): Promise<void> {
    if (this.#closed) return Promise.reject(this.#refused('it is closed', 'start the service again'))
    return new Promise((resolve, reject) => {
      // Who asks in answer to a record has not heard yet of those that became safe with it.
      this.#compactions.push({ records: [...records], since: [...this.#told], resolve, reject })
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
    if (this.#closed) return this.#refused('the journal is closed', 'start the service again')
    if (this.#failure !== undefined) return this.#failure
    if (length > RECORD_LENGTH_MAX) return this.#refused(`it has ${length} characters, and ${RECORD_LENGTH_MAX} are the limit`, 'store less at once')
    if (this.#waiting.length >= WAITING_RECORDS_MAX || this.#waitingLength + length > WAITING_LENGTH_MAX) return this.#refused(`${this.#waiting.length} records wait for the disk already`, 'try again when the disk has caught up')
    if (this.#file !== undefined && this.#file.bytes > FILE_BYTES_MAX) return this.#refused(`the file has reached ${this.#file.bytes} bytes`, 'restart the service, which makes the file smaller')
    return undefined
  }

  #refused(why: string, remedy: string): HamletError {
    return new HamletError({ code: 'refused', what: `a record could not be stored in ${basename(this.#path)}`, why, remedy })
  }

  /** Appends of the same turn of the event loop join the first group, which waits for a promise at least. */
  #askForGroup(): void {
    if (this.#isGroupDue) return
    this.#isGroupDue = true
    this.#turns = this.#turns.then(() => this.#writeGroup())
  }

  async #writeGroup(): Promise<void> {
    this.#isGroupDue = false
    const group = this.#waiting.splice(0, GROUP_RECORDS_MAX)
    if (group.length === 0) return // The journal has failed meanwhile.
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
    this.#told = jsons
    for (const { done } of group) done(undefined)
    this.#told = []
    if (this.#waiting.length > 0) this.#askForGroup()
  }

  async #compactAll(): Promise<void> {
    for (let [next] = this.#compactions; next !== undefined; [next] = this.#compactions) {
      await this.#rewrite(next)
      this.#compactions.shift()
    }
  }

  /** Writes a new file. The old one stays untouched, and in use, until the new one is safe. */
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

  /** The last step of a compaction, in its turn: no group is on its way. @throws HamletError */
  async #replace(next: JournalFile, since: readonly string[]): Promise<void> {
    try {
      await next.append(since).then(() => next.sync()).finally(() => next.close())
    } catch (error) {
      throw this.#notRewritten(error)
    }
    try {
      await this.#file?.close() // Windows renames over no open file.
      this.#file = undefined
      await this.#disk.rename(this.#newPath, this.#path)
      await this.#disk.syncFolder(dirname(this.#path))
      this.#file = new JournalFile(await this.#disk.open(this.#path, 'kept'), next.bytes, next.lines)
    } catch (error) {
      // Nobody knows now which of the two files a loss of power would leave.
      throw this.#fail(error)
    }
    this.#failure = undefined
  }

  #notRewritten(error: unknown): HamletError {
    return diskError(error, this.#newPath, `a new ${basename(this.#path)} could not be written`)
  }

  /** From here on nothing is acknowledged. @param group that was on its way */
  #fail(error: unknown, group: readonly Waiting[] = []): HamletError {
    const failed = diskError(error, this.#path, `${basename(this.#path)} could not be written`)
    const failure = new HamletError({ ...failed.parts, done: 'nothing more is acknowledged, so that nothing acknowledged gets lost' }, { cause: error })
    const refused = [...group, ...this.#waiting]
    this.#failure = failure
    this.#waiting = []
    this.#waitingLength = 0
    for (const { done } of refused) done(failure)
    return failure
  }
}

/** Writes a header, `records`, and most of what has come `since`. @returns the file, still open, when that is safe on disk */
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
