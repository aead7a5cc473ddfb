/**
 * Records of signed zones: DNSKEY, RRSIG, NSEC and DS (RFC 4034), NSEC3 and NSEC3PARAM (RFC 5155), CDS and CDNSKEY (RFC 7344).
 * Hamlet neither signs nor validates; it stores these records and passes them on.
 *
 *     RRSIG | type covered (2) | algorithm (1) | labels (1) | original ttl (4) | expiration (4) | inception (4) | key tag (2)
 *           | signer: name | signature |
 *     NSEC  | next: name | types |
 *     NSEC3 | hash (1) | flags (1) | iterations (2) | salt length (1) | salt | hash length (1) | next hashed owner | types |
 *
 * A list of types is a bitmap, divided into windows of 256 types: window number (1), length (1–32), octets. The first bit
 * is the window's type 0. Empty windows and trailing zero octets are omitted (RFC 4034 §4.1.2).
 */
import { MalformedPacket } from '../../../kit/errors.ts'
import { formatBase32Hex, formatHex, parseBase32Hex, parseHex } from '../base-encodings.ts'
import type { OctetReader, OctetWriter } from '../octets.ts'
import { formatType, TYPE } from '../types.ts'
import { domainName, integer, recordType, remainingBase64, remainingHex, typeOf, wrong, type DataField, type Field } from './field.ts'

const WINDOW_OCTETS_MAX = 32

const typeBitmap: DataField = {
  title: 'types',
  skip(reader) {
    for (let last = -1; reader.offset < reader.end;) {
      const window = reader.uint8()
      const length = reader.uint8()
      if (window <= last || length === 0 || length > WINDOW_OCTETS_MAX) throw new MalformedPacket(reader.offset - 2, 'RFC 4034 §4.1.2', `window ${window} of a type bitmap has ${length} octets or follows window ${last}`)
      reader.skip(length)
      last = window
    }
  },
  parse(words, _origin, writer) {
    const types = words.rest().map(({ text }) => typeOf(text)).sort((a, b) => a - b)
    for (const window of new Set(types.map(type => type >>> 8))) encodeWindow(window, types.filter(type => type >>> 8 === window), writer)
  },
  format(reader) {
    const names: string[] = []
    while (reader.offset < reader.end) {
      const first = reader.uint8() * 256
      for (const [index, octet] of reader.take(reader.uint8()).entries()) {
        for (let bit = 0; bit < 8; bit++) if ((octet & (0x80 >>> bit)) !== 0) names.push(formatType(first + index * 8 + bit))
      }
    }
    return names.join(' ')
  },
}

/** @param types ascending, all of this window */
function encodeWindow(window: number, types: readonly number[], writer: OctetWriter): void {
  const bitmap = new Uint8Array((((types.at(-1) ?? 0) & 255) >>> 3) + 1)
  for (const type of types) bitmap[(type & 255) >>> 3] = (bitmap[(type & 255) >>> 3] ?? 0) | (0x80 >>> (type & 7))
  writer.uint8(window)
  writer.uint8(bitmap.length)
  writer.octets(bitmap)
}

/** Seconds since 1970 modulo 2³²; as text YYYYMMDDHHMMSS in UTC, or a plain number of seconds (RFC 4034 §3.2). */
const time = (title: string): DataField => ({
  title,
  skip: reader => reader.skip(4),
  parse(words, _origin, writer) {
    const text = words.next(title)
    const seconds = /^\d{1,10}$/.test(text) ? Number(text) : secondsOf(text)
    if (seconds === undefined || seconds > 0xffffffff) throw wrong(text, `not a valid ${title}`, 'write a time such as 20260131235959, in UTC')
    writer.uint32(seconds)
  },
  format: reader => formatTime(reader.uint32()),
})

function formatTime(seconds: number): string {
  return new Date(seconds * 1000).toISOString().slice(0, 19).replace(/\D/g, '')
}

/** @returns undefined for a date that does not exist: formatted again, February 31 is another day */
function secondsOf(text: string): number | undefined {
  const [, year, month, day, hour, minute, second] = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)$/.exec(text) ?? []
  if (second === undefined) return undefined
  const seconds = Date.UTC(Number(year), Number(month) - 1, Number(day), Number(hour), Number(minute), Number(second)) / 1000
  return seconds >= 0 && formatTime(seconds) === text ? seconds : undefined
}

/** Octets preceded by their length, as digits; `-` for none, as in an empty salt (RFC 5155 §3.3). */
const countedDigits = (title: string, parse: (text: string) => Uint8Array | undefined, format: (octets: Uint8Array) => string): DataField => ({
  title,
  skip: reader => reader.skip(reader.uint8()),
  parse(words, _origin, writer) {
    const text = words.next(title)
    const octets = text === '-' ? new Uint8Array(0) : parse(text)
    if (octets === undefined || octets.length > 255) throw wrong(text, `not a valid ${title}`, 'write its digits without spaces, or - for none')
    writer.uint8(octets.length)
    writer.octets(octets)
  },
  format: (reader: OctetReader) => format(reader.take(reader.uint8())) || '-',
})

const salt = countedDigits('salt', parseHex, formatHex)
const DIGEST: readonly Field[] = [integer('key tag', 2), integer('algorithm', 1), integer('digest type', 1), remainingHex('digest')]
const KEY: readonly Field[] = [integer('flags', 2), integer('protocol', 1), integer('algorithm', 1), remainingBase64('public key')]
const HASHING: readonly Field[] = [integer('hash algorithm', 1), integer('flags', 1), integer('iterations', 2), salt]

export const DNSSEC_LAYOUTS: readonly (readonly [number, readonly Field[]])[] = [
  [TYPE.DS, DIGEST],
  [TYPE.CDS, DIGEST],
  [TYPE.DNSKEY, KEY],
  [TYPE.CDNSKEY, KEY],
  [TYPE.RRSIG, [
    recordType('type covered'), integer('algorithm', 1), integer('labels', 1), integer('original TTL', 4), time('expiration'), time('inception'), integer('key tag', 2),
    domainName('signer', false), remainingBase64('signature'),
  ]],
  [TYPE.NSEC, [domainName('next name', false), typeBitmap]],
  [TYPE.NSEC3, [...HASHING, countedDigits('next hashed owner', parseBase32Hex, formatBase32Hex), typeBitmap]],
  [TYPE.NSEC3PARAM, HASHING],
]
