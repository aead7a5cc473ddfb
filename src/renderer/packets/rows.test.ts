import { expect, test } from 'vitest'
import { dissectionOf, endpointsOf, meaningsOf, sentenceOf } from './rows.ts'
import type { TraceRecord } from './store.ts'

const text = (value: string) => new TextEncoder().encode(value)
const record: TraceRecord = { sequence: 1, atMs: 2500, direction: 'in', protocol: 'admin', kind: 'packet', path: '[::1]:5354 > [::1]:4000 % lo', bytes: text('LIST\n'), wholeBytes: 5 }

test('the direction decides which endpoint is the source', () => {
  const [here, there] = [{ address: '::1', port: 5354 }, { address: '::1', port: 4000 }]
  expect(endpointsOf(record)).toEqual({ from: there, to: here })
  expect(endpointsOf({ ...record, direction: 'out' })).toEqual({ from: here, to: there })
  expect(endpointsOf({ ...record, path: '' })).toBeUndefined()
})

test('a row in words has the time, the protocol, the peer and the summary', () => {
  expect(sentenceOf(record, 1000)).toBe('1.500 s, Admin, from [::1]:4000 % lo, LIST')
})

test('the meaning of a field depends on its protocol', () => {
  const flags = { name: 'flags', value: '', from: 0, to: 2 }
  expect(meaningsOf({ ...record, protocol: 'dns' }, flags)[0]?.source).toMatch(/^RFC 1035/)
  expect(meaningsOf({ ...record, protocol: 'dhcp' }, flags)[0]?.source).toMatch(/^RFC 2131/)
  expect(meaningsOf({ ...record, protocol: 'rudp' }, { ...flags, name: 'ACK' })[0]?.source).toMatch(/^docs\/rudp\.md/)
  expect(meaningsOf({ ...record, protocol: 'dns', kind: 'event' }, flags)).toEqual([])
})

test('an event is summarized by its fields; a truncated one is shown as it is', () => {
  const event = { ...record, kind: 'event' as const, direction: 'none' as const, path: '', bytes: text('{"event":"lost","number":7}') }
  expect(dissectionOf(event).summary).toBe('event lost, number 7')
  expect(dissectionOf({ ...event, bytes: text('{"event":"lo') })).toEqual({ summary: '{"event":"lo', fields: [] })
})
