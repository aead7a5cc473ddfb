import { expect, test } from 'vitest'
import { freeBuffer } from './free-buffer.ts'

test('a long buffer is freed; a part of another buffer, and a short one, are left alone', () => {
  const [long, other, short] = [new Uint8Array(100_000), new Uint8Array(100_000), new Uint8Array(100)]
  for (const bytes of [long, other.subarray(1), short]) freeBuffer(bytes)
  // Node before 22 cannot, and leaves it to the collector.
  expect(long.length).toBe('transfer' in ArrayBuffer.prototype ? 0 : 100_000)
  expect([other.length, short.length]).toEqual([100_000, 100])
})
