/** Octets in network byte order: a reader that never runs past its end, and a writer that never exceeds its limit. */
import { MalformedPacket } from '../../kit/errors.ts'

export class OctetReader {
  offset: number
  readonly bytes: Uint8Array
  readonly end: number

  constructor(bytes: Uint8Array, offset: number, end: number) {
    this.bytes = bytes
    this.end = end
    this.offset = offset
  }

  /** The next `count` octets, as a view. @throws MalformedPacket if fewer are left */
  take(count: number): Uint8Array {
    this.skip(count)
    return this.bytes.subarray(this.offset - count, this.offset)
  }

  /**
   * Like `take`, but a copy, which survives reuse of the buffer. (A Buffer's own `slice` would share its memory.)
   * @throws as `take`
   */
  copy(count: number): Uint8Array {
    return new Uint8Array(this.take(count))
  }

  /** @throws MalformedPacket if fewer than `count` octets are left */
  skip(count: number): void {
    if (this.offset + count > this.end) throw this.#tooShort(count)
    this.offset += count
  }

  uint8(): number {
    if (this.offset >= this.end) throw this.#tooShort(1)
    return this.bytes[this.offset++] ?? 0
  }

  uint16(): number {
    return this.uint8() * 0x100 + this.uint8()
  }

  uint32(): number {
    return this.uint16() * 0x10000 + this.uint16()
  }

  #tooShort(count: number): MalformedPacket {
    return new MalformedPacket(this.offset, 'RFC 1035 §4.1', `${count} octets needed, ${this.end - this.offset} left`)
  }
}

const INITIAL_BUFFER_BYTES = 512

export class OctetWriter {
  #nameOffsets: Map<string, number> | undefined
  #bytes: Uint8Array
  #length = 0
  #overflowed = false
  readonly limitBytes: number

  /**
   * @param limitBytes anything beyond is dropped, and `overflowed` becomes true
   * @param buffer the initial buffer, which the caller may reuse: `finish` copies out of it
   */
  constructor(limitBytes: number, buffer = new Uint8Array(Math.min(INITIAL_BUFFER_BYTES, limitBytes))) {
    this.limitBytes = limitBytes
    this.#bytes = buffer
  }

  get length(): number {
    return this.#length
  }

  get overflowed(): boolean {
    return this.#overflowed
  }

  /** The offsets of names written so far, by key: the targets of compression pointers (RFC 1035 §4.1.4). */
  get nameOffsets(): Map<string, number> {
    return this.#nameOffsets ??= new Map()
  }

  uint8(value: number): void {
    if (this.#reserve(1)) this.#bytes[this.#length++] = value
  }

  uint16(value: number): void {
    if (!this.#reserve(2)) return
    this.#bytes[this.#length++] = value >>> 8
    this.#bytes[this.#length++] = value & 255
  }

  uint32(value: number): void {
    this.uint16(value >>> 16)
    this.uint16(value & 0xffff)
  }

  octets(bytes: Uint8Array): void {
    if (!this.#reserve(bytes.length)) return
    this.#bytes.set(bytes, this.#length)
    this.#length += bytes.length
  }

  /** The characters of `text` from index `from` up to but not including `to`, one octet each. */
  characters(text: string, from: number, to: number): void {
    if (!this.#reserve(to - from)) return
    for (let at = from; at < to; at++) this.#bytes[this.#length++] = text.charCodeAt(at)
  }

  /** Overwrites two octets written earlier, such as a length that was not known until now. */
  setUint16(at: number, value: number): void {
    this.#bytes[at] = value >>> 8
    this.#bytes[at + 1] = value & 255
  }

  /** A copy of the octets written. */
  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#length)
  }

  #reserve(count: number): boolean {
    if (this.#overflowed || this.#length + count > this.limitBytes) {
      this.#overflowed = true
      return false
    }
    if (this.#length + count > this.#bytes.length) {
      const larger = new Uint8Array(Math.min(this.limitBytes, Math.max(this.#bytes.length * 2, this.#length + count)))
      larger.set(this.#bytes)
      this.#bytes = larger
    }
    return true
  }
}
