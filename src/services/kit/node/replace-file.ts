/**
 * Replaces a text file atomically: at any moment, even after a crash, the file is either the old or the new one, whole. The new file keeps
 * the owner and permissions of the old one; a symbolic link is kept, and its target is replaced.
 */
import type { Stats } from 'node:fs'
import { chmod, chown, realpath, rm, stat, unlink } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { diskError, errnoOf, nodeDisk, writeAll } from './disk.ts'

/** When a file was last written, and its size. */
export interface FileState {
  readonly mtimeMs: number
  readonly sizeBytes: number
}

/** Writers of the same file wait for each other, so that the last call wins. One entry per file being written. */
const writing = new Map<string, Promise<unknown>>()
/** Pieces are gathered up to this length, or this many of them, before they are written; other work gets its turn in between. */
const CHUNK_LENGTH = 256 * 1024
const CHUNK_PIECES = 8192
const PERMISSION_BITS = 0o7777

/**
 * Returns when the new content is durable. Only one process at a time may write a given file. A temporary file (`.new`) left behind by a
 * crash is overwritten.
 * @param content the text, or its pieces, which are generated while the file is written
 * @param mayReplace called at the last moment, before the new file replaces the old one
 * @returns the state of the written file, by which a later change by another program shows; undefined if `mayReplace` returned false
 * @throws HamletError disk-failed; the old file is then still in place
 */
export function replaceFile(path: string, content: string | Iterable<string>, mayReplace?: () => Promise<boolean>): Promise<FileState | undefined> {
  const before = writing.get(path) ?? Promise.resolve()
  const mine = before.catch(() => undefined).then(() => replaceNow(path, typeof content === 'string' ? [content] : content, mayReplace)).finally(() => {
    if (writing.get(path) === mine) writing.delete(path)
  })
  writing.set(path, mine)
  return mine
}

async function replaceNow(path: string, pieces: Iterable<string>, mayReplace?: () => Promise<boolean>): Promise<FileState | undefined> {
  try {
    const target = await orMissing(realpath(path)) ?? path
    const old = await orMissing(stat(target))
    const temporary = `${target}.new`
    await rm(temporary, { force: true }) // One left by a crash may belong to another user.
    const file = await nodeDisk.open(temporary, 'new')
    try {
      if (old !== undefined) await keepAccess(temporary, old)
      let bytes = 0
      for (const chunk of chunksOf(pieces)) {
        if (chunk === '') await nextTurn()
        const encoded = Buffer.from(chunk)
        await writeAll(file, encoded, bytes)
        bytes += encoded.length
      }
      await file.sync()
    } finally {
      await file.close()
    }
    const { mtimeMs, size } = await stat(temporary)
    if (await mayReplace?.() === false) {
      await unlink(temporary)
      return undefined
    }
    await nodeDisk.rename(temporary, target)
    await nodeDisk.syncFolder(dirname(target))
    return { mtimeMs, sizeBytes: size }
  } catch (error) {
    throw diskError(error, path, `${basename(path)} could not be written`)
  }
}

/** Called before anything is written, so that nobody can read the new file who could not read the old one. */
async function keepAccess(path: string, { mode, uid, gid }: Stats): Promise<void> {
  await chown(path, uid, gid).catch((error: unknown) => {
    if (errnoOf(error) !== 'EPERM') throw error // Only the superuser can give files away: this one stays ours.
  })
  await chmod(path, mode & PERMISSION_BITS)
}

async function orMissing<T>(found: Promise<T>): Promise<T | undefined> {
  try {
    return await found
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error
    return undefined
  }
}

function* chunksOf(pieces: Iterable<string>): Generator<string> {
  let chunk: string[] = []
  let length = 0
  for (const piece of pieces) {
    chunk.push(piece)
    length += piece.length
    if (length < CHUNK_LENGTH && chunk.length < CHUNK_PIECES) continue
    yield chunk.join('')
    chunk = []
    length = 0
  }
  yield chunk.join('')
}
