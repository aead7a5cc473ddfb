/** Octets in network order: a reader that never leaves its bytes, and a writer that never outgrows its limit. */
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

  /** @throws MalformedPacket where fewer than `count` octets are left */
  take(count: number): Uint8Array {
    this.skip(count)
    return this.bytes.subarray(this.offset - count, this.offset)
  }

  /** Octets that stay as they are when the bytes are used again. (A Buffer's own `slice` would share them.) @throws as `take` */
  copy(count: number): Uint8Array {
    return new Uint8Array(this.take(count))
  }

  /** @throws MalformedPacket where fewer than `count` octets are left */
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

const FIRST_ROOM_BYTES = 512

export class OctetWriter {
  #nameOffsets: Map<string, number> | undefined
  #bytes: Uint8Array
  #length = 0
  #overflowed = false
  readonly limitBytes: number

  /**
   * @param limitBytes what goes beyond is dropped, and `overflowed` says so
   * @param room where to write first; it is used again by whoever lent it, and `finish` copies out of it
   */
  constructor(limitBytes: number, room = new Uint8Array(Math.min(FIRST_ROOM_BYTES, limitBytes))) {
    this.limitBytes = limitBytes
    this.#bytes = room
  }

  get length(): number {
    return this.#length
  }

  get overflowed(): boolean {
    return this.#overflowed
  }

  /** Where names already stand, by their key: what compression points to (RFC 1035 §4.1.4). */
  get nameOffsets(): Map<string, number> {
    return this.#nameOffsets ??= new Map()
  }

  uint8(value: number): void {
    if (this.#room(1)) this.#bytes[this.#length++] = value
  }

  uint16(value: number): void {
    if (!this.#room(2)) return
    this.#bytes[this.#length++] = value >>> 8
    this.#bytes[this.#length++] = value & 255
  }

  uint32(value: number): void {
    this.uint16(value >>> 16)
    this.uint16(value & 0xffff)
  }

  octets(bytes: Uint8Array): void {
    if (!this.#room(bytes.length)) return
    this.#bytes.set(bytes, this.#length)
    this.#length += bytes.length
  }

  /** The characters of `text` from one index to before another, an octet each. */
  characters(text: string, from: number, to: number): void {
    if (!this.#room(to - from)) return
    for (let at = from; at < to; at++) this.#bytes[this.#length++] = text.charCodeAt(at)
  }

  /** Overwrites two octets that were written before: a length that is known only now. */
  setUint16(at: number, value: number): void {
    this.#bytes[at] = value >>> 8
    this.#bytes[at + 1] = value & 255
  }

  /** A copy of what was written. */
  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#length)
  }

  #room(count: number): boolean {
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
