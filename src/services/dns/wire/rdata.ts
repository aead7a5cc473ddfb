/**
 * Record data: as octets on the wire, and as text in a zone file. The layout of a type is a sequence of fields
 * (rdata/field.ts); the layouts are grouped by family in rdata/. Data of a type without a layout is written as octets, in the
 * notation `\# 4 c0000201` (RFC 3597).
 *
 * In memory, data is kept as octets without compression: one form to store, compare and send.
 */
import { MalformedPacket, UsageError } from '../../kit/errors.ts'
import { formatHex, parseHex } from './base-encodings.ts'
import { encodeName, NameDecoder, ROOT } from './name.ts'
import { OctetReader, OctetWriter } from './octets.ts'
import type { Token } from './presentation.ts'
import { BASIC_LAYOUTS } from './rdata/basic.ts'
import { CERTIFICATE_LAYOUTS } from './rdata/certificates.ts'
import { DNSSEC_LAYOUTS } from './rdata/dnssec.ts'
import { Words, wrong, type DataField, type Field } from './rdata/field.ts'
import { SERVICE_BINDING_LAYOUTS } from './rdata/service-binding.ts'
import { formatType } from './types.ts'

const RDATA_BYTES_MAX = 65_535

type Layout =
  /** Contains names, which may be compressed in a message and are expanded in memory. */
  | { readonly fields: readonly Field[]; readonly named: true }
  /** Has the same octets in a message and in memory. */
  | { readonly fields: readonly DataField[]; readonly named: false }

const LAYOUTS: ReadonlyMap<number, Layout> = new Map([...BASIC_LAYOUTS, ...CERTIFICATE_LAYOUTS, ...DNSSEC_LAYOUTS, ...SERVICE_BINDING_LAYOUTS]
  .map(([type, fields]) => [type, fields.every(isData) ? { fields, named: false } : { fields, named: true }]))

/** Types whose data has a presentation format of its own, not only hex. */
export const TYPES_WITH_PRESENTATION_FORMAT: readonly number[] = [...LAYOUTS.keys()]

/** Scratch buffer: data with names is expanded here, then copied out at its actual length. */
const scratch = new Uint8Array(RDATA_BYTES_MAX)

/**
 * Record data from a message, validated against its type and free of pointers.
 * @throws MalformedPacket if the octets do not fit the type
 */
export function decodeRdata(type: number, names: NameDecoder, offset: number, length: number): Uint8Array {
  names.budget.spend(length, offset)
  const reader = new OctetReader(names.bytes, offset, offset + length)
  const layout = LAYOUTS.get(type)
  if (layout === undefined) return reader.copy(length)
  if (layout.named) {
    const writer = new OctetWriter(RDATA_BYTES_MAX, scratch)
    copyFields(layout.fields, reader, names, writer, false)
    checkEnd(reader, type)
    return writer.finish()
  }
  for (const field of layout.fields) field.skip(reader)
  checkEnd(reader, type)
  reader.offset = offset
  return reader.copy(length)
}

/** Writes record data into a message, compressing names where that is allowed. */
export function encodeRdata(type: number, rdata: Uint8Array, writer: OctetWriter): void {
  const layout = LAYOUTS.get(type)
  // In an update, a record that stands for all of its name and type has no data (RFC 2136 §2.4).
  if (layout?.named === true && rdata.length > 0) copyFields(layout.fields, new OctetReader(rdata, 0, rdata.length), new NameDecoder(rdata), writer, true)
  else writer.octets(rdata)
}

/**
 * Record data from the words of a zone file or an admin line.
 * @param origin names without a final dot are relative to it
 * @throws UsageError naming the invalid word
 */
export function parseRdata(type: number, tokens: readonly Token[], origin = ROOT): Uint8Array {
  if (tokens[0]?.text === '\\#' && !tokens[0].quoted) return parseGeneric(type, tokens.slice(1).map(({ text }) => text))
  const layout = LAYOUTS.get(type)
  if (layout === undefined) throw new UsageError(`${formatType(type)} data has no text form here`, `only ${TYPES_WITH_PRESENTATION_FORMAT.map(formatType).join(', ')} have one`, 'write its octets as "\\# LENGTH HEX" (RFC 3597)')
  const words = new Words(tokens, type, layout.fields)
  const writer = new OctetWriter(RDATA_BYTES_MAX)
  for (const field of layout.fields) field.parse(words, origin, writer)
  words.end()
  if (writer.overflowed) throw new UsageError(`${formatType(type)} data is too long`, `${RDATA_BYTES_MAX} octets is the limit`, 'shorten it')
  return writer.finish()
}

/** `10 mail.example.org.`, with absolute names; `\# 4 c0000201` for a type without a layout. */
export function formatRdata(type: number, rdata: Uint8Array): string {
  const layout = LAYOUTS.get(type)
  if (layout === undefined || rdata.length === 0) return `\\# ${rdata.length}${rdata.length === 0 ? '' : ` ${formatHex(rdata)}`}`
  const reader = new OctetReader(rdata, 0, rdata.length)
  return layout.fields.map(field => field.format(reader)).filter(text => text !== '').join(' ')
}

/**
 * Two records of one name are the same record if their keys are equal, that is, if type and data are (RFC 2136 §1.1.1). Case
 * is ignored in names within the data.
 */
export function dataKey({ type, rdata }: { readonly type: number; readonly rdata: Uint8Array }): string {
  const layout = LAYOUTS.get(type)
  return `${type} ${formatHex(layout?.named === true && rdata.length > 0 ? withLowercaseNames(layout.fields, rdata) : rdata)}`
}

/** Stored data with its names in lowercase (RFC 4034 §6.2). */
function withLowercaseNames(fields: readonly Field[], rdata: Uint8Array): Uint8Array {
  const lowered = rdata.slice()
  const reader = new OctetReader(rdata, 0, rdata.length)
  for (const field of fields) {
    if (isData(field)) {
      field.skip(reader)
      continue
    }
    const from = reader.offset
    for (let length = reader.uint8(); length > 0; length = reader.uint8()) reader.skip(length)
    // A length octet is at most 63 and a letter at least 65, so a length is never mistaken for a letter.
    for (let at = from; at < reader.offset; at++) if (isCapital(rdata[at] ?? 0)) lowered[at] = (rdata[at] ?? 0) | 0x20
  }
  return lowered
}

function isCapital(octet: number): boolean {
  return octet >= 0x41 && octet <= 0x5a
}

/** From a message to stored data or back: names are expanded or compressed, everything else is copied. */
function copyFields(fields: readonly Field[], reader: OctetReader, names: NameDecoder, writer: OctetWriter, compress: boolean): void {
  for (const field of fields) {
    if (isData(field)) {
      const from = reader.offset
      field.skip(reader)
      writer.octets(reader.bytes.subarray(from, reader.offset))
    } else if (compress && field.compressible) encodeName(writer, names.read(reader))
    else names.copy(reader, writer)
  }
}

function isData(field: Field): field is DataField {
  return 'skip' in field
}

function checkEnd(reader: OctetReader, type: number): void {
  if (reader.offset !== reader.end) throw new MalformedPacket(reader.offset, 'RFC 1035 §3.2.1', `${formatType(type)} data has ${reader.end - reader.offset} octets after its end`)
}

function parseGeneric(type: number, words: readonly string[]): Uint8Array {
  const octets = parseHex(words.slice(1).join(''))
  if (octets === undefined || words[0] !== String(octets.length)) throw wrong(`\\# ${words.join(' ')}`, 'not a length followed by that many octets in hex', 'write it like "\\# 4 c0000201"')
  try {
    return decodeRdata(type, new NameDecoder(octets), 0, octets.length)
  } catch (error) {
    if (!(error instanceof MalformedPacket)) throw error
    throw wrong(`\\# ${words.join(' ')}`, `not valid ${formatType(type)} data: ${error.parts.why}`, 'correct the octets')
  }
}
