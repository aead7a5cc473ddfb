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
    if (this.offset + count > this.end) throw this.#tooShort(count)
    this.offset += count
    return this.bytes.subarray(this.offset - count, this.offset)
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
  /** Where names already stand, by their text: what compression points to (RFC 1035 §4.1.4). */
  readonly nameOffsets = new Map<string, number>()
  #bytes: Uint8Array
  #length = 0
  #overflowed = false
  readonly limitBytes: number

  /** @param limitBytes what goes beyond is dropped, and `overflowed` says so */
  constructor(limitBytes: number) {
    this.limitBytes = limitBytes
    this.#bytes = new Uint8Array(Math.min(FIRST_ROOM_BYTES, limitBytes))
  }

  get length(): number {
    return this.#length
  }

  get overflowed(): boolean {
    return this.#overflowed
  }

  uint8(value: number): void {
    if (this.#room(1)) this.#bytes[this.#length++] = value
  }

  uint16(value: number): void {
    this.uint8(value >>> 8)
    this.uint8(value & 255)
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
