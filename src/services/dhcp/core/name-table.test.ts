import { expect, test } from 'vitest'
import { parseIpv4 } from '../../kit/ip-address.ts'
import { ClientNames } from './client-names.ts'
import { NameTable, parseListLine } from './name-table.ts'

const at = (address: string) => parseIpv4(address) ?? 0
const book = () => new NameTable(new ClientNames('Home'))
const a = (name: string, rdata: string) => ({ name, type: 'A', rdata })
/** A client by its host name. Another name is another client unless the key says otherwise. */
const called = (hostName: string, key = hostName) => ({ key, mac: '', hostName })
/** The lines to send for all pending names, if the DNS server has these records. */
const linesFor = (names: NameTable, records: ReturnType<typeof a>[] = [], own: string[] = []) =>
  names.takePending().map(name => names.changeFor(name, records.filter(record => record.name === name), own).line)

test('a lease registers its name, and its end withdraws it', () => {
  const names = book()
  expect(names.leased(at('192.0.2.7'), called('kettle'))).toBe(true)
  expect(linesFor(names)).toEqual(['REGISTER kettle.home 192.0.2.7'])
  names.ended(at('192.0.2.7'))
  expect(linesFor(names, [a('kettle.home', '192.0.2.7')], ['192.0.2.7'])).toEqual(['UNREGISTER kettle.home A'])
})

test('a renewal changes nothing; another name or address does', () => {
  const names = book()
  names.leased(at('192.0.2.7'), called('kettle', '01'))
  names.takePending()
  names.leased(at('192.0.2.7'), called('kettle', '01'))
  expect(linesFor(names)).toEqual([])
  names.leased(at('192.0.2.7'), called('teapot', '01'))
  expect(linesFor(names, [a('kettle.home', '192.0.2.7')], ['192.0.2.7'])).toEqual(['UNREGISTER kettle.home A', 'REGISTER teapot.home 192.0.2.7'])
  names.leased(at('192.0.2.7'), called('', '01'))
  expect(names.takePending()).toEqual(['teapot.home'])
})

test('a record is this server\'s own only if it has registered it, whatever the address', () => {
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

test('the first client keeps a name until its lease ends', () => {
  const names = book()
  names.leased(at('192.0.2.7'), called('kettle', '01'))
  expect(names.leased(at('192.0.2.8'), called('kettle', '02'))).toBe(false)
  names.ended(at('192.0.2.8'))
  expect(linesFor(names)).toEqual(['REGISTER kettle.home 192.0.2.7'])
  names.ended(at('192.0.2.7'))
  expect(names.leased(at('192.0.2.8'), called('kettle', '02'))).toBe(true)
})

test('a client takes its name to another address, and the end of its old lease does not withdraw it', () => {
  const names = book()
  names.leased(at('192.0.2.7'), called('kettle', '01'))
  names.leased(at('203.0.113.7'), called('kettle', '01'))
  names.ended(at('192.0.2.7'))
  expect(linesFor(names, [a('kettle.home', '192.0.2.7')], ['192.0.2.7'])).toEqual(['REGISTER kettle.home 203.0.113.7'])
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

test('a name registered by others is promised to no client, and tried again with each renewal', () => {
  const names = book()
  const kettle = called('kettle', '01')
  names.leased(at('192.0.2.7'), kettle)
  names.updated(names.takePending()[0] ?? '', false)
  expect(names.nameFor(at('192.0.2.7'), kettle)).toBeUndefined()
  names.leased(at('192.0.2.7'), kettle)
  expect(linesFor(names)).toEqual(['REGISTER kettle.home 192.0.2.7'])
  names.updated('kettle.home', true)
  expect(names.nameFor(at('192.0.2.7'), kettle)).toBe('kettle.home')
  names.updated('kettle.home', false)
  names.ended(at('192.0.2.7'))
  expect(names.nameFor(at('192.0.2.8'), called('kettle', '02'))).toBe('kettle.home') // The next lease shows whether that is still so.
})

test('when an address gets another client, its name goes to that client', () => {
  const names = book()
  names.leased(at('192.0.2.7'), called('kettle', '01'))
  names.leased(at('192.0.2.7'), called('kettle', '02'))
  expect(names.leased(at('192.0.2.8'), called('kettle', '01'))).toBe(false)
  expect(linesFor(names)).toEqual(['REGISTER kettle.home 192.0.2.7'])
})

test('a reserved name belongs to its client alone, even if another asked for it first', () => {
  const reservations = [{ key: '01', yiaddr: at('192.0.2.10'), hostName: 'Printer' }, { key: '02', yiaddr: at('198.51.100.10'), hostName: 'printer' }]
  const names = new NameTable(new ClientNames('home', reservations))
  names.leased(at('192.0.2.100'), called('printer', '99'))
  expect(names.takePending()).toEqual([])
  expect(names.leased(at('192.0.2.10'), called('printer', '01'))).toBe(true)
  names.ended(at('192.0.2.10'))
  names.leased(at('192.0.2.100'), called('printer', '99'))
  expect(names.leased(at('198.51.100.10'), called('printer', '02'))).toBe(true)
  expect(linesFor(names)).toEqual(['REGISTER printer.home 198.51.100.10'])
})

test('a failed update is retried with the state of that time', () => {
  const names = book()
  names.leased(at('192.0.2.7'), called('kettle'))
  names.pend(names.takePending())
  names.ended(at('192.0.2.7'))
  expect(linesFor(names)).toEqual([undefined])
})

test('there are at most ten thousand names', () => {
  const names = book()
  for (let index = 0; index < 10_000; index++) expect(names.leased(index + 1, called(`host-${index}`))).toBe(true)
  expect(names.leased(20_000, called('one-more'))).toBe(false)
})

test('lines of LIST are parsed, except its last', () => {
  expect(parseListLine('My-App.home A 192.0.2.50')).toEqual({ name: 'my-app.home', type: 'A', rdata: '192.0.2.50' })
  expect(parseListLine('home. NS localhost.')).toEqual({ name: 'home', type: 'NS', rdata: 'localhost.' })
  expect(parseListLine('OK 12 names')).toBeUndefined()
})
