import fc from 'fast-check'
import { expect, test } from 'vitest'
import { seededRandom } from '../../kit/random.ts'
import { chooseServiceRecord, parseServiceRecord, serviceName } from './service-record.ts'

test('a record is parsed from the text of a zone file', () => {
  expect(parseServiceRecord('10 5 8081 My-App.home.')).toEqual({ priority: 10, weight: 5, port: 8081, target: 'my-app.home' })
  expect(parseServiceRecord('0 0 0 .')).toEqual({ priority: 0, weight: 0, port: 0, target: '' })
  expect(parseServiceRecord('65535 65535 65535 a.')?.port).toBe(65_535)
  for (const text of ['', '65536 0 80 a.', '0 65536 80 a.', '0 0 65536 a.', '0 0 80', 'a b c d', '-1 0 80 a.']) expect(parseServiceRecord(text), text).toBeUndefined()
})

test('each transport has its own service name', () => {
  expect(serviceName('my-app.home', 'tcp')).toBe('_http._tcp.my-app.home')
  expect(serviceName('my-app.home', 'rudp')).toBe('_rudp._udp.my-app.home')
})

test('a record of the lowest priority is chosen, by weight', () => {
  const record = fc.record({ priority: fc.nat(3), weight: fc.nat(65535), port: fc.nat(65535), target: fc.constant('a') })
  fc.assert(fc.property(fc.array(record, { minLength: 1, maxLength: 5 }), fc.integer(), (records, seed) => {
    const chosen = chooseServiceRecord(records, seededRandom(seed))
    expect(chosen?.priority).toBe(Math.min(...records.map(({ priority }) => priority)))
  }))
  const random = seededRandom(1)
  const pair = [80, 81].map((port, index) => ({ priority: 0, weight: index * 3 + 1, port, target: 'a' }))
  const ports = Array.from({ length: 1000 }, () => chooseServiceRecord(pair, random)?.port)
  expect(ports.filter(port => port === 81).length / 1000).toBeCloseTo(0.8, 1)
  expect(chooseServiceRecord([], random)).toBeUndefined()
})
