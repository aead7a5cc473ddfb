import { expect, test } from 'vitest'
import type { PacketRow } from '../../services/rudp/core/lab/commands.ts'
import { ladderOf, textOf } from './ladder.ts'

const packet = (kind: 'sent' | 'received', number: number, atMs: number): PacketRow => ({ kind, atMs, number, type: 'SHORT', sizeBytes: 1200, frames: 'STREAM 0 at 1173+1173' })

/** What each row says, when these happened. */
const told = (...rows: readonly PacketRow[]) => {
  const ladder = ladderOf(rows, rows.length)
  return ladder.rungs.map(({ row }) => textOf(row, ladder, 1000))
}

test('a packet that was given up is lost from its own row on, and the moment it was found has a row too', () => {
  const [lost, found] = told(packet('sent', 12, 1060), { kind: 'lost', atMs: 1100.25, number: 12, found: 'by later packets' })
  expect(lost).toEqual({
    time: '60.0', label: 'SHORT #12  STREAM 0 at 1173+1173', marks: [], isLost: true,
    sentence: 'At 60.0 ms: SHORT #12 sent, 1200 bytes: STREAM 0 at 1173+1173; given up at 100.3 ms, found by later packets.',
  })
  expect(found).toMatchObject({ label: '#12 given up, found by later packets', isLost: false, sentence: 'At 100.3 ms: #12 given up, found by later packets.' })
})

test('a packet that arrived after all is not lost, and says so', () => {
  const [packetTold, , after] = told(packet('sent', 12, 1000), { kind: 'lost', atMs: 1100, number: 12, found: 'by time' }, { kind: 'late', atMs: 1101, number: 12 })
  expect(packetTold).toMatchObject({ isLost: false, marks: ['given up too soon'] })
  expect(after?.label).toBe('#12 arrived after all, given up too soon')
})

test('what is sent again says why, and has no row beside its own', () => {
  const rows = told(
    packet('sent', 1, 1000), { kind: 'again', atMs: 1000, number: 1 },
    { kind: 'probe', atMs: 1001, number: 2 }, packet('sent', 2, 1001), { kind: 'again', atMs: 1001, number: 2 },
    { kind: 'duplicate', atMs: 1002, number: 3 }, packet('sent', 3, 1002),
  )
  expect(rows.map(({ marks }) => marks)).toEqual([['sent again'], ['probe'], ['early duplicate']])
  expect(rows[1]?.sentence).toBe('At 1.0 ms: SHORT #2 sent, 1200 bytes: STREAM 0 at 1173+1173; probe.')
})

test('a packet of the peer has numbers of its own: our losses are not its', () => {
  const [, received] = told(packet('sent', 12, 1000), packet('received', 12, 1001), { kind: 'lost', atMs: 1002, number: 12, found: 'by time' })
  expect(received).toMatchObject({ isLost: false, marks: [], sentence: 'At 1.0 ms: SHORT #12 received, 1200 bytes: STREAM 0 at 1173+1173.' })
})

test('restored bytes have a row, and mark no packet of ours', () => {
  const [ours, , restored] = told(packet('sent', 6, 1000), packet('received', 6, 1001), { kind: 'restored', atMs: 1001, number: 6, bytes: 'STREAM 0 at 2346+1173' })
  expect(ours?.sentence).not.toContain('restored')
  expect(restored?.label).toBe('STREAM 0 at 2346+1173 restored by the parity, with #6')
})

test('a row keeps its key when older ones go', () => {
  const rows = [packet('sent', 1, 0), packet('sent', 2, 0), packet('sent', 3, 0)]
  expect(ladderOf(rows, 10).rungs.map(({ key }) => key)).toEqual([7, 8, 9])
  expect(ladderOf(rows.slice(1), 10).rungs.map(({ key }) => key)).toEqual([8, 9])
})
