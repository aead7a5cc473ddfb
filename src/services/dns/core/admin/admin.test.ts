import { expect, test } from 'vitest'
import { UsageError } from '../../../kit/errors.ts'
import { record } from '../../testing/records.ts'
import { formatAdminError, formatChanged, formatList, parseAdminLine, toDatagrams } from './admin.ts'

test.each([
  ['REGISTER my-app.home 192.168.1.50', { change: 'register', name: 'my-app.home', type: 'A', rdata: '192.168.1.50', replace: true }],
  ['register My-App.home. 2001:DB8:0::1\n', { change: 'register', name: 'My-App.home', type: 'AAAA', rdata: '2001:db8::1', replace: true }],
  ['REGISTER a.home txt "two words" three', { change: 'register', name: 'a.home', type: 'TXT', rdata: '"two words" "three"', replace: false }],
  ['REGISTER _http._tcp.a.home SRV 0 0 8080 a.home', { change: 'register', name: '_http._tcp.a.home', type: 'SRV', rdata: '0 0 8080 a.home.', replace: false }],
  ['replace _http._tcp.a.home SRV 0 0 8080 a.home', { change: 'register', name: '_http._tcp.a.home', type: 'SRV', rdata: '0 0 8080 a.home.', replace: true }],
  ['REGISTER a.home TYPE731 \\# 2 abcd', { change: 'register', name: 'a.home', type: 'TYPE731', rdata: '\\# 2 abcd', replace: false }],
  ['UNREGISTER a.home', { change: 'unregister', name: 'a.home' }],
  ['UNREGISTER a.home aaaa', { change: 'unregister', name: 'a.home', type: 'AAAA' }],
])('%s', (line, change) => {
  expect(parseAdminLine(line)).toEqual({ verb: 'change', change })
})

test('LIST and FLUSH take no arguments', () => {
  expect([parseAdminLine('LIST'), parseAdminLine(' flush ')]).toEqual([{ verb: 'list' }, { verb: 'flush' }])
  expect(() => parseAdminLine('LIST all')).toThrow(UsageError)
})

test.each([
  ['', /empty/], ['HELLO', /not an admin command/], ['REGISTER', /name is missing/], ['REGISTER a.home', /address is missing/], ['REGISTER a.home 1.2.3', /neither an IP address/],
  ['REGISTER a.home 192.0.2.1 x', /one word too many/], ['REGISTER a.home 192.0.2.300', /neither/], ['REGISTER a.home MX 10', /mail exchange is missing/],
  ['REGISTER a.home MX 70000 b.home', /not a valid preference/], ['REGISTER a.home SOA x', /cannot be registered/], ['REGISTER a.home ANY', /cannot be registered/],
  ['REGISTER home NS x.home', /dns.zone/], ['REGISTER . 192.0.2.1', /root/], ['REGISTER printer.local 192.0.2.1', /\.local belongs to multicast DNS/],
  ['REGISTER b\u00fccher.home 192.0.2.1', /ASCII/], ['REGISTER a..home 192.0.2.1', /label is empty/], ['UNREGISTER a.home nonsense', /not a record type/],
  ['REGISTER a.home TXT "open', /not closed/], [`REGISTER a.home TXT ${'x'.repeat(300)}`, /255/], ['x'.repeat(2000), /too long/],
  ['REGISTER a.home 192.0.2.1\nFLUSH', /more than one line/],
])('"%s" is refused with its reason', (line, reason) => {
  expect(() => parseAdminLine(line)).toThrow(UsageError)
  expect(() => parseAdminLine(line)).toThrow(reason)
})

test('for a type that cannot be registered, the remedy lists those that have a presentation format', () => {
  const remedy = expect.stringMatching(/^use one of A, (?!.*\bSOA\b).*\bHTTPS\b.*, or write another type as octets$/)
  expect(() => parseAdminLine('REGISTER a.home SOA x')).toThrow(expect.objectContaining({ parts: expect.objectContaining({ remedy }) }))
})

test('replies are single lines', () => {
  expect(formatChanged({ change: 'register', name: 'a.home', type: 'A', rdata: '192.0.2.1', replace: true })).toBe('OK a.home A 192.0.2.1')
  expect(formatChanged({ change: 'unregister', name: 'a.home' })).toBe('OK a.home unregistered')
  expect(formatChanged({ change: 'unregister', name: 'a.home', type: 'A' })).toBe('OK a.home A unregistered')
  expect(formatAdminError(new Error('line\nbreak'))).toMatch(/^ERROR [^\n]*$/)
})

test('a list has one line per registered record, at most 10,000, and then the number of names', () => {
  const own = record('home', 'NS', 'localhost.')
  expect(formatList([own, record('a.home', 'A', '192.0.2.1')], 1)).toEqual(['a.home A 192.0.2.1', 'OK 1 name'])
  expect(formatList([own], 0)).toEqual(['OK 0 names'])
  const many = (count: number) => formatList(Array.from({ length: count }, () => record('a.home', 'A', '192.0.2.1')), 5)
  expect([many(10_000).length, many(10_000)[10_000]]).toEqual([10_001, 'OK 5 names'])
  expect([many(10_001).length, many(10_001)[10_000]]).toEqual([10_001, 'OK 5 names, only the first 10000 records are listed'])
})

test('no reply datagram is longer than 1,200 octets, and none is empty', () => {
  const lines = [...Array.from({ length: 100 }, (_, index) => `name-${index}.home A 192.0.2.${index}`), 'x'.repeat(5000), 'OK 101 names']
  const datagrams = toDatagrams(lines)
  expect(datagrams.every(text => text.length > 0 && text.length <= 1200)).toBe(true)
  expect(datagrams.join('').split('\n')).toHaveLength(103)
  expect(datagrams[datagrams.length - 1]).toMatch(/OK 101 names\n$/)
})

test.each([[599, 1], [600, 2]])('two lines of 600 and of %i octets are %i datagrams', (length, count) => {
  expect(toDatagrams(['x'.repeat(599), 'y'.repeat(length)])).toHaveLength(count)
})
