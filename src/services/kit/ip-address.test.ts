import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  broadcastOf, formatIpv4, formatIpv6, isIpAddress, isLinkLocalIpv6, isLoopback, maskOf, parseIpv4, parseIpv6, prefixBitsOf, subnetContains, subnetOf,
} from './ip-address.ts'

test('every IPv4 number is formatted and parsed back', () => {
  fc.assert(fc.property(fc.integer({ min: 0, max: 0xffffffff }), value => { expect(parseIpv4(formatIpv4(value))).toBe(value) }))
})

test.each(['256.0.0.1', '1.2.3', '1.2.3.4.5', '01.2.3.4', '1.2.3.4 ', '', '1..2.3', '-1.2.3.4', '0x1.2.3.4', '1.2.3.', '.1.2.3', '1.2.3.4.', '1.2.3.00', '1.2.3.1000', '1.2.3.٤'])('"%s" is not a dotted quad', text => {
  expect(parseIpv4(text)).toBeUndefined()
})

test('any sixteen bytes are formatted and parsed back', () => {
  fc.assert(fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), bytes => { expect(parseIpv6(formatIpv6(bytes))).toEqual(bytes) }))
})

test('the first of the longest runs of zero groups is shortened, as in URLs (RFC 5952 §4.2)', () => {
  fc.assert(fc.property(fc.array(fc.constantFrom(0, 0, 1, 0xabcd), { minLength: 8, maxLength: 8 }), groups => {
    const text = groups.map(group => group.toString(16)).join(':')
    expect(`[${formatIpv6(parseIpv6(text) ?? new Uint8Array(0))}]`).toBe(new URL(`http://[${text}]/`).hostname)
  }))
})

test.each([
  ['2001:0db8:0000:0000:0000:0000:0000:0001', '2001:db8::1'],
  ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
  ['0:0:0:0:0:0:0:0', '::'],
  ['::FFFF:192.0.2.1', '::ffff:c000:201'],
  ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
  ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
  ['1:2:3:4:5:6:192.0.2.1', '1:2:3:4:5:6:c000:201'],
])('%s is written %s (RFC 5952)', (text, canonical) => {
  const bytes = parseIpv6(text)
  expect(bytes && formatIpv6(bytes)).toBe(canonical)
})

test.each([':', ':::', '1::2::3', '1:2:3:4:5:6:7', '1:2:3:4:5:6:7:8:9', '12345::', '::1%eth0', '1.2.3.4::', 'g::', '1:2:3:4::5:6:7:8', '::1.2.3.300', '1:2:3:4:5:6:7:1.2.3.4', '::1.2.3.4:5'])('"%s" is not an IPv6 address', text => {
  expect(isIpAddress(text)).toBe(false)
})

test('loopback is 127/8 and ::1, in any spelling', () => {
  expect(['127.0.0.1', '127.9.9.9', '::1', '0:0:0:0:0:0:0:1'].every(isLoopback)).toBe(true)
  expect(['128.0.0.1', '::2', 'localhost'].some(isLoopback)).toBe(false)
})

test('the addresses of fe80::/10, and no others, are link-local', () => {
  expect(['fe80::1', 'FE80::1', 'fe9a::', 'febf:ffff::1'].every(isLinkLocalIpv6)).toBe(true)
  expect(['fec0::1', 'fe7f::1', 'fe8::1', '2001:db8::fe80', '169.254.0.1', '::1'].some(isLinkLocalIpv6)).toBe(false)
})

test('a subnet contains its addresses and no others', () => {
  const subnet = subnetOf(parseIpv4('192.0.2.77') ?? 0, 26)
  expect(formatIpv4(subnet.network)).toBe('192.0.2.64')
  expect(formatIpv4(broadcastOf(subnet))).toBe('192.0.2.127')
  expect(subnetContains(subnet, parseIpv4('192.0.2.127') ?? 0)).toBe(true)
  expect(subnetContains(subnet, parseIpv4('192.0.2.128') ?? 0)).toBe(false)
})

test('each prefix length has a mask, and a mask with a gap has no prefix length', () => {
  for (let bits = 0; bits <= 32; bits++) expect(prefixBitsOf(maskOf(bits))).toBe(bits)
  expect(prefixBitsOf(0xff00ff00)).toBeUndefined()
})
