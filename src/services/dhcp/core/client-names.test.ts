import { expect, test } from 'vitest'
import { ClientNames, labelOf } from './client-names.ts'

test.each([
  ['kettle', 'kettle'], ['KETTLE', 'kettle'], ['Ophelia?s?Mac', 'ophelia-s-mac'], ['kettle.example.org', 'kettle'], ['-_-', ''], ['', ''], ['wpad', ''], ['WPAD.home', ''], ['localhost', ''],
  ['ü'.repeat(3), ''], ['a'.repeat(70), 'a'.repeat(63)], [`${'a'.repeat(62)}--b`, 'a'.repeat(62)], ['_http', 'http'], ['*', ''],
  ['xn--ktle-loa', 'xn--ktle-loa'], ['a--b', 'a--b'], ['Ophelia - Mac', 'ophelia-mac'], ['a_-_b', 'a-b'],
])('%s gets the label "%s"', (hostName, label) => {
  expect(labelOf(hostName)).toBe(label)
})

test('a client gets no name if it asks for none, or if the name is reserved for another', () => {
  const names = new ClientNames('Home', [{ key: '01', yiaddr: 0, hostName: 'printer' }])
  const nameOf = (key: string, hostName: string, unlisted?: true) => names.nameOf({ key, mac: '', hostName, unlisted })
  expect([nameOf('01', 'Printer'), nameOf('02', 'printer'), nameOf('02', 'kettle'), nameOf('02', 'kettle', true), nameOf('02', 'wpad')]).toEqual(['printer.home', undefined, 'kettle.home', undefined, undefined])
})
