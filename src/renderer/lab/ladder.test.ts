import { expect, test } from 'vitest'
import type { PacketRow } from '../../services/rudp/core/lab/commands.ts'
import { ladderOf, textOf } from './ladder.ts'

const packet = (kind: 'sent' | 'received', number: number, atMs: number): PacketRow => ({ kind, atMs, number, type: 'SHORT', sizeBytes: 1200, frames: 'STREAM 0 at 1173+1173' })

/** The texts of these rows. */
const textsOf = (...rows: readonly PacketRow[]) => {
  const ladder = ladderOf(rows, rows.length)
  return ladder.rungs.map(({ row }) => textOf(row, ladder, 1000))
}

test('a lost packet is marked in its own row, and its detection has a row too', () => {
  const [lost, found] = textsOf(packet('sent', 12, 1060), { kind: 'lost', atMs: 1100.25, number: 12, found: 'packet threshold' })
  expect(lost).toEqual({
    time: '60.0', label: 'SHORT #12  STREAM 0 at 1173+1173', marks: [], isLost: true,
    sentence: 'At 60.0 ms: SHORT #12 sent, 1200 bytes: STREAM 0 at 1173+1173; declared lost at 100.3 ms (packet threshold).',
  })
  expect(found).toMatchObject({ label: '#12 declared lost (packet threshold)', isLost: false, sentence: 'At 100.3 ms: #12 declared lost (packet threshold).' })
})

test('a packet declared lost that arrives late is marked as a spurious loss', () => {
  const [sent, , after] = textsOf(packet('sent', 12, 1000), { kind: 'lost', atMs: 1100, number: 12, found: 'time threshold' }, { kind: 'late', atMs: 1101, number: 12 })
  expect(sent).toMatchObject({ isLost: false, marks: ['spurious loss'] })
  expect(after?.label).toBe('#12 arrived after all: spurious loss')
})

test('a retransmission says why it was sent, without a row of its own', () => {
  const rows = textsOf(
    packet('sent', 1, 1000), { kind: 'again', atMs: 1000, number: 1 },
    { kind: 'probe', atMs: 1001, number: 2 }, packet('sent', 2, 1001), { kind: 'again', atMs: 1001, number: 2 },
    { kind: 'duplicate', atMs: 1002, number: 3 }, packet('sent', 3, 1002),
  )
  expect(rows.map(({ marks }) => marks)).toEqual([['retransmission'], ['probe'], ['early duplicate']])
  expect(rows[1]?.sentence).toBe('At 1.0 ms: SHORT #2 sent, 1200 bytes: STREAM 0 at 1173+1173; probe.')
})

test('the peer numbers its packets separately, so a loss of ours does not mark its packet', () => {
  const [, received] = textsOf(packet('sent', 12, 1000), packet('received', 12, 1001), { kind: 'lost', atMs: 1002, number: 12, found: 'time threshold' })
  expect(received).toMatchObject({ isLost: false, marks: [], sentence: 'At 1.0 ms: SHORT #12 received, 1200 bytes: STREAM 0 at 1173+1173.' })
})

test('restored bytes have a row of their own, and mark no sent packet', () => {
  const [ours, , restored] = textsOf(packet('sent', 6, 1000), packet('received', 6, 1001), { kind: 'restored', atMs: 1001, number: 6, bytes: 'STREAM 0 at 2346+1173' })
  expect(ours?.sentence).not.toContain('restored')
  expect(restored?.label).toBe('STREAM 0 at 2346+1173 restored from parity, with #6')
})

test('a row keeps its key when older ones are dropped', () => {
  const rows = [packet('sent', 1, 0), packet('sent', 2, 0), packet('sent', 3, 0)]
  expect(ladderOf(rows, 10).rungs.map(({ key }) => key)).toEqual([7, 8, 9])
  expect(ladderOf(rows.slice(1), 10).rungs.map(({ key }) => key)).toEqual([8, 9])
})
