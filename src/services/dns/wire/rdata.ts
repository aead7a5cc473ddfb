/**
 * Record data: as octets on the wire, and as text in a master file (RFC 1035 §3.3, RFC 3596, RFC 2782). Each type is a row of
 * fields, and each kind of field knows four things: to read itself, to write itself, to be parsed and to be formatted. Types
 * without a row are octets in `\# 4 c0000201` notation (RFC 3597).
 *
 * Between the two, data is kept as octets without compression: one form to store, compare and send.
 */
import { MalformedPacket, UsageError } from '../../kit/errors.ts'
import { formatIpv4, formatIpv6, parseIpv4, parseIpv6 } from '../../kit/ip-address.ts'
import { encodeName, formatOctet, NameDecoder, parseName, parseOctets, ROOT } from './name.ts'
import { OctetReader, OctetWriter } from './octets.ts'
import type { Token } from './presentation.ts'
import { formatType, TYPE } from './types.ts'

const RDATA_BYTES_MAX = 65_535
const STRING_OCTETS_MAX = 255

interface Field {
  /** What the text is called when it is missing or wrong. */
  readonly title: string
  /** Moves one value from a message to a writer; names lose their compression, or get it. */
  copy(reader: OctetReader, names: NameDecoder, writer: OctetWriter, compress: boolean): void
  parse(text: string, origin: string, writer: OctetWriter): void
  format(reader: OctetReader, names: NameDecoder): string
  /** Takes all that is left, one value at least. */
  readonly repeats?: boolean
}

const ipv4: Field = {
  title: 'IPv4 address',
  copy: (reader, _names, writer) => writer.octets(reader.take(4)),
  parse(text, _origin, writer) {
    const value = parseIpv4(text)
    if (value === undefined) throw wrong(text, 'no IPv4 address', 'write four numbers such as 192.0.2.1')
    writer.uint32(value)
  },
  format: reader => formatIpv4(reader.uint32()),
}

const ipv6: Field = {
  title: 'IPv6 address',
  copy: (reader, _names, writer) => writer.octets(reader.take(16)),
  parse(text, _origin, writer) {
    const octets = parseIpv6(text)
    if (octets === undefined) throw wrong(text, 'no IPv6 address', 'write an address such as 2001:db8::1')
    writer.octets(octets)
  },
  format: reader => formatIpv6(reader.take(16)),
}

const integer = (title: string, bytes: 2 | 4): Field => {
  const read = (reader: OctetReader) => bytes === 2 ? reader.uint16() : reader.uint32()
  const write = (writer: OctetWriter, value: number) => bytes === 2 ? writer.uint16(value) : writer.uint32(value)
  return {
    title,
    copy: (reader, _names, writer) => write(writer, read(reader)),
    parse(text, _origin, writer) {
      const value = /^\d{1,10}$/.test(text) ? Number(text) : Infinity
      if (value >= 256 ** bytes) throw wrong(text, `no ${title}`, `write a whole number below ${256 ** bytes}`)
      write(writer, value)
    },
    format: reader => String(read(reader)),
  }
}

/** @param compressible only names in the types of RFC 1035 may be sent as pointers (RFC 3597 §4) */
const domainName = (title: string, compressible = true): Field => {
  const read = (reader: OctetReader, names: NameDecoder) => {
    const { name, end } = names.decode(reader.offset)
    if (end > reader.end) throw new MalformedPacket(reader.offset, 'RFC 1035 §4.1.3', 'a name goes beyond its record data')
    reader.offset = end
    return name
  }
  return {
    title,
    copy: (reader, names, writer, compress) => encodeName(writer, read(reader, names), compress && compressible),
    parse: (text, origin, writer) => encodeName(writer, parseName(text, origin), false),
    format(reader, names) {
      const name = read(reader, names)
      return name === ROOT ? name : `${name}.`
    },
  }
}

const characterString: Field = {
  title: 'string',
  copy(reader, _names, writer) {
    const length = reader.uint8()
    writer.uint8(length)
    writer.octets(reader.take(length))
  },
  parse(text, _origin, writer) {
    const octets = parseOctets(text)
    if (octets === undefined) throw wrong(text, 'no string of octets', 'write \\DDD for what is not plain')
    if (octets.length > STRING_OCTETS_MAX) throw wrong(text, `longer than ${STRING_OCTETS_MAX} octets`, 'write several strings, each in quotes')
    writer.uint8(octets.length)
    writer.octets(octets)
  },
  format(reader) {
    let text = ''
    for (const octet of reader.take(reader.uint8())) text += formatOctet(octet, '"\\')
    return `"${text}"`
  },
}

const LAYOUTS: ReadonlyMap<number, readonly Field[]> = new Map([
  [TYPE.A, [ipv4]],
  [TYPE.AAAA, [ipv6]],
  [TYPE.NS, [domainName('name server')]],
  [TYPE.CNAME, [domainName('canonical name')]],
  [TYPE.PTR, [domainName('name')]],
  [TYPE.MX, [integer('preference', 2), domainName('mail exchange')]],
  [TYPE.TXT, [{ ...characterString, repeats: true }]],
  [TYPE.HINFO, [characterString, characterString]],
  [TYPE.SRV, [integer('priority', 2), integer('weight', 2), integer('port', 2), domainName('target', false)]],
  [TYPE.SOA, [domainName('mname'), domainName('rname'), integer('serial', 4), integer('refresh', 4), integer('retry', 4), integer('expire', 4), integer('minimum', 4)]],
])

/**
 * Record data out of a message: checked against its type and free of pointers.
 * @throws MalformedPacket where the octets do not fit the type
 */
export function decodeRdata(type: number, names: NameDecoder, offset: number, length: number): Uint8Array {
  const reader = new OctetReader(names.bytes, offset, Math.min(offset + length, names.bytes.length))
  const layout = LAYOUTS.get(type)
  if (layout === undefined) return reader.take(length).slice()
  const writer = new OctetWriter(RDATA_BYTES_MAX)
  eachValue(layout, reader, field => field.copy(reader, names, writer, false))
  if (reader.offset !== offset + length) throw new MalformedPacket(reader.offset, 'RFC 1035 §3.2.1', `${formatType(type)} data has ${offset + length - reader.offset} octets too many`)
  if (writer.length > length) names.spend(writer.length, offset)
  return writer.finish()
}

/** Writes record data into a message, its names compressed where that is allowed. */
export function encodeRdata(type: number, rdata: Uint8Array, writer: OctetWriter): void {
  const layout = LAYOUTS.get(type)
  if (layout === undefined) return writer.octets(rdata)
  const reader = new OctetReader(rdata, 0, rdata.length)
  const names = new NameDecoder(rdata)
  eachValue(layout, reader, field => field.copy(reader, names, writer, true))
}

/**
 * Record data from the words of a master file or an admin line.
 * @param origin what names without a final dot are relative to
 * @throws UsageError naming the word that does not fit
 */
export function parseRdata(type: number, tokens: readonly Token[], origin = ROOT): Uint8Array {
  if (tokens[0]?.text === '\\#' && !tokens[0].quoted) return parseGeneric(type, tokens.slice(1).map(({ text }) => text))
  const layout = LAYOUTS.get(type)
  if (layout === undefined) throw new UsageError(`${formatType(type)} data is not known here by its words`, 'only A, AAAA, CNAME, TXT, MX, NS, SOA, SRV, PTR and HINFO are', 'write its octets as "\\# LENGTH HEX" (RFC 3597)')
  const writer = new OctetWriter(RDATA_BYTES_MAX)
  let at = 0
  for (const field of layout) {
    do {
      const token = tokens[at++]
      if (token === undefined) throw new UsageError(`${formatType(type)} data is not complete`, `its ${field.title} is missing`, `write ${layout.map(({ title }) => title).join(', ')}`)
      field.parse(token.text, origin, writer)
    } while (field.repeats === true && at < tokens.length)
  }
  if (at < tokens.length) throw new UsageError(`${formatType(type)} data is too long`, `"${tokens[at]?.text ?? ''}" is one word too many`, `write ${layout.map(({ title }) => title).join(', ')}`)
  if (writer.overflowed) throw new UsageError(`${formatType(type)} data is too long`, `${RDATA_BYTES_MAX} octets is the limit`, 'write less')
  return writer.finish()
}

/** `10 mail.example.org.`; names absolute with a final dot; `\# 4 c0000201` for a type without a row here. */
export function formatRdata(type: number, rdata: Uint8Array): string {
  const layout = LAYOUTS.get(type)
  if (layout === undefined) return `\\# ${rdata.length}${rdata.length === 0 ? '' : ` ${[...rdata].map(octet => octet.toString(16).padStart(2, '0')).join('')}`}`
  const reader = new OctetReader(rdata, 0, rdata.length)
  const names = new NameDecoder(rdata)
  const words: string[] = []
  eachValue(layout, reader, field => words.push(field.format(reader, names)))
  return words.join(' ')
}

function eachValue(layout: readonly Field[], reader: OctetReader, visit: (field: Field) => void): void {
  for (const field of layout) {
    do visit(field)
    while (field.repeats === true && reader.offset < reader.end)
  }
}

function parseGeneric(type: number, words: readonly string[]): Uint8Array {
  const hex = words.slice(1).join('')
  const length = /^\d{1,5}$/.test(words[0] ?? '') ? Number(words[0]) : -1
  if (hex.length !== length * 2 || !/^[0-9a-fA-F]*$/.test(hex)) throw wrong(`\\# ${words.join(' ')}`, 'not a length and as many octets in hex', 'write it like "\\# 4 c0000201"')
  const octets = Uint8Array.from(hex.match(/../g) ?? [], pair => parseInt(pair, 16))
  try {
    return decodeRdata(type, new NameDecoder(octets), 0, octets.length)
  } catch (error) {
    if (!(error instanceof MalformedPacket)) throw error
    throw wrong(`\\# ${words.join(' ')}`, `no ${formatType(type)} data: ${error.parts.why}`, 'correct the octets')
  }
}

function wrong(text: string, why: string, remedy: string): UsageError {
  const shown = text.length > 60 ? `${text.slice(0, 60)}…` : text
  return new UsageError(`"${shown}" cannot be taken`, `it is ${why}`, remedy)
}
