import { expect, test } from 'vitest'
import { clientFqdn, domainSearch } from './domain-names.ts'

const bytesOf = (text: string) => Uint8Array.from(text, character => character.charCodeAt(0))

test('the example of RFC 3397 §2 is encoded and decoded as given', () => {
  const bytes = bytesOf('\x03eng\x05apple\x03com\x00\x09marketing\xc0\x04')
  expect(domainSearch.encode(['eng.apple.com', 'marketing.apple.com'])).toEqual(bytes)
  expect(domainSearch.decode(bytes)).toEqual(['eng.apple.com', 'marketing.apple.com'])
})

test('a repeated name is encoded as a pointer alone', () => {
  expect(domainSearch.encode(['home', 'home'])).toEqual(bytesOf('\x04home\x00\xc0\x00'))
})

test('a pointer may lead past the first 255 octets, and to a name that itself ends in a pointer', () => {
  const names = [...Array.from({ length: 40 }, (_, index) => `label-${index}`), 'a.end', 'b.a.end', 'c.a.end']
  expect(domainSearch.decode(domainSearch.encode(names))).toEqual(names)
})

test('128 names, the longest labels and the longest names survive a round trip', () => {
  const many = Array.from({ length: 129 }, (_, index) => `n${index}`)
  expect(domainSearch.decode(domainSearch.encode(many))).toEqual(many.slice(0, 128))
  const longest = [...Array.from({ length: 3 }, () => 'a'.repeat(63)), 'b'.repeat(61)].join('.')
  expect(domainSearch.decode(domainSearch.encode([longest]))).toEqual([longest])
  expect(domainSearch.decode(domainSearch.encode([`${longest}b`]))).toBeUndefined()
  expect(domainSearch.decode(domainSearch.encode(['a'.repeat(64)]))).toBeUndefined()
})

test.each([
  { name: 'it is empty', bytes: '' },
  { name: 'a name is empty', bytes: '\x00' },
  { name: 'a name has no end', bytes: '\x04home' },
  { name: 'a label is truncated', bytes: '\x05home' },
  { name: 'a pointer points to itself', bytes: '\x01a\x00\xc0\x03' },
  { name: 'a pointer points forwards', bytes: '\xc0\x02\x01a\x00' },
  { name: 'a pointer is truncated', bytes: '\x01a\x00\xc0' },
  { name: 'two pointers point to each other', bytes: '\x01a\xc0\x00' },
  { name: 'a label begins with the bits 01', bytes: '\x40' + 'a'.repeat(64) + '\x00' },
  { name: 'a name has 255 characters', bytes: ('\x3f' + 'a'.repeat(63)).repeat(4) + '\x00' },
  { name: 'a label contains a dot', bytes: '\x03a.b\x00' },
  { name: 'there are 129 names', bytes: '\x01a\x00'.repeat(129) },
])('a search list is rejected if $name', ({ bytes }) => {
  expect(domainSearch.decode(bytesOf(bytes))).toBeUndefined()
})

test('a client\'s name is decoded from wire format, qualified or partial, and from ASCII', () => {
  expect(clientFqdn.decode(bytesOf('\x05\x00\x00\x06kettle\x04home\x00'))).toEqual({ flags: 5, name: 'kettle.home.' })
  expect(clientFqdn.decode(bytesOf('\x04\x00\x00\x06kettle'))).toEqual({ flags: 4, name: 'kettle' })
  expect(clientFqdn.decode(bytesOf('\x01\x00\x00kettle.home'))).toEqual({ flags: 1, name: 'kettle.home' })
  expect(clientFqdn.decode(bytesOf('\x04\x00\x00'))).toEqual({ flags: 4, name: '' })
  expect(clientFqdn.decode(bytesOf('\x04\x00\x00\x06kettle\x00more'))).toBeUndefined()
  expect(clientFqdn.decode(bytesOf('\x00\x00\x00'))).toEqual({ flags: 0, name: '' })
  for (const bytes of ['', '\x00\x00', '\x04\x00']) expect(clientFqdn.decode(bytesOf(bytes))).toBeUndefined()
})
