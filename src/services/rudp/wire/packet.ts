/**
 * A RUDP packet, version 1: one packet a datagram. docs/rudp.md says what each field means. Big-endian.
 *
 *    0                   1                   2                   3
 *    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *   +---------------+---------------+---------------+---------------+
 * 0 |  magic 0x48   |  version (1)  |     type      |  range count  |
 *   +---------------+---------------+---------------+---------------+
 * 4 |      checksum: CRC-32 of every other byte of the datagram     |
 *   +---------------------------------------------------------------+
 * 8 |            connection id: the half the initiator chose        |
 *   +---------------------------------------------------------------+
 *12 |            connection id: the half the acceptor chose         |
 *   +---------------------------------------------------------------+
 *16 |                         packet number                         |
 *   +---------------------------------------------------------------+
 *20 |                         settled number                        |
 *   +---------------------------------------------------------------+
 *24 |                         stream offset                         |
 *   |                            (64 bits)                          |
 *   +---------------------------------------------------------------+
 *32 |                           ack offset                          |
 *   |                            (64 bits)                          |
 *   +---------------------------------------------------------------+
 *40 |                     receive window, in bytes                  |
 *   +-------------------------------+-------------------------------+
 *44 |    ack delay, in 0.1 ms       |        stream id (0)          |
 *   +-------------------------------+-------------------------------+
 *48 |  range count × { first packet number, last packet number },   |
 *   |  newest first                                                 |
 *   +---------------------------------------------------------------+
 *   |  payload, to the end of the datagram                          |
 *   +---------------------------------------------------------------+
 */
import { MalformedPacket } from '../../kit/errors.ts'
import { crc32 } from '../../kit/crc32.ts'

const AT = {
  magic: 0, version: 1, type: 2, rangeCount: 3, checksum: 4, initiatorId: 8, acceptorId: 12, number: 16, settledNumber: 20,
  streamOffset: 24, ackOffset: 32, windowBytes: 40, ackDelay: 44, streamId: 46, ranges: 48,
} as const
const MAGIC = 0x48
const VERSION = 1

export const HEADER_BYTES = AT.ranges
export const RANGE_BYTES = 8
/** No datagram sent is longer: it passes every path that IPv6 allows (RFC 8200 §5), tunnels included. */
export const DATAGRAM_BYTES_MAX = 1200
export const RANGES_MAX = 16
/** Offsets stay below this, so that every sum of them is exact in a double. */
export const OFFSET_MAX = 2 ** 52

/** The table of types. `payload`: what may stand behind the header. */
export const TYPES = {
  'SYN': { code: 1, payload: 'none', meaning: 'asks for a connection' },
  'SYN-ACK': { code: 2, payload: 'none', meaning: 'agrees, and names the acceptor\'s half of the id' },
  'DATA': { code: 3, payload: 'bytes', meaning: 'bytes of the stream' },
  'ACK': { code: 4, payload: 'none', meaning: 'acknowledges, asks for no answer' },
  'FIN': { code: 5, payload: 'any', meaning: 'the last bytes of the stream, or none, and its end' },
  'RESET': { code: 6, payload: 'reason', meaning: 'the connection is over at once' },
  'PING': { code: 7, payload: 'none', meaning: 'asks for an ACK' },
} as const
export type PacketType = keyof typeof TYPES

/** Why a RESET was sent; its payload is one byte, the place in this list. */
export const RESET_REASONS = ['closed', 'refused', 'unknown', 'idle'] as const
export type ResetReason = (typeof RESET_REASONS)[number]

/** Packet numbers from `first` to `last`, both included. */
export interface PacketRange {
  readonly first: number
  readonly last: number
}

export interface PacketHeader {
  readonly type: PacketType
  readonly initiatorId: number
  /** 0 as long as the initiator does not know it. */
  readonly acceptorId: number
  readonly number: number
  /** The sender waits for no acknowledgement of packets below this number. */
  readonly settledNumber: number
  /** Place of the payload's first byte in the sender's stream. */
  readonly streamOffset: number
  /** Every byte of the peer's stream below this has arrived; a FIN counts as one byte. */
  readonly ackOffset: number
  /** How many bytes from `ackOffset` on the sender of this packet can take. */
  readonly windowBytes: number
  /** How long the acknowledgement of the newest packet was held back; to 0.1 ms. */
  readonly ackDelayMs: number
  /** Packets that arrived, newest first, at least one missing number between two ranges. */
  readonly ranges: readonly PacketRange[]
}

export interface Packet extends PacketHeader {
  /** A view into the datagram. */
  readonly payload: Uint8Array
}

const TYPE_OF_CODE = new Map<number, PacketType>(typeNames().map(type => [TYPES[type].code, type]))
const ACK_DELAY_MAX = 0xffff
const RULE = 'docs/rudp.md §3'

/**
 * Reads one datagram. Length, checksum and structure are checked here once; what comes out needs no further check of form.
 * @throws MalformedPacket naming the offset and what is wrong there
 */
export function decodePacket(bytes: Uint8Array): Packet {
  if (bytes.length < HEADER_BYTES) fail(bytes.length, `${bytes.length} bytes, ${HEADER_BYTES} needed`)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (view.getUint8(AT.magic) !== MAGIC) fail(AT.magic, 'the first byte is not 0x48')
  if (view.getUint8(AT.version) !== VERSION) fail(AT.version, `version ${view.getUint8(AT.version)} is not spoken here`)
  if (view.getUint32(AT.checksum) !== checksumOf(bytes)) fail(AT.checksum, 'the checksum does not fit: damaged on the way')
  const type = TYPE_OF_CODE.get(view.getUint8(AT.type)) ?? fail(AT.type, `type ${view.getUint8(AT.type)} is unknown`)
  if (view.getUint16(AT.streamId) !== 0) fail(AT.streamId, 'version 1 has stream 0 only')
  const rangeCount = view.getUint8(AT.rangeCount)
  const payloadAt = HEADER_BYTES + rangeCount * RANGE_BYTES
  if (rangeCount > RANGES_MAX || payloadAt > bytes.length) fail(AT.rangeCount, `${rangeCount} ranges do not fit`)
  const packet: Packet = {
    type,
    initiatorId: view.getUint32(AT.initiatorId),
    acceptorId: view.getUint32(AT.acceptorId),
    number: view.getUint32(AT.number),
    settledNumber: view.getUint32(AT.settledNumber),
    streamOffset: decodeOffset(view, AT.streamOffset),
    ackOffset: decodeOffset(view, AT.ackOffset),
    windowBytes: view.getUint32(AT.windowBytes),
    ackDelayMs: view.getUint16(AT.ackDelay) / 10,
    ranges: decodeRanges(view, rangeCount),
    payload: bytes.subarray(payloadAt),
  }
  checkStructure(packet, payloadAt)
  return packet
}

/** One packet as a datagram of its own. */
export function encodePacket(packet: Packet): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES + packet.ranges.length * RANGE_BYTES + packet.payload.length)
  bytes.set(packet.payload, encodeHeader(packet, bytes))
  sealPacket(bytes)
  return bytes
}

/**
 * Writes header and ranges to the start of `bytes`.
 * @returns where the payload begins. `sealPacket` has to follow once it is there.
 */
export function encodeHeader(header: PacketHeader, bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  view.setUint8(AT.magic, MAGIC)
  view.setUint8(AT.version, VERSION)
  view.setUint8(AT.type, TYPES[header.type].code)
  view.setUint8(AT.rangeCount, header.ranges.length)
  view.setUint32(AT.initiatorId, header.initiatorId)
  view.setUint32(AT.acceptorId, header.acceptorId)
  view.setUint32(AT.number, header.number)
  view.setUint32(AT.settledNumber, header.settledNumber)
  encodeOffset(view, AT.streamOffset, header.streamOffset)
  encodeOffset(view, AT.ackOffset, header.ackOffset)
  view.setUint32(AT.windowBytes, header.windowBytes)
  view.setUint16(AT.ackDelay, Math.min(ACK_DELAY_MAX, Math.round(header.ackDelayMs * 10)))
  view.setUint16(AT.streamId, 0)
  let at: number = AT.ranges
  for (const { first, last } of header.ranges) {
    view.setUint32(at, first)
    view.setUint32(at + 4, last)
    at += RANGE_BYTES
  }
  return at
}

/** Writes the checksum of a datagram that is complete but for it. */
export function sealPacket(bytes: Uint8Array): void {
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).setUint32(AT.checksum, checksumOf(bytes))
}

/** One line for a person: `DATA #12 at 3456+1152, acks 789 (#1-10 #12), window 1048576`. */
export function summarizePacket(packet: Packet): string {
  const { type, number, streamOffset, ackOffset, windowBytes, ranges, payload } = packet
  const place = type === 'DATA' || type === 'FIN' ? ` at ${streamOffset}+${payload.length}` : ''
  const reason = type === 'RESET' ? ` (${RESET_REASONS[payload[0] ?? 0] ?? 'closed'})` : ''
  const seen = ranges.map(({ first, last }) => first === last ? `#${first}` : `#${first}-${last}`).join(' ')
  const acks = seen === '' ? '' : `, acks ${ackOffset} (${seen})`
  return `${type} #${number}${place}${reason}${acks}, window ${windowBytes}`
}

function checkStructure({ type, payload, initiatorId, acceptorId, number, settledNumber }: Packet, payloadAt: number): void {
  const { payload: rule } = TYPES[type]
  if (rule === 'none' && payload.length > 0) fail(payloadAt, `${type} has ${payload.length} bytes of payload`)
  if (rule === 'bytes' && payload.length === 0) fail(payloadAt, `${type} without a payload`)
  if (rule === 'reason' && (payload.length !== 1 || (payload[0] ?? 0) >= RESET_REASONS.length)) fail(payloadAt, 'RESET without a known reason')
  if (initiatorId === 0) fail(AT.initiatorId, 'the initiator\'s half of the connection id is 0')
  if (type === 'SYN' && acceptorId !== 0) fail(AT.acceptorId, 'SYN with an acceptor\'s half')
  if (type !== 'SYN' && type !== 'RESET' && acceptorId === 0) fail(AT.acceptorId, `${type} without the acceptor's half`)
  if (settledNumber > number) fail(AT.settledNumber, 'settled beyond its own number')
}

function decodeRanges(view: DataView, count: number): PacketRange[] {
  const ranges: PacketRange[] = []
  let above = Infinity
  for (let index = 0; index < count; index++) {
    const at = AT.ranges + index * RANGE_BYTES
    const first = view.getUint32(at)
    const last = view.getUint32(at + 4)
    if (first > last || last + 1 >= above) fail(at, `range ${first}-${last} is out of order`)
    ranges.push({ first, last })
    above = first
  }
  return ranges
}

function decodeOffset(view: DataView, at: number): number {
  const offset = view.getUint32(at) * 0x100000000 + view.getUint32(at + 4)
  return offset < OFFSET_MAX ? offset : fail(at, 'an offset of 2^52 or more')
}

function encodeOffset(view: DataView, at: number, offset: number): void {
  view.setUint32(at, Math.floor(offset / 0x100000000))
  view.setUint32(at + 4, offset >>> 0)
}

function checksumOf(bytes: Uint8Array): number {
  return crc32(bytes, AT.initiatorId, bytes.length, crc32(bytes, 0, AT.checksum))
}

function typeNames(): PacketType[] {
  return Object.keys(TYPES) as PacketType[] // the keys of a literal: exactly PacketType
}

function fail(offset: number, why: string): never {
  throw new MalformedPacket(offset, RULE, why)
}
