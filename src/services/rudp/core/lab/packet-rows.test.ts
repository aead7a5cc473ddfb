import { expect, test } from 'vitest'
import { bytesOf, transfer } from '../../testing/transfer.ts'
import type { Frame } from '../../wire/frames.ts'
import type { TraceEvent } from '../events.ts'
import { packetRow, type PacketRow } from './commands.ts'
import { PacketRows } from './packet-rows.ts'

const packet = (kind: 'sent' | 'received', number: number, ...frames: Frame[]): TraceEvent => ({ kind, packet: { type: 'SHORT', destinationId: 1, number, frames }, sizeBytes: 1200 })
const stream: Frame = { kind: 'STREAM', streamId: 0, offset: 1173, fin: false, data: new Uint8Array(1173) }

test('a packet is a row, and what is found out about it later is another', () => {
  const packets = new PacketRows()
  packets.add(packet('sent', 3, stream), 60)
  packets.add({ kind: 'lost', number: 3, sizeBytes: 1200, found: 'packet threshold' }, 100)
  packets.add({ kind: 'probe', number: 9, why: 'duplicate' }, 101)
  packets.add(packet('sent', 9, stream), 101)
  packets.add({ kind: 'retransmitted', number: 9, streamId: 0, offset: 1173, lengthBytes: 1173 }, 101)
  packets.add({ kind: 'spurious', number: 3 }, 102)
  packets.add({ kind: 'state', from: 'ESTABLISHED', to: 'CLOSING' }, 103)
  const { rows, next } = packets.rows.from(0, 100)
  expect(rows).toEqual([
    { kind: 'sent', atMs: 60, number: 3, type: 'SHORT', sizeBytes: 1200, frames: 'STREAM 0 at 1173+1173' },
    { kind: 'lost', atMs: 100, number: 3, found: 'packet threshold' },
    { kind: 'duplicate', atMs: 101, number: 9 },
    { kind: 'sent', atMs: 101, number: 9, type: 'SHORT', sizeBytes: 1200, frames: 'STREAM 0 at 1173+1173' },
    { kind: 'again', atMs: 101, number: 9 },
    { kind: 'late', atMs: 102, number: 3 },
  ])
  expect(next).toBe(6)
})

test('a restoration names the packet that made it possible', () => {
  const packets = new PacketRows()
  packets.add(packet('received', 6, { kind: 'PARITY', streamId: 0, finalSize: 5000, sum: 1, data: new Uint8Array(1173) }), 80)
  packets.add(packet('sent', 7, stream), 80)
  packets.add({ kind: 'restored', streamId: 0, offset: 2346, lengthBytes: 1173 }, 80)
  expect(packets.rows.from(2, 9).rows).toEqual([{ kind: 'restored', atMs: 80, number: 6, bytes: 'STREAM 0 at 2346+1173' }])
})

test('many ranges or frames are summarized by the first ones and the number of the others', () => {
  const packets = new PacketRows()
  const ranges = [9, 7, 5, 3, 1].map(number => ({ first: number, last: number }))
  packets.add(packet('sent', 1, { kind: 'ACK', delayMs: 0, ranges }, { kind: 'PING' }, { kind: 'PING' }, { kind: 'PING' }, stream, stream), 0)
  packets.add(packet('sent', 2, { kind: 'ACK', delayMs: 0, ranges: ranges.slice(0, 3) }), 0)
  expect(packets.rows.from(0, 9).rows.map(row => 'frames' in row && row.frames)).toEqual(['ACK 9 7 5 and 2 more, PING, PING, PING, and 2 more', 'ACK 9 7 5'])
})

test('the newest rows are kept, and a reader that is too slow sees how many are gone', () => {
  const packets = new PacketRows()
  for (let number = 0; number < 5000; number++) packets.add(packet('sent', number, stream), number)
  const { rows, next } = packets.rows.from(10, 100_000)
  expect(next).toBe(5000)
  expect(rows.length).toBeGreaterThanOrEqual(2000)
  expect(rows.length).toBeLessThan(4000)
  expect(rows[0]?.number).toBe(next - rows.length)
  expect(packets.rows.from(next - rows.length, 7).rows.map(({ number }) => number)).toEqual(rows.slice(0, 7).map(({ number }) => number))
})

test('over a lossy link, every loss that a connection counts is a row after that of its packet, and every row conforms to the contract', () => {
  const packets = new PacketRows()
  const { pair, isComplete } = transfer({
    seed: 3, link: { delayMs: 20, loss: 0.1 },
    observe({ role }, event, atMs) { if (role === 'acceptor') packets.add(event, atMs) },
  }, bytesOf(100, 1), bytesOf(500_000, 2))
  pair.run(isComplete, 200_000)
  const { rows } = packets.rows.from(0, 100_000)
  for (const row of rows) expect(packetRow.parse(row)).toEqual(row)
  const placeOf = (kind: PacketRow['kind'], number: number) => rows.findIndex(row => row.kind === kind && row.number === number)
  const lost = rows.filter(({ kind }) => kind === 'lost')
  expect(lost.length, 'seed 3').toBeGreaterThan(10)
  for (const { number } of lost) expect(placeOf('lost', number), `#${number}, seed 3`).toBeGreaterThan(placeOf('sent', number))
  const again = rows.filter(({ kind }) => kind === 'again')
  expect(again.length, 'seed 3').toBeGreaterThan(10)
  for (const { number } of again) expect(placeOf('sent', number), `#${number}, seed 3`).toBeGreaterThanOrEqual(0)
})
