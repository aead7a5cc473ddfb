import { expect, test } from 'vitest'
import { parseIpv4, subnetContains } from '../../kit/ip-address.ts'
import { labelOf, NameBook, parseListLine } from './name-book.ts'

const at = (address: string) => parseIpv4(address) ?? 0
const LENT = { network: at('192.0.2.0'), prefixBits: 24 }
const book = () => new NameBook('Home', yiaddr => subnetContains(LENT, yiaddr))
const a = (name: string, rdata: string) => ({ name, type: 'A', rdata })

test.each([
  ['kettle', 'kettle'], ['KETTLE', 'kettle'], ['Ophelia?s?Mac', 'ophelia-s-mac'], ['kettle.example.org', 'kettle'], ['-_-', ''], ['', ''], ['wpad', ''], ['WPAD.home', ''], ['localhost', ''],
  ['ü'.repeat(3), ''], ['a'.repeat(70), 'a'.repeat(63)], [`${'a'.repeat(62)}--b`, 'a'.repeat(62)], ['_http', 'http'], ['*', ''],
])('%s is called "%s"', (hostName, label) => {
  expect(labelOf(hostName)).toBe(label)
})

test('a lease is registered, its end withdrawn', () => {
  const names = book()
  expect(names.leased(at('192.0.2.7'), 'kettle')).toBe(true)
  expect(names.takePending().map(name => names.changeFor(name, []))).toEqual(['REGISTER kettle.home 192.0.2.7'])
  names.ended(at('192.0.2.7'))
  expect(names.takePending().map(name => names.changeFor(name, [a('kettle.home', '192.0.2.7')]))).toEqual(['UNREGISTER kettle.home A'])
})

test('a renewal tells nothing, another name or address does', () => {
  const names = book()
  names.leased(at('192.0.2.7'), 'kettle')
  names.takePending()
  names.leased(at('192.0.2.7'), 'kettle')
  expect(names.takePending()).toEqual([])
  names.leased(at('192.0.2.7'), 'teapot')
  expect(names.takePending().map(name => names.changeFor(name, name === 'kettle.home' ? [a(name, '192.0.2.7')] : []))).toEqual(['UNREGISTER kettle.home A', 'REGISTER teapot.home 192.0.2.7'])
  names.leased(at('192.0.2.7'), '')
  expect(names.takePending()).toEqual(['teapot.home'])
})

test('what others registered stays as it is, and a name of ours moves', () => {
  const names = book()
  names.leased(at('192.0.2.7'), 'kettle')
  expect(names.changeFor('kettle.home', [a('kettle.home', '198.51.100.1')])).toBeUndefined()
  expect(names.changeFor('kettle.home', [{ name: 'kettle.home', type: 'CNAME', rdata: 'pot.home' }])).toBeUndefined()
  expect(names.changeFor('kettle.home', [a('kettle.home', '192.0.2.7'), a('kettle.home', '192.0.2.8')])).toBeUndefined()
  expect(names.changeFor('kettle.home', [a('kettle.home', '192.0.2.9'), { name: 'kettle.home', type: 'TXT', rdata: '"x"' }])).toBe('REGISTER kettle.home 192.0.2.7')
  expect(names.changeFor('kettle.home', [a('kettle.home', '192.0.2.7')])).toBeUndefined()
  names.ended(at('192.0.2.7'))
  expect(names.changeFor('kettle.home', [a('kettle.home', '198.51.100.1')])).toBeUndefined()
})

test('the first client keeps a name until its lease is over', () => {
  const names = book()
  names.leased(at('192.0.2.7'), 'kettle')
  expect(names.leased(at('192.0.2.8'), 'kettle')).toBe(false)
  names.ended(at('192.0.2.8'))
  expect(names.changeFor('kettle.home', [])).toBe('REGISTER kettle.home 192.0.2.7')
  names.ended(at('192.0.2.7'))
  expect(names.leased(at('192.0.2.8'), 'kettle')).toBe(true)
})

test('what could not be told is told later, as it is then', () => {
  const names = book()
  names.leased(at('192.0.2.7'), 'kettle')
  names.putBack(names.takePending())
  names.ended(at('192.0.2.7'))
  expect(names.takePending().map(name => names.changeFor(name, []))).toEqual([undefined])
})

test('ten thousand names are the most', () => {
  const names = new NameBook('home', () => true)
  for (let index = 0; index < 10_000; index++) expect(names.leased(index + 1, `host-${index}`)).toBe(true)
  expect(names.leased(20_000, 'one-more')).toBe(false)
})

test('lines of LIST are read, its last is none', () => {
  expect(parseListLine('My-App.home A 192.0.2.50')).toEqual({ name: 'my-app.home', type: 'A', rdata: '192.0.2.50' })
  expect(parseListLine('home. NS localhost.')).toEqual({ name: 'home', type: 'NS', rdata: 'localhost.' })
  expect(parseListLine('OK 12 names')).toBeUndefined()
})
