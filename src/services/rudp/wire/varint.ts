/**
 * Variable-length integers, as in RFC 9000 §16. The first two bits give the length; the remaining bits are the value.
 *
 *     00xxxxxx                    1 byte,   up to 63
 *     01xxxxxx xxxxxxxx           2 bytes,  up to 16,383
 *     10xxxxxx xxxxxxxx × 3       4 bytes,  up to 1,073,741,823
 *     11xxxxxx xxxxxxxx × 7       8 bytes,  up to 2^52 − 1
 *
 * RFC 9000 allows values up to 2^62. RUDP stops below 2^52, so that the sum of any two numbers is exact in a double.
 */
import { MalformedPacket } from '../../kit/errors.ts'

/** Every number in RUDP is below this limit: offsets, limits and connection ids alike. */
export const NUMBER_LIMIT = 2 ** 52

const RULE = 'docs/rudp.md §2'

/** The number of bytes that `writeVarint` writes. */
export function varintBytes(value: number): 1 | 2 | 4 | 8 {
  return value < 0x40 ? 1 : value < 0x4000 ? 2 : value < 0x40000000 ? 4 : 8
}

/** Writes the shortest form at `at`. @returns the offset after it */
export function writeVarint(view: DataView, at: number, value: number): number {
  if (value < 0x40) {
    view.setUint8(at, value)
    return at + 1
  }
  if (value < 0x4000) {
    view.setUint16(at, 0x4000 | value)
    return at + 2
  }
  if (value < 0x40000000) {
    view.setUint32(at, (0x80000000 | value) >>> 0)
    return at + 4
  }
  view.setUint32(at, (0xc0000000 | Math.floor(value / 0x100000000)) >>> 0)
  view.setUint32(at + 4, value >>> 0)
  return at + 8
}

/** Writes an eight-byte field whose value is below 2^52: a connection id or a path challenge. */
export function writeUint64(view: DataView, at: number, value: number): void {
  view.setUint32(at, Math.floor(value / 0x100000000))
  view.setUint32(at + 4, value >>> 0)
}

/** @throws MalformedPacket for 2^52 or more */
export function readUint64(view: DataView, at: number): number {
  const value = view.getUint32(at) * 0x100000000 + view.getUint32(at + 4)
  return value < NUMBER_LIMIT ? value : malformed(at, 'a number of 2^52 or more')
}

/** Reads one field after another. A field that extends past the end of the datagram is malformed. */
export class FieldReader {
  at: number
  readonly #view: DataView
  readonly #bytes: Uint8Array

  constructor(bytes: Uint8Array, view: DataView, at: number) {
    this.#bytes = bytes
    this.#view = view
    this.at = at
  }

  /** Bytes not read yet. */
  get left(): number {
    return this.#bytes.length - this.at
  }

  uint8(): number {
    return this.#view.getUint8(this.#step(1))
  }

  uint32(): number {
    return this.#view.getUint32(this.#step(4))
  }

  uint64(): number {
    return readUint64(this.#view, this.#step(8))
  }

  /** Accepts any of the four lengths, not only the shortest. */
  varint(): number {
    if (this.left < 1) malformed(this.at, 'it ends in the middle of a field')
    switch (this.#view.getUint8(this.at) >> 6) {
      case 0: return this.#view.getUint8(this.#step(1))
      case 1: return this.#view.getUint16(this.#step(2)) & 0x3fff
      case 2: return this.#view.getUint32(this.#step(4)) & 0x3fffffff
      default: {
        const at = this.#step(8)
        const value = (this.#view.getUint32(at) & 0x3fffffff) * 0x100000000 + this.#view.getUint32(at + 4)
        return value < NUMBER_LIMIT ? value : malformed(at, 'a number of 2^52 or more')
      }
    }
  }

  /** Returns a view into the datagram, not a copy. */
  bytes(length: number): Uint8Array {
    const at = this.#step(length)
    return this.#bytes.subarray(at, at + length)
  }

  #step(length: number): number {
    if (length > this.left) malformed(this.at, 'it ends in the middle of a field')
    const at = this.at
    this.at += length
    return at
  }
}

function malformed(offset: number, why: string): never {
  throw new MalformedPacket(offset, RULE, why)
}
