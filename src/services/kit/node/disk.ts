/**
 * The few disk operations that durable files need, as an interface: tests substitute a simulated disk, which loses and tears whatever was
 * not synced.
 */
import { fdatasync, write } from 'node:fs'
import { open, readFile, rename, unlink } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { HamletError } from '../errors.ts'

export interface Disk {
  /** The whole file; undefined if there is none. */
  read(path: string): Promise<Uint8Array | undefined>
  /** Opens for writing. `new` fails with EEXIST if the file exists; `emptied` creates or truncates it; `kept` leaves it as it is. */
  open(path: string, how: 'new' | 'emptied' | 'kept'): Promise<DiskFile>
  /** Replaces `to` atomically. */
  rename(from: string, to: string): Promise<void>
  remove(path: string): Promise<void>
  /** Returns when the folder's entries (files created and renamed) are durable. */
  syncFolder(folder: string): Promise<void>
}

export interface DiskFile {
  /** Writes at `position`. @returns how many bytes were written: at least one, perhaps not all */
  write(bytes: Uint8Array, position: number): Promise<number>
  /** Returns when content and length are durable (fdatasync). */
  syncData(): Promise<void>
  /** Returns when everything about the file is durable (fsync). */
  sync(): Promise<void>
  close(): Promise<void>
}

/** Windows has no fsync for folders, and refuses to rename a file that a virus scanner or indexer currently has open. */
const IS_WINDOWS = process.platform === 'win32'
const RENAME_WAITS_MS = [10, 20, 40, 80, 160]

/** The hot path of a journal uses the callback functions: a FileHandle allocates an array for file statistics on each call. */
const writeTo = promisify(write)
const syncDataOf = promisify(fdatasync)

export const nodeDisk: Disk = {
  read: path => readFile(path).catch((error: NodeJS.ErrnoException) => error.code === 'ENOENT' ? undefined : Promise.reject(error)),
  async open(path, how) {
    const handle = await open(path, { new: 'wx', emptied: 'w', kept: 'r+' }[how])
    return {
      write: async (bytes, position) => (await writeTo(handle.fd, bytes, 0, bytes.length, position)).bytesWritten,
      syncData: () => syncDataOf(handle.fd),
      sync: () => handle.sync(),
      close: () => handle.close(),
    }
  },
  async rename(from, to) {
    for (const waitMs of RENAME_WAITS_MS) {
      try {
        return await rename(from, to)
      } catch (error) {
        if (!['EPERM', 'EACCES', 'EBUSY'].includes(errnoOf(error))) throw error
      }
      await sleep(waitMs)
    }
    await rename(from, to)
  },
  remove: unlink,
  async syncFolder(folder) {
    if (IS_WINDOWS) return
    const handle = await open(folder, 'r')
    try {
      await handle.sync()
    } finally {
      await handle.close()
    }
  },
}

/** Writes all of `bytes`, in as many writes as it takes. */
export async function writeAll(file: DiskFile, bytes: Uint8Array, position: number): Promise<void> {
  for (let written = 0; written < bytes.length;) {
    const taken = await file.write(bytes.subarray(written), position + written)
    if (taken === 0) throw Object.assign(new Error('the disk wrote no byte'), { code: 'EIO' })
    written += taken
  }
}

const SET_ASIDE_MAX = 1000

/**
 * Saves a copy of damaged bytes beside their file as `name.damaged-<n>`, never overwriting another.
 * @returns the name of the copy, once it is durable
 */
export async function setAside(disk: Disk, path: string, damaged: Uint8Array): Promise<string> {
  for (let n = 1; n <= SET_ASIDE_MAX; n++) {
    const copy = `${path}.damaged-${n}`
    let file: DiskFile
    try {
      file = await disk.open(copy, 'new')
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST') throw error
      continue
    }
    try {
      try {
        await writeAll(file, damaged, 0)
        await file.sync()
      } finally {
        await file.close()
      }
      await disk.syncFolder(dirname(path))
      return basename(copy)
    } catch (error) {
      await disk.remove(copy).catch(() => undefined) // A partial copy is worthless. The first error is the one to report.
      throw error
    }
  }
  throw new HamletError({
    code: 'disk-failed', what: `${basename(path)} is damaged and could not be set aside`, why: `there are ${SET_ASIDE_MAX} damaged copies already`,
    remedy: `move or delete the files ${basename(path)}.damaged-…`, proof: join(dirname(path), `${basename(path)}.damaged-${SET_ASIDE_MAX}`),
  })
}

/** The system's name for an error (`EIO`); '' if it has none. */
export function errnoOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
}

const DISK = 'free space or check the disk, then switch the service off and on'
const RIGHTS = 'give this user permission to read and write it'
const PLACE = 'choose another folder'
/** The system's refusals in words, and what to do about them. */
const REFUSALS: Readonly<Record<string, { readonly why: string; readonly remedy: string }>> = {
  ENOSPC: { why: 'the disk is full', remedy: DISK }, EDQUOT: { why: 'the disk quota is exceeded', remedy: DISK }, EIO: { why: 'the disk reports an I/O error', remedy: DISK },
  EACCES: { why: 'this user lacks permission', remedy: RIGHTS }, EPERM: { why: 'this user lacks permission', remedy: RIGHTS },
  EROFS: { why: 'the disk is read-only', remedy: PLACE }, ENOENT: { why: 'its folder is gone', remedy: PLACE },
  ENOTDIR: { why: 'a part of its path is a file', remedy: PLACE }, EEXIST: { why: 'a file of that name is in the way', remedy: PLACE }, EISDIR: { why: 'a folder of that name is in the way', remedy: PLACE },
  EMFILE: { why: 'this process has too many open files', remedy: 'switch the service off and on' },
}

/** Why the system refused, in words. */
export function reasonOf(error: unknown): string {
  return REFUSALS[errnoOf(error)]?.why ?? (error instanceof Error ? error.message : String(error))
}

/** The error for a failed disk operation. */
export function diskError(error: unknown, path: string, what: string): HamletError {
  if (error instanceof HamletError) return error
  return new HamletError({ code: 'disk-failed', what, why: reasonOf(error), remedy: REFUSALS[errnoOf(error)]?.remedy ?? DISK, proof: `${errnoOf(error)} ${path}`.trim() }, { cause: error })
}
