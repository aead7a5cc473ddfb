/** Builds the packets of one connection: each carries the next number, what was received, and the window that is open. */
import {
  DATAGRAM_BYTES_MAX, encodeHeader, HEADER_BYTES, RANGE_BYTES, RANGES_MAX, RESET_REASONS, sealPacket, type PacketType, type ResetReason,
} from '../wire/packet.ts'
import type { Acks } from './acks.ts'
import type { ReceiveBuffer } from './receive-buffer.ts'
import type { Segment, SendBuffer } from './send-buffer.ts'

/** Beside data the newest ranges have to do: the room is the data's. */
const RANGES_BESIDE_DATA_MAX = 4

export interface BuilderParts {
  readonly initiatorId: number
  readonly acceptorId: number
  readonly allocate: (sizeBytes: number) => Uint8Array
  readonly acks: Acks
  readonly receiveBuffer: ReceiveBuffer
}

export class PacketBuilder {
  acceptorId: number
  readonly #parts: BuilderParts
  #nextNumber = 0
  #advertisedLimit = 0

  constructor(parts: BuilderParts) {
    this.#parts = parts
    this.acceptorId = parts.acceptorId
  }

  /** The number of the next packet. */
  get nextNumber(): number {
    return this.#nextNumber
  }

  /** The right edge of the window as the peer was last told. */
  get advertisedLimit(): number {
    return this.#advertisedLimit
  }

  /** How many bytes of the stream fit in the next packet. */
  payloadMax(): number {
    return DATAGRAM_BYTES_MAX - HEADER_BYTES - RANGE_BYTES * Math.min(RANGES_BESIDE_DATA_MAX, this.#parts.acks.rangeCount)
  }

  build(type: PacketType, settledNumber: number, nowMs: number, segment: Segment | undefined, source: SendBuffer): Uint8Array {
    const { initiatorId, allocate, acks, receiveBuffer } = this.#parts
    const ranges = acks.ranges(segment === undefined ? RANGES_MAX : RANGES_BESIDE_DATA_MAX)
    const bytes = allocate(HEADER_BYTES + RANGE_BYTES * ranges.length + (segment?.lengthBytes ?? 0))
    const { ackOffset, limitOffset } = receiveBuffer
    const payloadAt = encodeHeader({
      type, initiatorId, acceptorId: type === 'SYN' ? 0 : this.acceptorId, number: this.#nextNumber, settledNumber, streamOffset: segment?.offset ?? 0,
      ackOffset, windowBytes: Math.max(0, limitOffset - ackOffset), ackDelayMs: acks.delayMs(nowMs), ranges,
    }, bytes)
    if (segment !== undefined) source.copy(segment, bytes, payloadAt)
    sealPacket(bytes)
    this.#nextNumber++
    this.#advertisedLimit = limitOffset
    acks.sent()
    return bytes
  }

  buildReset(reason: ResetReason): Uint8Array {
    return buildReset(this.#parts.initiatorId, this.acceptorId, this.#nextNumber++, reason)
  }
}

/** A RESET, also for a connection that is not known here. */
export function buildReset(initiatorId: number, acceptorId: number, number: number, reason: ResetReason): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES + 1)
  const at = encodeHeader({
    type: 'RESET', initiatorId, acceptorId, number, settledNumber: 0, streamOffset: 0, ackOffset: 0, windowBytes: 0, ackDelayMs: 0, ranges: [],
  }, bytes)
  bytes[at] = RESET_REASONS.indexOf(reason)
  sealPacket(bytes)
  return bytes
}
