import fc from 'fast-check'
import { expect, test } from 'vitest'
import { MalformedPacket, UsageError } from '../../kit/errors.ts'
import { DATA_TEXTS, rdataFrom, typeNumber } from '../testing/records.ts'
import { formatHex, parseHex } from './base-encodings.ts'
import { NameDecoder } from './name.ts'
import { dataKey, decodeRdata, formatRdata, TYPES_WITH_PRESENTATION_FORMAT } from './rdata.ts'
import { formatType } from './types.ts'

const fromHex = (hex: string) => parseHex(hex.replace(/\s/g, '')) ?? new Uint8Array(0)
const decoded = (typeName: string, hex: string) => {
  const octets = fromHex(hex)
  return decodeRdata(typeNumber(typeName), new NameDecoder(octets), 0, octets.length)
}
const parsed = (typeName: string, text: string) => formatHex(rdataFrom(typeNumber(typeName), text))
const formatted = (typeName: string, hex: string) => formatRdata(typeNumber(typeName), decoded(typeName, hex))

test('every type with a presentation format has generated test data', () => {
  expect(TYPES_WITH_PRESENTATION_FORMAT.map(formatType).filter(typeName => DATA_TEXTS[typeName] === undefined)).toEqual([])
})

test.each(Object.entries(DATA_TEXTS))('any %s data survives text to octets to text, and octets to text to octets', (typeName, texts) => {
  const type = typeNumber(typeName)
  fc.assert(fc.property(texts, text => {
    const octets = rdataFrom(type, text)
    expect(formatRdata(type, octets)).toBe(text)
    expect(decodeRdata(type, new NameDecoder(octets), 0, octets.length)).toEqual(octets)
    expect(rdataFrom(type, `\\# ${octets.length} ${formatHex(octets)}`)).toEqual(octets)
  }), { numRuns: 60 })
})

const ORG = '03666f6f 07 6578616d706c65 03 6f7267 00'
const COM = '03666f6f 07 6578616d706c65 03 636f6d 00'
test.each([
  ['RFC 4034 §4.3', 'NSEC', 'host.example.com. A MX RRSIG NSEC TYPE1234', `04 686f7374 07 6578616d706c65 03 636f6d 00 00 06 400100000003 04 1b ${'00'.repeat(26)} 20`],
  ['RFC 4034 §5.4', 'DS', '60485 5 1 2bb183af5f22588179a53b0a98631fad1a292118', 'ec45 05 01 2bb183af5f22588179a53b0a98631fad1a292118'],
  ['RFC 4034 §3.2', 'RRSIG', 'A 5 3 86400 20030322173103 20030220173103 2642 . Ew==', '0001 05 03 00015180 3e7c9dd7 3e5510d7 0a52 00 13'],
  ['RFC 5155 §3.3', 'NSEC3', '1 1 12 aabbccdd 2vptu5timamqttgl4luu9kg21e0aor3s MX RRSIG', '01 01 000c 04 aabbccdd 14 17f3df17b2b2adaef615257de4d2020b80ac6c7c 00 06 000100000002'],
  ['RFC 5155 §4.3', 'NSEC3PARAM', '1 0 0 -', '01 00 0000 00'],
  ['RFC 8659 §4.1', 'CAA', '128 tbs "Unknown"', '80 03 746273 556e6b6e6f776e'],
  ['RFC 9460 D.1', 'HTTPS', '0 foo.example.com.', `0000 ${COM}`],
  ['RFC 9460 D.2', 'SVCB', '1 .', '0001 00'],
  ['RFC 9460 D.2', 'SVCB', '16 foo.example.com. port=53', `0010 ${COM} 0003 0002 0035`],
  ['RFC 9460 D.2', 'SVCB', '1 foo.example.com. key667="hello\\210qoo"', `0001 ${COM} 029b 0009 68656c6c6f d2 716f6f`],
  ['RFC 9460 D.2', 'SVCB', '1 foo.example.com. ipv6hint=2001:db8::1,2001:db8::53:1', `0001 ${COM} 0006 0020 20010db8000000000000000000000001 20010db8000000000000000000530001`],
  ['RFC 9460 D.2', 'SVCB', '16 foo.example.org. mandatory=alpn,ipv4hint alpn="h2,h3-19" ipv4hint=192.0.2.1', `0010 ${ORG} 0000 0004 00010004 0001 0009 02 6832 05 68332d3139 0004 0004 c0000201`],
  ['RFC 9460 D.2', 'SVCB', '16 foo.example.org. alpn="f\\\\\\\\oo\\\\,bar,h2"', `0010 ${ORG} 0001 000c 08 665c6f6f2c626172 02 6832`],
])('%s: %s data %s', (_rfc, typeName, text, hex) => {
  expect(parsed(typeName, text)).toBe(formatHex(fromHex(hex)))
  expect(formatted(typeName, hex)).toBe(text)
})

test.each([
  ['SVCB', '16 foo.example.org. (alpn=h2,h3-19 mandatory=ipv4hint,alpn\n ipv4hint=192.0.2.1)', '16 foo.example.org. mandatory=alpn,ipv4hint alpn="h2,h3-19" ipv4hint=192.0.2.1'],
  ['SVCB', '16 foo.example.org. alpn=f\\\\\\092oo\\092,bar,h2', '16 foo.example.org. alpn="f\\\\\\\\oo\\\\,bar,h2"'],
  ['SVCB', '1 . PORT="53" key667=hello', '1 . port=53 key667="hello"'],
  ['SVCB', '1 . key3="\\000\\053"', '1 . port=53'],
  ['SVCB', '1 . key1="\\000"', '1 . key1="\\000"'],
  ['DS', '60485 5 1 ( 2BB183AF5F22588179A53B0A 98631FAD1A292118 )', '60485 5 1 2bb183af5f22588179a53b0a98631fad1a292118'],
  ['RRSIG', 'a 5 3 86400 1048354263 1045762263 2642 . E w ==', 'A 5 3 86400 20030322173103 20030220173103 2642 . Ew=='],
  ['NSEC', '. TYPE1234 A mx A', '. A MX TYPE1234'],
  ['NSEC3', '1 0 0 AB 2VPTU5TIMAMQTTGL4LUU9KG21E0AOR3S', '1 0 0 ab 2vptu5timamqttgl4luu9kg21e0aor3s'],
  ['CAA', '0 "issue" ca.example', '0 issue "ca.example"'],
  ['TXT', 'plain words', '"plain" "words"'],
])('%s data is read in other spellings: %s', (typeName, text, canonical) => {
  expect(formatRdata(typeNumber(typeName), rdataFrom(typeNumber(typeName), text))).toBe(canonical)
})

/** These include RFC 9460 D.3. */
test.each([
  ['SVCB', '1 . key123=abc key123=def'], ['SVCB', '1 . mandatory'], ['SVCB', '1 . alpn'], ['SVCB', '1 . port'], ['SVCB', '1 . ipv4hint'], ['SVCB', '1 . ipv6hint'], ['SVCB', '1 . ech'],
  ['SVCB', '1 . no-default-alpn=abc'], ['SVCB', '1 . no-default-alpn'], ['SVCB', '1 . mandatory=key123'], ['SVCB', '1 . mandatory=mandatory'],
  ['SVCB', '1 . mandatory=key123,key123 key123=abc'], ['SVCB', '1 . port=65536'], ['SVCB', '1 . key65536'], ['SVCB', '1 . key007'], ['SVCB', '1 . nonsense=1'], ['SVCB', '1 . alpn=h2,,h3'],
  ['SVCB', '1 . "port=53"'], ['SVCB', '1'], ['A', '192.0.2'], ['A', '192.0.2.1 192.0.2.2'], ['AAAA', '2001:db8'], ['MX', '65536 a.'], ['MX', 'ten a.'], ['DS', '1 5 1 abc'], ['DS', '1 5 1'],
  ['DS', '1 256 1 ab'], ['DNSKEY', '256 3 5 A'], ['RRSIG', 'A 5 3 86400 20030231000000 20030220173103 2642 . Ew=='], ['RRSIG', 'A 5 3 86400 19691231235959 20030220173103 2642 . Ew=='],
  ['RRSIG', 'NOTYPE 5 3 86400 1 1 2642 . Ew=='], ['NSEC', '. A NOTYPE'], ['NSEC3', '1 0 0 abc 00'], ['CAA', '0 "" "x"'], ['URI', '1 1 ""'], ['TXT', 'a\\256'], ['TXT', 'a'.repeat(256)],
  ['TYPE65280', 'words'], ['A', '\\# 3 c00002'], ['A', '\\# 4 c00002'], ['A', '\\# 0x4 c0000201'], ['A', '\\#'],
])('%s data "%s" is refused with a UsageError', (typeName, text) => {
  expect(() => rdataFrom(typeNumber(typeName), text)).toThrow(UsageError)
})

test.each([
  ['an address of three octets', 'A', 'c00002'], ['an address of five', 'A', 'c000020101'], ['no data', 'A', ''], ['TXT without a string', 'TXT', ''], ['a string beyond the end', 'TXT', '0561'],
  ['a name and more', 'CNAME', '00 00'], ['a window without octets', 'NSEC', '00 00 00'], ['a window of 33 octets', 'NSEC', `00 00 21 ${'01'.repeat(33)}`],
  ['windows that do not ascend', 'NSEC', '00 01 01 01 00 01 01'], ['a truncated window', 'NSEC', '00 00 02 01'], ['a digest of no octets', 'DS', '0001 05 01'],
  ['keys that do not ascend', 'SVCB', '0001 00 0003 0002 0035 0003 0002 0035'], ['a truncated parameter', 'SVCB', '0001 00 0003 0002 00'], ['half a key', 'SVCB', '0001 00 00'],
  ['a CAA record without a tag', 'CAA', '00 00 61'], ['a URI without a target', 'URI', '0001 0001'], ['a salt beyond the end', 'NSEC3PARAM', '01 00 0000 04 aa'],
])('%s is malformed', (_title, typeName, hex) => {
  expect(() => decoded(typeName, hex)).toThrow(MalformedPacket)
})

test('parameters that break the rule of their key are kept and shown by number', () => {
  expect(formatted('HTTPS', '0001 00 0001 0001 00 0003 0003 003500 0004 0003 c00002 0006 0000')).toBe('1 . key1="\\000" key3="\\0005\\000" key4="\\192\\000\\002" key6')
})

test('names in data are relative to the given origin', () => {
  const type = typeNumber('MX')
  expect(formatRdata(type, rdataFrom(type, '10 mail', 'example.org'))).toBe('10 mail.example.org.')
})

test('a name that points before its data is expanded', () => {
  const octets = fromHex('07 6578616d706c65 03 6f7267 00 0001 0002 0003 03 777777 c000')
  const rdata = decodeRdata(typeNumber('SRV'), new NameDecoder(octets), 13, 12)
  expect(formatRdata(typeNumber('SRV'), rdata)).toBe('1 2 3 www.example.org.')
  expect(() => decodeRdata(typeNumber('SRV'), new NameDecoder(octets), 13, 11)).toThrow(MalformedPacket)
})

test('data is compared ignoring case in its names, and nowhere else', () => {
  const key = (typeName: string, text: string) => dataKey({ type: typeNumber(typeName), rdata: rdataFrom(typeNumber(typeName), text) })
  const letters = 'ABCXYZabcxyz'
  for (const [typeName, before] of [['MX', '65 '], ['DNAME', ''], ['SRV', '65 66 67 '], ['NAPTR', '1 2 "U" "SIP" "" ']] as const) {
    expect(key(typeName, `${before}${letters}.home.`)).toBe(key(typeName, `${before}${letters.toLowerCase()}.HOME.`))
  }
  expect(key('MX', '65 a.home.')).not.toBe(key('MX', '97 a.home.'))
  expect(key('NAPTR', '1 2 "U" "SIP" "" a.home.')).not.toBe(key('NAPTR', '1 2 "u" "SIP" "" a.home.'))
  expect(key('TXT', '"A"')).not.toBe(key('TXT', '"a"'))
  expect(key('A', '192.0.2.1')).not.toBe(key('TYPE65280', '\\# 4 c0000201'))
})
