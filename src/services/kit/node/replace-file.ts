/** Replaces a text file in one step: at any moment, and after a crash too, the file is the old one or the new one, whole. */
import { basename, dirname } from 'node:path'
import { diskError, nodeDisk, writeAll } from './disk.ts'

/** Writers of the same file wait for each other, so that the last call wins. One entry a file that is being written. */
const writing = new Map<string, Promise<void>>()

/**
 * Returns when the new content is safe on disk. One process at a time may write a given file; what was left half-written beside
 * it (`.new`) by a crash is written over.
 * @throws HamletError disk-failed; the file is the old one then
 */
export function replaceFile(path: string, text: string): Promise<void> {
  const before = writing.get(path) ?? Promise.resolve()
  const mine = before.catch(() => undefined).then(() => replaceNow(path, text)).finally(() => {
    if (writing.get(path) === mine) writing.delete(path)
  })
  writing.set(path, mine)
  return mine
}

async function replaceNow(path: string, text: string): Promise<void> {
  const temporary = `${path}.new`
  try {
    const file = await nodeDisk.open(temporary, 'emptied')
    try {
      await writeAll(file, Buffer.from(text), 0)
      await file.sync()
    } finally {
      await file.close()
    }
    await nodeDisk.rename(temporary, path)
    await nodeDisk.syncFolder(dirname(path))
  } catch (error) {
    throw diskError(error, path, `${basename(path)} could not be written`)
  }
}
