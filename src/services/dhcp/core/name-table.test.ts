import { expect, test } from 'vitest'
import { parseIpv4 } from '../../kit/ip-address.ts'
import { ClientNames } from './client-names.ts'
import { NameTable, parseListLine } from './name-table.ts'

const at = (address: string) => parseIpv4(address) ?? 0
const book = () => new NameTable(new ClientNames('Home'))
const a = (name: string, rdata: string) => ({ name, type: 'A', rdata })
/** A client that calls itself so; another name is another client unless the key says otherwise. */
const called = (hostName: string, key = hostName) => ({ key, mac: '', hostName })
/** What is told of everything that waits, the DNS server having this. */
const told = (names: NameTable, records: ReturnType<typeof a>[] = [], own: string[] = []) =>
  names.takePending().map(name => names.changeFor(name, records.filter(record => record.name === name), own).line)

test('a lease is registered, its end withdrawn', () => {
  const names = book()
  expect(names.leased(at('192.0.2.7'), called('kettle'))).toBe(true)
  expect(told(names)).toEqual(['REGISTER kettle.home 192.0.2.7'])
  names.ended(at('192.0.2.7'))
  expect(told(names, [a('kettle.home', '192.0.2.7')], ['192.0.2.7'])).toEqual(['UNREGISTER kettle.home A'])
})

test('a renewal tells nothing, another name or address does', () => {
  const names = book()
  names.leased(at('192.0.2.7'), called('kettle', '01'))
  names.takePending()
  names.leased(at('192.0.2.7'), called('kettle', '01'))
  expect(told(names)).toEqual([])
  names.leased(at('192.0.2.7'), called('teapot', '01'))
  expect(told(names, [a('kettle.home', '192.0.2.7')], ['192.0.2.7'])).toEqual(['UNREGISTER kettle.home A', 'REGISTER teapot.home 192.0.2.7'])
  names.leased(at('192.0.2.7'), called('', '01'))
  expect(names.takePending()).toEqual(['teapot.home'])
})

test('a record is this server\'s own only where it has registered it, whatever address it leads to', () => {
  const names = book()
  names.leased(at('192.0.2.7'), called('kettle'))
  const change = (records: Parameters<NameTable['changeFor']>[1], ...own: string[]) => names.changeFor('kettle.home', records, own)
  expect(change([])).toEqual({ line: 'REGISTER kettle.home 192.0.2.7', own: ['192.0.2.7'] })
  const theirs = { line: undefined, own: [] }
  expect(change([a('kettle.home', '192.0.2.9')])).toEqual(theirs)
  expect(change([a('kettle.home', '192.0.2.7')])).toEqual(theirs)
  expect(change([a('kettle.home', '198.51.100.1')], '192.0.2.7')).toEqual(theirs)
  expect(change([{ name: 'kettle.home', type: 'CNAME', rdata: 'pot.home' }], '192.0.2.7')).toEqual(theirs)
  expect(change([a('kettle.home', '192.0.2.7'), a('kettle.home', '192.0.2.8')], '192.0.2.7')).toEqual(theirs)
  expect(change([{ name: 'kettle.home', type: 'AAAA', rdata: '2001:db8::7' }])).toEqual(theirs)
  expect(change([{ name: 'kettle.home', type: 'NS', rdata: 'ns.home.' }], '192.0.2.7')).toEqual(theirs)
  expect(change([a('kettle.home', '192.0.2.7')], '192.0.2.7')).toEqual({ line: undefined, own: ['192.0.2.7'] })
  expect(change([a('kettle.home', '203.0.113.5'), { name: 'kettle.home', type: 'TXT', rdata: '"x"' }], '203.0.113.5', '192.0.2.7')).toEqual({ line: 'REGISTER kettle.home 192.0.2.7', own: ['192.0.2.7'] })
  names.ended(at('192.0.2.7'))
  expect(change([a('kettle.home', '192.0.2.7')])).toEqual(theirs)
  expect(change([a('kettle.home', '192.0.2.7')], '192.0.2.7')).toEqual({ line: 'UNREGISTER kettle.home A', own: [] })
})

test('the first client keeps a name until its lease is over', () => {
  const names = book()
  names.leased(at('192.0.2.7'), called('kettle', '01'))
  expect(names.leased(at('192.0.2.8'), called('kettle', '02'))).toBe(false)
  names.ended(at('192.0.2.8'))
  expect(told(names)).toEqual(['REGISTER kettle.home 192.0.2.7'])
  names.ended(at('192.0.2.7'))
  expect(names.leased(at('192.0.2.8'), called('kettle', '02'))).toBe(true)
})

test('a client takes its name along to another address, and the end of its old lease does not end that', () => {
  const names = book()
  names.leased(at('192.0.2.7'), called('kettle', '01'))
  names.leased(at('203.0.113.7'), called('kettle', '01'))
  names.ended(at('192.0.2.7'))
  expect(told(names, [a('kettle.home', '192.0.2.7')], ['192.0.2.7'])).toEqual(['REGISTER kettle.home 203.0.113.7'])
})

test('a client is promised the name that it will have, and none that another has', () => {
  const names = book()
  const promised = (yiaddr: string, hostName: string, key: string) => names.nameFor(at(yiaddr), called(hostName, key))
  expect(promised('192.0.2.7', 'Kettle', '01')).toBe('kettle.home')
  names.leased(at('192.0.2.7'), called('kettle', '01'))
  expect([promised('192.0.2.7', 'kettle', '01'), promised('192.0.2.9', 'kettle', '01'), promised('192.0.2.7', 'kettle', '02'), promised('192.0.2.8', 'kettle', '02')])
    .toEqual(['kettle.home', 'kettle.home', 'kettle.home', undefined])
  expect(promised('192.0.2.8', '', '02')).toBeUndefined()
})

test('a name that the DNS server keeps for others is promised to nobody, and asked for again with each renewal', () => {
  const names = book()
  const kettle = called('kettle', '01')
  names.leased(at('192.0.2.7'), kettle)
  names.told(names.takePending()[0] ?? '', false)
  expect(names.nameFor(at('192.0.2.7'), kettle)).toBeUndefined()
  names.leased(at('192.0.2.7'), kettle)
  expect(told(names)).toEqual(['REGISTER kettle.home 192.0.2.7'])
  names.told('kettle.home', true)
  expect(names.nameFor(at('192.0.2.7'), kettle)).toBe('kettle.home')
  names.told('kettle.home', false)
  names.ended(at('192.0.2.7'))
  expect(names.nameFor(at('192.0.2.8'), called('kettle', '02'))).toBe('kettle.home') // Whether it is so still, the next lease shows.
})

test('an address that has another client is called as that one is', () => {
  const names = book()
  names.leased(at('192.0.2.7'), called('kettle', '01'))
  names.leased(at('192.0.2.7'), called('kettle', '02'))
  expect(names.leased(at('192.0.2.8'), called('kettle', '01'))).toBe(false)
  expect(told(names)).toEqual(['REGISTER kettle.home 192.0.2.7'])
})

test('a reserved name is its client\'s alone, whoever has asked before', () => {
  const reservations = [{ key: '01', yiaddr: at('192.0.2.10'), hostName: 'Printer' }, { key: '02', yiaddr: at('198.51.100.10'), hostName: 'printer' }]
  const names = new NameTable(new ClientNames('home', reservations))
  names.leased(at('192.0.2.100'), called('printer', '99'))
  expect(names.takePending()).toEqual([])
  expect(names.leased(at('192.0.2.10'), called('printer', '01'))).toBe(true)
  names.ended(at('192.0.2.10'))
  names.leased(at('192.0.2.100'), called('printer', '99'))
  expect(names.leased(at('198.51.100.10'), called('printer', '02'))).toBe(true)
  expect(told(names)).toEqual(['REGISTER printer.home 198.51.100.10'])
})

test('what could not be told is told later, as it is then', () => {
  const names = book()
  names.leased(at('192.0.2.7'), called('kettle'))
  names.pend(names.takePending())
  names.ended(at('192.0.2.7'))
  expect(told(names)).toEqual([undefined])
})

test('ten thousand names are the most', () => {
  const names = book()
  for (let index = 0; index < 10_000; index++) expect(names.leased(index + 1, called(`host-${index}`))).toBe(true)
  expect(names.leased(20_000, called('one-more'))).toBe(false)
})

test('lines of LIST are read, its last is none', () => {
  expect(parseListLine('My-App.home A 192.0.2.50')).toEqual({ name: 'my-app.home', type: 'A', rdata: '192.0.2.50' })
  expect(parseListLine('home. NS localhost.')).toEqual({ name: 'home', type: 'NS', rdata: 'localhost.' })
  expect(parseListLine('OK 12 names')).toBeUndefined()
})
