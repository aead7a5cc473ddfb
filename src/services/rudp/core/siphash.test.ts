import { expect, test } from 'vitest'
import { siphash, type SipKey } from './siphash.ts'

const key: SipKey = [0x03020100, 0x07060504, 0x0b0a0908, 0x0f0e0d0c]
const hash = (length: number) => {
  const { high, low } = siphash(key, Uint8Array.from({ length }, (_, index) => index))
  return high.toString(16).padStart(8, '0') + low.toString(16).padStart(8, '0')
}

test('the hashes match those that the authors of SipHash published', () => {
  expect(hash(15)).toBe('a129ca6149be45e5') // appendix A of the paper
  expect([hash(0), hash(1), hash(7), hash(8)]).toEqual(['726fdb47dd0e0e31', '74f839c593dc67fd', 'ab0200f58b01d137', '93f5f5799a932462'])
})
