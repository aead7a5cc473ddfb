import fc from 'fast-check'
import { expect, test } from 'vitest'
import { BytePool } from './byte-pool.ts'

test('each array is zeroed, has the requested length, and shares no byte with another', () => {
  fc.assert(fc.property(fc.array(fc.integer({ min: 0, max: 20_000 }), { maxLength: 60, size: 'max' }), lengths => {
    const pool = new BytePool()
    const taken = lengths.map((length, index) => {
      const bytes = pool.take(length)
      expect(bytes).toEqual(new Uint8Array(length))
      return bytes.fill(index + 1)
    })
    for (const [index, bytes] of taken.entries()) expect(bytes.every(byte => byte === index + 1)).toBe(true)
    expect(taken.map(({ length }) => length)).toEqual(lengths)
  }))
})
