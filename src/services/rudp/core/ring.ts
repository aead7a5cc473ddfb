/**
 * A ring buffer for the bytes of a stream of any length: the byte at stream offset n is stored at n modulo the length
 * of the ring. The ring is as long as what must be kept at one time; it grows by doubling and preserves what is kept.
 *
 *     offset   … 9 │10 11 12 13 14 15│16 17 18 …        kept: 10 to 15
 *     ring         │16 17 10 11 12 13 14 15│            16 and 17 go where 8 and 9 were
 */
const FIRST_BYTES = 4 * 1024

export class Ring {
  #bytes = NOTHING
  /** The stream offset of the byte at index 0. */
  #base = 0

  /**
   * Nothing must be kept: bytes from offset `start` on go to the beginning again, into memory that is still in the CPU
   * cache.
   */
  restart(start: number): void {
    this.#base = start
  }

  /** Makes room for `start` to `end`, and keeps what is stored from `start` on. */
  reserve(start: number, end: number): void {
    if (end - start <= this.#bytes.length) return
    const longer = new Ring()
    longer.#base = this.#base
    longer.#bytes = new Uint8Array(2 ** Math.ceil(Math.log2(Math.max(FIRST_BYTES, end - start))))
    for (let offset = start; offset < start + this.#bytes.length;) {
      const bytes = this.view(offset, start + this.#bytes.length - offset)
      longer.put(offset, bytes)
      offset += bytes.length
    }
    this.#bytes = longer.#bytes
  }

  /** Stores bytes for which room has been reserved. */
  put(offset: number, bytes: Uint8Array): void {
    const at = (offset - this.#base) % this.#bytes.length
    const fitting = this.#bytes.length - at
    if (bytes.length <= fitting) return this.#bytes.set(bytes, at)
    this.#bytes.set(bytes.subarray(0, fitting), at)
    this.#bytes.set(bytes.subarray(fitting), 0)
  }

  /**
   * The bytes from `offset` on, at most `lengthBytes`; fewer if they wrap to the beginning of the ring. A view, which
   * later bytes will overwrite.
   */
  view(offset: number, lengthBytes: number): Uint8Array {
    const at = (offset - this.#base) % this.#bytes.length
    return this.#bytes.subarray(at, Math.min(at + lengthBytes, this.#bytes.length))
  }

  /** Copies `lengthBytes` bytes from `offset` on into `target`, at `targetAt`. */
  copy(offset: number, lengthBytes: number, target: Uint8Array, targetAt: number): void {
    for (let copied = 0; copied < lengthBytes;) {
      const bytes = this.view(offset + copied, lengthBytes - copied)
      target.set(bytes, targetAt + copied)
      copied += bytes.length
    }
  }

  /** Drops everything and frees the memory. */
  release(): void {
    this.#bytes = NOTHING
  }
}

const NOTHING = new Uint8Array(0)
