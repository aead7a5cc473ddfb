import fc from 'fast-check'
import { expect, test } from 'vitest'
import { formatIpv4, subnetContains, subnetOf } from './ip-address.ts'
import { isInPrefix, parseIpPrefix } from './ip-prefix.ts'

test.each([
  ['192.168.1.0/24', '192.168.1.255', true], ['192.168.1.0/24', '192.168.2.0', false], ['192.168.1.77/24', '192.168.1.1', true],
  ['10.0.0.0/9', '10.127.255.255', true], ['10.0.0.0/9', '10.128.0.0', false], ['0.0.0.0/0', '203.0.113.1', true], ['0.0.0.0/0', '::1', false],
  ['192.0.2.1', '192.0.2.1', true], ['192.0.2.1', '192.0.2.2', false], ['192.0.2.1/32', '192.0.2.1', true],
  ['2001:db8::/33', '2001:db8:7fff::1', true], ['2001:db8::/33', '2001:db8:8000::1', false], ['fe80::/10', 'fe80::1%eth0', true], ['::/0', '192.0.2.1', false],
])('%s contains %s: %s', (prefix, address, inside) => {
  expect(isInPrefix(parseIpPrefix(prefix) ?? expect.unreachable('a prefix'), address)).toBe(inside)
})

test('an IPv4 prefix contains what its subnet contains: every bit counts', () => {
  const near = fc.tuple(fc.integer({ min: 0, max: 0xffffffff }), fc.integer({ min: 0, max: 31 }), fc.integer({ min: 0, max: 32 }))
  fc.assert(fc.property(near, ([network, changedBit, bits]) => {
    const address = (network ^ (1 << changedBit)) >>> 0
    const prefix = parseIpPrefix(`${formatIpv4(network)}/${bits}`) ?? expect.unreachable('a prefix')
    expect(isInPrefix(prefix, formatIpv4(address))).toBe(subnetContains(subnetOf(network, bits), address))
  }), { numRuns: 500 })
})

test.each(['', '192.0.2.0/33', '192.0.2.0/', '192.0.2.0/-1', '192.0.2/24', '2001:db8::/129', '192.0.2.0/24/24', 'home/8'])('"%s" is not a prefix', text => {
  expect(parseIpPrefix(text)).toBeUndefined()
})
