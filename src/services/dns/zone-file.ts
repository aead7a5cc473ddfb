/**
 * The file dns.zone: parsed and written piece by piece, so that a
 * million names do not block the server, and watched for edits.
 */
import { watch } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { HamletError } from '../kit/errors.ts'
import type { Clock } from '../kit/node/clock.ts'
import { diskError, errnoOf } from '../kit/node/disk.ts'
import { replaceFile, type FileState } from '../kit/node/replace-file.ts'
import type { ZoneContent } from './core/zone/zone-content.ts'
import { ZoneReader } from './core/zone/zone-reader.ts'
import { formatZone } from './core/zone/zone-writer.ts'
import type { Zone } from './core/zone/zone.ts'

export const ZONE_FILE = 'dns.zone'
/** Enough for a million names with long data. The file is read into memory as one string. */
const FILE_BYTES_MAX = 256 * 1024 * 1024
/** A few milliseconds of work. */
const ENTRIES_A_TURN = 2000
/**
 * Watching a folder does not work everywhere (network file systems,
 * too many watchers), and checking takes microseconds.
 */
const CHECK_EVERY_MS = 1500

export function isSameState(a: FileState | undefined, b: FileState | undefined): boolean {
  return a?.mtimeMs === b?.mtimeMs && a?.sizeBytes === b?.sizeBytes
}

export class ZoneFile {
  readonly path: string
  readonly #folder: string

  constructor(folder: string) {
    this.#folder = folder
    this.path = join(folder, ZONE_FILE)
  }

  /** The file's state; undefined if it does not exist. */
  async stat(): Promise<FileState | undefined> {
    try {
      const { mtimeMs, size } = await stat(this.path)
      return { mtimeMs, sizeBytes: size }
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return undefined
      throw diskError(error, this.path, `${ZONE_FILE} could not be checked`)
    }
  }

  /** @throws HamletError file-damaged with line and reason; disk-failed */
  async read({ sizeBytes }: FileState): Promise<ZoneContent> {
    if (sizeBytes > FILE_BYTES_MAX) throw new HamletError({ code: 'file-damaged', what: `${ZONE_FILE} could not be read`, why: `it has ${sizeBytes} bytes, and ${FILE_BYTES_MAX} is the limit`, remedy: 'make it smaller' })
    let text: string
    try {
      text = await readFile(this.path, 'latin1')
    } catch (error) {
      throw diskError(error, this.path, `${ZONE_FILE} could not be read`)
    }
    const reader = new ZoneReader(text, ZONE_FILE)
    while (reader.read(ENTRIES_A_TURN)) await nextTurn()
    return reader.content
  }

  /**
   * Atomically replaces the file with the zone's content.
   * @param known the state that the file must still have just before it is replaced
   * @returns the file's new state; undefined if someone else wrote it meanwhile
   * @throws HamletError disk-failed
   */
  write(zone: Zone, known: FileState | undefined): Promise<FileState | undefined> {
    return replaceFile(this.path, formatZone(zone), async () => {
      const state = await this.stat()
      return state === undefined || isSameState(state, known)
    })
  }

  /** Calls `notice` when the file may have changed, and every 1.5 s in any case. The returned function stops that. */
  watch(clock: Clock, notice: () => void): () => void {
    let cancel: () => void
    const checkLater = () => {
      cancel = clock.wakeAt(clock.nowMs() + CHECK_EVERY_MS, () => {
        checkLater()
        notice()
      })
    }
    checkLater()
    const unwatch = this.#watchFolder(notice)
    return () => {
      cancel()
      unwatch()
    }
  }

  /** Watches the folder, since editors replace the file with a new one. */
  #watchFolder(notice: () => void): () => void {
    try {
      const watcher = watch(this.#folder, { persistent: false }, (_event, name) => {
        if (name === ZONE_FILE) notice()
      })
      watcher.on('error', () => watcher.close())
      return () => watcher.close()
    } catch {
      return () => undefined // Not supported here: the timer has to do.
    }
  }
}
