/**
 * The trace: every datagram and event of a service, in a ring buffer of fixed size that is always on. Writing only copies bytes; anything
 * expensive (decoding, summaries, text) is left to readers, which pull records by sequence number. A reader that is too slow learns how
 * many records it missed.
 *
 * A record, little-endian, padded to a multiple of 8 bytes:
 *
 *      0        4        6        7        8                16               24       26       28             28+path
 *      +--------+--------+--------+--------+----------------+----------------+--------+--------+---------------+------------
 *      | length |protocol|direct. |  kind  |  sequence f64  |  time ms f64   | path n | whole  | path (UTF-8)  | payload …
 *      +--------+--------+--------+--------+----------------+----------------+--------+--------+---------------+------------
 * `whole` is the length of the payload before it was truncated.
 */
import { formatEndpoint, type Path } from './endpoint.ts'

export const PROTOCOLS = ['dns', 'dhcp', 'rudp', 'http', 'admin'] as const
export type Protocol = (typeof PROTOCOLS)[number]
export const DIRECTIONS = ['in', 'out', 'none'] as const
export type Direction = (typeof DIRECTIONS)[number]
export const KINDS = ['packet', 'event'] as const
/** A packet's payload is its bytes; an event's is UTF-8 JSON. */
export type Kind = (typeof KINDS)[number]

/** A record as readers see it. `bytes` is the reader's own copy. */
export interface TraceRecord {
  /** Counts from 0 without gaps, so a missing record shows. */
  readonly sequence: number
  /** In ms, on the service's clock. */
  readonly atMs: number
  readonly direction: Direction
  readonly protocol: Protocol
  readonly kind: Kind
  /** `local > peer`; '' for an event. */
  readonly path: string
  readonly bytes: Uint8Array
  /** The payload's original length; of a long one, only the beginning is kept. */
  readonly wholeBytes: number
}

const HEADER_BYTES = 28
const PATH_BYTES_MAX = 128
/** Longer payloads are truncated: a record shows what was sent, and is not the transfer itself. */
const PAYLOAD_BYTES_MAX = 2048
/** No datagram is longer, and for an event it does not matter. */
const WHOLE_BYTES_MAX = 0xffff

export class TraceRing {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  /** Positions count all bytes ever written; a position modulo the ring's size is the offset in it. */
  #writtenTo = 0
  #oldest = 0
  #oldestSequence = 0
  #sequence = 0
  readonly #paths = new WeakMap<Path, Uint8Array>()

  /** @param sizeBytes a multiple of 8, at least 16 KiB */
  constructor(sizeBytes = 4 * 1024 * 1024) {
    this.#bytes = new Uint8Array(sizeBytes)
    this.#view = new DataView(this.#bytes.buffer)
  }

  packet(direction: 'in' | 'out', protocol: Protocol, path: Path, bytes: Uint8Array, atMs: number): void {
    this.#append('packet', direction, protocol, this.#pathText(path), bytes, atMs)
  }

  /** @param fields plain data that JSON can represent */
  event(protocol: Protocol, fields: Readonly<Record<string, unknown>>, atMs: number): void {
    this.#append('event', 'none', protocol, NO_BYTES, encodeText(JSON.stringify(fields)), atMs)
  }

  /** The sequence number of the next record. */
  get nextSequence(): number {
    return this.#sequence
  }

  /**
   * Reads records from `fromSequence` on, oldest first.
   * @param limit the most records to return
   * @returns the records, and how many have already been overwritten
   */
  read(fromSequence: number, limit: number): { records: TraceRecord[]; missed: number } {
    const records: TraceRecord[] = []
    let position = this.#oldest
    let sequence = this.#oldestSequence
    while (sequence < this.#sequence && records.length < limit) {
      const at = this.#offsetOf(position)
      const length = this.#view.getUint32(at, true)
      if (length !== 0) {
        if (sequence >= fromSequence) records.push(this.#recordAt(at, length))
        sequence++
        position += padded(length)
      } else position += this.#bytes.length - at
    }
    return { records, missed: Math.max(0, this.#oldestSequence - fromSequence) }
  }

  #append(kind: Kind, direction: Direction, protocol: Protocol, path: Uint8Array, payload: Uint8Array, atMs: number): void {
    const payloadBytes = Math.min(payload.length, PAYLOAD_BYTES_MAX)
    const length = HEADER_BYTES + path.length + payloadBytes
    const needed = padded(length)
    let at = this.#offsetOf(this.#writtenTo)
    if (at + needed > this.#bytes.length) {
      const rest = this.#bytes.length - at
      this.#makeRoom(rest)
      this.#view.setUint32(at, 0, true) // length 0: the rest of the ring is unused
      this.#writtenTo += rest
      at = 0
    }
    this.#makeRoom(needed)
    this.#view.setUint32(at, length, true)
    this.#view.setUint16(at + 4, PROTOCOLS.indexOf(protocol), true)
    this.#view.setUint8(at + 6, DIRECTIONS.indexOf(direction))
    this.#view.setUint8(at + 7, KINDS.indexOf(kind))
    this.#view.setFloat64(at + 8, this.#sequence, true)
    this.#view.setFloat64(at + 16, atMs, true)
    this.#view.setUint16(at + 24, path.length, true)
    this.#view.setUint16(at + 26, Math.min(payload.length, WHOLE_BYTES_MAX), true)
    this.#bytes.set(path, at + HEADER_BYTES)
    this.#bytes.set(payloadBytes === payload.length ? payload : payload.subarray(0, payloadBytes), at + HEADER_BYTES + path.length)
    this.#writtenTo += needed
    this.#sequence++
  }

  /** Drops the oldest records until `needed` bytes after the newest are free. */
  #makeRoom(needed: number): void {
    while (this.#writtenTo + needed - this.#oldest > this.#bytes.length) {
      const at = this.#offsetOf(this.#oldest)
      const length = this.#view.getUint32(at, true)
      if (length === 0) this.#oldest += this.#bytes.length - at
      else {
        this.#oldest += padded(length)
        this.#oldestSequence++
      }
    }
  }

  #offsetOf(position: number): number {
    return position % this.#bytes.length
  }

  #recordAt(at: number, length: number): TraceRecord {
    const pathEnd = at + HEADER_BYTES + this.#view.getUint16(at + 24, true)
    return {
      sequence: this.#view.getFloat64(at + 8, true),
      atMs: this.#view.getFloat64(at + 16, true),
      direction: DIRECTIONS[this.#view.getUint8(at + 6)] ?? 'none',
      protocol: PROTOCOLS[this.#view.getUint16(at + 4, true)] ?? 'dns',
      kind: KINDS[this.#view.getUint8(at + 7)] ?? 'event',
      path: decodeText(this.#bytes.subarray(at + HEADER_BYTES, pathEnd)),
      bytes: this.#bytes.slice(pathEnd, at + length),
      wholeBytes: this.#view.getUint16(at + 26, true),
    }
  }

  #pathText(path: Path): Uint8Array {
    let bytes = this.#paths.get(path)
    if (bytes === undefined) {
      const text = `${formatEndpoint(path.local)} > ${formatEndpoint(path.peer)}${path.interfaceName === '' ? '' : ` % ${path.interfaceName}`}`
      bytes = encodeText(text).subarray(0, PATH_BYTES_MAX)
      this.#paths.set(path, bytes)
    }
    return bytes
  }
}

const NO_BYTES = new Uint8Array(0)

function padded(length: number): number {
  return (length + 7) & ~7
}

/** UTF-8 without TextEncoder, which pure modules lack. Nearly all text is ASCII, for which nothing is allocated per character. */
function encodeText(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length)
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code >= 0x80) return encodeUnicode(text)
    bytes[at] = code
  }
  return bytes
}

/** Lone surrogates become U+FFFD. */
function encodeUnicode(text: string): Uint8Array {
  const bytes: number[] = []
  for (const character of text) {
    const point = character.codePointAt(0) ?? 0xfffd
    const code = point >= 0xd800 && point <= 0xdfff ? 0xfffd : point
    if (code < 0x80) bytes.push(code)
    else if (code < 0x800) bytes.push(0xc0 | (code >> 6), 0x80 | (code & 63))
    else if (code < 0x10000) bytes.push(0xe0 | (code >> 12), 0x80 | ((code >> 6) & 63), 0x80 | (code & 63))
    else bytes.push(0xf0 | (code >> 18), 0x80 | ((code >> 12) & 63), 0x80 | ((code >> 6) & 63), 0x80 | (code & 63))
  }
  return Uint8Array.from(bytes)
}

/** Paths are ASCII: addresses, ports, interface names. */
function decodeText(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes)
}
