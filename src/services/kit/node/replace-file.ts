/**
 * Replaces a text file in one step: at any moment, and after a crash too, the file is the old one or the new one, whole. Whoever may
 * read and write the old one may do so with the new one; a symbolic link stays, and what it leads to is replaced.
 */
import type { Stats } from 'node:fs'
import { chmod, chown, realpath, rm, stat, unlink } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { diskError, errnoOf, nodeDisk, writeAll } from './disk.ts'

/** When a file was written last, and how much it holds. */
export interface FileState {
  readonly mtimeMs: number
  readonly sizeBytes: number
}

/** Writers of the same file wait for each other, so that the last call wins. One entry a file that is being written. */
const writing = new Map<string, Promise<unknown>>()
/** Pieces are gathered to this length, or so many of them, before they are written; other work has its turn between. */
const CHUNK_LENGTH = 256 * 1024
const CHUNK_PIECES = 8192
const PERMISSION_BITS = 0o7777

/**
 * Returns when the new content is safe on disk. One process at a time may write a given file; what was left half-written beside
 * it (`.new`) by a crash is written over.
 * @param content a text, or its pieces, which are asked for while the file is written
 * @param mayReplace asked in the last moment before the new file takes the place of the old one
 * @returns the state of what was written (a file that shows another was written by somebody else since); undefined where it might not
 * @throws HamletError disk-failed; the file is the old one then
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
    await rm(temporary, { force: true }) // What a crash left may not be ours to open.
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

/** Before anything is written, so that nobody reads it who could not read the old file. */
async function keepAccess(path: string, { mode, uid, gid }: Stats): Promise<void> {
  await chown(path, uid, gid).catch((error: unknown) => {
    if (errnoOf(error) !== 'EPERM') throw error // Only the superuser gives files away: it is ours then.
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
