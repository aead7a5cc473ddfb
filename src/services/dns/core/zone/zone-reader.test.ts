import fc from 'fast-check'
import { expect, test } from 'vitest'
import { HamletError } from '../../../kit/errors.ts'
import { formatRdata } from '../../wire/rdata.ts'
import { formatType } from '../../wire/types.ts'
import { RECORDS_OF_NAME_MAX, type ZoneContent } from './zone-content.ts'
import { ZoneReader } from './zone-reader.ts'
import { formatZone } from './zone-writer.ts'
import { Zone } from './zone.ts'

function contentOf(text: string): ZoneContent {
  const reader = new ZoneReader(text, 'dns.zone')
  while (reader.read(1)) continue
  return reader.content
}
const recordsIn = (content: ZoneContent) => [...content.nodes()].flatMap(node => content.recordsOf(node))
const read = (text: string) => recordsIn(contentOf(text)).map(record => `${record.name} ${record.ttl} ${formatType(record.type)} ${formatRdata(record.type, record.rdata)}`)
const written = (zone: Zone) => [...formatZone(zone)].join('')

test('a handwritten zone file is read', () => {
  expect(read(`
; my network
$ORIGIN home.
$TTL 1h
@   IN SOA localhost. nobody.invalid. (
        7      ; serial
        3600 1200
        604800 5 )
    IN NS localhost.
my-app      A     192.168.1.50   ; the app
      30 IN AAAA  2001:db8::50
www   IN 2m CNAME my-app
txt         TXT   "a ; no comment" plain ( "third"
                  fourth )
_http._tcp.my-app SRV 0 0 80 my-app
$ORIGIN sub
deep        A     192.0.2.3
router.example.org. A 192.0.2.1
x\tTYPE731 \\# 1 ff`)).toEqual([
    'home 3600 SOA localhost. nobody.invalid. 7 3600 1200 604800 5', 'home 3600 NS localhost.', 'my-app.home 3600 A 192.168.1.50', 'my-app.home 30 AAAA 2001:db8::50',
    'www.home 120 CNAME my-app.home.', 'txt.home 3600 TXT "a ; no comment" "plain" "third" "fourth"', '_http._tcp.my-app.home 3600 SRV 0 0 80 my-app.home.',
    'deep.sub.home 3600 A 192.0.2.3', 'router.example.org 3600 A 192.0.2.1', 'x.sub.home 3600 TYPE731 \\# 1 ff',
  ])
})

test.each([
  ['a A 192.0.2.1\nb A 192.0.2\n', 2, 'not an IPv4 address'], ['\n\n  A 192.0.2.1', 3, 'begins with a space'], ['a TXT "open\nb A 192.0.2.1', 1, 'second quote'],
  ['$INCLUDE x', 1, '$INCLUDE is not supported'], ['$LOAD x', 1, 'only $ORIGIN, $TTL and $GENERATE'], ['a IN', 1, 'type is missing'], ['a FROG x', 1, '"FROG" is not a record type'], ['a CH TXT x', 1, 'not IN'], ['a CLASS3 TXT x', 1, 'not IN'], ['a OPT x', 1, 'only valid in questions'],
  ['a A 192.0.2.1\na CNAME b', 2, '"a.home" has a CNAME and other records'], ['a CNAME b\na NS c', 2, '"a.home" has a CNAME and other records'],
  ['a NS b\na DNAME c', 2, '"a.home" has both NS and DNAME (RFC 6672 §2.3)'], ['a DNAME c\na NS b', 2, '"a.home" has both NS and DNAME (RFC 6672 §2.3)'], ['a SOA localhost. x. 1 2 3 4 5', 1, 'SOA is misplaced'], ['a MX ( 10\nb', 1, 'ends before'], ['a A 192.0.2.1 )', 1, 'too many'],
  ['$TTL soon', 1, 'not a duration'], ['@ CNAME x', 1, '"home" also has SOA and NS'], ['@ SOA localhost. x. 1 2 3 4 5\n@ SOA localhost. x. 2 2 3 4 5', 2, 'two SOA'], ['a A 192.0.2.1\na..b A 192.0.2.1', 2, 'a label is empty'],
  [`${'x'.repeat(64)} A 192.0.2.1`, 1, '64 octets, 63 is the limit'], [`${'abcdefg.'.repeat(32)} A 192.0.2.1`, 1, 'octets, 255 is the limit'], ['a A 192.0.2.01', 1, 'not an IPv4 address'], ['a A 192.0.2.1 x', 1, 'one word too many'],
  ['a AAAA 2001:db8:::1', 1, 'not an IPv6 address'], ['a A 192.0.2.1\n\nb TXT \\', 3, 'escape is incomplete'],
  ['$GENERATE 5-1 a$ A 192.0.2.$', 1, 'not a range'], ['$GENERATE 1-2/0 a$ A 192.0.2.$', 1, 'not a range'], ['$GENERATE 0-65536 a$ A 192.0.2.1', 1, 'more than 65536 lines'],
  ['$GENERATE 1000-132072/2 a$ A 192.0.2.1', 1, 'more than 65536 lines'], ['$GENERATE 2147483648-2147483648 a$ A 192.0.2.1', 1, 'not a range'], ['$GENERATE 1 a$ A 192.0.2.1', 1, 'not a range'],
  ['$GENERATE 1-2 a${0,256} A 192.0.2.1', 1, 'not a valid modifier'], ['\n$GENERATE 250-260 a$ A 192.0.2.$', 2, 'not an IPv4 address'],
  ['$GENERATE 1-2 a${-5} A 192.0.2.1', 1, 'not a valid modifier'], ['$GENERATE 1-2 a${0,999} A 192.0.2.1', 1, 'not a valid modifier'], ['$GENERATE 1-2 a${x} A 192.0.2.1', 1, 'not a valid modifier'],
])('"%s" is refused, naming line %i and the reason', (text, line, reason) => {
  try {
    read(text)
  } catch (error) {
    if (!(error instanceof HamletError)) throw error
    expect(error.code).toBe('file-damaged')
    expect(error.parts.why).toContain(`line ${line}: `)
    expect(error.parts.why).toContain(reason)
    return
  }
  expect.unreachable('it was accepted')
})

test('TTL and class are optional and come in either order; TTLs may have units; lines may end in CRLF', () => {
  expect(read('a 1h30m IN A 192.0.2.1\r\nb in 2d A 192.0.2.2\r\nc 90 class1 A 192.0.2.3\r\nd A 192.0.2.4\r\n')).toEqual(['a.home 5400 A 192.0.2.1', 'b.home 172800 A 192.0.2.2', 'c.home 90 A 192.0.2.3', 'd.home 10 A 192.0.2.4'])
})

test('a byte order mark at the start is ignored', () => {
  for (const text of ['; names\na A 192.0.2.1', '$TTL 10\na A 192.0.2.1', 'a A 192.0.2.1']) expect(read(`\xef\xbb\xbf${text}`)).toEqual(['a.home 10 A 192.0.2.1'])
})

test('names may be relative, absolute, escaped, @ or wildcards, in any case', () => {
  expect(read('@ TXT apex\nA.B A 192.0.2.1\na.b.HOME. TXT x\n*.dev A 192.0.2.2\nodd\\.dot A 192.0.2.3\n\\097 A 192.0.2.4\n\\@ A 192.0.2.5\n$ORIGIN example.\n@ A 192.0.2.6\nx A 192.0.2.7\n$ORIGIN .\ny.home A 192.0.2.8')).toEqual([
    'home 10 TXT "apex"', 'A.B.home 10 A 192.0.2.1', 'A.B.home 10 TXT "x"', '*.dev.home 10 A 192.0.2.2', 'odd\\.dot.home 10 A 192.0.2.3', 'a.home 10 A 192.0.2.4', '\\@.home 10 A 192.0.2.5', 'example 10 A 192.0.2.6',
    'x.example 10 A 192.0.2.7', 'y.home 10 A 192.0.2.8',
  ])
})

test('an $ORIGIN alone does not create a name', () => {
  const zone = new Zone()
  zone.load(contentOf('$ORIGIN sub\n$ORIGIN deep\nx A 192.0.2.1\n'))
  expect([zone.lookup('sub.home', 1)?.kind, zone.lookup('y.home', 1)?.kind]).toEqual(['nodata', 'nxdomain'])
  zone.load(contentOf('$ORIGIN sub\n$ORIGIN home.\nx A 192.0.2.1\n'))
  expect(zone.lookup('sub.home', 1)?.kind).toBe('nxdomain')
})

test('the times of an SOA may have units, its serial may not', () => {
  expect(read('@ IN SOA ns.home. admin.home. 2026113001 1h 15m 1W 5m')).toEqual(['home 10 SOA ns.home. admin.home. 2026113001 3600 900 604800 300'])
  expect(() => read('@ SOA ns.home. admin.home. 1h 1 2 3 4')).toThrow('"1h" was rejected')
  expect(() => read('@ SOA ns.home. admin.home. 1 8000w 2 3 4')).toThrow('"8000w" was rejected')
})

test('records of one name and type have the TTL of the first, and duplicates are dropped', () => {
  expect(read('a 60 A 192.0.2.1\na 300 A 192.0.2.2\na 300 TXT x\na A 192.0.2.1\n')).toEqual(['a.home 60 A 192.0.2.1', 'a.home 60 A 192.0.2.2', 'a.home 300 TXT "x"'])
})

test('the error for an unclosed parenthesis names the line that opens it', () => {
  const rest = 'b A 192.0.2.1\n'
  expect(() => read(`a TXT (\n"x" )\n\na TXT ( "one"\n  "two"\n${rest.repeat(100)}`)).toThrow(/line 4: A parenthesis is not closed/)
  expect(() => read(`a TXT ( "one"\n${rest.repeat(20_000)}`)).toThrow(/line 1: an entry is too long/)
})

test('$GENERATE creates a record for each number', () => {
  expect(read('$GENERATE 1-3 pc$ A 192.0.2.$')).toEqual([1, 2, 3].map(number => `pc${number}.home 10 A 192.0.2.${number}`))
  expect(read('$GENERATE 8-12/2 n${2,3,x} 60 IN TXT "number $ costs \\$5" ${-8}')).toEqual([[8, '00a', 0], [10, '00c', 2], [12, '00e', 4]].map(([number, hex, less]) => `n${hex}.home 60 TXT "number ${number} costs $5" "${less}"`))
  expect(read('$GENERATE 255-256 a${+1,2,X} TXT ${0,0,X} ${0,5,o} ${0,3,d} ${0}').map(line => line.replace(/ 10 TXT/, ''))).toEqual(['a100.home "FF" "00377" "255" "255"', 'a101.home "100" "00400" "256" "256"'])
  expect(read('$GENERATE 2147483647-2147483647 n$ A 192.0.2.1')).toEqual(['n2147483647.home 10 A 192.0.2.1'])
  expect(read('$GENERATE 1-1 n TXT ${0,255}')[0]).toHaveLength('n.home 10 TXT ""'.length + 255)
  expect(read('$GENERATE 0-65535 n$ CNAME x')).toHaveLength(65_536)
})

test('the number of records of a name is limited', () => {
  const lines = Array.from({ length: RECORDS_OF_NAME_MAX }, (_, index) => `a TXT ${index}`).join('\n')
  expect(read(lines)).toHaveLength(RECORDS_OF_NAME_MAX)
  expect(() => read(`${lines}\na TXT more`)).toThrow(/line 1001: .*more than 1000/)
})

test('a zone survives being written to its file and read back', () => {
  const name = fc.stringMatching(/^[a-z]{1,8}(\.[a-z]{1,8})?$/).chain(start => fc.constantFrom(`${start}.home`, `${start}.example.org`, 'home'))
  const data = fc.oneof(
    fc.record({ type: fc.constant('A'), rdata: fc.ipV4() }), fc.record({ type: fc.constant('AAAA'), rdata: fc.constant('2001:db8::1') }),
    fc.record({ type: fc.constant('TXT'), rdata: fc.constantFrom('"a b"', '"semi;colon" "(paren"', '"back\\\\slash \\"q\\""') }),
    fc.record({ type: fc.constant('MX'), rdata: fc.constant('10 mail.home.') }))
  fc.assert(fc.property(fc.array(fc.tuple(name, data), { maxLength: 15, size: 'max' }), entries => {
    const zone = new Zone()
    for (const [owner, { type, rdata }] of entries) zone.apply({ change: 'register', name: owner, type, rdata, replace: false })
    const text = written(zone)
    const again = new Zone()
    again.load(contentOf(text))
    expect(written(again)).toBe(text)
    expect([...again.records()]).toHaveLength([...zone.records()].length)
  }))
})

test('names outside the apex come last and are absolute', () => {
  const zone = new Zone()
  zone.apply({ change: 'register', name: 'router.example.org', type: 'A', rdata: '192.0.2.1', replace: true })
  zone.apply({ change: 'register', name: 'a.home', type: 'A', rdata: '192.0.2.2', replace: true })
  const lines = written(zone).trimEnd().split('\n')
  expect(lines[lines.length - 1]).toMatch(/^router\.example\.org\. +IN A +192\.0\.2\.1$/)
  expect(lines.findIndex(line => line.startsWith('a '))).toBeLessThan(lines.length - 2)
})
