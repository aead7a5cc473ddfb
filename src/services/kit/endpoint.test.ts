import { expect, test } from 'vitest'
import { formatEndpoint, parseEndpoint } from './endpoint.ts'

test.each([
  ['192.0.2.1', { address: '192.0.2.1', port: 53 }, '192.0.2.1:53'],
  ['192.0.2.1:5353', { address: '192.0.2.1', port: 5353 }, '192.0.2.1:5353'],
  ['192.0.2.1:65535', { address: '192.0.2.1', port: 65535 }, '192.0.2.1:65535'],
  ['2001:db8::1', { address: '2001:db8::1', port: 53 }, '[2001:db8::1]:53'],
  ['[2001:db8::1]:5353', { address: '2001:db8::1', port: 5353 }, '[2001:db8::1]:5353'],
  ['2001:DB8:0:0::1', { address: '2001:db8::1', port: 53 }, '[2001:db8::1]:53'],
  ['[0:0:0:0:0:0:0:1]:5353', { address: '::1', port: 5353 }, '[::1]:5353'],
  ['[::1]', { address: '::1', port: 53 }, '[::1]:53'],
])('%s is parsed and formatted', (text, endpoint, written) => {
  expect(parseEndpoint(text, 53)).toEqual(endpoint)
  expect(formatEndpoint(endpoint)).toBe(written)
})

test.each([
  ['example.org', 'is not an IP address'],
  ['192.0.2.1:65536', '65536 is not a port'],
  ['', 'it has no IP address'],
  ['192.0.2.1:port', 'is not an IP address'],
])('"%s" is refused: %s', (text, why) => {
  expect(() => parseEndpoint(text, 53)).toThrow(why)
})
