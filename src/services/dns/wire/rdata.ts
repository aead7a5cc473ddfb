/**
 * Record data: as octets on the wire, and as text in a master file. Each type is a row of fields (rdata/field.ts); the rows stand
 * by family in rdata/. Types without a row are octets in `\# 4 c0000201` notation (RFC 3597).
 *
 * Between wire and text, data is kept as octets without compression: one form to store, compare and send.
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
  /** Has names, which are written out here and perhaps compressed in a message. */
  | { readonly fields: readonly Field[]; readonly named: true }
  /** Is the same octets in both. */
  | { readonly fields: readonly DataField[]; readonly named: false }

const LAYOUTS: ReadonlyMap<number, Layout> = new Map([...BASIC_LAYOUTS, ...CERTIFICATE_LAYOUTS, ...DNSSEC_LAYOUTS, ...SERVICE_BINDING_LAYOUTS]
  .map(([type, fields]) => [type, fields.every(isData) ? { fields, named: false } : { fields, named: true }]))

/** Types whose data can be written in words, not only in hex. */
export const TYPES_IN_WORDS: readonly number[] = [...LAYOUTS.keys()]

/** Where data with names is written out, one at a time, before it is copied out at its length. */
const room = new Uint8Array(RDATA_BYTES_MAX)

/**
 * Record data out of a message: checked against its type and free of pointers.
 * @throws MalformedPacket where the octets do not fit the type
 */
export function decodeRdata(type: number, names: NameDecoder, offset: number, length: number): Uint8Array {
  names.budget.spend(length, offset)
  const reader = new OctetReader(names.bytes, offset, offset + length)
  const layout = LAYOUTS.get(type)
  if (layout === undefined) return reader.copy(length)
  if (layout.named) {
    const writer = new OctetWriter(RDATA_BYTES_MAX, room)
    move(layout.fields, reader, names, writer, false)
    checkEnd(reader, type)
    return writer.finish()
  }
  for (const field of layout.fields) field.skip(reader)
  checkEnd(reader, type)
  reader.offset = offset
  return reader.copy(length)
}

/** Writes record data into a message, its names compressed where that is allowed. */
export function encodeRdata(type: number, rdata: Uint8Array, writer: OctetWriter): void {
  const layout = LAYOUTS.get(type)
  // Of a record that stands for all of its kind there is no data (RFC 2136 §2.4).
  if (layout?.named === true && rdata.length > 0) move(layout.fields, new OctetReader(rdata, 0, rdata.length), new NameDecoder(rdata), writer, true)
  else writer.octets(rdata)
}

/**
 * Record data from the words of a master file or an admin line.
 * @param origin what names without a final dot are relative to
 * @throws UsageError naming the word that does not fit
 */
export function parseRdata(type: number, tokens: readonly Token[], origin = ROOT): Uint8Array {
  if (tokens[0]?.text === '\\#' && !tokens[0].quoted) return parseGeneric(type, tokens.slice(1).map(({ text }) => text))
  const layout = LAYOUTS.get(type)
  if (layout === undefined) throw new UsageError(`${formatType(type)} data is not known here by its words`, `only that of ${TYPES_IN_WORDS.map(formatType).join(', ')} is`, 'write its octets as "\\# LENGTH HEX" (RFC 3597)')
  const words = new Words(tokens, type, layout.fields)
  const writer = new OctetWriter(RDATA_BYTES_MAX)
  for (const field of layout.fields) field.parse(words, origin, writer)
  words.end()
  if (writer.overflowed) throw new UsageError(`${formatType(type)} data is too long`, `${RDATA_BYTES_MAX} octets is the limit`, 'write less')
  return writer.finish()
}

/** `10 mail.example.org.`; names absolute with a final dot; `\# 4 c0000201` for a type without a row here. */
export function formatRdata(type: number, rdata: Uint8Array): string {
  const layout = LAYOUTS.get(type)
  if (layout === undefined || rdata.length === 0) return `\\# ${rdata.length}${rdata.length === 0 ? '' : ` ${formatHex(rdata)}`}`
  const reader = new OctetReader(rdata, 0, rdata.length)
  return layout.fields.map(field => field.format(reader)).filter(text => text !== '').join(' ')
}

/** Equal keys, equal type and data, so one record where the name is the same (RFC 2136 §1.1.1). Names in the data are equal whatever their case. */
export function dataKey({ type, rdata }: { readonly type: number; readonly rdata: Uint8Array }): string {
  const layout = LAYOUTS.get(type)
  return `${type} ${formatHex(layout?.named === true && rdata.length > 0 ? withSmallNames(layout.fields, rdata) : rdata)}`
}

/** Stored data with the letters of its names lowered (RFC 4034 §6.2). */
function withSmallNames(fields: readonly Field[], rdata: Uint8Array): Uint8Array {
  const lowered = rdata.slice()
  const reader = new OctetReader(rdata, 0, rdata.length)
  for (const field of fields) {
    if (isData(field)) {
      field.skip(reader)
      continue
    }
    const from = reader.offset
    for (let length = reader.uint8(); length > 0; length = reader.uint8()) reader.skip(length)
    // A length octet is at most 63 and a letter at least 65, so lengths are never taken for letters.
    for (let at = from; at < reader.offset; at++) if (isCapital(rdata[at] ?? 0)) lowered[at] = (rdata[at] ?? 0) | 0x20
  }
  return lowered
}

function isCapital(octet: number): boolean {
  return octet >= 0x41 && octet <= 0x5a
}

/** From a message to stored data or back: names change their form, everything else is copied. */
function move(fields: readonly Field[], reader: OctetReader, names: NameDecoder, writer: OctetWriter, compress: boolean): void {
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
  if (reader.offset !== reader.end) throw new MalformedPacket(reader.offset, 'RFC 1035 §3.2.1', `${formatType(type)} data has ${reader.end - reader.offset} octets too many`)
}

function parseGeneric(type: number, words: readonly string[]): Uint8Array {
  const octets = parseHex(words.slice(1).join(''))
  if (octets === undefined || words[0] !== String(octets.length)) throw wrong(`\\# ${words.join(' ')}`, 'not a length and as many octets in hex', 'write it like "\\# 4 c0000201"')
  try {
    return decodeRdata(type, new NameDecoder(octets), 0, octets.length)
  } catch (error) {
    if (!(error instanceof MalformedPacket)) throw error
    throw wrong(`\\# ${words.join(' ')}`, `no ${formatType(type)} data: ${error.parts.why}`, 'correct the octets')
  }
}
