/**
 * Bytes of a stream that goes on and on, in memory that does not: the byte at stream offset n lies at n modulo the ring's length. What
 * has to be kept at a time decides how long the ring is; it grows, by doubling, and holds on to what is kept.
 *
 *     offset   … 9 │10 11 12 13 14 15│16 17 18 …        kept: 10 to 15
 *     ring         │16 17 10 11 12 13 14 15│            16 and 17 go where 8 and 9 were
 */
const FIRST_BYTES = 4 * 1024

export class Ring {
  #bytes = NOTHING
  /** The offset of the byte that lies first. */
  #base = 0

  /** Nothing has to be kept: what is put from offset `start` on shall lie first again, in memory that the processor still knows. */
  restart(start: number): void {
    this.#base = start
  }

  /** Makes room for what lies from `start` to `end`; what lay from `start` on stays. */
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

  /** Room for them was reserved. */
  put(offset: number, bytes: Uint8Array): void {
    const at = (offset - this.#base) % this.#bytes.length
    const fitting = this.#bytes.length - at
    if (bytes.length <= fitting) return this.#bytes.set(bytes, at)
    this.#bytes.set(bytes.subarray(0, fitting), at)
    this.#bytes.set(bytes.subarray(fitting), 0)
  }

  /** The bytes from `offset` on, at most `lengthBytes`, and fewer where they go on at the ring's beginning. Others take their place in time. */
  view(offset: number, lengthBytes: number): Uint8Array {
    const at = (offset - this.#base) % this.#bytes.length
    return this.#bytes.subarray(at, Math.min(at + lengthBytes, this.#bytes.length))
  }

  /** Copies `lengthBytes` from `offset` on to `target`, at `targetAt`. */
  copy(offset: number, lengthBytes: number, target: Uint8Array, targetAt: number): void {
    for (let copied = 0; copied < lengthBytes;) {
      const bytes = this.view(offset + copied, lengthBytes - copied)
      target.set(bytes, targetAt + copied)
      copied += bytes.length
    }
  }

  /** Nothing is kept. */
  release(): void {
    this.#bytes = NOTHING
  }
}

const NOTHING = new Uint8Array(0)
