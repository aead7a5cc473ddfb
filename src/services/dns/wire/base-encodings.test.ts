import fc from 'fast-check'
import { expect, test } from 'vitest'
import { formatBase32Hex, formatBase64, formatHex, parseBase32Hex, parseBase64, parseHex } from './base-encodings.ts'

const ascii = (text: string) => Uint8Array.from(text, character => character.charCodeAt(0))

test.each([
  ['', '', '', ''], ['f', '66', 'co', 'Zg=='], ['fo', '666f', 'cpng', 'Zm8='], ['foo', '666f6f', 'cpnmu', 'Zm9v'],
  ['foob', '666f6f62', 'cpnmuog', 'Zm9vYg=='], ['fooba', '666f6f6261', 'cpnmuoj1', 'Zm9vYmE='], ['foobar', '666f6f626172', 'cpnmuoj1e8', 'Zm9vYmFy'],
])('the vectors of RFC 4648 §10: "%s"', (plain, hex, base32, base64) => {
  const octets = ascii(plain)
  expect([formatHex(octets), formatBase32Hex(octets), formatBase64(octets)]).toEqual([hex, base32, base64])
  expect([parseHex(hex.toUpperCase()), parseBase32Hex(base32.toUpperCase()), parseBase64(base64)]).toEqual([octets, octets, octets])
})

test('any octets survive formatting and parsing in each base', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 70, size: 'max' }), octets => {
    expect(parseHex(formatHex(octets))).toEqual(octets)
    expect(parseBase32Hex(formatBase32Hex(octets))).toEqual(octets)
    expect(parseBase64(formatBase64(octets))).toEqual(octets)
  }))
})

test.each(['a', 'abc', 'zz', '0x'])('"%s" is not hex', text => {
  expect(parseHex(text)).toBeUndefined()
})

test.each(['w0', 'c', 'cp=', 'cv'])('"%s" is not base 32', text => {
  expect(parseBase32Hex(text)).toBeUndefined()
})

test.each(['Zg', 'Zg=', 'Zh==', 'Z===', 'Zm9v=', 'Zm-v', '===='])('"%s" is not base 64', text => {
  expect(parseBase64(text)).toBeUndefined()
})
