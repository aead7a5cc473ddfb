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
import { Budget } from './budget.ts'
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
/** A name of one octet, type and class; in a record also ttl and length. */
const QUESTION_BYTES_MIN = 5
const RECORD_BYTES_MIN = 11
/** RFC 2181 §8: a larger TTL is an error and counts as 0. */
const TTL_MAX = 0x7fffffff

export const BIT = { qr: 0x8000, aa: 0x0400, tc: 0x0200, rd: 0x0100, ra: 0x0080, ad: 0x0020, cd: 0x0010 } as const
const OPCODE_SHIFT = 11

/** @throws MalformedPacket: shorter than 12 octets */
export function decodeHeader(bytes: Uint8Array): Header {
  if (bytes.length < HEADER_BYTES) throw new MalformedPacket(bytes.length, 'RFC 1035 §4.1.1', `${bytes.length} octets, ${HEADER_BYTES} needed`)
  const reader = new OctetReader(bytes, 0, HEADER_BYTES)
  const id = reader.uint16()
  const bits = reader.uint16()
  return {
    id, qr: (bits & BIT.qr) !== 0, opcode: (bits >>> OPCODE_SHIFT) & 15, aa: (bits & BIT.aa) !== 0, tc: (bits & BIT.tc) !== 0, rd: (bits & BIT.rd) !== 0,
    ra: (bits & BIT.ra) !== 0, ad: (bits & BIT.ad) !== 0, cd: (bits & BIT.cd) !== 0, rcode: bits & 15,
  }
}

/**
 * A whole message. Octets after its last record are ignored. Work and result are linear in its length (budget.ts).
 * @throws MalformedPacket naming offset and rule; nothing else, whatever the octets
 */
export function decodeMessage(bytes: Uint8Array, budget = new Budget(bytes.length)): Message {
  const header = decodeHeader(bytes)
  const reader = new OctetReader(bytes, 4, bytes.length)
  const questions = reader.uint16()
  const answers = reader.uint16()
  const authorities = reader.uint16()
  const additionals = reader.uint16()
  const neededBytes = questions * QUESTION_BYTES_MIN + (answers + authorities + additionals) * RECORD_BYTES_MIN
  if (neededBytes > bytes.length - HEADER_BYTES) throw new MalformedPacket(4, 'RFC 1035 §4.1.1', 'more records are announced than its octets can hold')
  const names = new NameDecoder(bytes, budget)
  return {
    header,
    questions: decodeQuestions(questions, reader, names),
    answers: decodeRecords(answers, reader, names),
    authorities: decodeRecords(authorities, reader, names),
    additionals: decodeRecords(additionals, reader, names),
  }
}

function decodeQuestions(count: number, reader: OctetReader, names: NameDecoder): Question[] {
  const questions: Question[] = []
  while (questions.length < count) questions.push({ name: names.read(reader), type: reader.uint16(), class: reader.uint16() })
  return questions
}

function decodeRecords(count: number, reader: OctetReader, names: NameDecoder): ResourceRecord[] {
  const records: ResourceRecord[] = []
  while (records.length < count) records.push(decodeRecord(reader, names))
  return records
}

function decodeRecord(reader: OctetReader, names: NameDecoder): ResourceRecord {
  const name = names.read(reader)
  const type = reader.uint16()
  const recordClass = reader.uint16()
  const ttl = reader.uint32()
  const length = reader.uint16()
  const offset = reader.offset
  reader.skip(length)
  // The TTL of an OPT record is no time but flags (RFC 6891 §6.1.3).
  const lawfulTtl = type !== TYPE.OPT && ttl > TTL_MAX ? 0 : ttl
  // An update says by a record without data that all of its name and type are meant (RFC 2136 §2.4, §2.5).
  const isWildcard = length === 0 && (recordClass === CLASS.ANY || recordClass === CLASS.NONE)
  return { name, type, class: recordClass, ttl: lawfulTtl, rdata: isWildcard ? new Uint8Array(0) : decodeRdata(type, names, offset, length) }
}

/** Where messages are written, one at a time, before they are copied out at their length. */
const room = new Uint8Array(MESSAGE_BYTES_MAX)

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
  const writer = new OctetWriter(limitBytes, room)
  writer.uint16(header.id)
  writer.uint16(flagBits(header))
  writer.uint16(questions.length)
  writer.uint16(answers.length)
  writer.uint16(authorities.length)
  writer.uint16(additionals.length)
  for (const question of questions) {
    encodeName(writer, question.name)
    writer.uint16(question.type)
    writer.uint16(question.class)
  }
  encodeRecords(writer, answers)
  encodeRecords(writer, authorities)
  encodeRecords(writer, additionals)
  return writer
}

function flagBits(header: Header): number {
  return (header.qr ? BIT.qr : 0) | (header.opcode << OPCODE_SHIFT) | (header.aa ? BIT.aa : 0) | (header.tc ? BIT.tc : 0) | (header.rd ? BIT.rd : 0)
    | (header.ra ? BIT.ra : 0) | (header.ad ? BIT.ad : 0) | (header.cd ? BIT.cd : 0) | (header.rcode & 15)
}

function encodeRecords(writer: OctetWriter, records: readonly ResourceRecord[]): void {
  for (const record of records) {
    if (writer.overflowed) return
    encodeName(writer, record.name)
    writer.uint16(record.type)
    writer.uint16(record.class)
    writer.uint32(record.ttl)
    const lengthAt = writer.length
    writer.uint16(0)
    encodeRdata(record.type, record.rdata, writer)
    if (!writer.overflowed) writer.setUint16(lengthAt, writer.length - lengthAt - 2)
  }
}
