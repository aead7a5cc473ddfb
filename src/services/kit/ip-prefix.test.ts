import { expect, test } from 'vitest'
import { isInPrefix, parseIpPrefix } from './ip-prefix.ts'

test.each([
  ['192.168.1.0/24', '192.168.1.255', true], ['192.168.1.0/24', '192.168.2.0', false], ['192.168.1.77/24', '192.168.1.1', true],
  ['10.0.0.0/9', '10.127.255.255', true], ['10.0.0.0/9', '10.128.0.0', false], ['0.0.0.0/0', '203.0.113.1', true], ['0.0.0.0/0', '::1', false],
  ['192.0.2.1', '192.0.2.1', true], ['192.0.2.1', '192.0.2.2', false], ['192.0.2.1/32', '192.0.2.1', true],
  ['2001:db8::/33', '2001:db8:7fff::1', true], ['2001:db8::/33', '2001:db8:8000::1', false], ['fe80::/10', 'fe80::1%eth0', true], ['::/0', '192.0.2.1', false],
])('of %s is %s: %s', (prefix, address, inside) => {
  expect(isInPrefix(parseIpPrefix(prefix) ?? expect.unreachable('a prefix'), address)).toBe(inside)
})

test.each(['', '192.0.2.0/33', '192.0.2.0/', '192.0.2.0/-1', '192.0.2/24', '2001:db8::/129', '192.0.2.0/24/24', 'home/8'])('"%s" is no prefix', text => {
  expect(parseIpPrefix(text)).toBeUndefined()
})
