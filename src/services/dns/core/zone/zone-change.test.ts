import { beforeEach, expect, test } from 'vitest'
import { UsageError } from '../../../kit/errors.ts'
import { formatRdata } from '../../wire/rdata.ts'
import { formatType, TYPE } from '../../wire/types.ts'
import { plainRecord } from './apex.ts'
import { planChange, type Register, type Unregister } from './zone-change.ts'
import type { ZoneDifference } from './zone-history.ts'
import { Zone } from './zone.ts'

let zone: Zone
beforeEach(() => { zone = new Zone() })

const add = (name: string, type: string, rdata: string, more: Partial<Register> = {}): Register => ({ change: 'register', name, type, rdata, replace: false, ...more })
const remove = (name: string, more: Partial<Unregister> = {}): Unregister => ({ change: 'unregister', name, ...more })
const update = (...changes: (Register | Unregister)[]) => zone.apply({ change: 'update', changes })
const held = (name: string) => zone.recordsOf(name).map(({ ttl, type, rdata }) => `${ttl} ${formatType(type)} ${formatRdata(type, rdata)}`)
const differenceTexts = ({ removed, added }: ZoneDifference) => {
  const text = ({ name, type, rdata }: ZoneDifference['from']) => `${name} ${formatType(type)} ${formatRdata(type, rdata)}`
  return { removed: removed.map(text), added: added.map(text) }
}

test('an update increments the serial once, and each of its changes sees the effect of those before', () => {
  zone.apply(add('a.home', 'A', '192.0.2.1'))
  const { serial } = zone
  const difference = update(remove('a.home'), add('a.home', 'CNAME', 'b.home.'), add('b.home', 'A', '192.0.2.2'))
  expect(differenceTexts(difference)).toEqual({ removed: ['a.home A 192.0.2.1'], added: ['a.home CNAME b.home.', 'b.home A 192.0.2.2'] })
  expect([zone.serial, held('a.home')]).toEqual([serial + 1, ['10 CNAME b.home.']])
})

test('if one change of an update is invalid, none is made', () => {
  zone.apply(add('a.home', 'A', '192.0.2.1'))
  const before = [...zone.records()]
  for (const wrong of [add('b.home', 'A', '192.0.2'), add('b.home', 'FROG', 'x'), add('b.home', 'ANY', ''), add('b.home', 'SOA', 'a. b. 1 2 3 4 5')]) {
    expect(() => update(remove('a.home'), wrong)).toThrow(UsageError)
    expect(() => zone.plan({ change: 'update', changes: [remove('a.home'), wrong] })).toThrow(UsageError)
  }
  expect([...zone.records()]).toEqual(before)
})

test('an update ignores removals of missing records, and a CNAME next to other records', () => {
  zone.apply(add('a.home', 'A', '192.0.2.1'))
  const difference = update(remove('x.home'), remove('a.home', { type: 'TXT' }), add('a.home', 'CNAME', 'b.home.'), add('c.home', 'A', '192.0.2.3'))
  expect(differenceTexts(difference)).toEqual({ removed: [], added: ['c.home A 192.0.2.3'] })
})

test('NS and DNAME are incompatible except at the apex; an update ignores the later one', () => {
  update(add('old.home', 'DNAME', 'new.home.'), add('sub.home', 'NS', 'ns.home.'))
  expect(() => zone.apply(add('old.home', 'NS', 'ns.home.'))).toThrow(/cannot have both NS and DNAME/)
  expect(() => zone.apply(add('sub.home', 'DNAME', 'new.home.'))).toThrow(/cannot have both NS and DNAME/)
  update(add('old.home', 'NS', 'ns.home.'), add('sub.home', 'DNAME', 'new.home.'), add('home', 'DNAME', 'house.example.'))
  expect([held('old.home'), held('sub.home'), held('home').slice(1)]).toEqual([['10 DNAME new.home.'], ['10 NS ns.home.'], ['10 NS localhost.', '10 DNAME house.example.']])
})

test('a plan lists the single changes that have an effect, even if a later one reverses it', () => {
  zone.apply(add('a.home', 'A', '192.0.2.1'))
  const [added, removed] = [add('b.home', 'A', '192.0.2.2'), remove('b.home')]
  const plan = zone.plan({ change: 'update', changes: [add('a.home', 'A', '192.0.2.1'), add('a.home', 'CNAME', 'b.home.'), added, removed, removed] })
  expect(plan).toEqual({ parts: [added, removed], names: [] })
})

test('a single record is removed by its data, ignoring case in a name within it', () => {
  update(add('a.home', 'MX', '10 Mail.home.'), add('a.home', 'MX', '20 mail.home.'), add('a.home', 'TXT', '"Mail"'))
  zone.apply(remove('a.home', { type: 'MX', rdata: '10 mail.HOME.' }))
  expect(() => zone.apply(remove('a.home', { type: 'TXT', rdata: '"mail"' }))).toThrow(/not registered with type TXT and data/)
  expect(held('a.home')).toEqual(['10 MX 20 mail.home.', '10 TXT "Mail"'])
})

test('the cost of a single change does not grow with the number of records of its name', () => {
  let looks = 0
  const holding = Array.from({ length: 900 }, (_, index) => {
    const { rdata, ...record } = plainRecord('a.home', TYPE.MX, `10 host${1000 + index}.home.`)
    return { ...record, get rdata() { looks++; return rdata } }
  })
  const missing = Array.from({ length: 2600 }, (_, index) => remove('a.home', { type: 'MX', rdata: `11 host${1000 + index}.home.` }))
  const more = Array.from({ length: 90 }, (_, index) => add('a.home', 'MX', `10 host${2000 + index}.home.`))
  expect(planChange({ change: 'update', changes: [...missing, ...more] }, () => holding).parts).toEqual(more)
  expect(looks).toBeLessThan(10 * holding.length)
})

test('records of one name and type share a TTL: that of the latest one registered with a TTL', () => {
  zone.apply(add('a.home', 'A', '192.0.2.1', { ttl: 300 }))
  zone.apply(add('a.home', 'A', '192.0.2.2'))
  zone.apply(add('a.home', 'TXT', 'x'))
  expect(held('a.home')).toEqual(['300 A 192.0.2.1', '300 A 192.0.2.2', '10 TXT "x"'])
  expect(differenceTexts(zone.apply(add('a.home', 'A', '192.0.2.2', { ttl: 60 })))).toEqual({ removed: ['a.home A 192.0.2.1', 'a.home A 192.0.2.2'], added: ['a.home A 192.0.2.1', 'a.home A 192.0.2.2'] })
  expect(held('a.home').sort()).toEqual(['10 TXT "x"', '60 A 192.0.2.1', '60 A 192.0.2.2'])
})

test('a change without effect only increments the serial', () => {
  zone.apply(add('a.home', 'A', '192.0.2.1'))
  const again = add('A.home.', 'A', '192.0.2.1', { replace: true })
  expect([again, { ...again, rdata: '192.0.2.2' }].map(each => zone.plan(each).parts.length)).toEqual([0, 1])
  const difference = zone.apply(again)
  expect(differenceTexts(difference)).toEqual({ removed: [], added: [] })
  expect(difference.to).not.toEqual(difference.from)
})

test("the zone's own SOA and NS cannot be removed, except a name server if another remains", () => {
  for (const change of [remove('home'), remove('home', { type: 'NS' }), remove('home', { type: 'SOA' }), remove('home', { type: 'NS', rdata: 'localhost.' })]) expect(() => zone.apply(change)).toThrow(UsageError)
  update(add('home', 'NS', 'ns.home.'), add('ns.home', 'A', '192.0.2.1'))
  zone.apply(remove('home', { type: 'NS', rdata: 'localhost.' }))
  expect(held('home').filter(text => text.includes('NS'))).toEqual(['10 NS ns.home.'])
})

test('a newer SOA is accepted with its serial, an older one is ignored', () => {
  const soa = (serial: number) => add('home', 'SOA', `ns.home. hostmaster.home. ${serial} 1 2 3 4`, { replace: true, ttl: 77 })
  update(soa(4000))
  expect([zone.serial, held('home')[0]]).toEqual([4000, '77 SOA ns.home. hostmaster.home. 4000 1 2 3 4'])
  update(soa(3000))
  expect(held('home')[0]).toBe('77 SOA ns.home. hostmaster.home. 4001 1 2 3 4')
})

test('names outside the apex are not part of the difference', () => {
  expect(differenceTexts(update(add('a.example.org', 'A', '192.0.2.1'), add('a.home', 'A', '192.0.2.2')))).toEqual({ removed: [], added: ['a.home A 192.0.2.2'] })
})

test('differences are remembered from each state, until there are too many or the zone is loaded', () => {
  const first = zone.serial
  const made = [1, 2, 3].map(octet => zone.apply(add('a.home', 'A', `192.0.2.${octet}`)))
  expect([zone.differencesSince(first), zone.differencesSince(first + 2), zone.differencesSince(zone.serial)]).toEqual([made, made.slice(2), []])
  expect([zone.differencesSince(first - 1), zone.differencesSince(zone.serial + 1)]).toEqual([undefined, undefined])
  for (let index = 0; index < 1000; index++) update()
  expect([zone.differencesSince(first + 2), zone.differencesSince(first + 3)?.length]).toEqual([undefined, 1000])
})
