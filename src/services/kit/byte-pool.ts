/**
 * Many small byte arrays cut from large ones: allocating an array for each datagram costs more than writing the datagram. A large array
 * is garbage once all arrays cut from it are.
 */

const CHUNK_BYTES = 65_536

export class BytePool {
  #chunk = new Uint8Array(0)
  #used = 0

  /** A zeroed array that shares no byte with any other. */
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
