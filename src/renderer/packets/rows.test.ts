import { expect, test } from 'vitest'
import { dissectionOf, meaningsOf, sentenceOf, endpointsOf } from './rows.ts'
import type { TraceRecord } from './store.ts'

const text = (value: string) => new TextEncoder().encode(value)
const record: TraceRecord = { sequence: 1, atMs: 2500, direction: 'in', protocol: 'admin', kind: 'packet', path: '[::1]:5354 > [::1]:4000 % lo', bytes: text('LIST\n'), wholeBytes: 5 }

test('a packet goes from its peer to here, or the other way', () => {
  const [here, there] = [{ address: '::1', port: 5354 }, { address: '::1', port: 4000 }]
  expect(endpointsOf(record)).toEqual({ from: there, to: here })
  expect(endpointsOf({ ...record, direction: 'out' })).toEqual({ from: here, to: there })
  expect(endpointsOf({ ...record, path: '' })).toBeUndefined()
})

test('a row in words tells when, what and with whom', () => {
  expect(sentenceOf(record, 1000)).toBe('1.500 s, Admin, from [::1]:4000 % lo, LIST')
})

test('a field means what its protocol says', () => {
  const flags = { name: 'flags', value: '', from: 0, to: 2 }
  expect(meaningsOf({ ...record, protocol: 'dns' }, flags)[0]?.source).toMatch(/^RFC 1035/)
  expect(meaningsOf({ ...record, protocol: 'dhcp' }, flags)[0]?.source).toMatch(/^RFC 2131/)
  expect(meaningsOf({ ...record, protocol: 'rudp' }, { ...flags, name: 'ACK' })[0]?.source).toMatch(/^docs\/rudp\.md/)
  expect(meaningsOf({ ...record, protocol: 'dns', kind: 'event' }, flags)).toEqual([])
})

test('an event is told by its fields, and one that was cut as it is', () => {
  const event = { ...record, kind: 'event' as const, direction: 'none' as const, path: '', bytes: text('{"event":"lost","number":7}') }
  expect(dissectionOf(event).summary).toBe('event lost, number 7')
  expect(dissectionOf({ ...event, bytes: text('{"event":"lo') })).toEqual({ summary: '{"event":"lo', fields: [] })
})
