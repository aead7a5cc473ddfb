/**
 * What is in a file that was found. Short ones are remembered as long as StaticFolder finds them unchanged: a page that is asked for
 * again then waits for no thread.
 */
import { open, type FileHandle } from 'node:fs/promises'
import type { FoundFile } from './message.ts'

const REMEMBERED_BYTES_MAX = 64 * 1024

/** StaticFolder hands out the same FoundFile for the same content, and forgets those that are not asked for. */
const remembered = new WeakMap<FoundFile, Buffer>()

/** Undefined where the file was taken away or changed since it was found: its head would lie about its length. */
export async function openFound(file: FoundFile): Promise<FileHandle | undefined> {
  const handle = await open(file.path).catch(() => undefined)
  if (handle === undefined || await isAsFound(handle, file)) return handle
  await handle.close()
  return undefined
}

/**
 * The bytes `first` to `last`, both included, read at once.
 * @returns undefined where the file was taken away or changed since it was found, or the disk failed
 */
export async function readFound(file: FoundFile, first: number, last: number): Promise<Buffer | undefined> {
  const known = remembered.get(file)
  if (known !== undefined) return known.subarray(first, last + 1)
  const handle = await open(file.path).catch(() => undefined)
  if (handle === undefined) return undefined
  const [isUnchanged, bytes] = await Promise.all([isAsFound(handle, file), readWhole(handle, first, last - first + 1)])
  handle.close().catch(() => undefined) // it was read
  if (!isUnchanged || bytes === undefined) return undefined
  if (bytes.length === file.lengthBytes && bytes.length <= REMEMBERED_BYTES_MAX) remembered.set(file, bytes)
  return bytes
}

/** @returns undefined where the disk failed, or the file has become shorter */
async function readWhole(handle: FileHandle, first: number, lengthBytes: number): Promise<Buffer | undefined> {
  const bytes = Buffer.allocUnsafeSlow(lengthBytes)
  try {
    for (let at = 0; at < lengthBytes;) {
      const { bytesRead } = await handle.read(bytes, at, lengthBytes - at, first + at)
      if (bytesRead === 0) return undefined
      at += bytesRead
    }
  } catch {
    return undefined
  }
  return bytes
}

async function isAsFound(handle: FileHandle, file: FoundFile): Promise<boolean> {
  try {
    const { size, mtimeMs } = await handle.stat()
    return size === file.lengthBytes && mtimeMs === file.modifiedAtMs
  } catch {
    return false
  }
}
