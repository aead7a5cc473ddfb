import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ReceiveBuffer } from './receive-buffer.ts'

const LIMIT = 16 * 1024
const stream = Uint8Array.from({ length: 3 * LIMIT }, (_, index) => (index * 31 + (index >> 7)) & 255)

test('pieces in any order, overlapping and repeated, are read as the stream they are of', () => {
  const piece = fc.tuple(fc.nat(LIMIT), fc.integer({ min: 1, max: 3000 }), fc.boolean())
  fc.assert(fc.property(fc.array(piece, { maxLength: 60 }), pieces => {
    const buffer = new ReceiveBuffer(LIMIT)
    let readTo = 0
    for (const [start, length, reads] of pieces) {
      const offset = Math.max(0, readTo - 1000) + start
      const taken = buffer.put(offset, stream.subarray(offset, offset + length), false)
      expect(taken).toBe(offset + length <= buffer.limitOffset)
      if (!reads) continue
      const bytes = buffer.read(5000)
      expect(bytes).toEqual(stream.slice(readTo, readTo + bytes.length))
      readTo += bytes.length
    }
    expect(buffer.ackOffset).toBe(readTo + buffer.readableBytes)
    expect(buffer.read(LIMIT)).toEqual(stream.slice(readTo, buffer.ackOffset))
  }), { numRuns: 500 })
})

test('a byte beyond the window is refused with the whole piece, and reading moves the window', () => {
  const buffer = new ReceiveBuffer(LIMIT)
  expect(buffer.put(LIMIT - 10, stream.subarray(0, 11), false)).toBe(false)
  expect(buffer.hasHoles).toBe(false)
  expect(buffer.put(0, stream.subarray(0, LIMIT), false)).toBe(true)
  expect(buffer.put(LIMIT, stream.subarray(LIMIT, LIMIT + 1), false)).toBe(false)
  buffer.read(100)
  expect(buffer.limitOffset).toBe(LIMIT + 100)
  expect(buffer.put(LIMIT, stream.subarray(LIMIT, LIMIT + 100), false)).toBe(true)
})

test('the end stands where it was first said, and counts as one byte when all before it is there', () => {
  const buffer = new ReceiveBuffer(LIMIT)
  expect(buffer.put(10, stream.subarray(10, 20), true)).toBe(true)
  expect([buffer.finished, buffer.ackOffset]).toEqual([false, 0])
  expect(buffer.put(20, stream.subarray(20, 21), false)).toBe(false)
  expect(buffer.put(15, stream.subarray(15, 18), true)).toBe(false)
  expect(buffer.put(0, stream.subarray(0, 10), false)).toBe(true)
  expect([buffer.finished, buffer.ackOffset, buffer.drained]).toEqual([true, 21, false])
  expect(buffer.read(LIMIT)).toEqual(stream.slice(0, 20))
  expect(buffer.drained).toBe(true)
})

test('single bytes with holes between them are taken up to a thousand holes, and what fills a hole always', () => {
  const buffer = new ReceiveBuffer(LIMIT)
  let taken = 0
  for (let offset = 2; offset < 4000; offset += 2) if (buffer.put(offset, stream.subarray(offset, offset + 1), false)) taken++
  expect(taken).toBe(1024)
  expect(buffer.put(3, stream.subarray(3, 4), false)).toBe(true)
  expect(buffer.put(0, stream.subarray(0, 4000), false)).toBe(true)
  expect(buffer.read(LIMIT)).toEqual(stream.slice(0, 4000))
})
