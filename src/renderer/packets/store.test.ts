import { expect, test } from 'vitest'
import { clear, matchesFilter, showStep, newerThan, usePackets, withRecords, type TraceRecord } from './store.ts'

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

test('of all records those are shown that are protocolFilter', () => {
  expect(matchesFilter({ protocolFilter: 'all', includesEvents: false, timeFilter: undefined }, record(1))).toBe(true)
  expect(matchesFilter({ protocolFilter: 'rudp', includesEvents: false, timeFilter: undefined }, record(1))).toBe(false)
  expect([false, true].map(includesEvents => matchesFilter({ protocolFilter: 'dns', includesEvents, timeFilter: undefined }, record(1, { kind: 'event' })))).toEqual([false, true])
})

test('of a time that is looked into nothing else is shown', () => {
  const timeFilter = { what: 'step 2', fromMs: 100, toMs: 105 }
  const shown = [90, 99, 100, 105, 106, 110].filter(sequence => matchesFilter({ protocolFilter: 'all', includesEvents: false, timeFilter }, record(sequence)))
  expect(shown).toEqual([99, 100, 105, 106]) // clocks are not quite one
})

test('who looks into a step sees what the client saw, until all of it is cleared', () => {
  showStep('http', { what: 'step 4', fromMs: 1, toMs: 2 })
  expect(usePackets.getState()).toMatchObject({ end: 'client', protocolFilter: 'http', includesEvents: true, timeFilter: { what: 'step 4' } })
  showStep('dns', { what: 'step 2', fromMs: 1, toMs: 2 })
  expect(usePackets.getState()).toMatchObject({ protocolFilter: 'dns', includesEvents: false, timeFilter: { what: 'step 2' } })
  clear()
  expect(usePackets.getState().timeFilter).toBeUndefined()
})

test('what has come behind a paused list is counted, also when the list is no longer among the records', () => {
  const records = Array.from({ length: 5 }, (_, sequence) => record(sequence))
  expect([newerThan(records, records), newerThan(records.slice(0, 3), records), newerThan([], records)]).toEqual([0, 2, 5])
  // Another process of the service counts its own from 0 on.
  expect(newerThan(records, [record(0), record(1)])).toBe(2)
})
