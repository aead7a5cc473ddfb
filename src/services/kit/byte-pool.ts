/**
 * Room for many small arrays of bytes, cut from large ones: to make an array of its own for each datagram costs more than to write the
 * datagram. A large one is given up when all that was cut from it is.
 */

const CHUNK_BYTES = 65_536

export class BytePool {
  #chunk = new Uint8Array(0)
  #used = 0

  /** An array of zeros that is the caller's alone. */
  take(length: number): Uint8Array {
    if (length > CHUNK_BYTES / 8) return new Uint8Array(length)
    if (this.#used + length > this.#chunk.length) {
      this.#chunk = new Uint8Array(CHUNK_BYTES)
      this.#used = 0
    }
    const taken = new Uint8Array(this.#chunk.buffer, this.#used, length)
    this.#used += length
    return taken
  }
}
