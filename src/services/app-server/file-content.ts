/**
 * The content of a file that StaticFolder found. Short files stay in memory while StaticFolder finds them unchanged, so
 * that a page that is requested again need not wait for the thread pool.
 */
import { open, type FileHandle } from 'node:fs/promises'
import type { FoundFile } from './message.ts'

const CACHED_BYTES_MAX = 64 * 1024

/** StaticFolder returns the same FoundFile for the same content, and drops those that are no longer requested. */
const cache = new WeakMap<FoundFile, Buffer>()

/** @returns undefined if the file was removed or changed since it was found: the head would announce a wrong length */
export async function openFound(file: FoundFile): Promise<FileHandle | undefined> {
  const handle = await open(file.path).catch(() => undefined)
  if (handle === undefined || await isAsFound(handle, file)) return handle
  await handle.close()
  return undefined
}

/**
 * Reads the bytes `first` to `last`, both included, into memory.
 * @returns undefined if the file was removed or changed since it was found, or the disk failed
 */
export async function readFound(file: FoundFile, first: number, last: number): Promise<Buffer | undefined> {
  const cached = cache.get(file)
  if (cached !== undefined) return cached.subarray(first, last + 1)
  const handle = await open(file.path).catch(() => undefined)
  if (handle === undefined) return undefined
  const [isUnchanged, bytes] = await Promise.all([isAsFound(handle, file), readWhole(handle, first, last - first + 1)])
  handle.close().catch(() => undefined) // the bytes are read, whatever close says
  if (!isUnchanged || bytes === undefined) return undefined
  if (bytes.length === file.lengthBytes && bytes.length <= CACHED_BYTES_MAX) cache.set(file, bytes)
  return bytes
}

/** @returns undefined if the disk failed or the file has become shorter */
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
