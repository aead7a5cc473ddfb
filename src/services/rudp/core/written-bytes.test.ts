import fc from 'fast-check'
import { expect, test } from 'vitest'
import { WrittenBytes } from './written-bytes.ts'

const LIMIT = 256 * 1024
const stream = Buffer.from(Uint8Array.from({ length: 4 * LIMIT }, (_, index) => (index * 31 + (index >> 7)) & 255))

test('whatever lengths were written, any part that has not arrived is copied as it was', () => {
  const lengths = fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 5_000 }), fc.integer({ min: 1, max: 40_000 }))
  const part = fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.double({ min: 0, max: 1, noNaN: true }), fc.boolean())
  fc.assert(fc.property(fc.array(fc.tuple(lengths, fc.array(part, { maxLength: 3 })), { maxLength: 30 }), writes => {
    const written = new WrittenBytes()
    let [arrivedTo, writtenTo] = [0, 0]
    for (const [length, parts] of writes) {
      written.append(stream.subarray(writtenTo, writtenTo + length))
      writtenTo += length
      for (const [from, share, arrives] of parts) {
        const offset = arrivedTo + Math.floor(from * (writtenTo - arrivedTo))
        const lengthBytes = Math.floor(share * (writtenTo - offset))
        const target = new Uint8Array(lengthBytes + 2)
        written.copy(offset, lengthBytes, target, 1)
        expect(Buffer.compare(target.subarray(1, -1), stream.subarray(offset, offset + lengthBytes))).toBe(0)
        expect([target[0], target[lengthBytes + 1]]).toEqual([0, 0])
        if (arrives) written.forgetBelow(arrivedTo = offset)
      }
    }
  }), { numRuns: 500 })
})

test('a stream of up to 64 KB is kept whole whatever has arrived of it, a longer one is not', () => {
  const written = new WrittenBytes()
  const kept = () => {
    const pieces: Uint8Array[] = []
    written.forEach((offset, bytes) => {
      expect(offset).toBe(pieces.reduce((sum, { length }) => sum + length, 0))
      pieces.push(bytes)
    })
    return Buffer.concat(pieces)
  }
  for (const [start, end] of [[0, 10_000], [10_000, 10_100], [10_100, 65_536]]) written.append(stream.subarray(start, end))
  written.forgetBelow(65_536)
  expect(Buffer.compare(kept(), stream.subarray(0, 65_536))).toBe(0)
  written.append(stream.subarray(65_536, 65_537))
  written.forgetBelow(65_536)
  let keptBytes = 0
  written.forEach((_offset, bytes) => { keptBytes += bytes.length })
  expect(keptBytes).toBe(1)
})

test('short pieces are the writer\'s own again at once', () => {
  const written = new WrittenBytes()
  const bytes = Uint8Array.of(1, 2, 3)
  written.append(bytes)
  bytes.fill(9)
  const copied = new Uint8Array(3)
  written.copy(0, 3, copied, 0)
  expect([...copied]).toEqual([1, 2, 3])
})
