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
  /** The lower four bits; the upper ones are in the OPT record (RFC 6891 §6.1.3). */
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
  /** Uncompressed; rdata.ts parses and formats it. */
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
/** A name of one octet, type and class; in a record also TTL and length. */
const QUESTION_BYTES_MIN = 5
const RECORD_BYTES_MIN = 11
/** RFC 2181 §8: a larger TTL is treated as 0. */
const TTL_MAX = 0x7fffffff

export const BIT = { qr: 0x8000, aa: 0x0400, tc: 0x0200, rd: 0x0100, ra: 0x0080, ad: 0x0020, cd: 0x0010 } as const
const OPCODE_SHIFT = 11

/** @throws MalformedPacket if it is shorter than 12 octets */
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
 * Decodes a whole message. Octets after the last record are ignored. Time and memory are linear in its length (budget.ts).
 * @throws MalformedPacket naming offset and rule, and nothing else, whatever the octets
 */
export function decodeMessage(bytes: Uint8Array, budget = new Budget(bytes.length)): Message {
  const header = decodeHeader(bytes)
  const reader = new OctetReader(bytes, 4, bytes.length)
  const questions = reader.uint16()
  const answers = reader.uint16()
  const authorities = reader.uint16()
  const additionals = reader.uint16()
  const neededBytes = questions * QUESTION_BYTES_MIN + (answers + authorities + additionals) * RECORD_BYTES_MIN
  if (neededBytes > bytes.length - HEADER_BYTES) throw new MalformedPacket(4, 'RFC 1035 §4.1.1', 'the header counts more records than fit in its octets')
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
  // In an OPT record the TTL field holds flags, not a time (RFC 6891 §6.1.3).
  const validTtl = type !== TYPE.OPT && ttl > TTL_MAX ? 0 : ttl
  // In an update, a record without data stands for all records of its name and type (RFC 2136 §2.4, §2.5).
  const standsForAll = length === 0 && (recordClass === CLASS.ANY || recordClass === CLASS.NONE)
  return { name, type, class: recordClass, ttl: validTtl, rdata: standsForAll ? new Uint8Array(0) : decodeRdata(type, names, offset, length) }
}

/** Scratch buffer: each message is written here, then copied out at its actual length. */
const scratch = new Uint8Array(MESSAGE_BYTES_MAX)

/**
 * The octets of a message. If it exceeds the limit, it is encoded with TC set and without records other than OPT, so that
 * the client retries over TCP (RFC 2181 §9).
 * @param limitBytes the most that the peer accepts
 */
export function encodeMessage(message: Message, limitBytes = MESSAGE_BYTES_MAX): Uint8Array {
  const writer = write(message, limitBytes)
  if (!writer.overflowed) return writer.finish()
  const opt = message.additionals.filter(({ type }) => type === TYPE.OPT)
  return write({ ...message, header: { ...message.header, tc: true }, answers: [], authorities: [], additionals: opt }, MESSAGE_BYTES_MAX).finish()
}

function write({ header, questions, answers, authorities, additionals }: Message, limitBytes: number): OctetWriter {
  const writer = new OctetWriter(limitBytes, scratch)
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
