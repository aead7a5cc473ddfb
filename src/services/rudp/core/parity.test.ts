import fc from 'fast-check'
import { expect, test } from 'vitest'
import { crc32 } from '../../kit/crc32.ts'
import { bytesOf } from '../testing/transfer.ts'
import { addToParity, areInOwnColumns, type Parity, type Range } from './parity.ts'
import { ReceiveBuffer } from './receive-buffer.ts'

const LIMIT = 1024 * 1024

function parityOf(stream: Uint8Array, lengthBytes: number): Parity {
  const data = new Uint8Array(lengthBytes)
  addToParity(data, 0, stream)
  return { finalSize: stream.length, sum: crc32(stream), data }
}

/** The pieces into which a stream is cut. */
function cut(lengthBytes: number, cuts: readonly number[]): Range[] {
  const ends = [...new Set(cuts.map(at => at % lengthBytes).filter(at => at > 0)), lengthBytes].sort((one, other) => one - other)
  return ends.map((end, index) => ({ start: ends[index - 1] ?? 0, end }))
}

/** Reference implementation: checks each byte. */
function noColumnTwice(missing: readonly Range[], parityBytes: number): boolean {
  const columns = missing.flatMap(({ start, end }) => Array.from({ length: end - start }, (_, index) => (start + index) % parityBytes))
  return new Set(columns).size === columns.length
}

function put(buffer: ReceiveBuffer, stream: Uint8Array, { start, end }: Range): void {
  expect(buffer.put(start, stream.subarray(start, end), end === stream.length)).toBe('taken')
}

function readAll(buffer: ReceiveBuffer): Buffer {
  const pieces: Uint8Array[] = []
  while (buffer.readableBytes > 0) pieces.push(buffer.read(Infinity))
  return Buffer.concat(pieces)
}

/** A stream of 30 pieces of 100 bytes, of which these are missing; its parity has 100 bytes. */
function missing(numbers: readonly number[]) {
  const stream = bytesOf(3000, 7)
  const buffer = new ReceiveBuffer(LIMIT)
  const pieces = cut(3000, Array.from({ length: 29 }, (_, index) => 100 * (index + 1)))
  pieces.forEach((piece, index) => { if (!numbers.includes(index)) put(buffer, stream, piece) })
  return { stream, buffer, parity: parityOf(stream, 100), send: (index: number) => put(buffer, stream, pieces[index] ?? expect.unreachable('there are 30')) }
}

test('column overlap is found as by checking each byte', () => {
  const steps = fc.array(fc.tuple(fc.nat(40), fc.integer({ min: 1, max: 30 })), { minLength: 1, maxLength: 8 })
  fc.assert(fc.property(steps, fc.integer({ min: 1, max: 60 }), (gapsAndLengths, parityBytes) => {
    let at = 0
    const ranges = gapsAndLengths.map(([gap, length]) => ({ start: at += gap, end: at += length }))
    expect(areInOwnColumns(ranges, parityBytes)).toBe(noColumnTwice(ranges, parityBytes))
  }), { numRuns: 5000 })
})

test('bytes at any offset are added to their columns', () => {
  fc.assert(fc.property(fc.uint8Array({ minLength: 1, maxLength: 40, size: 'max' }), fc.uint8Array({ maxLength: 200, size: 'max' }), fc.nat(100_000), fc.nat(3), (parity, bytes, offset, shift) => {
    const expected = parity.slice()
    bytes.forEach((byte, index) => {
      const column = (offset + index) % parity.length
      expected[column] = (expected[column] ?? 0) ^ byte
    })
    const moved = new Uint8Array(shift + bytes.length).fill(9)
    moved.set(bytes, shift)
    addToParity(parity, offset, moved.subarray(shift))
    expect(parity).toEqual(expected)
  }), { numRuns: 2000 })
})

test('wherever a stream is cut, and in whatever order it arrives and is read, the missing bytes are restored exactly if no column misses two, and otherwise left alone', () => {
  const sizes = fc.oneof(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: 65_536 }))
  const pieces = fc.array(fc.record({ at: fc.nat(65_536), isMissing: fc.boolean(), order: fc.nat(), reads: fc.boolean() }), { minLength: 1, maxLength: 12 })
  let restoredCount = 0
  fc.assert(fc.property(sizes, fc.nat(), fc.nat(1500), pieces, fc.nat(12), (lengthBytes, seed, more, drawn, parityAt) => {
    const stream = bytesOf(lengthBytes, seed)
    const parity = parityOf(stream, 1 + more % lengthBytes)
    const cutPieces = cut(lengthBytes, drawn.map(({ at }) => at)).map((piece, index) => ({ ...piece, ...drawn[index % drawn.length] }))
    const lost = cutPieces.filter(({ isMissing }) => isMissing)
    const come = cutPieces.filter(({ isMissing }) => isMissing === false).sort((one, other) => (one.order ?? 0) - (other.order ?? 0))
    const buffer = new ReceiveBuffer(LIMIT)
    const read: Buffer[] = []
    const restored: Range[] = []
    const step = (take: () => void, reads: boolean | undefined): void => {
      take()
      restored.push(...buffer.restore(crc32))
      if (reads === true) read.push(readAll(buffer))
    }
    come.forEach((piece, index) => {
      if (index === parityAt) step(() => expect(buffer.putParity(parity)).toBe(true), piece.reads)
      step(() => put(buffer, stream, piece), piece.reads)
    })
    if (come.length <= parityAt) step(() => expect(buffer.putParity(parity)).toBe(true), true)
    const isEnough = noColumnTwice(lost, parity.data.length)
    expect(buffer.finished).toBe(isEnough)
    restoredCount += restored.length
    if (!isEnough) {
      expect(restored).toEqual([])
      read.push(readAll(buffer))
      expect(buffer.readTo).toBe(lost[0]?.start)
    }
    for (const piece of lost) put(buffer, stream, piece)
    expect(buffer.finished).toBe(true)
    expect(Buffer.compare(Buffer.concat([...read, readAll(buffer)]), stream)).toBe(0)
    expect(buffer.drained).toBe(true)
  }), { numRuns: 3000 })
  expect(restoredCount).toBeGreaterThan(500)
})

test('an insufficient parity waits until it suffices, and is ignored by a receiver that has everything', () => {
  const { stream, buffer, parity, send } = missing([3, 4, 9])
  expect(buffer.putParity(parity)).toBe(true)
  expect(buffer.restore(crc32)).toEqual([])
  send(9)
  expect(buffer.restore(crc32)).toEqual([])
  send(3)
  expect(buffer.restore(crc32)).toEqual([{ start: 400, end: 500 }])
  expect(buffer.putParity(parity)).toBe(true)
  expect([buffer.restore(crc32), buffer.finished]).toEqual([[], true])
  expect(Buffer.compare(readAll(buffer), stream)).toBe(0)
})

test('after a wrong sum nothing is restored, no further parity is used, and retransmissions complete the stream', () => {
  const { stream, buffer, parity, send } = missing([5])
  buffer.putParity({ ...parity, sum: parity.sum ^ 1 })
  expect([buffer.restore(crc32), buffer.finished, buffer.readableBytes]).toEqual([[], false, 500])
  buffer.putParity(parity)
  expect([buffer.restore(crc32), buffer.finished]).toEqual([[], false])
  send(5)
  expect(Buffer.compare(readAll(buffer), stream)).toBe(0)
})

test('however many wrong parities come with all but one byte received, the stream is summed once', () => {
  let summedBytes = 0
  const sumOf: typeof crc32 = (bytes, start, end, before) => {
    summedBytes += bytes.length
    return crc32(bytes, start, end, before)
  }
  const buffer = new ReceiveBuffer(LIMIT)
  buffer.put(1, bytesOf(65_535, 1), true)
  for (let count = 0; count < 1000; count++) {
    buffer.putParity({ finalSize: 65_536, sum: count, data: bytesOf(1 + count, count) })
    buffer.restore(sumOf)
  }
  expect(summedBytes).toBe(65_536)
})

test('with many single bytes received, restoring is not attempted until there are few pieces', () => {
  const stream = bytesOf(3000, 3)
  const buffer = new ReceiveBuffer(LIMIT)
  for (let offset = 1; offset < 60; offset += 2) put(buffer, stream, { start: offset, end: offset + 1 })
  put(buffer, stream, { start: 60, end: 3000 })
  buffer.putParity(parityOf(stream, 100))
  expect(buffer.restore(crc32)).toEqual([])
  for (let offset = 20; offset < 60; offset += 2) put(buffer, stream, { start: offset, end: offset + 1 })
  expect(buffer.restore(crc32)).toHaveLength(10)
  expect(Buffer.compare(readAll(buffer), stream)).toBe(0)
})

test('the stream ends where the parity says, and nowhere else', () => {
  const { buffer, parity } = missing([5, 29])
  expect(buffer.putParity({ ...parity, finalSize: 2899 })).toBe(false)
  expect(buffer.putParity({ ...parity, finalSize: LIMIT + 1 })).toBe(false)
  expect([buffer.finalSize, buffer.highest]).toEqual([Infinity, 2900])
  expect(buffer.putParity(parity)).toBe(true)
  expect([buffer.finalSize, buffer.highest]).toEqual([3000, 3000])
  expect(buffer.putParity({ ...parity, finalSize: 3001 })).toBe(false)
  expect(buffer.put(3000, Uint8Array.of(1), false)).toBe('violation')
  expect(buffer.put(2900, Uint8Array.of(1), true)).toBe('violation')
  expect(buffer.abort(2999)).toBe(false)
})
