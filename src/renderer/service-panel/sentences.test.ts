import { expect, test } from 'vitest'
import { addressLine, endpointLines, stateSentence } from './sentences.ts'

const at = (name: string, transport: 'udp' | 'tcp', address: string, port: number) => ({ name, transport, address, port })
const dnsEndpoints = [at('dns', 'udp', '127.0.0.1', 53), at('dns', 'tcp', '127.0.0.1', 53), at('admin', 'udp', '127.0.0.1', 5354)]

test('the card line has each port once, without the admin port', () => {
  expect(addressLine(dnsEndpoints)).toBe('127.0.0.1:53')
  expect(addressLine([at('http', 'tcp', '127.0.0.1', 80), at('rudp', 'udp', '127.0.0.1', 8080)])).toBe('127.0.0.1:80 :8080')
  expect(addressLine([])).toBe('')
})

test('the card line shows one address and counts the others', () => {
  expect(addressLine([at('dns', 'udp', '192.0.2.1', 53), at('dns', 'udp', '198.51.100.7', 53), at('dns', 'udp', '::1', 53)])).toBe('192.0.2.1:53 and 2 more')
})

test('the card line prefers an address that other machines can reach', () => {
  expect(addressLine([at('dns', 'udp', '127.0.0.1', 53), at('dns', 'udp', '192.0.2.1', 53)])).toBe('192.0.2.1:53 and 1 more')
})

test('the panel lists every endpoint, with both transports in one line', () => {
  expect(endpointLines(dnsEndpoints).map(({ name, text }) => `${name} ${text}`)).toEqual(['DNS 127.0.0.1:53 over UDP and TCP', 'Admin 127.0.0.1:5354 over UDP'])
})

test('the state sentence gives the reason for a degraded service', () => {
  expect(stateSentence({ id: 'dns', state: 'degraded', reason: 'no upstream answers', endpoints: [] })).toBe('Running with a problem: no upstream answers.')
  expect(stateSentence({ id: 'dns', state: 'running', pid: 4120, endpoints: [] })).toBe('Running as process 4120.')
})
