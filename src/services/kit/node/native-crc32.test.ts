import fc from 'fast-check'
import { expect, test } from 'vitest'
import { crc32 } from '../crc32.ts'
import { nativeCrc32 } from './native-crc32.ts'

test('the native CRC equals that of the pure code, for any part and any preceding CRC', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 3000, size: 'max' }), fc.nat(3000), fc.nat(0xffffffff), (bytes, start, before) => {
    const from = Math.min(start, bytes.length)
    expect(nativeCrc32(bytes, from, bytes.length, before)).toBe(crc32(bytes, from, bytes.length, before))
  }))
})
