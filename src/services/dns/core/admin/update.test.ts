import { beforeEach, expect, test } from 'vitest'
import { decodeMessage, encodeMessage, type Message, type ResourceRecord } from '../../wire/message.ts'
import { EntryReader } from '../../wire/presentation.ts'
import { formatRdata, parseRdata } from '../../wire/rdata.ts'
import { CLASS, formatRcode, formatType, OPCODE, parseType, TYPE } from '../../wire/types.ts'
import { decideUpdate } from './update.ts'
import { RECORDS_OF_NAME_MAX } from '../zone/zone-content.ts'
import { Zone } from '../zone/zone.ts'

/** A record from `a.home 60 IN A 192.0.2.1` or `a.home 0 ANY A`; TTL and class are required. */
function record(text: string): ResourceRecord {
  const [name = '', ttl = '', className = '', type = '', ...words] = text.split(' ')
  const number = parseType(type) ?? expect.unreachable(type)
  const tokens = new EntryReader(words.join(' ')).next()?.tokens ?? []
  const recordClass = new Map<string, number>(Object.entries(CLASS)).get(className) ?? 0
  return { name, ttl: Number(ttl), class: recordClass, type: number, rdata: tokens.length === 0 ? new Uint8Array(0) : parseRdata(number, tokens) }
}

const header = { id: 1, qr: false, opcode: OPCODE.UPDATE, aa: false, tc: false, rd: false, ra: false, ad: false, cd: false, rcode: 0 }

/** An update as decoded from the wire. */
function update(prerequisites: readonly string[], updates: readonly string[], questions = [{ name: 'home', type: TYPE.SOA as number, class: CLASS.IN as number }]): Message {
  return decodeMessage(encodeMessage({ header, questions, answers: prerequisites.map(record), authorities: updates.map(record), additionals: [] }))
}

let zone: Zone
beforeEach(() => {
  zone = new Zone()
  zone.apply({ change: 'update', changes: [
    { change: 'register', name: 'a.home', type: 'A', rdata: '192.0.2.1', replace: false, ttl: 60 }, { change: 'register', name: 'a.home', type: 'A', rdata: '192.0.2.2', replace: false, ttl: 60 },
    { change: 'register', name: 'a.home', type: 'TXT', rdata: '"note"', replace: false }, { change: 'register', name: 'deep.below.home', type: 'A', rdata: '192.0.2.3', replace: false },
    { change: 'register', name: 'alias.home', type: 'CNAME', rdata: 'a.home.', replace: false },
  ] })
})

/** The response code, after the decided changes were applied. */
function run(prerequisites: readonly string[], updates: readonly string[], questions?: Message['questions'][number][]): string {
  const decision = decideUpdate(update(prerequisites, updates, questions), zone)
  if (decision.update !== undefined) zone.apply(decision.update)
  return formatRcode(decision.rcode)
}
const held = (name: string) => zone.recordsOf(name).map(({ type, ttl, rdata }) => `${ttl} ${formatType(type)} ${formatRdata(type, rdata)}`)

test('an update adds records and removes single ones, those of a type and those of a name, with one increment of the serial', () => {
  const before = zone.serial
  expect(run([], ['new.home 300 IN A 192.0.2.9', 'new.home 300 IN AAAA 2001:db8::9', 'a.home 0 NONE A 192.0.2.1', 'a.home 0 ANY TXT', 'deep.below.home 0 ANY ANY'])).toBe('NOERROR')
  expect([held('new.home'), held('a.home'), held('deep.below.home')]).toEqual([['300 A 192.0.2.9', '300 AAAA 2001:db8::9'], ['60 A 192.0.2.2'], []])
  expect(zone.serial).toBe(before + 1)
})

test('changes are made in order', () => {
  expect(run([], ['a.home 0 ANY ANY', 'a.home 5 IN A 192.0.2.7', 'b.home 5 IN A 192.0.2.8', 'b.home 0 ANY ANY'])).toBe('NOERROR')
  expect([held('a.home'), held('b.home')]).toEqual([['5 A 192.0.2.7'], []])
})

test.each([
  ['a.home 0 ANY ANY', 'NOERROR'], ['none.home 0 ANY ANY', 'NXDOMAIN'], ['below.home 0 ANY ANY', 'NXDOMAIN'], ['a.home 0 NONE ANY', 'YXDOMAIN'], ['none.home 0 NONE ANY', 'NOERROR'],
  ['a.home 0 ANY A', 'NOERROR'], ['a.home 0 ANY MX', 'NXRRSET'], ['a.home 0 NONE A', 'YXRRSET'], ['a.home 0 NONE MX', 'NOERROR'], ['A.HOME 0 ANY TXT', 'NOERROR'],
  ['a.home 0 IN A 192.0.2.1', 'NXRRSET'], ['a.home 0 IN TXT "note"', 'NOERROR'], ['a.home 0 IN TXT "other"', 'NXRRSET'], ['none.home 0 IN A 192.0.2.1', 'NXRRSET'],
  ['alias.home 0 IN CNAME A.home.', 'NOERROR'],
  ['a.home 60 ANY A', 'FORMERR'], ['a.home 0 CH A 192.0.2.1', 'FORMERR'], ['a.home 0 ANY A 192.0.2.1', 'FORMERR'], ['a.home 0 NONE TYPE731 \\# 1 00', 'FORMERR'],
  ['a.home 0 CH TYPE731', 'FORMERR'], ['a.example.org 0 ANY ANY', 'NOTZONE'],
])('with the prerequisite %s: %s', (prerequisite, rcode) => {
  const before = zone.serial
  expect(run([prerequisite], ['new.home 300 IN A 192.0.2.9'])).toBe(rcode)
  expect([zone.serial, held('new.home').length]).toEqual(rcode === 'NOERROR' ? [before + 1, 1] : [before, 0])
})

test('the records of a prerequisite are compared as a set, in any order', () => {
  expect(run(['a.home 0 IN A 192.0.2.2', 'a.home 0 IN TXT "note"', 'a.home 0 IN A 192.0.2.1'], [])).toBe('NOERROR')
  expect(run(['a.home 0 IN A 192.0.2.2', 'a.home 0 IN A 192.0.2.1', 'a.home 0 IN A 192.0.2.9'], [])).toBe('NXRRSET')
  expect(run(['a.home 0 IN A 192.0.2.2', 'a.home 0 IN A 192.0.2.9'], [])).toBe('NXRRSET')
})

test('many prerequisites for one name read its records only once', () => {
  let looks = 0
  const counting = { recordsOf: (name: string) => { looks++; return zone.recordsOf(name) }, plan: () => expect.unreachable() }
  const conditions = Array.from({ length: 500 }, () => ['a.home 0 ANY A', 'a.home 0 NONE MX', 'a.home 0 IN TXT "note"']).flat()
  expect(decideUpdate(update(conditions, []), counting)).toEqual({ rcode: 0, update: undefined })
  expect(looks).toBeLessThan(5)
})

test.each([
  ['a.example.org 60 IN A 192.0.2.1', 'NOTZONE'], ['a.home 60 CH A 192.0.2.1', 'FORMERR'], ['a.home 60 ANY A', 'FORMERR'], ['a.home 60 NONE A 192.0.2.1', 'FORMERR'],
  ['a.home 0 ANY A 192.0.2.1', 'FORMERR'], ['a.home 0 NONE A', 'FORMERR'], ['a.home 0 NONE ANY', 'FORMERR'], ['a.home 0 ANY AXFR', 'FORMERR'],
  ['a.home 0 CH A 192.0.2.1', 'FORMERR'], ['a.home 60 IN ANY \\# 1 00', 'FORMERR'],
])('the change %s is %s, and no change of its message is made', (one, rcode) => {
  expect(run([], ['new.home 300 IN A 192.0.2.9', one])).toBe(rcode)
  expect(held('new.home')).toEqual([])
})

test('the zone section must name this zone with type SOA', () => {
  expect(run([], [], [{ name: 'example.org', type: TYPE.SOA, class: CLASS.IN }])).toBe('NOTAUTH')
  expect(run([], [], [{ name: 'home', type: TYPE.SOA, class: CLASS.CH }])).toBe('NOTAUTH')
  expect(run([], [], [{ name: 'home', type: TYPE.A, class: CLASS.IN }])).toBe('FORMERR')
  expect(run([], [], [])).toBe('FORMERR')
  expect(run([], [], Array.from({ length: 2 }, () => ({ name: 'home', type: TYPE.SOA, class: CLASS.IN })))).toBe('FORMERR')
  expect(run([], [], [{ name: 'HOME', type: TYPE.SOA, class: CLASS.IN }])).toBe('NOERROR')
})

test('a CNAME next to other data, and data next to a CNAME, are ignored; a CNAME replaces a CNAME', () => {
  expect(run([], ['a.home 60 IN CNAME b.home.', 'alias.home 60 IN A 192.0.2.9', 'new.home 60 IN A 192.0.2.9'])).toBe('NOERROR')
  expect([held('a.home').length, held('alias.home'), held('new.home').length]).toEqual([3, ['10 CNAME a.home.'], 1])
  expect(run([], ['alias.home 60 IN CNAME c.home.'])).toBe('NOERROR')
  expect(held('alias.home')).toEqual(['60 CNAME c.home.'])
})

test('the apex keeps its SOA and at least one name server, whatever is removed', () => {
  expect(run([], ['home 0 ANY ANY', 'home 0 ANY NS', 'home 0 ANY SOA', 'home 0 NONE NS localhost.'])).toBe('NOERROR')
  expect(held('home').map(text => text.split(' ')[1])).toEqual(expect.arrayContaining(['SOA', 'NS']))
  expect(run([], ['home 60 IN NS ns.home.', 'home 0 NONE NS localhost.'])).toBe('NOERROR')
  expect(held('home').filter(text => text.includes(' NS '))).toEqual(['60 NS ns.home.'])
})

test('an SOA is accepted only at the apex, and only if it is newer', () => {
  expect(run([], [`home 60 IN SOA ns.home. root.home. ${zone.serial + 100} 1 2 3 4`])).toBe('NOERROR')
  const after = zone.serial
  expect(held('home').find(text => text.includes('SOA'))).toMatch(/^60 SOA ns\.home\. root\.home\. \d+ 1 2 3 4$/)
  expect(run([], [`home 60 IN SOA old.home. root.home. ${after - 50} 1 2 3 4`, `a.home 60 IN SOA ns.home. root.home. ${after + 50} 1 2 3 4`])).toBe('NOERROR')
  expect(held('home').find(text => text.includes('SOA'))).toContain('ns.home.')
  expect(held('a.home').join()).not.toContain('SOA')
})

test('an update that exceeds a limit of the zone is refused as a whole', () => {
  const many = Array.from({ length: RECORDS_OF_NAME_MAX + 1 }, (_, index) => `many.home 60 IN TXT "${index}"`)
  expect(run([], ['new.home 300 IN A 192.0.2.9', ...many])).toBe('REFUSED')
  expect(run([], ['new.home 300 IN A 192.0.2.9', `large.home 60 IN TXT ${Array.from({ length: 70 }, () => `"${'x'.repeat(250)}"`).join(' ')}`])).toBe('REFUSED')
  expect(held('new.home')).toEqual([])
})
