import { expect, test } from 'vitest'
import { bytesOf, transfer } from '../../testing/transfer.ts'
import type { Frame } from '../../wire/frames.ts'
import type { Connection } from '../connection.ts'
import type { TraceEvent } from '../events.ts'
import { formatQlog } from '../qlog.ts'
import { Recording } from './recording.ts'

const between = { role: 'acceptor', path: { local: { address: '192.0.2.1', port: 8080 }, interfaceName: '', peer: { address: '192.0.2.2', port: 50_000 } }, metrics: () => ({ congestion: 'reno' as const }) } as const
const window = (windowBytes: number, phase = 'slow start'): Extract<TraceEvent, { kind: 'window' }> =>
  ({ kind: 'window', windowBytes, ssthreshBytes: Infinity, flightBytes: 0, phase, srttMs: 10, minRttMs: 10, latestRttMs: 10, pacingBytesPerMs: 1 })

test('growth is sampled; a shrinking window, a loss or another controller is always recorded', () => {
  const recording = new Recording(between)
  for (let atMs = 0; atMs < 100; atMs++) recording.add(window(1000 + atMs), atMs)
  recording.add(window(500), 100)
  recording.add({ kind: 'lost', number: 7, sizeBytes: 1200, found: 'time threshold' }, 101)
  recording.add({ kind: 'lost', number: 8, sizeBytes: 1200, found: 'time threshold' }, 101)
  recording.add(window(501), 101)
  recording.add({ kind: 'congestion', name: 'cubic' }, 102)
  recording.add(window(502), 102)
  recording.add(window(503, 'congestion avoidance'), 103)
  recording.add(window(504, 'congestion avoidance'), 104)
  expect(recording.samplesFrom(0, 100).rows.map(({ atMs, lost, control }) => [atMs, lost, control])).toEqual([
    [0, 0, ''], [20, 0, ''], [40, 0, ''], [60, 0, ''], [80, 0, ''], [100, 0, ''], [101, 2, ''], [102, 0, 'cubic'], [103, 0, ''], [104, 0, ''],
  ])
  expect(recording.lost).toBe(2)
})

test('the flight is the maximum since the last sample, not counting acknowledgments', () => {
  const recording = new Recording(between)
  const sent = (number: number, ...frames: Frame[]): TraceEvent => ({ kind: 'sent', packet: { type: 'SHORT', destinationId: 1, number, frames }, sizeBytes: 1200 })
  recording.add(window(5000), 0)
  recording.add(sent(1, { kind: 'PING' }), 1)
  recording.add(sent(2, { kind: 'PING' }), 1)
  recording.add(sent(3, { kind: 'ACK', delayMs: 0, ranges: [{ first: 0, last: 0 }] }), 1)
  recording.add(window(6000), 10) // too soon for a sample, and everything has arrived
  recording.add(sent(4, { kind: 'PING' }), 11)
  recording.add(window(7000), 30)
  recording.add(window(8000), 60)
  expect(recording.samplesFrom(0, 9).rows.map(({ flightBytes }) => flightBytes)).toEqual([0, 2400, 0])
})

test('a viewer sees the current state although nothing follows: the last growth, the last loss, and an empty flight', () => {
  const recording = new Recording(between)
  recording.add(window(5000), 1000)
  recording.add({ kind: 'sent', packet: { type: 'SHORT', destinationId: 1, number: 1, frames: [{ kind: 'PING' }] }, sizeBytes: 1200 }, 1001)
  recording.add(window(6000), 1002)
  recording.add({ kind: 'lost', number: 1, sizeBytes: 1200, found: 'time threshold' }, 1003)
  const seen = () => recording.samplesFrom(1, 9).rows.map(({ atMs, windowBytes, flightBytes, lost }) => [atMs, windowBytes, flightBytes, lost])
  const first = [1003, 6000, 1200, 1]
  expect(seen()).toEqual([first])
  expect(seen()).toEqual([first, [1003, 6000, 0, 0]])
  expect(seen()).toEqual([first, [1003, 6000, 0, 0]])
  expect([recording.startMs, recording.lost]).toEqual([1000, 1])
})

test('a closed connection has nothing in flight, although not everything was acknowledged', () => {
  const recording = new Recording(between)
  recording.add({ ...window(5000), flightBytes: 2400 }, 0)
  recording.add({ kind: 'state', from: 'DRAINING', to: 'CLOSED' }, 300)
  expect(recording.samplesFrom(0, 9).rows.map(({ atMs, flightBytes }) => [atMs, flightBytes])).toEqual([[0, 2400], [300, 0]])
})

test('a reader gets each sample once, piece by piece, and those that still exist if it was too slow', () => {
  const recording = new Recording(between)
  for (let number = 0; number < 100; number++) recording.add(window(number), number * 20)
  const first = recording.samplesFrom(0, 60)
  expect([first.rows.length, first.next]).toEqual([60, 60])
  expect(recording.samplesFrom(first.next, 60).rows.map(({ windowBytes }) => windowBytes)).toEqual(Array.from({ length: 40 }, (_, index) => 60 + index))
  expect(recording.samplesFrom(100, 60)).toEqual({ rows: [], next: 100 })
  for (let number = 100; number < 40_000; number++) recording.add(window(number), number * 20)
  const [oldest] = recording.samplesFrom(0, 1).rows
  expect(oldest?.windowBytes).toBe(40_000 - 40_000 % 8192 - 8192)
  expect(recording.samplesFrom(39_999, 10).rows.map(({ windowBytes }) => windowBytes)).toEqual([39_999])
})

test('over a lossy link, the samples have as many losses as the connection counts, and an ssthresh from the first one on', () => {
  let server: Connection | undefined
  const recordings = new Map<Connection, Recording>()
  const { pair, isComplete } = transfer({
    seed: 3, congestion: 'reno', link: { delayMs: 20, loss: 0.03 },
    observe(connection, event, atMs) {
      if (connection.role === 'acceptor') server = connection
      const recording = recordings.get(connection) ?? new Recording(connection)
      recordings.set(connection, recording)
      recording.add(event, atMs)
    },
  }, bytesOf(100, 1), bytesOf(2_000_000, 2))
  pair.run(isComplete, 200_000)
  const recording = server && recordings.get(server)
  if (server === undefined || recording === undefined) throw new Error('nothing was recorded')
  const samples = recording.samplesFrom(0, 100_000).rows
  expect(samples.reduce((sum, { lost }) => sum + lost, 0)).toBe(server.metrics().lost)
  expect(server.metrics().lost).toBeGreaterThan(10)
  const firstLoss = samples.findIndex(({ lost }) => lost > 0)
  expect(samples.slice(0, firstLoss).every(({ ssthreshBytes }) => ssthreshBytes === null)).toBe(true)
  expect(samples.slice(firstLoss).every(({ ssthreshBytes }) => ssthreshBytes !== null)).toBe(true)
  expect(JSON.parse(formatQlog([recording.qlog])).traces[0].vantage_point.type).toBe('server')
})
