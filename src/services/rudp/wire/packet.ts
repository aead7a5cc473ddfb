/**
 * A RUDP packet, version 2. Each UDP datagram carries exactly one. The long form opens a connection and names the ids
 * of both ends; the short form carries everything after that. All numbers are big-endian. docs/rudp.md §3 defines each
 * field.
 *
 *   long form                                            short form
 *    0  1 1 type 0 0 0 0     type: 0 HELLO, 1 WELCOME,    0  0 1 0 0 0 0 0 0
 *                                  2 RETRY, 3 RESET
 *    1  version, 4 bytes     48 52 00 02                  1  checksum, 4 bytes
 *    5  checksum, 4 bytes                                 5  destination id, 8 bytes
 *    9  destination id, 8 bytes                          13  packet number, 4 bytes
 *   17  source id, 8 bytes                               17  frames …
 *   25  packet number, 4 bytes
 *   29  frames …
 *
 * A long packet whose version is 0 lists the versions that its sender speaks, 4 bytes each, from byte 25 on. In every
 * future version, the top bit, version, checksum and ids of the long form keep these places.
 */
import { MalformedPacket } from '../../kit/errors.ts'
import { crc32, type Crc32 } from '../../kit/crc32.ts'
import { decodeFrames, encodeFrame, frameBytes, summarizeFrame, type Frame } from './frames.ts'
import { readUint64, writeUint64 } from './varint.ts'

export const LONG = { version: 1, checksum: 5, destinationId: 9, sourceId: 17, number: 25, frames: 29, versions: 25 } as const
export const SHORT = { checksum: 1, destinationId: 5, number: 13, frames: 17 } as const
const LONG_FORM = 0xc0
export const SHORT_FORM = 0x40

export const VERSION = 0x48520002
/** Version 0 is reserved: a packet with it lists versions. */
const VERSIONS_LISTED = 0
const VERSIONS_MAX = 16

export const LONG_HEADER_BYTES = LONG.frames
export const SHORT_HEADER_BYTES = SHORT.frames
/**
 * Every IPv6 path carries a datagram of this size, even through tunnels (RFC 8200 §5). It is the size used until the
 * path is known to carry more.
 */
export const DATAGRAM_BYTES_BASE = 1200
/** The longest datagram: 2^16 minus the headers of IP and UDP, and a little slack. */
export const DATAGRAM_BYTES_MAX = 61_440
/**
 * No network carries longer datagrams, not even with jumbo frames. They go from memory to memory, where the kernel does
 * not checksum TCP either, so the checksum covers only their first 1,200 bytes (docs/decisions/local-checksum.md).
 */
const SUMMED_WHOLE_BYTES_MAX = 9_000
const SUMMED_BYTES = 1_200
export const PACKET_NUMBER_MAX = 0xffffffff

/** The long packet types, in the order of their codes. */
export const LONG_TYPES = ['HELLO', 'WELCOME', 'RETRY', 'RESET'] as const
export type LongType = (typeof LONG_TYPES)[number]

/**
 * Each end chooses its own connection id at random, from 1 to 2^52 − 1. `destinationId` is the receiver's and
 * `sourceId` the sender's; an id that is not known yet is 0.
 */
export type Packet =
  | { readonly type: LongType; readonly destinationId: number; readonly sourceId: number; readonly number: number; readonly frames: readonly Frame[] }
  | { readonly type: 'SHORT'; readonly destinationId: number; readonly number: number; readonly frames: readonly Frame[] }
  | { readonly type: 'VERSIONS'; readonly destinationId: number; readonly sourceId: number; readonly versions: readonly number[] }
  /** A long packet of a version that this implementation does not speak. */
  | { readonly type: 'OTHER_VERSION'; readonly destinationId: number; readonly sourceId: number; readonly version: number }

/** A packet that belongs to a connection: it has a number and carries frames. */
export type NumberedPacket = Extract<Packet, { readonly frames: readonly Frame[] }>

const RULE = 'docs/rudp.md §3'

/**
 * Decodes one datagram. Length, checksum and structure are all checked here, so later code need not check form again.
 * @param sum computes the checksum
 * @throws MalformedPacket naming the offset and what is wrong there
 */
export function decodePacket(bytes: Uint8Array, sum: Crc32 = crc32): Packet {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const form = bytes.length === 0 ? 0 : view.getUint8(0)
  if (bytes.length > DATAGRAM_BYTES_MAX) malformed(DATAGRAM_BYTES_MAX, `${bytes.length} bytes, at most ${DATAGRAM_BYTES_MAX} allowed`)
  if (form >= 0x80) return decodeLong(bytes, view, sum)
  if (form !== SHORT_FORM) malformed(0, `unknown first byte 0x${form.toString(16)}`)
  if (bytes.length <= SHORT.frames) malformed(bytes.length, `${bytes.length} bytes, more than ${SHORT.frames} needed`)
  if (view.getUint32(SHORT.checksum) !== checksumOf(bytes, SHORT.checksum, 0, bytes.length, sum)) malformed(SHORT.checksum, 'wrong checksum: damaged in transit')
  return {
    type: 'SHORT', destinationId: readId(view, SHORT.destinationId), number: view.getUint32(SHORT.number), frames: decodeFrames(bytes, view, SHORT.frames),
  }
}

function decodeLong(bytes: Uint8Array, view: DataView, sum: Crc32): Packet {
  if (bytes.length < LONG.versions) malformed(bytes.length, `${bytes.length} bytes, ${LONG.versions} needed`)
  if (view.getUint32(LONG.checksum) !== checksumOf(bytes, LONG.checksum, 0, bytes.length, sum)) malformed(LONG.checksum, 'wrong checksum: damaged in transit')
  const version = view.getUint32(LONG.version)
  const destinationId = readUint64(view, LONG.destinationId)
  const sourceId = readUint64(view, LONG.sourceId)
  if (version === VERSIONS_LISTED) return { type: 'VERSIONS', destinationId, sourceId, versions: decodeVersions(bytes, view) }
  if (version !== VERSION) return { type: 'OTHER_VERSION', destinationId, sourceId, version }
  const type = decodeLongType(view, destinationId, sourceId)
  return { type, destinationId, sourceId, number: view.getUint32(LONG.number), frames: decodeFrames(bytes, view, LONG.frames) }
}

/**
 * The type of a long packet of a version that is spoken here.
 * @throws MalformedPacket for an unknown type, a missing id that the type requires, or nothing after the header
 */
export function decodeLongType(view: DataView, destinationId: number, sourceId: number): LongType {
  const form = view.getUint8(0)
  const type = (form & 0x4f) === 0x40 ? LONG_TYPES[(form >> 4) & 3] : undefined
  if (type === undefined) malformed(0, `unknown first byte 0x${form.toString(16)}`)
  if (view.byteLength <= LONG.frames) malformed(view.byteLength, `${view.byteLength} bytes, more than ${LONG.frames} needed`)
  if ((type === 'HELLO' || type === 'WELCOME') && sourceId === 0) malformed(LONG.sourceId, `${type} without the sender's id`)
  if ((type === 'WELCOME' || type === 'RETRY') && destinationId === 0) malformed(LONG.destinationId, `${type} without the receiver's id`)
  return type
}

function decodeVersions(bytes: Uint8Array, view: DataView): number[] {
  const count = (bytes.length - LONG.versions) / 4
  if (!Number.isInteger(count) || count < 1 || count > VERSIONS_MAX) malformed(LONG.versions, `the version list must have 1 to ${VERSIONS_MAX} entries`)
  return Array.from({ length: count }, (_, index) => view.getUint32(LONG.versions + 4 * index))
}

/** Writes a short header. @returns where the frames begin; call `sealShort` once they are written */
export function encodeShortHeader(view: DataView, at: number, destinationId: number, number: number): number {
  view.setUint8(at, SHORT_FORM)
  writeUint64(view, at + SHORT.destinationId, destinationId)
  view.setUint32(at + SHORT.number, number)
  return at + SHORT.frames
}

/** Writes a long header. @returns where the frames begin; call `sealLong` once they are written */
export function encodeLongHeader(view: DataView, at: number, type: LongType, destinationId: number, sourceId: number, number: number, version = VERSION): number {
  view.setUint8(at, LONG_FORM | (LONG_TYPES.indexOf(type) << 4))
  view.setUint32(at + LONG.version, version)
  writeUint64(view, at + LONG.destinationId, destinationId)
  writeUint64(view, at + LONG.sourceId, sourceId)
  view.setUint32(at + LONG.number, number)
  return at + LONG.frames
}

/** Writes the checksum of the short packet that spans `start` to `end`. */
export function sealShort(bytes: Uint8Array, view: DataView, start = 0, end = bytes.length, sum: Crc32 = crc32): void {
  view.setUint32(start + SHORT.checksum, checksumOf(bytes, SHORT.checksum, start, end, sum))
}

/** Writes the checksum of the long packet that spans `start` to `end`. */
export function sealLong(bytes: Uint8Array, view: DataView, start = 0, end = bytes.length, sum: Crc32 = crc32): void {
  view.setUint32(start + LONG.checksum, checksumOf(bytes, LONG.checksum, start, end, sum))
}

/** Encodes one packet as a datagram of its own. */
export function encodePacket(packet: Packet): Uint8Array {
  if (packet.type === 'VERSIONS') return encodeVersions(packet.destinationId, packet.sourceId, packet.versions)
  if (packet.type === 'OTHER_VERSION') return encodeOtherVersion(packet.destinationId, packet.sourceId, packet.version)
  const { type, destinationId, number, frames } = packet
  const isShort = type === 'SHORT'
  const bytes = new Uint8Array(frames.reduce<number>((sum, frame) => sum + frameBytes(frame), isShort ? SHORT.frames : LONG.frames))
  const view = new DataView(bytes.buffer)
  let at = isShort ? encodeShortHeader(view, 0, destinationId, number) : encodeLongHeader(view, 0, type, destinationId, packet.sourceId, number)
  for (const frame of frames) at = encodeFrame(frame, bytes, view, at)
  if (isShort) sealShort(bytes, view)
  else sealLong(bytes, view)
  return bytes
}

function encodeVersions(destinationId: number, sourceId: number, versions: readonly number[]): Uint8Array {
  const bytes = encodeOtherVersion(destinationId, sourceId, VERSIONS_LISTED, 4 * versions.length)
  const view = new DataView(bytes.buffer)
  versions.forEach((version, index) => view.setUint32(LONG.versions + 4 * index, version))
  sealLong(bytes, view)
  return bytes
}

function encodeOtherVersion(destinationId: number, sourceId: number, version: number, restBytes = 0): Uint8Array {
  const bytes = new Uint8Array(LONG.versions + restBytes)
  const view = new DataView(bytes.buffer)
  view.setUint8(0, LONG_FORM)
  view.setUint32(LONG.version, version)
  writeUint64(view, LONG.destinationId, destinationId)
  writeUint64(view, LONG.sourceId, sourceId)
  sealLong(bytes, view)
  return bytes
}

/** Summarizes a packet in one line: `SHORT #12: ACK 12 1-10, STREAM 0 at 3456+1152 FIN`. PADDING is left out. */
export function summarizePacket(packet: Packet): string {
  if (packet.type === 'VERSIONS') return `VERSIONS ${packet.versions.map(version => version.toString(16)).join(' ')}`
  if (packet.type === 'OTHER_VERSION') return `a packet of version ${packet.version.toString(16)}`
  return `${packet.type} #${packet.number}: ${packet.frames.filter(({ kind }) => kind !== 'PADDING').map(summarizeFrame).join(', ')}`
}

/**
 * The checksum over `start` to `end`, except its own four bytes. If the datagram is longer than any network carries,
 * only its beginning is summed.
 */
export function checksumOf(bytes: Uint8Array, at: number, start: number, end: number, sum: Crc32): number {
  const summedEnd = end - start > SUMMED_WHOLE_BYTES_MAX ? start + SUMMED_BYTES : end
  return sum(bytes, start + at + 4, summedEnd, crc32(bytes, start, start + at))
}

function readId(view: DataView, at: number): number {
  const id = readUint64(view, at)
  return id === 0 ? malformed(at, 'a connection id of 0') : id
}

function malformed(offset: number, why: string): never {
  throw new MalformedPacket(offset, RULE, why)
}
