/**
 * SVCB and HTTPS: where and how to reach a service, known before the first connection (RFC 9460 §2).
 *
 *     | priority (2) | target: name | parameters: key (2), length (2), value …  keys ascending, each once |
 *
 * Priority 0 makes the record an alias; the target `.` means the owner itself. As text, a parameter is `key=value`. A key
 * without a name is written `key667`, and its value is octets with escapes. Lists are separated by commas; a comma within an
 * item is escaped before the string itself is (appendix A): the ALPN id `f\oo,bar` is written `alpn="f\\\\oo\\,bar"`.
 */
import { MalformedPacket, UsageError } from '../../../kit/errors.ts'
import { formatIpv4, formatIpv6, parseIpv4, parseIpv6 } from '../../../kit/ip-address.ts'
import { formatBase64, parseBase64 } from '../base-encodings.ts'
import { OctetReader, OctetWriter } from '../octets.ts'
import type { Token } from '../presentation.ts'
import { TYPE } from '../types.ts'
import { domainName, integer, octetsOf, quoted, wrong, type DataField, type Field } from './field.ts'

const VALUE_BYTES_MAX = 65_535
const COMMA = 0x2c
const BACKSLASH = 0x5c

interface Parameter {
  readonly name: string
  /** The value's octets. @throws UsageError */
  parse(text: string): Uint8Array
  /** The value's text; '' for a key without a value. @throws MalformedPacket if the octets are invalid */
  format(reader: OctetReader): string
}

/** A list of items, concatenated on the wire. */
const list = (name: string, parseItem: (text: string, writer: OctetWriter) => void, formatItem: (reader: OctetReader) => string): Parameter => ({
  name,
  parse(text) {
    const writer = new OctetWriter(VALUE_BYTES_MAX)
    for (const item of text.split(',')) parseItem(item, writer)
    return finished(writer, name)
  },
  format: reader => formatItems(reader, formatItem),
})

function formatItems(reader: OctetReader, formatItem: (reader: OctetReader) => string): string {
  const items: string[] = []
  do items.push(formatItem(reader))
  while (reader.offset < reader.end)
  return items.join(',')
}

/** A key without a value. */
const flag = (name: string): Parameter => ({
  name,
  parse(text) {
    if (text !== '') throw wrong(text, `a value, and ${name} takes none`, `write ${name} alone`)
    return new Uint8Array(0)
  },
  format: () => '',
})

const alpn: Parameter = {
  name: 'alpn',
  parse(text) {
    const writer = new OctetWriter(VALUE_BYTES_MAX)
    for (const id of itemsOf(octetsOf(text))) {
      if (id.length === 0 || id.length > 255) throw wrong(text, 'a list with an item that is empty or longer than 255 octets', 'write ids such as h2,h3')
      writer.uint8(id.length)
      writer.octets(id)
    }
    return finished(writer, 'alpn')
  },
  format(reader) {
    const text: number[] = []
    do {
      const length = reader.uint8()
      if (length === 0) throw new MalformedPacket(reader.offset, 'RFC 9460 §7.1.1', 'an ALPN id is empty')
      if (text.length > 0) text.push(COMMA)
      for (const octet of reader.take(length)) text.push(...(octet === COMMA || octet === BACKSLASH ? [BACKSLASH, octet] : [octet]))
    } while (reader.offset < reader.end)
    return quoted(Uint8Array.from(text))
  },
}

const mandatory: Parameter = {
  name: 'mandatory',
  parse(text) {
    const keys = text.split(',').map(keyOf).sort((a, b) => a - b)
    if (new Set(keys).size < keys.length || keys.includes(0)) throw wrong(text, 'a list that names a key twice, or itself', 'name each key once')
    const writer = new OctetWriter(VALUE_BYTES_MAX)
    for (const key of keys) writer.uint16(key)
    return finished(writer, 'mandatory')
  },
  format: reader => formatItems(reader, keys => formatKey(keys.uint16())),
}

const port: Parameter = {
  name: 'port',
  parse(text) {
    if (!/^\d{1,5}$/.test(text) || Number(text) > 65_535) throw wrong(text, 'not a port', 'write a whole number below 65536')
    return Uint8Array.of(Number(text) >>> 8, Number(text) & 255)
  },
  format: reader => String(reader.uint16()),
}

const ipv4hint = list('ipv4hint', (text, writer) => {
  const address = parseIpv4(text)
  if (address === undefined) throw wrong(text, 'not an IPv4 address', 'write addresses such as 192.0.2.1,192.0.2.2')
  writer.uint32(address)
}, reader => formatIpv4(reader.uint32()))

const ipv6hint = list('ipv6hint', (text, writer) => {
  const address = parseIpv6(text)
  if (address === undefined) throw wrong(text, 'not an IPv6 address', 'write addresses such as 2001:db8::1,2001:db8::2')
  writer.octets(address)
}, reader => formatIpv6(reader.take(16)))

const ech: Parameter = {
  name: 'ech',
  parse(text) {
    const octets = parseBase64(text)
    if (octets === undefined || octets.length === 0) throw wrong(text, 'not a list of ECH configurations', 'write base 64')
    return octets
  },
  format: reader => formatBase64(allOf(reader)),
}

/** RFC 9461 §5. */
const dohpath: Parameter = { name: 'dohpath', parse: octetsOf, format: reader => quoted(allOf(reader)) }

/** Indexed by key: RFC 9460 §14.3.2; ohttp is from RFC 9540 §4. */
const PARAMETERS: readonly Parameter[] = [mandatory, alpn, flag('no-default-alpn'), port, ipv4hint, ech, ipv6hint, dohpath, flag('ohttp')]
const NO_DEFAULT_ALPN = 2

const parameters: DataField = {
  title: 'parameters',
  skip(reader) {
    for (let last = -1; reader.offset < reader.end;) {
      const key = reader.uint16()
      if (key <= last) throw new MalformedPacket(reader.offset - 2, 'RFC 9460 §2.2', `key ${key} follows key ${last}`)
      reader.skip(reader.uint16())
      last = key
    }
  },
  parse(words, _origin, writer) {
    const values = parseAll(words.rest())
    for (const [key, value] of [...values].sort(([a], [b]) => a - b)) {
      writer.uint16(key)
      writer.uint16(value.length)
      writer.octets(value)
    }
  },
  format(reader) {
    const texts: string[] = []
    while (reader.offset < reader.end) {
      const key = reader.uint16()
      texts.push(formatParameter(key, reader.take(reader.uint16())))
    }
    return texts.join(' ')
  },
}

/** The parameters by key. @throws UsageError also if they contradict each other (RFC 9460 §7.1.1, §8) */
function parseAll(tokens: readonly Token[]): ReadonlyMap<number, Uint8Array> {
  const values = new Map<number, Uint8Array>()
  for (let at = 0; at < tokens.length; at++) {
    const { text: word, quoted: isValue } = tokens[at] ?? { text: '', quoted: false }
    if (isValue) throw wrong(word, 'a value without a key', 'write key="value"')
    const equals = word.indexOf('=')
    const name = equals < 0 ? word : word.slice(0, equals)
    // `alpn="h2"` arrives as two words, since a quote begins a new word.
    const following = equals === word.length - 1 && equals > 0 ? tokens[at + 1] : undefined
    if (following?.quoted === true) at++
    const text = following?.quoted === true ? following.text : word.slice(name.length + 1)
    const key = keyOf(name)
    if (values.has(key)) throw wrong(name, 'a duplicate key', 'write each key once')
    const octets = PARAMETERS[key] === undefined || /^key/i.test(name) ? octetsOf(text) : PARAMETERS[key].parse(text)
    if (octets.length > VALUE_BYTES_MAX) throw wrong(text, `longer than ${VALUE_BYTES_MAX} octets`, 'shorten it')
    values.set(key, octets)
  }
  const required = values.get(0) ?? new Uint8Array(0)
  for (let at = 0; at + 1 < required.length; at += 2) {
    const key = (required[at] ?? 0) * 0x100 + (required[at + 1] ?? 0)
    if (!values.has(key)) throw new UsageError('The parameters contradict each other', `${formatKey(key)} is mandatory but missing`, 'add it, or remove it from the list')
  }
  if (values.has(NO_DEFAULT_ALPN) && !values.has(1)) throw new UsageError('The parameters contradict each other', 'no-default-alpn requires alpn', 'add alpn')
  return values
}

/** A value that breaks the rule of its key is shown by key number, so that what was received is kept and visible. */
function formatParameter(key: number, value: Uint8Array): string {
  try {
    const reader = new OctetReader(value, 0, value.length)
    const text = PARAMETERS[key]?.format(reader)
    if (text !== undefined && reader.offset === reader.end) return text === '' ? formatKey(key) : `${formatKey(key)}=${text}`
  } catch (error) {
    if (!(error instanceof MalformedPacket)) throw error
  }
  return value.length === 0 ? `key${key}` : `key${key}=${quoted(value)}`
}

function formatKey(key: number): string {
  return PARAMETERS[key]?.name ?? `key${key}`
}

function keyOf(text: string): number {
  const known = PARAMETERS.findIndex(({ name }) => name === text.toLowerCase())
  if (known >= 0) return known
  const digits = /^key(0|[1-9]\d{0,4})$/i.exec(text)?.[1]
  if (digits === undefined || Number(digits) > 0xffff) throw wrong(text, 'not a parameter key', 'write one such as alpn or port, or key667 for one without a name')
  return Number(digits)
}

/** The items of a list, with their own escapes resolved. */
function itemsOf(octets: Uint8Array): Uint8Array[] {
  const items: number[][] = [[]]
  for (let at = 0; at < octets.length; at++) {
    const octet = octets[at] ?? 0
    if (octet === COMMA) items.push([])
    else if (octet === BACKSLASH && at + 1 < octets.length) items.at(-1)?.push(octets[++at] ?? 0)
    else items.at(-1)?.push(octet)
  }
  return items.map(item => Uint8Array.from(item))
}

function allOf(reader: OctetReader): Uint8Array {
  return reader.take(Math.max(1, reader.end - reader.offset))
}

function finished(writer: OctetWriter, name: string): Uint8Array {
  if (writer.overflowed) throw new UsageError(`${name} is too long`, `${VALUE_BYTES_MAX} octets is the limit`, 'shorten it')
  return writer.finish()
}

const BINDING: readonly Field[] = [integer('priority', 2), domainName('target', false), parameters]

export const SERVICE_BINDING_LAYOUTS: readonly (readonly [number, readonly Field[]])[] = [
  [TYPE.SVCB, BINDING],
  [TYPE.HTTPS, BINDING],
]
