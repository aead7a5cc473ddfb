import { expect, test } from 'vitest'
import { isWanted, withRecords, type TraceRecord } from './store.ts'

const record = (sequence: number, more: Partial<TraceRecord> = {}): TraceRecord =>
  ({ sequence, atMs: sequence, direction: 'in', protocol: 'dns', kind: 'packet', path: '127.0.0.1:53 > 127.0.0.1:4000', bytes: new Uint8Array(1), wholeBytes: 1, ...more })
const reply = (from: number, to: number, missed = 0) => ({ records: Array.from({ length: to - from }, (_, index) => record(from + index)), missed, nextSequence: to })

test('records follow one another, and reading goes on behind the last', () => {
  const first = withRecords({ records: [], next: 0, missed: 0 }, reply(0, 3))
  expect(first.next).toBe(3)
  expect(withRecords(first, reply(3, 5)).records.map(({ sequence }) => sequence)).toEqual([0, 1, 2, 3, 4])
  expect(withRecords(first, reply(3, 3))).toEqual(first)
})

test('what was overwritten while somebody looked is counted, what was before is not', () => {
  const first = withRecords({ records: [], next: 0, missed: 0 }, reply(100, 103, 100))
  expect(first.missed).toBe(0)
  expect(withRecords(first, reply(110, 111, 7)).missed).toBe(7)
})

test('the oldest go where there are too many', () => {
  const many = withRecords({ records: [], next: 0, missed: 0 }, reply(0, 6000))
  expect([many.records.length, many.records[0]?.sequence]).toEqual([5000, 1000])
})

test('of all records those are shown that are wanted', () => {
  expect(isWanted({ wanted: 'all', withEvents: false }, record(1))).toBe(true)
  expect(isWanted({ wanted: 'rudp', withEvents: false }, record(1))).toBe(false)
  expect([false, true].map(withEvents => isWanted({ wanted: 'dns', withEvents }, record(1, { kind: 'event' })))).toEqual([false, true])
})
