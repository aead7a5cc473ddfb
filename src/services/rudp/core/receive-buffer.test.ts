import fc from 'fast-check'
import { expect, test } from 'vitest'
import { crc32 } from '../../kit/crc32.ts'
import { ReceiveBuffer } from './receive-buffer.ts'

const LIMIT = 64 * 1024
const stream = Uint8Array.from({ length: 24 * LIMIT }, (_, index) => (index * 31 + (index >> 7)) & 255)

const isStream = (bytes: Uint8Array, offset: number) => Buffer.compare(bytes, stream.subarray(offset, offset + bytes.length)) === 0

/** Reads everything available. */
function readAll(buffer: ReceiveBuffer): Uint8Array {
  const pieces: Uint8Array[] = []
  while (buffer.readableBytes > 0) pieces.push(buffer.read(Infinity))
  return Uint8Array.from(Buffer.concat(pieces))
}

test('pieces in any order, overlapping and repeated, are read as the original stream', () => {
  const piece = fc.tuple(fc.nat(LIMIT), fc.integer({ min: 1, max: 40_000 }), fc.boolean())
  fc.assert(fc.property(fc.array(piece, { maxLength: 60, size: 'max' }), pieces => {
    const buffer = new ReceiveBuffer(LIMIT)
    let readTo = 0
    for (const [start, length, reads] of pieces) {
      const offset = Math.max(0, readTo - 1000) + start
      const taken = buffer.put(offset, stream.subarray(offset, offset + length), false)
      expect(taken).toBe(offset + length <= buffer.limitOffset ? 'taken' : 'violation')
      if (!reads) continue
      const bytes = buffer.read(20_000)
      expect(isStream(bytes, readTo)).toBe(true)
      readTo += bytes.length
    }
    const end = readTo + buffer.readableBytes
    expect(isStream(readAll(buffer), readTo)).toBe(true)
    expect(buffer.readTo).toBe(end)
  }), { numRuns: 150 })
})

test('a repeated packet undoes nothing and does not displace later bytes', () => {
  const buffer = new ReceiveBuffer(LIMIT)
  buffer.put(0, stream.subarray(0, LIMIT), false)
  readAll(buffer)
  buffer.put(LIMIT, stream.subarray(LIMIT, 2 * LIMIT), false)
  buffer.read(1000)
  buffer.put(2 * LIMIT, stream.subarray(2 * LIMIT, 2 * LIMIT + 1000), false)
  expect(buffer.put(LIMIT, stream.subarray(LIMIT, LIMIT + 1000), false)).toBe('taken')
  expect(readAll(buffer)).toEqual(stream.slice(LIMIT + 1000, 2 * LIMIT + 1000))
})

test('a byte beyond the limit rejects its whole piece, and reading moves the limit', () => {
  const buffer = new ReceiveBuffer(LIMIT)
  expect(buffer.put(LIMIT - 10, stream.subarray(0, 11), false)).toBe('violation')
  expect(buffer.highest).toBe(0)
  expect(buffer.put(0, stream.subarray(0, LIMIT), false)).toBe('taken')
  expect(buffer.put(LIMIT, stream.subarray(LIMIT, LIMIT + 1), false)).toBe('violation')
  buffer.read(100)
  expect(buffer.limitOffset).toBe(LIMIT + 100)
  expect(buffer.put(LIMIT, stream.subarray(LIMIT, LIMIT + 100), false)).toBe('taken')
})

test('the first announced end is final', () => {
  const buffer = new ReceiveBuffer(LIMIT)
  expect(buffer.put(10, stream.subarray(10, 20), true)).toBe('taken')
  expect([buffer.finished, buffer.finalSize]).toEqual([false, 20])
  expect(buffer.put(20, stream.subarray(20, 21), false)).toBe('violation')
  expect(buffer.put(15, stream.subarray(15, 18), true)).toBe('violation')
  expect(buffer.abort(21)).toBe(false)
  expect(buffer.put(0, stream.subarray(0, 10), false)).toBe('taken')
  expect([buffer.finished, buffer.drained]).toEqual([true, false])
  expect(readAll(buffer)).toEqual(stream.slice(0, 20))
  expect(buffer.drained).toBe(true)
})

test('single bytes are accepted up to a thousand gaps, and bytes that fill a gap always', () => {
  const buffer = new ReceiveBuffer(LIMIT)
  let taken = 0
  for (let offset = 2; offset < 4000; offset += 2) if (buffer.put(offset, stream.subarray(offset, offset + 1), false) === 'taken') taken++
  expect(taken).toBe(1024)
  expect(buffer.put(3000, stream.subarray(3000, 3001), false)).toBe('full')
  expect(buffer.put(0, stream.subarray(0, 1), false)).toBe('taken')
  expect(buffer.put(3, stream.subarray(3, 4), false)).toBe('taken')
  expect(buffer.put(0, stream.subarray(0, 4000), false)).toBe('taken')
  expect(readAll(buffer)).toEqual(stream.slice(0, 4000))
})

test('a parity restores what is missing if no more than 16 pieces lie beyond the first gap', () => {
  const data = stream.slice(0, 100) // the parity of a stream of one row is the stream
  const restored = [16, 17].map(pieces => {
    const buffer = new ReceiveBuffer(LIMIT)
    for (let piece = 0; piece < pieces; piece++) buffer.put(2 * piece + 1, stream.subarray(2 * piece + 1, 2 * piece + 2), false)
    buffer.putParity({ finalSize: data.length, sum: crc32(data), data })
    buffer.restore(crc32)
    return readAll(buffer)
  })
  expect(restored).toEqual([data, new Uint8Array(0)])
})

test('however long a stream is, bytes that were read cost no memory', () => {
  const buffer = new ReceiveBuffer(LIMIT)
  const before = process.memoryUsage().arrayBuffers
  for (let offset = 0; offset < 64 * 1024 * 1024; offset += LIMIT) {
    buffer.put(offset, stream.subarray(0, LIMIT), false)
    buffer.read(LIMIT)
  }
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(16 * LIMIT)
})
