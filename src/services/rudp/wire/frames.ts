/**
 * Frames: the content of a packet, from its header to the end of the datagram. Each frame begins with one byte, its
 * type. The types are those of QUIC (RFC 9000 §19) wherever QUIC has a frame with the same meaning. docs/rudp.md §4
 * defines each field and prints FRAME_TYPES, below, as a table.
 */
import { MalformedPacket } from '../../kit/errors.ts'
import { FieldReader, NUMBER_LIMIT, varintBytes, writeUint64, writeVarint } from './varint.ts'

/**
 * All frame types. `ackEliciting` (RFC 9002 §2; the column "asks" in docs/rudp.md): the receiver must acknowledge a
 * packet that contains such a frame.
 */
export const FRAME_TYPES = {
  PADDING: { code: 0x00, ackEliciting: true, fields: '', meaning: 'no content; makes a packet longer' },
  PING: { code: 0x01, ackEliciting: true, fields: '', meaning: 'asks for an immediate acknowledgment' },
  ACK: { code: 0x02, ackEliciting: false, fields: 'largest (v), delay in µs (v), more (v), first length (v), more × { gap (v), length (v) }', meaning: 'the packet numbers that have arrived' },
  SETTLED: { code: 0x03, ackEliciting: false, fields: 'number (v)', meaning: 'the sender no longer waits for acknowledgments of packets below this number' },
  RESET_STREAM: { code: 0x04, ackEliciting: true, fields: 'stream (v), code (v), final size (v)', meaning: 'the sender aborts its half of a stream' },
  STOP_SENDING: { code: 0x05, ackEliciting: true, fields: 'stream (v), code (v)', meaning: 'the receiver asks the peer to stop sending on a stream' },
  PARAMETERS: { code: 0x06, ackEliciting: true, fields: 'max data (v), max stream data (v), max streams (v), idle ms (v), datagram bytes (v), ack delay ms (v)', meaning: 'the limits and timers of this endpoint' },
  NEW_TOKEN: { code: 0x07, ackEliciting: true, fields: 'length (v), token', meaning: 'a token for the next visit' },
  STREAM: { code: 0x08, ackEliciting: true, fields: 'stream (v), offset (v), [length (v),] bytes', meaning: 'bytes of a stream; codes 08 to 0b: + 1 the stream ends after them, + 2 a length is present, otherwise they extend to the end of the packet' },
  PARITY: { code: 0x0c, ackEliciting: true, fields: 'stream (v), final size (v), sum (4 bytes), bytes', meaning: 'restores lost bytes of a short stream and gives its final size; the bytes extend to the end of the packet' },
  MAX_DATA: { code: 0x10, ackEliciting: true, fields: 'limit (v)', meaning: 'how many bytes this endpoint accepts on all streams together' },
  MAX_STREAM_DATA: { code: 0x11, ackEliciting: true, fields: 'stream (v), limit (v)', meaning: 'the offset up to which this endpoint accepts bytes of a stream' },
  MAX_STREAMS: { code: 0x12, ackEliciting: true, fields: 'limit (v)', meaning: 'how many streams the peer may open, counted from the first' },
  PATH_CHALLENGE: { code: 0x1a, ackEliciting: true, fields: 'value (8 bytes)', meaning: 'asks the peer to prove that it receives packets at this address' },
  PATH_RESPONSE: { code: 0x1b, ackEliciting: true, fields: 'value (8 bytes)', meaning: 'answers a PATH_CHALLENGE by returning its value' },
  CONNECTION_CLOSE: { code: 0x1c, ackEliciting: false, fields: 'code (v)', meaning: 'the connection ends immediately' },
  TOKEN: { code: 0x21, ackEliciting: true, fields: 'length (v), token', meaning: 'proves that the sender receives packets at its address' },
  RESET_TOKEN: { code: 0x22, ackEliciting: true, fields: 'token (16 bytes)', meaning: 'the token that a RESET from this endpoint will carry if it has lost the connection (§13)' },
} as const

/** Why a connection or a stream was closed. The code on the wire is the index in this list. */
export const CLOSE_CODES = ['closed', 'refused', 'unknown', 'idle', 'protocol-violation', 'flow-control', 'internal', 'exhausted'] as const
export type CloseCode = (typeof CLOSE_CODES)[number]

/** Packet numbers from `first` to `last`, inclusive. */
export interface PacketRange {
  readonly first: number
  readonly last: number
}

/** What an endpoint accepts, announced in its first packets. */
export interface Parameters {
  /** The initial MAX_DATA: bytes on all streams together. */
  readonly maxDataBytes: number
  /** The initial MAX_STREAM_DATA of every stream. */
  readonly maxStreamDataBytes: number
  /** The initial MAX_STREAMS: streams that the peer may open. */
  readonly maxStreams: number
  /** The endpoint gives up a connection that has been silent for this long. */
  readonly idleTimeoutMs: number
  /** The longest datagram that the endpoint accepts. */
  readonly datagramBytesMax: number
  /** The longest time that the endpoint delays an acknowledgment. */
  readonly ackDelayMsMax: number
}

export type Frame =
  | { readonly kind: 'PADDING'; readonly lengthBytes: number }
  | { readonly kind: 'PING' }
  /**
   * `ranges`: newest first, with at least one missing number between two of them. `delayMs`: how long the ACK for the
   * newest packet was delayed, in steps of 1 µs.
   */
  | { readonly kind: 'ACK'; readonly delayMs: number; readonly ranges: readonly PacketRange[] }
  | { readonly kind: 'SETTLED'; readonly number: number }
  | { readonly kind: 'RESET_STREAM'; readonly streamId: number; readonly code: number; readonly finalSize: number }
  | { readonly kind: 'STOP_SENDING'; readonly streamId: number; readonly code: number }
  | { readonly kind: 'PARAMETERS'; readonly parameters: Parameters }
  | { readonly kind: 'NEW_TOKEN' | 'TOKEN' | 'RESET_TOKEN'; readonly token: Uint8Array }
  /** `data` is a view into the datagram. */
  | { readonly kind: 'STREAM'; readonly streamId: number; readonly offset: number; readonly fin: boolean; readonly data: Uint8Array }
  /** `sum`: CRC-32 of the whole stream. `data` is a view into the datagram. */
  | { readonly kind: 'PARITY'; readonly streamId: number; readonly finalSize: number; readonly sum: number; readonly data: Uint8Array }
  | { readonly kind: 'MAX_DATA'; readonly limit: number }
  | { readonly kind: 'MAX_STREAM_DATA'; readonly streamId: number; readonly limit: number }
  | { readonly kind: 'MAX_STREAMS'; readonly limit: number }
  | { readonly kind: 'PATH_CHALLENGE' | 'PATH_RESPONSE'; readonly value: number }
  | { readonly kind: 'CONNECTION_CLOSE'; readonly code: number }

/** A packet with more frames is malformed. A run of PADDING counts as one frame. */
export const FRAMES_MAX = 64
/** The most ranges in one ACK. */
export const RANGES_MAX = 256
export const TOKEN_BYTES_MAX = 64
export const RESET_TOKEN_BYTES = 16
/** The longest stream that may have a parity. */
export const PARITY_STREAM_BYTES_MAX = 65_536

const FIN = 1
const LENGTH = 2
const SUM_BYTES = 4
const RULE = 'docs/rudp.md §4'

/**
 * Decodes all frames from `start` to the end of the datagram.
 * @throws MalformedPacket naming the offset and what is wrong there
 */
export function decodeFrames(bytes: Uint8Array, view: DataView, start: number): Frame[] {
  const frames: Frame[] = []
  const reader = new FieldReader(bytes, view, start)
  while (reader.left > 0) {
    if (frames.length >= FRAMES_MAX) malformed(reader.at, `more than ${FRAMES_MAX} frames`)
    frames.push(decodeFrame(reader, bytes))
  }
  return frames.length > 0 ? frames : malformed(start, 'no frames')
}

/** Decodes the frame at the reader's position and moves past it. @throws MalformedPacket */
export function decodeFrame(reader: FieldReader, bytes: Uint8Array): Frame {
  const at = reader.at
  const code = reader.uint8()
  switch (code) {
    case 0x00: {
      let end = reader.at // a path MTU probe has tens of thousands of these: count them without the reader
      while (bytes[end] === 0) end++
      reader.at = end
      return { kind: 'PADDING', lengthBytes: end - at }
    }
    case 0x01: return { kind: 'PING' }
    case 0x02: return decodeAck(reader)
    case 0x03: return { kind: 'SETTLED', number: reader.varint() }
    case 0x04: return { kind: 'RESET_STREAM', streamId: reader.varint(), code: reader.varint(), finalSize: reader.varint() }
    case 0x05: return { kind: 'STOP_SENDING', streamId: reader.varint(), code: reader.varint() }
    case 0x06: return { kind: 'PARAMETERS', parameters: decodeParameters(reader) }
    case 0x07: return { kind: 'NEW_TOKEN', token: decodeToken(reader) }
    case 0x08: case 0x09: case 0x0a: case 0x0b: return decodeStream(reader, code)
    case 0x0c: return decodeParity(reader)
    case 0x10: return { kind: 'MAX_DATA', limit: reader.varint() }
    case 0x11: return { kind: 'MAX_STREAM_DATA', streamId: reader.varint(), limit: reader.varint() }
    case 0x12: return { kind: 'MAX_STREAMS', limit: reader.varint() }
    case 0x1a: return { kind: 'PATH_CHALLENGE', value: reader.uint64() }
    case 0x1b: return { kind: 'PATH_RESPONSE', value: reader.uint64() }
    case 0x1c: return { kind: 'CONNECTION_CLOSE', code: reader.varint() }
    case 0x21: return { kind: 'TOKEN', token: decodeToken(reader) }
    case 0x22: return { kind: 'RESET_TOKEN', token: reader.bytes(RESET_TOKEN_BYTES) }
    default: return malformed(at, `frame type 0x${code.toString(16)} is unknown`)
  }
}

function decodeStream(reader: FieldReader, code: number): Frame {
  const streamId = reader.varint()
  const offset = reader.varint()
  const length = (code & LENGTH) === 0 ? reader.left : reader.varint()
  if (offset + length >= NUMBER_LIMIT) malformed(reader.at, 'the stream extends to 2^52 or beyond')
  return { kind: 'STREAM', streamId, offset, fin: (code & FIN) !== 0, data: reader.bytes(length) }
}

function decodeParity(reader: FieldReader): Frame {
  const streamId = reader.varint()
  const finalSize = reader.varint()
  if (finalSize > PARITY_STREAM_BYTES_MAX) malformed(reader.at, `a parity of a stream of ${finalSize} bytes`)
  const sum = reader.uint32()
  const length = reader.left
  if (length === 0 || length > finalSize) malformed(reader.at, `a parity of ${length} bytes for a stream of ${finalSize}`)
  return { kind: 'PARITY', streamId, finalSize, sum, data: reader.bytes(length) }
}

function decodeAck(reader: FieldReader): Frame {
  let last = reader.varint()
  const delayMs = reader.varint() / 1000
  const more = reader.varint()
  if (more >= RANGES_MAX) malformed(reader.at, `${more + 1} ranges`)
  let first = last - reader.varint()
  if (first < 0) malformed(reader.at, 'a range that begins below 0')
  const ranges: PacketRange[] = [{ first, last }]
  for (let index = 0; index < more; index++) {
    last = first - 2 - reader.varint()
    first = last - reader.varint()
    if (first < 0) malformed(reader.at, 'a range that begins below 0')
    ranges.push({ first, last })
  }
  return { kind: 'ACK', delayMs, ranges }
}

function decodeParameters(reader: FieldReader): Parameters {
  return {
    maxDataBytes: reader.varint(), maxStreamDataBytes: reader.varint(), maxStreams: reader.varint(), idleTimeoutMs: reader.varint(),
    datagramBytesMax: reader.varint(), ackDelayMsMax: reader.varint(),
  }
}

function decodeToken(reader: FieldReader): Uint8Array {
  const length = reader.varint()
  if (length === 0 || length > TOKEN_BYTES_MAX) malformed(reader.at, `a token of ${length} bytes`)
  return reader.bytes(length)
}

/** The encoded length of a frame. A STREAM is counted with its length field. */
export function frameBytes(frame: Frame): number {
  switch (frame.kind) {
    case 'PADDING': return frame.lengthBytes
    case 'PING': return 1
    case 'ACK': return ackBytes(frame.delayMs, frame.ranges)
    case 'SETTLED': return 1 + varintBytes(frame.number)
    case 'RESET_STREAM': return 1 + varintBytes(frame.streamId) + varintBytes(frame.code) + varintBytes(frame.finalSize)
    case 'STOP_SENDING': return 1 + varintBytes(frame.streamId) + varintBytes(frame.code)
    case 'PARAMETERS': return parameterFields(frame.parameters).reduce((sum, value) => sum + varintBytes(value), 1)
    case 'NEW_TOKEN': case 'TOKEN': return 1 + varintBytes(frame.token.length) + frame.token.length
    case 'STREAM': return streamHeaderBytes(frame.streamId, frame.offset) + varintBytes(frame.data.length) + frame.data.length
    case 'PARITY': return 1 + varintBytes(frame.streamId) + varintBytes(frame.finalSize) + SUM_BYTES + frame.data.length
    case 'MAX_DATA': case 'MAX_STREAMS': return 1 + varintBytes(frame.limit)
    case 'MAX_STREAM_DATA': return 1 + varintBytes(frame.streamId) + varintBytes(frame.limit)
    case 'PATH_CHALLENGE': case 'PATH_RESPONSE': return 9
    case 'RESET_TOKEN': return 1 + RESET_TOKEN_BYTES
    case 'CONNECTION_CLOSE': return 1 + varintBytes(frame.code)
  }
}

/** Writes a frame at `at`; a STREAM gets a length field. @returns the offset after it */
export function encodeFrame(frame: Frame, bytes: Uint8Array, view: DataView, at: number): number {
  if (frame.kind === 'ACK') return encodeAck(frame.delayMs, frame.ranges, view, at)
  if (frame.kind === 'STREAM') {
    const { streamId, offset, fin, data } = frame
    const dataAt = writeVarint(view, encodeStreamHeader(streamId, offset, fin, true, view, at), data.length)
    bytes.set(data, dataAt)
    return dataAt + data.length
  }
  view.setUint8(at, FRAME_TYPES[frame.kind].code)
  const fieldAt = at + 1
  switch (frame.kind) {
    case 'PADDING':
      bytes.fill(0, at, at + frame.lengthBytes)
      return at + frame.lengthBytes
    case 'PING': return fieldAt
    case 'SETTLED': return writeVarint(view, fieldAt, frame.number)
    case 'RESET_STREAM': return writeVarints(view, fieldAt, [frame.streamId, frame.code, frame.finalSize])
    case 'STOP_SENDING': return writeVarints(view, fieldAt, [frame.streamId, frame.code])
    case 'PARAMETERS': return writeVarints(view, fieldAt, parameterFields(frame.parameters))
    case 'NEW_TOKEN': case 'TOKEN': {
      const tokenAt = writeVarint(view, fieldAt, frame.token.length)
      bytes.set(frame.token, tokenAt)
      return tokenAt + frame.token.length
    }
    case 'PARITY': {
      const sumAt = writeVarints(view, fieldAt, [frame.streamId, frame.finalSize])
      view.setUint32(sumAt, frame.sum)
      bytes.set(frame.data, sumAt + SUM_BYTES)
      return sumAt + SUM_BYTES + frame.data.length
    }
    case 'MAX_DATA': case 'MAX_STREAMS': return writeVarint(view, fieldAt, frame.limit)
    case 'MAX_STREAM_DATA': return writeVarints(view, fieldAt, [frame.streamId, frame.limit])
    case 'PATH_CHALLENGE': case 'PATH_RESPONSE':
      writeUint64(view, fieldAt, frame.value)
      return fieldAt + 8
    case 'CONNECTION_CLOSE': return writeVarint(view, fieldAt, frame.code)
    case 'RESET_TOKEN':
      bytes.set(frame.token, fieldAt)
      return fieldAt + RESET_TOKEN_BYTES
  }
}

/** The encoded length of an ACK. It depends on the delay too, which takes 1 to 4 bytes. */
export function ackBytes(delayMs: number, ranges: readonly PacketRange[]): number {
  const [newest = { first: 0, last: 0 }] = ranges
  let length = 1 + varintBytes(newest.last) + varintBytes(delayMicros(delayMs)) + varintBytes(ranges.length - 1) + varintBytes(newest.last - newest.first)
  for (let index = 1; index < ranges.length; index++) {
    const [above, range] = [ranges[index - 1] ?? newest, ranges[index] ?? newest]
    length += varintBytes(above.first - range.last - 2) + varintBytes(range.last - range.first)
  }
  return length
}

function encodeAck(delayMs: number, ranges: readonly PacketRange[], view: DataView, start: number): number {
  const [newest = { first: 0, last: 0 }] = ranges
  view.setUint8(start, FRAME_TYPES.ACK.code)
  let at = writeVarints(view, start + 1, [newest.last, delayMicros(delayMs), ranges.length - 1, newest.last - newest.first])
  for (let index = 1; index < ranges.length; index++) {
    const [above, range] = [ranges[index - 1] ?? newest, ranges[index] ?? newest]
    at = writeVarint(view, writeVarint(view, at, above.first - range.last - 2), range.last - range.first)
  }
  return at
}

/** The length of a STREAM's header: the fields before its bytes, without the optional length field. */
export function streamHeaderBytes(streamId: number, offset: number): number {
  return 1 + varintBytes(streamId) + varintBytes(offset)
}

/** The largest length of a PARITY's header: the fields before its bytes. */
export function parityHeaderBytes(streamId: number): number {
  return 1 + varintBytes(streamId) + varintBytes(PARITY_STREAM_BYTES_MAX) + SUM_BYTES
}

/**
 * Writes the type, stream id and offset of a STREAM.
 * @param hasLength a length field will follow; otherwise the bytes extend to the end of the packet
 */
export function encodeStreamHeader(streamId: number, offset: number, fin: boolean, hasLength: boolean, view: DataView, at: number): number {
  view.setUint8(at, FRAME_TYPES.STREAM.code | (fin ? FIN : 0) | (hasLength ? LENGTH : 0))
  return writeVarint(view, writeVarint(view, at + 1, streamId), offset)
}

/** Summarizes a frame in a few words: `STREAM 0 at 3456+1152 FIN`. */
export function summarizeFrame(frame: Frame): string {
  switch (frame.kind) {
    case 'PADDING': case 'PING': case 'PARAMETERS': return frame.kind
    case 'ACK': return `ACK ${frame.ranges.map(({ first, last }) => first === last ? `${first}` : `${first}-${last}`).join(' ')}`
    case 'SETTLED': return `SETTLED ${frame.number}`
    case 'RESET_STREAM': case 'STOP_SENDING': return `${frame.kind} ${frame.streamId}`
    case 'NEW_TOKEN': case 'TOKEN': case 'RESET_TOKEN': return frame.kind
    case 'STREAM': return `STREAM ${frame.streamId} at ${frame.offset}+${frame.data.length}${frame.fin ? ' FIN' : ''}`
    case 'PARITY': return `PARITY ${frame.streamId} of ${frame.finalSize} by ${frame.data.length}`
    case 'MAX_DATA': case 'MAX_STREAMS': return `${frame.kind} ${frame.limit}`
    case 'MAX_STREAM_DATA': return `MAX_STREAM_DATA ${frame.streamId} ${frame.limit}`
    case 'PATH_CHALLENGE': case 'PATH_RESPONSE': return frame.kind
    case 'CONNECTION_CLOSE': return `CONNECTION_CLOSE ${CLOSE_CODES[frame.code] ?? frame.code}`
  }
}

function delayMicros(delayMs: number): number {
  return Math.min(0x3fffffff, Math.max(0, Math.round(delayMs * 1000)))
}

function parameterFields(parameters: Parameters): number[] {
  const { maxDataBytes, maxStreamDataBytes, maxStreams, idleTimeoutMs, datagramBytesMax, ackDelayMsMax } = parameters
  return [maxDataBytes, maxStreamDataBytes, maxStreams, idleTimeoutMs, datagramBytesMax, ackDelayMsMax]
}

function writeVarints(view: DataView, at: number, values: readonly number[]): number {
  for (const value of values) at = writeVarint(view, at, value)
  return at
}

function malformed(offset: number, why: string): never {
  throw new MalformedPacket(offset, RULE, why)
}
