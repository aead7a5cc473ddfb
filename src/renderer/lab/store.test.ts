import { expect, test } from 'vitest'
import type { PacketRow, Sample } from '../../services/rudp/core/lab/commands.ts'
import { badLink, choose, handleLoaded, shownPackets, useLab, withPackets, withWatched, type Packets, type Watching } from './store.ts'

const sample = (atMs: number): Sample => ({ atMs, windowBytes: 1, ssthreshBytes: null, flightBytes: 0, srttMs: 1, phase: '', lost: 0, control: '' })
const nothing: Watching = { connection: undefined, peer: '', startMs: 0, lost: 0, samples: [], next: 0 }
const replied = { startMs: 3, lost: 2 }
const one = '0000000000001'
const other = '0000000000002'

test('samples of the same connection are appended; another connection starts over', () => {
  const first = withWatched(nothing, { connection: one, peer: '192.0.2.1:9', ...replied, samples: [sample(5)], next: 1 })
  expect(first).toEqual({ ...nothing, connection: one, peer: '192.0.2.1:9' }) // no connection was known when the request was sent
  const second = withWatched(first, { connection: one, peer: '192.0.2.1:9', ...replied, samples: [sample(5), sample(6)], next: 2 })
  expect(second).toMatchObject({ ...replied, samples: [{ atMs: 5 }, { atMs: 6 }] })
  expect(withWatched(second, { connection: one, peer: '192.0.2.1:9', ...replied, samples: [], next: 2 }).samples).toBe(second.samples)
  expect(withWatched(second, { connection: other, peer: '192.0.2.1:10', ...replied, samples: [sample(7)], next: 3 })).toMatchObject({ connection: other, samples: [], next: 0 })
})

test('when the service was restarted, its samples start over', () => {
  const known: Watching = { ...nothing, connection: one, samples: [sample(1)], next: 900 }
  expect(withWatched(known, { connection: one, peer: '', ...replied, samples: [], next: 3 })).toMatchObject({ samples: [], next: 0 })
})

test('samples are bounded, and the oldest are dropped', () => {
  let watching: Watching = { ...nothing, connection: one }
  for (let reply = 0; reply < 30; reply++) {
    const samples = Array.from({ length: 1000 }, (_, index) => sample(reply * 1000 + index))
    watching = withWatched(watching, { connection: one, peer: '', ...replied, samples, next: watching.next + 1000 })
  }
  expect(watching.samples.length).toBeLessThanOrEqual(12_000)
  expect(watching.samples.at(-1)?.atMs).toBe(29_999)
})

const row = (number: number): PacketRow => ({ kind: 'sent', atMs: 500 + number, number, type: 'SHORT', sizeBytes: 1200, frames: 'PING' })
const rowsFrom = (from: number, count: number) => Array.from({ length: count }, (_, index) => row(from + index))
const noPackets: Packets = { connection: undefined, rows: [], next: 0 }

test('packets are appended', () => {
  const first = withPackets(noPackets, { connection: one, rows: rowsFrom(7, 2), next: 9 })
  expect(first).toMatchObject({ connection: one, next: 9 })
  const second = withPackets(first, { connection: one, rows: rowsFrom(9, 1), next: 10 })
  expect(second.rows.map(({ number }) => number)).toEqual([7, 8, 9])
  expect(withPackets(second, { connection: one, rows: [], next: 10 })).toBe(second)
})

test('a gap, or a restarted service, discards the earlier packets', () => {
  const known = withPackets(noPackets, { connection: one, rows: rowsFrom(0, 5), next: 5 })
  expect(withPackets(known, { connection: one, rows: rowsFrom(100, 3), next: 103 }).rows.map(({ number }) => number)).toEqual([100, 101, 102])
  expect(withPackets(known, { connection: one, rows: [], next: 2 })).toEqual({ ...noPackets, connection: one })
})

test('packets are bounded, the oldest are dropped, and only those of the watched connection are shown', () => {
  let packets = noPackets
  for (let from = 0; from < 9000; from += 1000) packets = withPackets(packets, { connection: one, rows: rowsFrom(from, 1000), next: from + 1000 })
  expect(packets.rows.length).toBeLessThanOrEqual(4000)
  expect([packets.rows.at(-1)?.number, packets.next]).toEqual([8999, 9000])
  expect(shownPackets({ packets, watching: { ...nothing, connection: one } })).toBe(packets)
  expect(shownPackets({ packets, watching: { ...nothing, connection: other } }).rows).toEqual([])
})

test('choosing the other end discards the state of the first', () => {
  useLab.setState({ chosen: one, watching: { ...nothing, connection: one, samples: [sample(1)] }, packets: { ...noPackets, rows: [row(1)] }, isForOne: true })
  choose({ end: 'client' })
  expect(useLab.getState()).toMatchObject({ end: 'client', chosen: undefined, isForOne: false, watching: { samples: [] }, packets: { rows: [] } })
  choose({ chosen: other })
  expect(useLab.getState()).toMatchObject({ end: 'client', chosen: other })
})

test('a finished load is counted once, and events that violate the contract are ignored', () => {
  useLab.setState({ loading: 1 })
  handleLoaded('loaded', { url: 'rudp://my-app.home/bytes/1', status: 200, bytes: 1, tookMs: 3 })
  handleLoaded('loaded', { url: 7 })
  handleLoaded('journey', { url: 'x', status: 1, bytes: 1, tookMs: 1 })
  expect(useLab.getState()).toMatchObject({ loading: 0, loaded: { status: 200, bytes: 1 } })
})

test('a bad link is reported for either end, first for the chosen one', () => {
  const reported = (server: string, client: string) => (['app-server', 'client'] as const).map(end => badLink({ end, linksOfAll: { 'app-server': server, client } }))
  expect(reported('perfect', 'perfect')).toEqual([undefined, undefined])
  expect(reported('loss=1%', 'perfect')).toEqual(['loss=1%', 'loss=1%'])
  expect(reported('loss=1%', 'loss=2%')).toEqual(['loss=1%', 'loss=2%'])
})
