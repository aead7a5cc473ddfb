/** A DNS message field by field (kit/dissection.ts); message.ts has a drawing of the format. */
import { dissect, hexBytes, hexNumber, type Dissection, type Field } from '../../kit/dissection.ts'
import { formatOption } from './edns-options.ts'
import { BIT, decodeHeader, decodeMessage, type Header } from './message.ts'
import { NameDecoder } from './name.ts'
import { OctetReader } from './octets.ts'
import { decodeRdata, formatRdata } from './rdata.ts'
import { formatOnOneLine } from './summary.ts'
import { formatClass, formatOpcode, formatRcode, formatType, OPCODE, TYPE } from './types.ts'

const FLAGS_AT = 2
const COUNTS_AT = 4
const DATA_CHARACTERS_MAX = 2000
const DNSSEC_OK = 0x8000

/** An update has the same four sections under different names (RFC 2136 §2). */
const SECTIONS = ['questions', 'answers', 'authorities', 'additionals'] as const
const UPDATE_SECTIONS = ['zones', 'prerequisites', 'updates', 'additionals'] as const
const SINGULAR: Readonly<Record<string, string>> = {
  questions: 'question', answers: 'answer', authorities: 'authority', additionals: 'additional', zones: 'zone', prerequisites: 'prerequisite', updates: 'update',
}

/** What each flag means when it is set (RFC 1035 §4.1.1, RFC 4035 §3.1.6, §3.2.2). */
const MEANINGS = {
  qr: 'response', aa: 'authoritative answer', tc: 'truncated', rd: 'recursion desired', ra: 'recursion available', ad: 'authentic data', cd: 'checking disabled',
} as const

/** Never throws, whatever the octets are. */
export function dissectMessage(bytes: Uint8Array, wholeBytes = bytes.length): Dissection {
  return dissect(bytes, wholeBytes, fields => {
    const header = decodeHeader(bytes)
    const reader = new OctetReader(bytes, COUNTS_AT, bytes.length)
    const titles = header.opcode === OPCODE.UPDATE ? UPDATE_SECTIONS : SECTIONS
    fields.push({ name: 'id', value: hexNumber(header.id, 4), from: 0, to: FLAGS_AT }, flagsField(header))
    const counts = titles.map((name, index) => {
      const count = reader.uint16()
      fields.push({ name, value: String(count), from: COUNTS_AT + 2 * index, to: COUNTS_AT + 2 * index + 2 })
      return count
    })
    const names = new NameDecoder(bytes)
    for (const [index, count] of counts.entries()) {
      const name = SINGULAR[titles[index] ?? ''] ?? ''
      for (let one = 0; one < count; one++) fields.push(index === 0 ? questionField(name, reader, names) : recordField(name, reader, names))
    }
    if (reader.offset < bytes.length) fields.push({ name: 'ignored', value: hexBytes(bytes.subarray(reader.offset)), from: reader.offset, to: bytes.length })
    return formatOnOneLine(decodeMessage(bytes))
  })
}

function flagsField(header: Header): Field {
  const at = (bit: number) => bit > 0xff ? { from: FLAGS_AT, to: FLAGS_AT + 1 } : { from: FLAGS_AT + 1, to: FLAGS_AT + 2 }
  const flag = (name: keyof typeof MEANINGS): Field => ({ name, value: header[name] ? `1: ${MEANINGS[name]}` : '0', ...at(BIT[name]) })
  const opcode: Field = { name: 'opcode', value: formatOpcode(header.opcode), ...at(BIT.qr) }
  const rcode: Field = { name: 'rcode', value: formatRcode(header.rcode), ...at(1) }
  const set = (['qr', 'aa', 'tc', 'rd', 'ra', 'ad', 'cd'] as const).filter(name => header[name])
  return {
    name: 'flags', value: [formatOpcode(header.opcode), ...set, ...(header.qr ? [formatRcode(header.rcode)] : [])].join(' '), from: FLAGS_AT, to: COUNTS_AT,
    fields: [flag('qr'), opcode, flag('aa'), flag('tc'), flag('rd'), flag('ra'), flag('ad'), flag('cd'), rcode],
  }
}

function questionField(name: string, reader: OctetReader, names: NameDecoder): Field {
  const from = reader.offset
  const qname = nameField('qname', reader, names)
  const qtype = numberField('qtype', reader.uint16(), formatType, reader.offset)
  const qclass = numberField('qclass', reader.uint16(), formatClass, reader.offset)
  return { name, value: `${qtype.value} ${qname.value}`, from, to: reader.offset, fields: [qname, qtype, qclass] }
}

function recordField(name: string, reader: OctetReader, names: NameDecoder): Field {
  const from = reader.offset
  const owner = nameField('name', reader, names)
  const type = reader.uint16()
  const typeField = numberField('type', type, formatType, reader.offset)
  const isOpt = type === TYPE.OPT
  const recordClass = reader.uint16()
  const classField = isOpt ? numberField('udp payload size', recordClass, bytes => `${bytes} octets`, reader.offset) : numberField('class', recordClass, formatClass, reader.offset)
  const ttl = reader.uint32()
  const ttlField: Field = { ...isOpt ? { name: 'extended rcode and flags', value: extendedFlags(ttl) } : { name: 'ttl', value: `${ttl} s` }, from: reader.offset - 4, to: reader.offset }
  const length = reader.uint16()
  const lengthField = numberField('rdlength', length, String, reader.offset)
  const dataAt = reader.offset
  reader.skip(length)
  const data = length === 0 || isOpt ? '' : formatRdata(type, decodeRdata(type, names, dataAt, length))
  const shown = data.length > DATA_CHARACTERS_MAX ? `${data.slice(0, DATA_CHARACTERS_MAX)}…` : data
  const dataField: Field = { name: 'rdata', value: shown, from: dataAt, to: dataAt + length, ...(isOpt && { fields: optionFields(reader, dataAt, length) }) }
  const value = isOpt ? `OPT, UDP payload of ${classField.value}, ${ttlField.value}` : `${typeField.value} ${owner.value}, ${ttlField.value}: ${shown}`
  return { name, value, from, to: reader.offset, fields: [owner, typeField, classField, ttlField, lengthField, ...(length === 0 ? [] : [dataField])] }
}

function nameField(name: string, reader: OctetReader, names: NameDecoder): Field {
  const from = reader.offset
  const first = names.bytes[from] ?? 0
  const value = names.read(reader)
  const pointer = first >= 0xc0 ? `, a pointer to byte ${(first & 0x3f) * 0x100 + (names.bytes[from + 1] ?? 0)}` : ''
  return { name, value: `${value}${pointer}`, from, to: reader.offset }
}

/** A field of two octets, ending at `to`. */
function numberField(name: string, value: number, format: (value: number) => string, to: number): Field {
  return { name, value: format(value), from: to - 2, to }
}

/** RFC 6891 §6.1.3 */
function extendedFlags(ttl: number): string {
  return `version ${(ttl >>> 16) & 0xff}${(ttl & DNSSEC_OK) !== 0 ? ', DNSSEC OK (DO)' : ''}${ttl >>> 24 === 0 ? '' : `, upper bits of the rcode ${ttl >>> 24}`}`
}

function optionFields({ bytes }: OctetReader, at: number, length: number): Field[] {
  const reader = new OctetReader(bytes, at, at + length)
  const fields: Field[] = []
  while (reader.offset < reader.end) {
    const from = reader.offset
    const code = reader.uint16()
    const option = { code, bytes: reader.take(reader.uint16()) }
    fields.push({ name: `option ${code}`, value: formatOption(option), from, to: reader.offset })
  }
  return fields
}
