/** A long file on its way to a peer, at the peer's pace and in always the same memory. */
import type { FileHandle } from 'node:fs/promises'
import type { Writable } from 'node:stream'

/** Each piece costs a turn of the thread pool and of the transport, each reader so much memory. */
const PIECE_BYTES = 1024 * 1024
/** One is filled while the other is on its way. */
const PIECES = 2

/**
 * Writes the bytes `first` to `last`, both included, ends `outgoing` and closes the file. Where the disk fails, or the file has become
 * shorter, `outgoing` is destroyed: a cut connection is the only honest end.
 * @returns bytes that were read for the peer: fewer if it went away, or the file did
 */
export async function sendFile(handle: FileHandle, first: number, last: number, outgoing: Writable): Promise<number> {
  const spare = Array.from({ length: PIECES }, () => Buffer.allocUnsafeSlow(PIECE_BYTES))
  let at = first
  let goOn = (): void => undefined
  outgoing.once('close', () => goOn())
  try {
    while (at <= last && !outgoing.destroyed) {
      const piece = spare.pop()
      if (piece === undefined) {
        await new Promise<void>(resolve => { goOn = resolve })
        continue
      }
      const { bytesRead } = await handle.read(piece, 0, Math.min(piece.length, last + 1 - at), at)
      if (bytesRead === 0) break
      at += bytesRead
      outgoing.write(piece.subarray(0, bytesRead), () => {
        spare.push(piece)
        goOn()
      })
    }
  } catch {
    // The disk failed: the connection is cut below.
  }
  if (at > last) outgoing.end()
  else outgoing.destroy()
  await handle.close().catch(() => undefined) // it was read
  return at - first
}
