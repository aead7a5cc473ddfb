/**
 * Dissects a RUDP packet field by field (kit/dissection.ts). packet.ts, frames.ts and encrypted-packet.ts show the
 * layouts.
 */
import { crc32 } from '../../kit/crc32.ts'
import { dissect, hexBytes, hexNumber, type Dissection, type Field } from '../../kit/dissection.ts'
import { decodeEncryptedPacket, isEncryptedVersion, TAG_BYTES, type EncryptedPacket } from './encrypted-packet.ts'
import { CLOSE_CODES, decodeFrame, FRAME_TYPES, summarizeFrame, type Frame } from './frames.ts'
import { checksumOf, decodePacket, LONG, LONG_TYPES, SHORT, SHORT_FORM, summarizePacket, VERSION } from './packet.ts'
import { FieldReader, readUint64 } from './varint.ts'

const TEXT_SHOWN_MAX = 60

/**
 * Never throws, whatever the bytes are.
 * @param wholeBytes the length of the datagram, if only its beginning was kept
 */
export function dissectPacket(bytes: Uint8Array, wholeBytes = bytes.length): Dissection {
  return dissect(bytes, wholeBytes, fields => {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    if (isEncryptedVersion(bytes)) return addEncrypted(bytes, view, decodeEncryptedPacket(bytes), wholeBytes - bytes.length, fields)
    const [form = 0] = bytes
    const isWhole = bytes.length === wholeBytes
    const isShort = form === SHORT_FORM
    const at = isShort ? SHORT : LONG
    if (isShort ? bytes.length > SHORT.frames : form >= 0x80 && bytes.length >= LONG.versions) {
      const isGood = !isWhole || view.getUint32(at.checksum) === checksumOf(bytes, at.checksum, 0, bytes.length, crc32)
      const checksum: Field = { name: 'checksum', value: `${hexNumber(view.getUint32(at.checksum), 8)}${!isWhole ? '' : isGood ? ', correct' : ', wrong: damaged in transit'}`, from: at.checksum, to: at.checksum + 4 }
      fields.push(...isShort ? shortHeader(view, checksum) : longHeader(view, form, checksum))
      if (isGood && (isShort || view.getUint32(LONG.version) === VERSION)) addFrames(bytes, view, at.frames, wholeBytes - bytes.length, fields)
    }
    return isWhole ? summarizePacket(decodePacket(bytes)) : `the first ${bytes.length} of ${wholeBytes} bytes`
  })
}

/** Adds the fields of an encrypted packet that are readable without a key (docs/rudp.md §13). @returns the summary */
function addEncrypted(bytes: Uint8Array, view: DataView, packet: EncryptedPacket, missingBytes: number, fields: Field[]): string {
  const isShort = packet.type === 'SHORT'
  const checksum: Field = { name: 'checksum', value: `${hexNumber(view.getUint32(LONG.checksum), 8)}, correct`, from: LONG.checksum, to: LONG.checksum + 4 }
  const destinationAt = 1
  if (isShort) fields.push({ name: 'form', value: 'short, encrypted', from: 0, to: destinationAt }, idField('destination id', view, destinationAt), numberField(view, destinationAt + 8))
  else fields.push(...longHeader(view, bytes[0] ?? 0, checksum).slice(0, -1), numberField(view, LONG.number))
  const clearFrom = fields[fields.length - 1]?.to ?? 0
  const hasContent = 'contentAt' in packet && bytes.length > packet.contentAt + TAG_BYTES
  const contentAt = hasContent ? packet.contentAt : bytes.length
  if (contentAt > clearFrom) fields.push({ name: 'keys', value: keysText(packet), from: clearFrom, to: contentAt })
  if (!hasContent) return `${packet.type} #${packet.number}: ${keysText(packet)}`
  const value = `encrypted, ${bytes.length + missingBytes - TAG_BYTES - contentAt} bytes`
  const tagAt = missingBytes > 0 ? bytes.length : bytes.length - TAG_BYTES
  fields.push({ name: 'frames', value, from: contentAt, to: tagAt })
  if (tagAt < bytes.length) fields.push({ name: 'tag', value: hexBytes(bytes.subarray(tagAt)), from: tagAt, to: bytes.length })
  return `${packet.type} #${packet.number}: ${value}`
}

function keysText(packet: EncryptedPacket): string {
  switch (packet.type) {
    case 'HELLO': return packet.token.length === 0 ? "asks for the server's keys" : `a key for this connection, and a token of ${packet.token.length} bytes`
    case 'RETRY': return `the server's keys, and a token of ${packet.token.length} bytes`
    case 'RESET': return CLOSE_CODES[packet.code] ?? `code ${packet.code}`
    default: return ''
  }
}

function shortHeader(view: DataView, checksum: Field): Field[] {
  return [
    { name: 'form', value: 'short', from: 0, to: SHORT.checksum }, checksum,
    idField('destination id', view, SHORT.destinationId), numberField(view, SHORT.number),
  ]
}

function longHeader(view: DataView, form: number, checksum: Field): Field[] {
  return [
    { name: 'form', value: `long, ${LONG_TYPES[(form >> 4) & 3] ?? ''}`, from: 0, to: LONG.version }, versionField(view), checksum,
    idField('destination id', view, LONG.destinationId), idField('source id', view, LONG.sourceId),
    ...view.getUint32(LONG.version) !== VERSION ? [{ name: 'versions', value: versionsText(view), from: LONG.versions, to: view.byteLength }]
      : view.byteLength >= LONG.frames ? [numberField(view, LONG.number)] : [],
  ]
}

function versionField(view: DataView): Field {
  return { name: 'version', value: hexNumber(view.getUint32(LONG.version), 8), from: LONG.version, to: LONG.checksum }
}

function idField(name: string, view: DataView, from: number): Field {
  const id = readUint64(view, from)
  return { name, value: id === 0 ? '0, not known yet' : id.toString(16).padStart(13, '0'), from, to: from + 8 }
}

function numberField(view: DataView, from: number): Field {
  return { name: 'packet number', value: String(view.getUint32(from)), from, to: from + 4 }
}

function versionsText(view: DataView): string {
  const versions = []
  for (let at: number = LONG.versions; at + 4 <= view.byteLength; at += 4) versions.push(hexNumber(view.getUint32(at), 8))
  return versions.join(', ')
}

function addFrames(bytes: Uint8Array, view: DataView, framesAt: number, missingBytes: number, fields: Field[]): void {
  const reader = new FieldReader(bytes, view, framesAt)
  while (reader.left > 0) {
    const from = reader.at
    const frame = decodeFrame(reader, bytes)
    fields.push(frameField(frame, from, reader.at, reader.left > 0 ? 0 : missingBytes))
  }
}

/** @param missingBytes how many bytes at the end of the packet were not kept */
function frameField(frame: Frame, from: number, to: number, missingBytes: number): Field {
  const value = valueOf(frame, missingBytes)
  if (frame.kind !== 'STREAM' && frame.kind !== 'PARITY') return { name: frame.kind, value, from, to }
  const dataAt = to - frame.data.length
  const header: Field = { name: 'fields', value: FRAME_TYPES[frame.kind].fields, from: from + 1, to: dataAt }
  return { name: frame.kind, value, from, to, fields: [header, { name: 'bytes', value: textOf(frame.data), from: dataAt, to }] }
}

function valueOf(frame: Frame, missingBytes: number): string {
  switch (frame.kind) {
    case 'PADDING': return `${frame.lengthBytes + missingBytes} bytes`
    case 'PING': return FRAME_TYPES.PING.meaning
    case 'ACK': return `${summarizeFrame(frame).slice('ACK '.length)}, delayed by ${frame.delayMs} ms`
    case 'STREAM': return `stream ${frame.streamId}, offset ${frame.offset}, ${frame.data.length + missingBytes} bytes${frame.fin ? ', end of stream' : ''}`
    case 'PARITY': return `stream ${frame.streamId}, ${frame.finalSize} bytes in total`
    case 'PARAMETERS': return Object.entries(frame.parameters).map(([name, value]) => `${name} ${value}`).join(', ')
    case 'NEW_TOKEN': case 'TOKEN': case 'RESET_TOKEN': return hexBytes(frame.token)
    case 'PATH_CHALLENGE': case 'PATH_RESPONSE': return frame.value.toString(16)
    case 'CONNECTION_CLOSE': return CLOSE_CODES[frame.code] ?? `code ${frame.code}`
    case 'RESET_STREAM': return `stream ${frame.streamId} at ${frame.finalSize}, code ${frame.code}`
    case 'STOP_SENDING': return `stream ${frame.streamId}, code ${frame.code}`
    case 'SETTLED': return `below ${frame.number}`
    case 'MAX_STREAM_DATA': return `stream ${frame.streamId}, up to ${frame.limit}`
    case 'MAX_DATA': return `${frame.limit} bytes`
    case 'MAX_STREAMS': return `${frame.limit} streams`
  }
}

/** Shows bytes as text if they begin as text, otherwise in hexadecimal. */
function textOf(data: Uint8Array): string {
  const text = Array.from(data.subarray(0, TEXT_SHOWN_MAX), byte => byte === 0x0d ? '' : byte === 0x0a ? '⏎' : byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '\0').join('')
  return text.includes('\0') ? hexBytes(data) : data.length > TEXT_SHOWN_MAX ? `${text}…` : text
}
