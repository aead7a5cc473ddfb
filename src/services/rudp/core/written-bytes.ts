/**
 * The bytes of a stream that were written and have not arrived at the peer yet. Long pieces stay where they are, which saves a copy of
 * everything that is sent; short ones are copied behind one another, so that a writer of single bytes costs no more than others. A stream
 * that may still be given a parity is kept whole, though some of it has arrived.
 */
import { PARITY_STREAM_BYTES_MAX } from '../wire/frames.ts'

const COPIED_BYTES_MAX = 4 * 1024
const GATHERED_BYTES = 16 * 1024

interface Piece {
  readonly startOffset: number
  readonly bytes: Uint8Array
  /** Of `bytes`; a piece that gathers short ones has room behind them. */
  lengthBytes: number
  readonly gathers: boolean
}

export class WrittenBytes {
  /** In the order of their offsets, without gaps. */
  readonly #pieces: Piece[] = []
  /** Where bytes were copied from last: the next ones most likely follow. */
  #latest = 0
  #endOffset = 0

  /** Behind all that were written. Long pieces must not be changed until they are forgotten. */
  append(bytes: Uint8Array): void {
    if (bytes.length > COPIED_BYTES_MAX) this.#pieces.push({ startOffset: this.#endOffset, bytes, lengthBytes: bytes.length, gathers: false })
    else {
      const gathering = this.#gatheringPiece(bytes.length)
      gathering.bytes.set(bytes, gathering.lengthBytes)
      gathering.lengthBytes += bytes.length
    }
    this.#endOffset += bytes.length
  }

  /** Copies `lengthBytes` from stream offset `offset` on to `target`, at `targetAt`. */
  copy(offset: number, lengthBytes: number, target: Uint8Array, targetAt: number): void {
    if ((this.#pieces[this.#latest]?.startOffset ?? Infinity) > offset) this.#latest = 0
    for (let copied = 0; copied < lengthBytes;) {
      const piece = this.#pieces[this.#latest]
      if (piece === undefined) return
      const from = offset + copied - piece.startOffset
      if (from >= piece.lengthBytes) this.#latest++
      else {
        const length = Math.min(lengthBytes - copied, piece.lengthBytes - from)
        target.set(piece.bytes.subarray(from, from + length), targetAt + copied)
        copied += length
      }
    }
  }

  /** Calls `visit` for each piece of all that were written, in order; only for a stream that is kept whole. */
  forEach(visit: (offset: number, bytes: Uint8Array) => void): void {
    for (const { startOffset, bytes, lengthBytes } of this.#pieces) visit(startOffset, bytes.subarray(0, lengthBytes))
  }

  /** They have arrived. A stream of at most 64 KB is kept whole all the same. */
  forgetBelow(offset: number): void {
    if (this.#endOffset <= PARITY_STREAM_BYTES_MAX) return
    let arrived = 0
    for (let piece = this.#pieces[0]; piece !== undefined && piece.startOffset + piece.lengthBytes <= offset; piece = this.#pieces[arrived]) arrived++
    if (arrived === 0) return
    this.#pieces.splice(0, arrived)
    this.#latest = Math.max(0, this.#latest - arrived)
  }

  /** Nothing is kept. */
  release(): void {
    this.#pieces.length = 0
  }

  #gatheringPiece(bytes: number): Piece {
    const last = this.#pieces[this.#pieces.length - 1]
    if (last?.gathers === true && last.lengthBytes + bytes <= last.bytes.length) return last
    const piece = { startOffset: this.#endOffset, bytes: new Uint8Array(GATHERED_BYTES), lengthBytes: 0, gathers: true }
    this.#pieces.push(piece)
    return piece
  }
}
