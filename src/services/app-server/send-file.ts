/** Sends a long file at the peer's pace, in constant memory. */
import type { FileHandle } from 'node:fs/promises'
import type { Writable } from 'node:stream'

/** A trade-off: each piece costs a turn of the thread pool and the transport; each download holds two in memory. */
const PIECE_BYTES = 1024 * 1024
/** One is filled while the other is being sent. */
const PIECES = 2

/**
 * Writes the bytes `first` to `last`, both included, ends `outgoing` and closes the file. If the disk fails or the file
 * has become shorter, it destroys `outgoing`: with the length already announced, only a broken connection tells the
 * peer.
 * @returns the number of bytes read for the peer: fewer if the peer left, the disk failed, or the file became shorter
 */
export async function sendFile(handle: FileHandle, first: number, last: number, outgoing: Writable): Promise<number> {
  const spare = Array.from({ length: PIECES }, () => Buffer.allocUnsafeSlow(PIECE_BYTES))
  let at = first
  let wake = (): void => undefined
  outgoing.once('close', () => wake())
  try {
    while (at <= last && !outgoing.destroyed) {
      const piece = spare.pop()
      if (piece === undefined) {
        await new Promise<void>(resolve => { wake = resolve })
        continue
      }
      const { bytesRead } = await handle.read(piece, 0, Math.min(piece.length, last + 1 - at), at)
      if (bytesRead === 0) break
      at += bytesRead
      outgoing.write(piece.subarray(0, bytesRead), () => {
        spare.push(piece)
        wake()
      })
    }
  } catch {
    // The disk failed: the connection is cut below.
  }
  if (at > last) outgoing.end()
  else outgoing.destroy()
  await handle.close().catch(() => undefined) // the bytes are read, whatever close says
  return at - first
}
