/** Bytes of a stream between two offsets, in a ring that grows by doubling up to a limit. Both buffers of a connection are one. */

const FIRST_BYTES = 16 * 1024

export class Ring {
  #bytes = new Uint8Array(0)
  readonly maxBytes: number

  /** @param maxBytes a power of two, at least 16 KiB */
  constructor(maxBytes: number) {
    this.maxBytes = maxBytes
  }

  /**
   * Makes the bytes from `start` to `end` addressable; those between `start` and `keepEnd` keep their values.
   * `end - start` is at most `maxBytes`.
   */
  reserve(start: number, keepEnd: number, end: number): void {
    if (end - start <= this.#bytes.length) return
    let size = Math.max(FIRST_BYTES, this.#bytes.length)
    while (size < end - start) size *= 2
    const old = this.#bytes
    const grown = new Uint8Array(Math.min(size, this.maxBytes))
    this.#bytes = grown
    for (let offset = start; offset < keepEnd;) {
      const from = offset % old.length
      const piece = Math.min(keepEnd - offset, old.length - from)
      this.put(offset, old.subarray(from, from + piece))
      offset += piece
    }
  }

  /** Copies `bytes` to the place of stream offset `offset`. */
  put(offset: number, bytes: Uint8Array): void {
    const at = offset % this.#bytes.length
    const untilEnd = this.#bytes.length - at
    if (bytes.length <= untilEnd) this.#bytes.set(bytes, at)
    else {
      this.#bytes.set(bytes.subarray(0, untilEnd), at)
      this.#bytes.set(bytes.subarray(untilEnd), 0)
    }
  }

  /** Copies `lengthBytes` from stream offset `offset` on to `target`, at `targetAt`. */
  copy(offset: number, lengthBytes: number, target: Uint8Array, targetAt: number): void {
    if (lengthBytes === 0) return
    const at = offset % this.#bytes.length
    const untilEnd = this.#bytes.length - at
    if (lengthBytes <= untilEnd) target.set(this.#bytes.subarray(at, at + lengthBytes), targetAt)
    else {
      target.set(this.#bytes.subarray(at), targetAt)
      target.set(this.#bytes.subarray(0, lengthBytes - untilEnd), targetAt + untilEnd)
    }
  }

  /** Gives the memory back; nothing is kept. */
  release(): void {
    this.#bytes = new Uint8Array(0)
  }
}
