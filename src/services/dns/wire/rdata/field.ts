/**
 * The fields of record data. The layout of a record type is a sequence of fields; each kind of field knows the length of its
 * value and how to parse and format it. Data is stored as the octets of a message, except that domain names are stored in
 * full, while in a message they may end in a pointer.
 */
import { UsageError } from '../../../kit/errors.ts'
import { formatIpv4, formatIpv6, parseIpv4, parseIpv6 } from '../../../kit/ip-address.ts'
import { formatBase64, formatHex, parseBase64, parseHex } from '../base-encodings.ts'
import { encodeName, formatOctet, NameDecoder, parseName, parseOctets, ROOT } from '../name.ts'
import type { OctetReader, OctetWriter } from '../octets.ts'
import { parseSeconds, type Token } from '../presentation.ts'
import { formatType, parseType } from '../types.ts'

interface Value {
  /** Names the value in errors. */
  readonly title: string
  /** Consumes the words of one value. @throws UsageError naming the invalid word */
  parse(words: Words, origin: string, writer: OctetWriter): void
  /** Reads one value and returns its text; '' for an empty list. */
  format(reader: OctetReader): string
}

/** A value with the same octets in a message and in memory. */
export interface DataField extends Value {
  /** Skips one value. @throws MalformedPacket if the octets are invalid */
  skip(reader: OctetReader): void
}

/** A domain name. */
export interface NameField extends Value {
  /**
   * True in the types of RFC 1035. In others a name must not be sent compressed (RFC 3597 §4), though a compressed one is
   * read.
   */
  readonly compressible: boolean
}

export type Field = DataField | NameField

/** The words of one record's data, consumed from left to right. */
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

  /** @throws UsageError if none is left, with the title of what is missing */
  next(title: string): string {
    const token = this.#tokens[this.#at++]
    if (token === undefined) throw new UsageError(`${formatType(this.#type)} data is incomplete`, `its ${title} is missing`, this.#remedy())
    return token.text
  }

  /** All remaining words, perhaps none. */
  rest(): readonly Token[] {
    const rest = this.#tokens.slice(this.#at)
    this.#at = this.#tokens.length
    return rest
  }

  get isEmpty(): boolean {
    return this.#at >= this.#tokens.length
  }

  /** @throws UsageError if a word is left */
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
    if (value >= 256 ** bytes) throw wrong(text, `not a valid ${title}`, `write a whole number below ${256 ** bytes}`)
    if (bytes === 4) writer.uint32(value)
    else if (bytes === 2) writer.uint16(value)
    else writer.uint8(value)
  },
  format: reader => String(bytes === 4 ? reader.uint32() : bytes === 2 ? reader.uint16() : reader.uint8()),
})

/** A duration in seconds, four octets; its text may have units. */
export const seconds = (title: string): DataField => ({
  ...integer(title, 4),
  parse(words, _origin, writer) {
    const text = words.next(title)
    const value = parseSeconds(text) ?? Infinity
    if (value >= 2 ** 32) throw wrong(text, `not a valid ${title}`, `write seconds, or a duration such as 1h30m, below ${2 ** 32} seconds`)
    writer.uint32(value)
  },
})

export const ipv4: DataField = {
  title: 'IPv4 address',
  skip: reader => reader.skip(4),
  parse(words, _origin, writer) {
    const text = words.next(this.title)
    const value = parseIpv4(text)
    if (value === undefined) throw wrong(text, 'not an IPv4 address', 'write four numbers such as 192.0.2.1')
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
    if (octets === undefined) throw wrong(text, 'not an IPv6 address', 'write an address such as 2001:db8::1')
    writer.octets(octets)
  },
  format: reader => formatIpv6(reader.take(16)),
}

/** Up to 255 octets preceded by their length; as text, in quotes (RFC 1035 §3.3). */
export const characterString = (title: string): DataField => ({
  title,
  skip: reader => reader.skip(reader.uint8()),
  parse(words, _origin, writer) {
    const text = words.next(title)
    const octets = octetsOf(text)
    if (octets.length > 255) throw wrong(text, 'longer than 255 octets', 'shorten it, or split it into several strings if the type allows that')
    writer.uint8(octets.length)
    writer.octets(octets)
  },
  format: reader => quoted(reader.take(reader.uint8())),
})

/** At least one string, up to the end of the data. */
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

/** All remaining octets, as one quoted string: the record's length is its length. */
export const remainingText = (title: string, octetsMin: 0 | 1): DataField => ({
  title,
  skip: reader => skipRest(reader, octetsMin),
  parse(words, _origin, writer) {
    const octets = octetsOf(words.next(title))
    if (octets.length < octetsMin) throw wrong('', `not a valid ${title}`, 'write at least one character')
    writer.octets(octets)
  },
  format: reader => quoted(restOf(reader)),
})

/** All remaining octets, at least one, in hex or base 64; the text may be split into words. */
const remainingDigits = (title: string, parse: (text: string) => Uint8Array | undefined, format: (octets: Uint8Array) => string): DataField => ({
  title,
  skip: reader => skipRest(reader, 1),
  parse(words, _origin, writer) {
    const text = words.next(title) + words.rest().map(token => token.text).join('')
    const octets = parse(text)
    if (octets === undefined || octets.length === 0) throw wrong(text, `not a valid ${title}`, 'correct its digits')
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

/** @throws UsageError if the text is not a record type */
export function typeOf(text: string): number {
  const type = parseType(text)
  if (type === undefined) throw wrong(text, 'not a record type', 'write a type such as A, or TYPE731 for one without a name')
  return type
}

/** @throws UsageError if an escape is invalid or a character is not an octet */
export function octetsOf(text: string): Uint8Array {
  const octets = parseOctets(text)
  if (octets === undefined) throw wrong(text, 'not a string of octets', 'write \\DDD for anything but printable ASCII')
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
  return new UsageError(`"${shown}" was rejected`, `it is ${why}`, remedy)
}
