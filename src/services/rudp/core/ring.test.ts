import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Ring } from './ring.ts'

const LENGTH = 200_000
const stream = Buffer.from(Uint8Array.from({ length: 8 * LENGTH }, (_, index) => (index * 31 + (index >> 7)) & 255))

test('whatever is written and released, what is kept reads unchanged, even across the end of the ring and after it grew', () => {
  const part = fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.double({ min: 0, max: 1, noNaN: true }))
  const step = fc.record({ writes: fc.integer({ min: 1, max: 30_000 }), reads: fc.array(part, { maxLength: 3 }), givesUp: fc.double({ min: 0, max: 1, noNaN: true }) })
  fc.assert(fc.property(fc.array(step, { maxLength: 40, size: 'max' }), steps => {
    const ring = new Ring()
    let [start, end] = [0, 0]
    for (const { writes, reads, givesUp } of steps) {
      ring.reserve(start, end + writes)
      ring.put(end, stream.subarray(end, end + writes))
      end += writes
      for (const [from, share] of reads) {
        const offset = start + Math.floor(from * (end - start))
        const lengthBytes = Math.floor(share * (end - offset))
        const target = new Uint8Array(lengthBytes + 2)
        ring.copy(offset, lengthBytes, target, 1)
        expect(Buffer.compare(target.subarray(1, -1), stream.subarray(offset, offset + lengthBytes))).toBe(0)
        expect([target[0], target[lengthBytes + 1]]).toEqual([0, 0])
        const seen = ring.view(offset, lengthBytes)
        expect(Buffer.compare(seen, stream.subarray(offset, offset + seen.length))).toBe(0)
      }
      start += Math.floor(givesUp * (end - start))
    }
  }), { numRuns: 60 })
})

test('an endless stream stays within the memory that it has', () => {
  const ring = new Ring()
  const buffers = new Set<ArrayBufferLike>()
  for (let end = 0; end < stream.length; end += 3000) {
    ring.reserve(Math.max(0, end - 5000), end + 3000)
    ring.put(end, stream.subarray(end, end + 3000))
    buffers.add(ring.view(end, 1).buffer)
  }
  expect(buffers.size).toBe(2) // 4 KB for the first piece, 8 KB from the second on
})

test('an empty ring starts over at its beginning, and what is stored then reads unchanged', () => {
  const ring = new Ring()
  ring.reserve(0, 5_000)
  ring.put(0, stream.subarray(0, 5_000))
  const first = ring.view(0, 1)
  ring.restart(5_000)
  ring.reserve(5_000, 13_000)
  ring.put(5_000, stream.subarray(5_000, 13_000))
  expect(ring.view(5_000, 1).byteOffset).toBe(first.byteOffset)
  expect(Buffer.compare(ring.view(5_000, 8_000), stream.subarray(5_000, 13_000))).toBe(0)
  ring.reserve(6_000, 22_000)
  ring.put(13_000, stream.subarray(13_000, 22_000))
  const kept = new Uint8Array(16_000)
  ring.copy(6_000, 16_000, kept, 0)
  expect(Buffer.compare(kept, stream.subarray(6_000, 22_000))).toBe(0)
})

test('bytes never stored read as zeros, even after the ring grew', () => {
  const ring = new Ring()
  ring.reserve(0, 100)
  ring.put(90, stream.subarray(90, 100))
  ring.reserve(0, 10_000)
  ring.put(9_000, stream.subarray(9_000, 9_010))
  const expected = new Uint8Array(10_000)
  expected.set(stream.subarray(90, 100), 90)
  expected.set(stream.subarray(9_000, 9_010), 9_000)
  expect(Buffer.compare(ring.view(0, 10_000), expected)).toBe(0)
})
