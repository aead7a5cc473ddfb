/** Replaces a text file in one step: at any moment, and after a crash too, the file is the old one or the new one, whole. */
import { stat, unlink } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { diskError, nodeDisk, writeAll } from './disk.ts'

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
  const temporary = `${path}.new`
  try {
    const file = await nodeDisk.open(temporary, 'emptied')
    try {
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
    await nodeDisk.rename(temporary, path)
    await nodeDisk.syncFolder(dirname(path))
    return { mtimeMs, sizeBytes: size }
  } catch (error) {
    throw diskError(error, path, `${basename(path)} could not be written`)
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
