/**
 * What record data is made of. A record type is a row of fields; each kind of field knows how long its value is, how it is parsed
 * and how it is formatted. Data is stored as the octets that stand in a message, but for domain names: those are stored whole,
 * and in a message a pointer may stand for their end.
 */
import { UsageError } from '../../../kit/errors.ts'
import { formatIpv4, formatIpv6, parseIpv4, parseIpv6 } from '../../../kit/ip-address.ts'
import { formatBase64, formatHex, parseBase64, parseHex } from '../base-encodings.ts'
import { encodeName, formatOctet, NameDecoder, parseName, parseOctets, ROOT } from '../name.ts'
import type { OctetReader, OctetWriter } from '../octets.ts'
import { parseSeconds, type Token } from '../presentation.ts'
import { formatType, parseType } from '../types.ts'

interface Value {
  /** What it is called when it is missing or wrong. */
  readonly title: string
  /** Takes the words of one value. @throws UsageError naming the word that does not fit */
  parse(words: Words, origin: string, writer: OctetWriter): void
  /** The text of the value that the reader stands at, behind which it moves; '' for a list of none. */
  format(reader: OctetReader): string
}

/** A value that stands in a message as it is stored. */
export interface DataField extends Value {
  /** Goes over one value. @throws MalformedPacket where the octets are none */
  skip(reader: OctetReader): void
}

/** A domain name. */
export interface NameField extends Value {
  /** True in the types of RFC 1035: in others a name may not be sent as a pointer (RFC 3597 §4), though it is read. */
  readonly compressible: boolean
}

export type Field = DataField | NameField

/** The words of one record's data, taken from left to right. */
export class Words {
  #at = 0
  readonly #tokens: readonly Token[]
  readonly #type: number
  readonly #fields: readonly Field[]

  constructor(tokens: readonly Token[], type: number, fields: readonly Field[]) {
    this.#tokens = tokens
    this.#type = type
    this.#fields = fields
  }

  /** @throws UsageError where none is left, calling what is missing by its title */
  next(title: string): string {
    const token = this.#tokens[this.#at++]
    if (token === undefined) throw new UsageError(`${formatType(this.#type)} data is not complete`, `its ${title} is missing`, this.#remedy())
    return token.text
  }

  /** All that are left, perhaps none. */
  rest(): readonly Token[] {
    const rest = this.#tokens.slice(this.#at)
    this.#at = this.#tokens.length
    return rest
  }

  get isEmpty(): boolean {
    return this.#at >= this.#tokens.length
  }

  /** @throws UsageError where a word is left */
  end(): void {
    const token = this.#tokens[this.#at]
    if (token !== undefined) throw new UsageError(`${formatType(this.#type)} data is too long`, `"${token.text}" is one word too many`, this.#remedy())
  }

  #remedy(): string {
    return `write ${this.#fields.map(({ title }) => title).join(', ')}`
  }
}

/** @param compressible RFC 3597 §4 */
export const domainName = (title: string, compressible = true): NameField => ({
  title,
  compressible,
  parse: (words, origin, writer) => encodeName(writer, parseName(words.next(title), origin), false),
  format(reader) {
    const name = new NameDecoder(reader.bytes).read(reader)
    return name === ROOT ? name : `${name}.`
  },
})

export const integer = (title: string, bytes: 1 | 2 | 4): DataField => ({
  title,
  skip: reader => reader.skip(bytes),
  parse(words, _origin, writer) {
    const text = words.next(title)
    const value = /^\d{1,10}$/.test(text) ? Number(text) : Infinity
    if (value >= 256 ** bytes) throw wrong(text, `no ${title}`, `write a whole number below ${256 ** bytes}`)
    if (bytes === 4) writer.uint32(value)
    else if (bytes === 2) writer.uint16(value)
    else writer.uint8(value)
  },
  format: reader => String(bytes === 4 ? reader.uint32() : bytes === 2 ? reader.uint16() : reader.uint8()),
})

/** A time of four octets, in seconds; its text may have units. */
export const seconds = (title: string): DataField => ({
  ...integer(title, 4),
  parse(words, _origin, writer) {
    const text = words.next(title)
    const value = parseSeconds(text) ?? Infinity
    if (value >= 2 ** 32) throw wrong(text, `no ${title}`, `write seconds, or a time such as 1h30m, below ${2 ** 32} seconds`)
    writer.uint32(value)
  },
})

export const ipv4: DataField = {
  title: 'IPv4 address',
  skip: reader => reader.skip(4),
  parse(words, _origin, writer) {
    const text = words.next(this.title)
    const value = parseIpv4(text)
    if (value === undefined) throw wrong(text, 'no IPv4 address', 'write four numbers such as 192.0.2.1')
    writer.uint32(value)
  },
  format: reader => formatIpv4(reader.uint32()),
}

export const ipv6: DataField = {
  title: 'IPv6 address',
  skip: reader => reader.skip(16),
  parse(words, _origin, writer) {
    const text = words.next(this.title)
    const octets = parseIpv6(text)
    if (octets === undefined) throw wrong(text, 'no IPv6 address', 'write an address such as 2001:db8::1')
    writer.octets(octets)
  },
  format: reader => formatIpv6(reader.take(16)),
}

/** Up to 255 octets behind their length, in quotes (RFC 1035 §3.3). */
export const characterString = (title: string): DataField => ({
  title,
  skip: reader => reader.skip(reader.uint8()),
  parse(words, _origin, writer) {
    const text = words.next(title)
    const octets = octetsOf(text)
    if (octets.length > 255) throw wrong(text, 'longer than 255 octets', 'write less, or several strings where the type takes them')
    writer.uint8(octets.length)
    writer.octets(octets)
  },
  format: reader => quoted(reader.take(reader.uint8())),
})

/** One string at least, and all that follow. */
export const characterStrings = (title: string): DataField => {
  const one = characterString(title)
  return {
    title,
    skip(reader) {
      do one.skip(reader)
      while (reader.offset < reader.end)
    },
    parse(words, origin, writer) {
      do one.parse(words, origin, writer)
      while (!words.isEmpty)
    },
    format(reader) {
      const texts: string[] = []
      do texts.push(one.format(reader))
      while (reader.offset < reader.end)
      return texts.join(' ')
    },
  }
}

/** All octets that are left as one string in quotes: its length is the record's. */
export const remainingText = (title: string, octetsMin: 0 | 1): DataField => ({
  title,
  skip: reader => skipRest(reader, octetsMin),
  parse(words, _origin, writer) {
    const octets = octetsOf(words.next(title))
    if (octets.length < octetsMin) throw wrong('', `no ${title}`, 'write one character at least')
    writer.octets(octets)
  },
  format: reader => quoted(restOf(reader)),
})

/** All octets that are left, one at least, in hex or base 64; the text may be cut into words. */
const remainingDigits = (title: string, parse: (text: string) => Uint8Array | undefined, format: (octets: Uint8Array) => string): DataField => ({
  title,
  skip: reader => skipRest(reader, 1),
  parse(words, _origin, writer) {
    const text = words.next(title) + words.rest().map(token => token.text).join('')
    const octets = parse(text)
    if (octets === undefined || octets.length === 0) throw wrong(text, `no ${title}`, 'correct its digits')
    writer.octets(octets)
  },
  format: reader => format(restOf(reader)),
})
export const remainingHex = (title: string) => remainingDigits(title, parseHex, formatHex)
export const remainingBase64 = (title: string) => remainingDigits(title, parseBase64, formatBase64)

export const recordType = (title: string): DataField => ({
  title,
  skip: reader => reader.skip(2),
  parse: (words, _origin, writer) => writer.uint16(typeOf(words.next(title))),
  format: reader => formatType(reader.uint16()),
})

/** @throws UsageError where the text names no type */
export function typeOf(text: string): number {
  const type = parseType(text)
  if (type === undefined) throw wrong(text, 'no record type', 'write a type such as A, or TYPE731 for one without a name here')
  return type
}

/** @throws UsageError where an escape is wrong or a character is no octet */
export function octetsOf(text: string): Uint8Array {
  const octets = parseOctets(text)
  if (octets === undefined) throw wrong(text, 'no string of octets', 'write \\DDD for what is not plain')
  return octets
}

export function quoted(octets: Uint8Array): string {
  let text = ''
  for (const octet of octets) text += formatOctet(octet, '"\\')
  return `"${text}"`
}

function skipRest(reader: OctetReader, octetsMin: number): void {
  reader.skip(Math.max(octetsMin, reader.end - reader.offset))
}

function restOf(reader: OctetReader): Uint8Array {
  return reader.take(reader.end - reader.offset)
}

export function wrong(text: string, why: string, remedy: string): UsageError {
  const shown = text.length > 60 ? `${text.slice(0, 60)}…` : text
  return new UsageError(`"${shown}" cannot be taken`, `it is ${why}`, remedy)
}
