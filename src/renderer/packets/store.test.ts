import { expect, test } from 'vitest'
import { clear, matchesFilter, newerThan, showStep, usePackets, withRecords, type TraceRecord } from './store.ts'

const record = (sequence: number, more: Partial<TraceRecord> = {}): TraceRecord =>
  ({ sequence, atMs: sequence, direction: 'in', protocol: 'dns', kind: 'packet', path: '127.0.0.1:53 > 127.0.0.1:4000', bytes: new Uint8Array(1), wholeBytes: 1, ...more })
const reply = (from: number, to: number, missed = 0) => ({ records: Array.from({ length: to - from }, (_, index) => record(from + index)), missed, nextSequence: to })

test('records are appended, and reading continues after the last one', () => {
  const first = withRecords({ records: [], next: 0, missed: 0 }, reply(0, 3))
  expect(first.next).toBe(3)
  expect(withRecords(first, reply(3, 5)).records.map(({ sequence }) => sequence)).toEqual([0, 1, 2, 3, 4])
  expect(withRecords(first, reply(3, 3))).toEqual(first)
})

test('records overwritten during reading count as missed, earlier ones do not', () => {
  const first = withRecords({ records: [], next: 0, missed: 0 }, reply(100, 103, 100))
  expect(first.missed).toBe(0)
  expect(withRecords(first, reply(110, 111, 7)).missed).toBe(7)
})

test('records are bounded, and the oldest are dropped', () => {
  const many = withRecords({ records: [], next: 0, missed: 0 }, reply(0, 6000))
  expect([many.records.length, many.records[0]?.sequence]).toEqual([5000, 1000])
})

test('records are filtered by protocol and kind', () => {
  expect(matchesFilter({ protocolFilter: 'all', includesEvents: false, timeFilter: undefined }, record(1))).toBe(true)
  expect(matchesFilter({ protocolFilter: 'rudp', includesEvents: false, timeFilter: undefined }, record(1))).toBe(false)
  expect([false, true].map(includesEvents => matchesFilter({ protocolFilter: 'dns', includesEvents, timeFilter: undefined }, record(1, { kind: 'event' })))).toEqual([false, true])
})

test('a time filter shows only its records', () => {
  const timeFilter = { what: 'step 2', fromMs: 100, toMs: 105 }
  const shown = [90, 99, 100, 105, 106, 110].filter(sequence => matchesFilter({ protocolFilter: 'all', includesEvents: false, timeFilter }, record(sequence)))
  expect(shown).toEqual([99, 100, 105, 106]) // with slack, because clocks differ slightly
})

test('a step shows what the client recorded, until the list is cleared', () => {
  showStep('http', { what: 'step 4', fromMs: 1, toMs: 2 })
  expect(usePackets.getState()).toMatchObject({ service: 'client', protocolFilter: 'http', includesEvents: true, timeFilter: { what: 'step 4' } })
  showStep('dns', { what: 'step 2', fromMs: 1, toMs: 2 })
  expect(usePackets.getState()).toMatchObject({ protocolFilter: 'dns', includesEvents: false, timeFilter: { what: 'step 2' } })
  clear()
  expect(usePackets.getState().timeFilter).toBeUndefined()
})

test('records newer than a paused list are counted, even when the list is no longer among the records', () => {
  const records = Array.from({ length: 5 }, (_, sequence) => record(sequence))
  expect([newerThan(records, records), newerThan(records.slice(0, 3), records), newerThan([], records)]).toEqual([0, 2, 5])
  // After a restart the service numbers its records from 0.
  expect(newerThan(records, [record(0), record(1)])).toBe(2)
})
