/**
 * Generators of arbitrary records and messages, for property tests and for comparison with another implementation. All
 * data is canonical text.
 */
import fc from 'fast-check'
import type { Message, Question, ResourceRecord } from '../wire/message.ts'
import { encodeName } from '../wire/name.ts'
import { OctetWriter } from '../wire/octets.ts'
import { EntryReader } from '../wire/presentation.ts'
import { parseRdata } from '../wire/rdata.ts'
import { CLASS, parseType } from '../wire/types.ts'

const uint8 = fc.nat(255)
const uint16 = fc.nat(65_535)
const uint32 = fc.nat(0xffffffff)
const words = (...parts: readonly fc.Arbitrary<string | number>[]) => fc.tuple(...parts).map(texts => texts.join(' ').trimEnd())

/**
 * An octet of a label or a string as in a zone file. Implemented independently here, so that a bug in the code under test
 * shows.
 */
const escaped = (octet: number, specials: string) => octet < 0x21 || octet > 0x7e ? (octet === 0x20 && !specials.includes(' ') ? ' ' : `\\${String(octet).padStart(3, '0')}`)
  : `${specials.includes(String.fromCharCode(octet)) ? '\\' : ''}${String.fromCharCode(octet)}`
const text = (octets: Uint8Array, specials: string) => [...octets].map(octet => escaped(octet, specials)).join('')

const plainLabel = fc.stringMatching(/^[a-z0-9_-]{1,12}$/)
/** Without uppercase letters: compression may change their case. */
const oddLabel = fc.array(uint8.filter(octet => octet < 0x41 || octet > 0x5a), { minLength: 1, maxLength: 6 }).map(octets => text(Uint8Array.from(octets), ' ."\\;@$()'))
const label = fc.oneof({ weight: 6, arbitrary: plainLabel }, { weight: 1, arbitrary: oddLabel })

/** Names without final dot that often share their endings. */
const anyName: fc.Arbitrary<string> = fc.oneof(
  { weight: 1, arbitrary: fc.constant('.') },
  { weight: 8, arbitrary: fc.tuple(fc.array(label, { minLength: 1, maxLength: 4 }), fc.constantFrom('', '.example.org', '.home')).map(([labels, end]) => `${labels.join('.')}${end}`) },
)
const name = anyName.map(one => one === '.' ? one : `${one}.`)

const octets = (minLength: number, maxLength: number) => fc.uint8Array({ minLength, maxLength, size: 'max' })
const hex = (minLength: number, maxLength: number) => octets(minLength, maxLength).map(bytes => Buffer.from(bytes).toString('hex'))
const base64 = octets(1, 70).map(bytes => Buffer.from(bytes).toString('base64'))
/** Half of them printable characters only. */
const characters = (minLength: number, maxLength: number) => fc.oneof(octets(minLength, maxLength), fc.uint8Array({ min: 0x20, max: 0x7e, minLength, maxLength, size: 'max' }))
const quotedOctets = (minLength: number, maxLength: number) => characters(minLength, maxLength).map(bytes => `"${text(bytes, '"\\')}"`)
const string = quotedOctets(0, 40)
const strings = fc.array(string, { minLength: 1, maxLength: 5 }).map(all => all.join(' '))
const ipv4 = fc.ipV4()
/** In the form of RFC 5952: no group is zero, so nothing is shortened. */
const ipv6 = fc.array(fc.integer({ min: 1, max: 0xffff }), { minLength: 8, maxLength: 8 }).map(groups => groups.map(group => group.toString(16)).join(':'))
const time = uint32.map(seconds => new Date(seconds * 1000).toISOString().replace(/\.\d+Z$/, '').replace(/\D/g, ''))

const COVERED = [[1, 'A'], [2, 'NS'], [6, 'SOA'], [15, 'MX'], [16, 'TXT'], [28, 'AAAA'], [46, 'RRSIG'], [47, 'NSEC'], [65, 'HTTPS'], [257, 'CAA'], [1234, 'TYPE1234'], [65_280, 'TYPE65280']] as const
const types = fc.subarray([...COVERED]).map(all => all.map(([, title]) => title).join(' '))
/** Each digest type has its length: SHA-1, SHA-256, SHA-384. */
const digest = fc.constantFrom<[number, number][]>([1, 20], [2, 32], [4, 48]).chain(([type, length]) => words(fc.constant(type), hex(length, length)))
const key = words(uint16, fc.constant(3), fc.constantFrom(5, 8, 13, 15), base64)
const association = words(uint8, uint8, uint8, hex(1, 64))
const salt = fc.oneof(fc.constant('-'), hex(1, 20))
const base32hex = octets(20, 20).map(bytes => [...bytes].map(octet => octet.toString(2).padStart(8, '0')).join('').replace(/.{5}/g, bits => parseInt(bits, 2).toString(32)))

const alpnId = characters(1, 10).map(bytes => text(Uint8Array.from([...bytes].flatMap(octet => octet === 0x2c || octet === 0x5c ? [0x5c, octet] : [octet])), '"\\'))
const list = <T>(item: fc.Arbitrary<T>) => fc.array(item, { minLength: 1, maxLength: 3 }).map(items => items.join(','))
const parameters = fc.record({
  alpn: fc.option(list(alpnId).map(ids => `alpn="${ids}"`)), noDefault: fc.boolean(), port: fc.option(uint16.map(port => `port=${port}`)), ipv4hint: fc.option(list(ipv4).map(all => `ipv4hint=${all}`)),
  ech: fc.option(base64.map(digits => `ech=${digits}`)), ipv6hint: fc.option(list(ipv6).map(all => `ipv6hint=${all}`)), dohpath: fc.option(fc.constant('dohpath="/dns-query{?dns}"')),
  unknown: fc.option(quotedOctets(1, 10).map(value => `key65333=${value}`)), mandatory: fc.boolean(),
}).map(({ noDefault, mandatory, alpn, port, ipv4hint, ech, ipv6hint, dohpath, unknown }) => {
  const given = [alpn, alpn !== null && noDefault ? 'no-default-alpn' : null, port, ipv4hint, ech, ipv6hint, dohpath, unknown].filter(one => one !== null)
  const named = [alpn, port, ipv4hint].filter(one => one !== null).map(one => one.replace(/=.*/, ''))
  return [...(mandatory && named.length > 0 ? [`mandatory=${named.join(',')}`] : []), ...given].join(' ')
})
const binding = fc.oneof(words(fc.constant(0), name), words(fc.integer({ min: 1, max: 65_535 }), name, parameters))

/** Arbitrary data as text, for each type with a presentation format. */
export const DATA_TEXTS: Readonly<Record<string, fc.Arbitrary<string>>> = {
  A: ipv4, NS: name, MD: name, MF: name, CNAME: name, SOA: words(name, name, uint32, uint32, uint32, uint32, uint32), MB: name, MG: name, MR: name, PTR: name, HINFO: words(string, string),
  MINFO: words(name, name), MX: words(uint16, name), TXT: strings, RP: words(name, name), AFSDB: words(uint16, name), RT: words(uint16, name), PX: words(uint16, name, name), AAAA: ipv6,
  SRV: words(uint16, uint16, uint16, name), NAPTR: words(uint16, uint16, string, string, string, name), KX: words(uint16, name), DNAME: name, DS: words(uint16, uint8, digest),
  SSHFP: words(uint8, uint8, hex(1, 32)), RRSIG: words(fc.constantFrom('A', 'MX', 'TYPE1234'), uint8, uint8, uint32, time, time, uint16, name, base64), NSEC: words(name, types), DNSKEY: key,
  NSEC3: words(fc.constant(1), uint8, uint16, salt, base32hex, types), NSEC3PARAM: words(fc.constant(1), uint8, uint16, salt), TLSA: association, SMIMEA: association,
  CDS: words(uint16, uint8, digest), CDNSKEY: key, OPENPGPKEY: base64, SVCB: binding, HTTPS: binding, SPF: strings, URI: words(uint16, uint16, quotedOctets(1, 40)),
  CAA: words(uint8, fc.stringMatching(/^[a-z0-9]{1,15}$/), string), TYPE65280: octets(0, 20).map(bytes => `\\# ${bytes.length} ${Buffer.from(bytes).toString('hex')}`.trimEnd()),
}

/** The number of a type in DATA_TEXTS. */
export function typeNumber(typeName: string): number {
  const type = parseType(typeName)
  if (type === undefined) throw new Error(`no type ${typeName}`)
  return type
}

/** Record data from its text, tokenized like a zone file. */
export function rdataFrom(type: number, dataText: string, origin?: string): Uint8Array {
  return parseRdata(type, new EntryReader(dataText).next()?.tokens ?? [], origin)
}

export function record(owner: string, typeName: string, dataText: string, ttl = 300): ResourceRecord {
  const type = typeNumber(typeName)
  return { name: owner, type, class: CLASS.IN, ttl, rdata: rdataFrom(type, dataText) }
}

/** @param typeNames the types to choose from; all by default */
export function anyRecord(typeNames: readonly string[] = Object.keys(DATA_TEXTS)): fc.Arbitrary<ResourceRecord> {
  return fc.constantFrom(...typeNames).chain(typeName => fc.tuple(anyName, DATA_TEXTS[typeName] ?? fc.constant(''), fc.nat(0x7fffffff)).map(([owner, dataText, ttl]) => record(owner, typeName, dataText, ttl)))
}

const bit = fc.boolean()
const anyHeader = fc.record({ id: uint16, qr: bit, opcode: fc.nat(15), aa: bit, tc: bit, rd: bit, ra: bit, ad: bit, cd: bit, rcode: fc.nat(15) })
const anyQuestion: fc.Arbitrary<Question> = fc.record({ name: anyName, type: uint16, class: fc.constantFrom(CLASS.IN, CLASS.ANY) })

export function anyMessage(typeNames?: readonly string[]): fc.Arbitrary<Message> {
  const section = fc.array(anyRecord(typeNames), { maxLength: 5 })
  return fc.record({ header: anyHeader, questions: fc.array(anyQuestion, { maxLength: 2 }), answers: section, authorities: section, additionals: section })
}

/** The length of a name in octets, uncompressed. */
export function nameOctets(one: string): number {
  const writer = new OctetWriter(1000)
  encodeName(writer, one, false)
  return writer.length
}
