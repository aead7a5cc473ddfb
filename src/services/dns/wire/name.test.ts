import fc from 'fast-check'
import { expect, test } from 'vitest'
import { MalformedPacket, UsageError } from '../../kit/errors.ts'
import { encodeName, isWithin, NameDecoder, nameKey, parseName } from './name.ts'
import { OctetWriter } from './octets.ts'

const encoded = (name: string) => {
  const writer = new OctetWriter(1000)
  encodeName(writer, name)
  return writer.finish()
}
const decoded = (octets: readonly number[], offset = 0) => new NameDecoder(Uint8Array.from(octets)).decode(offset)
const ascii = (text: string) => [...text].map(character => character.charCodeAt(0))

test('a name is encoded as its labels, each preceded by its length, and a zero', () => {
  expect([...encoded('my-app.home')]).toEqual([6, ...ascii('my-app'), 4, ...ascii('home'), 0])
  expect([...encoded('.')]).toEqual([0])
})

test('the example of RFC 1035 §4.1.4 is decoded: F.ISI.ARPA, FOO.F.ISI.ARPA, ARPA and the root', () => {
  const bytes = [1, ...ascii('F'), 3, ...ascii('ISI'), 4, ...ascii('ARPA'), 0, 3, ...ascii('FOO'), 0xc0, 0, 0xc0, 6, 0]
  const names = new NameDecoder(Uint8Array.from(bytes))
  expect(names.decode(0)).toEqual({ name: 'F.ISI.ARPA', end: 12 })
  expect(names.decode(12)).toEqual({ name: 'FOO.F.ISI.ARPA', end: 18 })
  expect(names.decode(18)).toEqual({ name: 'ARPA', end: 20 })
  expect(names.decode(20)).toEqual({ name: '.', end: 21 })
  expect(names.decode(12)).toEqual({ name: 'FOO.F.ISI.ARPA', end: 18 })
})

test('a second name points to the ending that it shares with the first', () => {
  const writer = new OctetWriter(100)
  encodeName(writer, 'a.example.org')
  encodeName(writer, 'b.example.org')
  expect([...writer.finish().subarray(15)]).toEqual([1, ...ascii('b'), 0xc0, 2])
})

test.each<[string, number[], number]>([
  ['a pointer to itself', [0xc0, 0], 0],
  ['a pointer forward', [0xc0, 2, 0], 0],
  ['a pointer loop', [1, 97, 0xc0, 0], 0],
  ['a label that runs past the end', [5, 97], 0],
  ['half a pointer', [0xc0], 0],
  ['the reserved label type 01', [0x41, 97, 0], 0],
  ['a missing end', [1, 97], 0],
  ['more than 255 octets', [...Array.from({ length: 128 }, () => [1, 97]).flat(), 0], 0],
  ['an offset beyond the end', [0], 7],
])('%s is malformed', (_title, octets, offset) => {
  expect(() => decoded(octets, offset)).toThrow(MalformedPacket)
})

test('a name of 255 octets is accepted and one of 256 is not', () => {
  const label = 'a'.repeat(63)
  expect(encoded(parseName(`${label}.${label}.${label}.${'b'.repeat(61)}`))).toHaveLength(255)
  expect(() => parseName(`${label}.${label}.${label}.${'b'.repeat(62)}`)).toThrow(UsageError)
})

test.each(['a..b', '.a', 'a'.repeat(64), 'a\\', '\\256', '', 'a\\25', '☃.home'])('"%s" is not a name', text => {
  expect(() => parseName(text, '')).toThrow(UsageError)
})

test('any labels survive conversion to octets and text, even with dots, spaces and zero octets', () => {
  const label = fc.uint8Array({ minLength: 1, maxLength: 20, size: 'max' })
  fc.assert(fc.property(fc.array(label, { maxLength: 8 }), labels => {
    const octets = [...labels.flatMap(one => [one.length, ...one]), 0]
    const { name, end } = decoded(octets)
    expect(end).toBe(octets.length)
    expect([...encoded(name)]).toEqual(octets)
    expect(parseName(name)).toBe(name)
  }))
})

test('an escaped dot does not separate labels', () => {
  expect(parseName('a\\.home')).toBe('a\\.home')
  expect(isWithin('a\\.home', 'home')).toBe(false)
  expect(isWithin('x.a\\.home', 'a\\.home')).toBe(true)
  expect(parseName('a\\.')).toBe('a\\.')
  expect(parseName('a\\046b.home')).toBe('a\\.b.home')
})

test('case is kept in names and ignored in keys', () => {
  expect(parseName('My-App.Home.')).toBe('My-App.Home')
  expect(nameKey('My-App.Home')).toBe(nameKey('my-app.HOME'))
})

test('relative names are completed with the origin', () => {
  expect([parseName('www', 'home'), parseName('@', 'home'), parseName('www.', 'home'), parseName('.')]).toEqual(['www.home', 'home', 'www', '.'])
})
