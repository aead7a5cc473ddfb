/**
 * A DNS message (RFC 1035 §4.1).
 *
 *      0                 8                 16
 *      +-----------------+-----------------+
 *      |                id                 |
 *      |qr| opcode |aa|tc|rd|ra|z|ad|cd|rcode|     ad, cd: RFC 4035 §3.1.6
 *      |    questions    |     answers     |       two octets each
 *      |   authorities   |   additionals   |
 *      +-----------------------------------+
 *      | question: qname, qtype, qclass …  |
 *      | record: name, type, class, ttl (4), length (2), data … |
 */
import { MalformedPacket } from '../../kit/errors.ts'
import { encodeName, NameDecoder } from './name.ts'
import { OctetReader, OctetWriter } from './octets.ts'
import { decodeRdata, encodeRdata } from './rdata.ts'
import { CLASS, TYPE } from './types.ts'

export interface Header {
  readonly id: number
  /** True in a response. */
  readonly qr: boolean
  readonly opcode: number
  readonly aa: boolean
  readonly tc: boolean
  readonly rd: boolean
  readonly ra: boolean
  readonly ad: boolean
  readonly cd: boolean
  /** Its lower four bits; the others are in the OPT record (RFC 6891 §6.1.3). */
  readonly rcode: number
}

export interface Question {
  readonly name: string
  readonly type: number
  readonly class: number
}

export interface ResourceRecord {
  readonly name: string
  readonly type: number
  readonly class: number
  /** Seconds. */
  readonly ttl: number
  /** Without compression; rdata.ts reads and makes it. */
  readonly rdata: Uint8Array
}

export interface Message {
  readonly header: Header
  readonly questions: readonly Question[]
  readonly answers: readonly ResourceRecord[]
  readonly authorities: readonly ResourceRecord[]
  readonly additionals: readonly ResourceRecord[]
}

const HEADER_BYTES = 12
export const MESSAGE_BYTES_MAX = 65_535
/** What 65,535 octets hold of the smallest sensible records, 16 octets each. */
const RECORDS_MAX = 4096
/** RFC 2181 §8: a larger TTL is an error and counts as 0. */
const TTL_MAX = 0x7fffffff

/** @throws MalformedPacket: shorter than 12 octets */
export function decodeHeader(bytes: Uint8Array): Header {
  const reader = new OctetReader(bytes, 0, bytes.length)
  if (bytes.length < HEADER_BYTES) throw new MalformedPacket(bytes.length, 'RFC 1035 §4.1.1', `${bytes.length} octets, ${HEADER_BYTES} needed`)
  const id = reader.uint16()
  const bits = reader.uint16()
  const bit = (at: number) => (bits & (1 << at)) !== 0
  return { id, qr: bit(15), opcode: (bits >>> 11) & 15, aa: bit(10), tc: bit(9), rd: bit(8), ra: bit(7), ad: bit(5), cd: bit(4), rcode: bits & 15 }
}

/**
 * A whole message. Octets after its last record are ignored.
 * @throws MalformedPacket naming offset and rule; nothing else, whatever the octets
 */
export function decodeMessage(bytes: Uint8Array): Message {
  const header = decodeHeader(bytes)
  const reader = new OctetReader(bytes, 4, bytes.length)
  const names = new NameDecoder(bytes)
  const counts = [reader.uint16(), reader.uint16(), reader.uint16(), reader.uint16()] as const
  const [questions, answers, authorities, additionals] = counts
  if (questions + answers + authorities + additionals > RECORDS_MAX) throw new MalformedPacket(4, 'RFC 1035 §4.1.1', `more than ${RECORDS_MAX} records are announced`)
  return {
    header,
    questions: repeat(questions, () => decodeQuestion(reader, names)),
    answers: repeat(answers, () => decodeRecord(reader, names)),
    authorities: repeat(authorities, () => decodeRecord(reader, names)),
    additionals: repeat(additionals, () => decodeRecord(reader, names)),
  }
}

/**
 * The octets of a message. One that does not fit is sent without its records and with TC set: the peer asks again by TCP
 * (RFC 2181 §9). The OPT record stays.
 * @param limitBytes what the peer can take
 */
export function encodeMessage(message: Message, limitBytes = MESSAGE_BYTES_MAX): Uint8Array {
  const writer = write(message, limitBytes)
  if (!writer.overflowed) return writer.finish()
  const opt = message.additionals.filter(({ type }) => type === TYPE.OPT)
  return write({ ...message, header: { ...message.header, tc: true }, answers: [], authorities: [], additionals: opt }, MESSAGE_BYTES_MAX).finish()
}

function write({ header, questions, answers, authorities, additionals }: Message, limitBytes: number): OctetWriter {
  const writer = new OctetWriter(limitBytes)
  writer.uint16(header.id)
  writer.uint16(flagBits(header))
  for (const section of [questions, answers, authorities, additionals]) writer.uint16(section.length)
  for (const question of questions) {
    encodeName(writer, question.name)
    writer.uint16(question.type)
    writer.uint16(question.class)
  }
  for (const record of [...answers, ...authorities, ...additionals]) {
    encodeRecord(writer, record)
    if (writer.overflowed) break
  }
  return writer
}

function flagBits(header: Header): number {
  const bit = (value: boolean, at: number) => value ? 1 << at : 0
  return bit(header.qr, 15) | (header.opcode << 11) | bit(header.aa, 10) | bit(header.tc, 9) | bit(header.rd, 8) | bit(header.ra, 7)
    | bit(header.ad, 5) | bit(header.cd, 4) | (header.rcode & 15)
}

function encodeRecord(writer: OctetWriter, record: ResourceRecord): void {
  encodeName(writer, record.name)
  writer.uint16(record.type)
  writer.uint16(record.class)
  writer.uint32(record.ttl)
  const lengthAt = writer.length
  writer.uint16(0)
  if (record.rdata.length > 0) encodeRdata(record.type, record.rdata, writer)
  if (!writer.overflowed) writer.setUint16(lengthAt, writer.length - lengthAt - 2)
}

function decodeQuestion(reader: OctetReader, names: NameDecoder): Question {
  return { name: decodeOwner(reader, names), type: reader.uint16(), class: reader.uint16() }
}

function decodeRecord(reader: OctetReader, names: NameDecoder): ResourceRecord {
  const name = decodeOwner(reader, names)
  const type = reader.uint16()
  const recordClass = reader.uint16()
  const ttl = reader.uint32()
  const length = reader.uint16()
  const offset = reader.offset
  reader.take(length)
  // The TTL of an OPT record is no time but flags (RFC 6891 §6.1.3).
  const lawfulTtl = type !== TYPE.OPT && ttl > TTL_MAX ? 0 : ttl
  // An update says by a record without data that all of its name and type are meant (RFC 2136 §2.4, §2.5).
  const isWildcard = length === 0 && (recordClass === CLASS.ANY || recordClass === CLASS.NONE)
  return { name, type, class: recordClass, ttl: lawfulTtl, rdata: isWildcard ? new Uint8Array(0) : decodeRdata(type, names, offset, length) }
}

function decodeOwner(reader: OctetReader, names: NameDecoder): string {
  const { name, end } = names.decode(reader.offset)
  reader.offset = end
  return name
}

function repeat<T>(count: number, make: () => T): T[] {
  return Array.from({ length: count }, make)
}
