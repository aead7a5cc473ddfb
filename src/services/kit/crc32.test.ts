import { crc32 as zlibCrc32 } from 'node:zlib'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { crc32 } from './crc32.ts'

test('it matches the standard\'s check value', () => {
  expect(crc32(new TextEncoder().encode('123456789'))).toBe(0xcbf43926)
})

test('it matches zlib, for whole arrays and for parts', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300, size: 'max' }), fc.nat(300), fc.nat(300), (bytes, a, b) => {
    const [from, to] = [Math.min(a, b, bytes.length), Math.min(Math.max(a, b), bytes.length)]
    expect(crc32(bytes)).toBe(zlibCrc32(bytes))
    expect(crc32(bytes, from, to)).toBe(zlibCrc32(bytes.subarray(from, to)))
  }))
})
