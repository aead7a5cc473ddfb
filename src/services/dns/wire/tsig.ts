/**
 * TSIG: messages signed with a shared key (RFC 8945). The signature is the last record of the message. Its name is that of
 * the key, its class is ANY, its TTL is 0, and its data is:
 *
 *     +--------------------------+
 *     | algorithm: a name        |   hmac-sha256.
 *     | time signed              |   6 octets: seconds since 1970
 *     | fudge       | MAC size   |   2 + 2 octets: fudge is the number of seconds by which clocks may differ
 *     | MAC                      |
 *     | original id | error      |   2 + 2 octets: forwarders change the id, so the signed one is kept here
 *     | other size  | other data |   2 octets + the server's time if the error is BADTIME
 *     +--------------------------+
 *
 * The MAC covers the message without this record, and the record's own fields (RFC 8945 §4.3.3).
 */
import { MalformedPacket } from '../../kit/errors.ts'
import type { Message, ResourceRecord } from './message.ts'
import { encodeName, nameKey, NameDecoder } from './name.ts'
import { OctetReader, OctetWriter } from './octets.ts'
import { CLASS, TYPE } from './types.ts'

export interface Tsig {
  readonly keyName: string
  /** As a name: `hmac-sha256`. */
  readonly algorithm: string
  readonly timeSignedSeconds: number
  readonly fudgeSeconds: number
  readonly mac: Uint8Array
  readonly originalId: number
  /** An extended RCODE: BADSIG, BADKEY, BADTIME or BADTRUNC (RFC 8945 §3). */
  readonly error: number
  readonly otherData: Uint8Array
}

const HEADER_BYTES = 12
const RECORD_BYTES_MAX = 65_535

/**
 * The signature of a message; undefined if it is not signed.
 * @throws MalformedPacket if the TSIG record is not the last or not the only one, has another class or TTL, or has
 * malformed data (RFC 8945 §5.1)
 */
export function tsigOf(message: Message): Tsig | undefined {
  const { answers, authorities, additionals } = message
  const record = additionals[additionals.length - 1]
  const isLast = record?.type === TYPE.TSIG
  if (countOf(answers) + countOf(authorities) + countOf(additionals) > (isLast ? 1 : 0)) throw new MalformedPacket(0, 'RFC 8945 §5.1', 'a TSIG record is not the last record')
  if (!isLast) return undefined
  if (record.class !== CLASS.ANY || record.ttl !== 0) throw new MalformedPacket(0, 'RFC 8945 §4.2', 'a TSIG record is not of class ANY and TTL 0')
  const { name: algorithm, end } = new NameDecoder(record.rdata).decode(0)
  const reader = new OctetReader(record.rdata, end, record.rdata.length)
  const timeSignedSeconds = reader.uint16() * 0x100000000 + reader.uint32()
  const fudgeSeconds = reader.uint16()
  const mac = reader.take(reader.uint16())
  const originalId = reader.uint16()
  const error = reader.uint16()
  const otherData = reader.take(reader.uint16())
  if (reader.offset !== record.rdata.length) throw new MalformedPacket(reader.offset, 'RFC 8945 §4.2', 'TSIG data has octets after its end')
  return { keyName: record.name, algorithm, timeSignedSeconds, fudgeSeconds, mac, originalId, error, otherData }
}

function countOf(records: readonly ResourceRecord[]): number {
  let count = 0
  for (const { type } of records) if (type === TYPE.TSIG) count++
  return count
}

/** The octets that the sender signed: the message with its original id and without the TSIG record (RFC 8945 §4.3.2). */
export function withoutTsig(bytes: Uint8Array, { originalId }: Tsig): Uint8Array {
  const unsigned = bytes.slice(0, lastRecordAt(bytes))
  const view = new DataView(unsigned.buffer)
  view.setUint16(0, originalId)
  view.setUint16(10, view.getUint16(10) - 1)
  return unsigned
}

/** The message with the signature appended as its last record. */
export function withTsig(bytes: Uint8Array, tsig: Tsig): Uint8Array {
  const record = encodeTsig(tsig)
  const signed = new Uint8Array(bytes.length + record.length)
  signed.set(bytes)
  signed.set(record, bytes.length)
  const view = new DataView(signed.buffer)
  view.setUint16(10, view.getUint16(10) + 1)
  return signed
}

/** The whole record, uncompressed: the octets that a signature adds to a message. */
export function encodeTsig(tsig: Tsig): Uint8Array {
  const writer = new OctetWriter(RECORD_BYTES_MAX)
  encodeName(writer, tsig.keyName, false)
  writer.uint16(TYPE.TSIG)
  writer.uint16(CLASS.ANY)
  writer.uint32(0)
  const lengthAt = writer.length
  writer.uint16(0)
  encodeName(writer, tsig.algorithm, false)
  writeTimers(writer, tsig)
  writer.uint16(tsig.mac.length)
  writer.octets(tsig.mac)
  writer.uint16(tsig.originalId)
  writeError(writer, tsig)
  writer.setUint16(lengthAt, writer.length - lengthAt - 2)
  return writer.finish()
}

/**
 * The fields of the record that the MAC covers, called TSIG variables (RFC 8945 §4.3.3): names in lowercase,
 * uncompressed.
 */
export function encodeVariables(tsig: Tsig): Uint8Array {
  const writer = new OctetWriter(RECORD_BYTES_MAX)
  encodeName(writer, nameKey(tsig.keyName), false)
  writer.uint16(CLASS.ANY)
  writer.uint32(0)
  encodeName(writer, nameKey(tsig.algorithm), false)
  writeTimers(writer, tsig)
  writeError(writer, tsig)
  return writer.finish()
}

/** The fields that the MAC covers in the second and later messages of a response, called TSIG timers (RFC 8945 §5.3.1). */
export function encodeTimers(tsig: Tsig): Uint8Array {
  const writer = new OctetWriter(RECORD_BYTES_MAX)
  writeTimers(writer, tsig)
  return writer.finish()
}

/** The prior MAC as the next one covers it: preceded by its length (RFC 8945 §4.3.1). */
export function encodePriorMac(mac: Uint8Array): Uint8Array {
  const writer = new OctetWriter(mac.length + 2)
  writer.uint16(mac.length)
  writer.octets(mac)
  return writer.finish()
}

function writeTimers(writer: OctetWriter, { timeSignedSeconds, fudgeSeconds }: Tsig): void {
  writer.octets(encodeSeconds(timeSignedSeconds))
  writer.uint16(fudgeSeconds)
}

function writeError(writer: OctetWriter, { error, otherData }: Tsig): void {
  writer.uint16(error)
  writer.uint16(otherData.length)
  writer.octets(otherData)
}

/** A time as six octets. */
export function encodeSeconds(seconds: number): Uint8Array {
  const writer = new OctetWriter(6)
  writer.uint16(Math.floor(seconds / 0x100000000))
  writer.uint32(seconds % 0x100000000)
  return writer.finish()
}

/** The offset of the last record. The message has already been decoded, so every step stays within it. */
function lastRecordAt(bytes: Uint8Array): number {
  const names = new NameDecoder(bytes)
  const reader = new OctetReader(bytes, 4, bytes.length)
  const [questions, answers, authorities, additionals] = [reader.uint16(), reader.uint16(), reader.uint16(), reader.uint16()] as const
  let at = HEADER_BYTES
  for (let question = 0; question < questions; question++) at = names.decode(at).end + 4
  for (let record = 1; record < answers + authorities + additionals; record++) {
    const { end } = names.decode(at)
    at = end + 10 + new OctetReader(bytes, end + 8, bytes.length).uint16()
  }
  return at
}
