import { beforeEach, expect, test } from 'vitest'
import type { Clock } from '../kit/node/clock.ts'
import { Zone } from './core/zone/zone.ts'
import { NamesTable } from './names-table.ts'

let rows: Map<string, Readonly<Record<string, string>>>
let zone: Zone
let table: NamesTable
const stillClock: Clock = { nowMs: () => 0, wakeAt: () => () => undefined }
beforeEach(() => {
  rows = new Map()
  zone = new Zone()
  table = new NamesTable((key, row) => row === undefined ? rows.delete(key) : rows.set(key, row), stillClock, () => zone.size)
})

const register = (name: string, rdata = '192.0.2.1') => {
  zone.apply({ change: 'register', name, type: 'A', rdata, replace: true })
  table.showRegistered(name, zone.recordsOf(name))
}
const names = () => [...rows.values()].map(({ name }) => name)

test('a name is shown with its current records only', () => {
  register('a.home')
  register('a.home', '192.0.2.2')
  expect([...rows.values()]).toEqual([{ name: 'a.home', type: 'A', data: '192.0.2.2', ttl: '10', source: 'registered' }])
  zone.apply({ change: 'unregister', name: 'a.home' })
  table.showRegistered('a.home', zone.recordsOf('a.home'))
  expect(rows.size).toBe(0)
})

test('of too many names the newest are shown, and a row says how many more there are', () => {
  for (let index = 0; index < 2005; index++) register(`n${index}.home`)
  expect([rows.size, names().includes('n4.home'), names().includes('n5.home'), names().includes('n2004.home')]).toEqual([2001, false, true, true])
  expect(names()).toContain('… and 5 more')
  for (let index = 0; index < 5; index++) zone.apply({ change: 'unregister', name: `n${index}.home` })
  register('n2004.home', '192.0.2.2')
  expect([rows.size, names().some(name => name?.startsWith('…'))]).toEqual([2000, false])
})

test('a newly loaded zone is shown from its beginning, in place of all earlier rows', () => {
  register('old.home')
  const loaded = new Zone()
  for (let index = 0; index < 2500; index++) loaded.apply({ change: 'register', name: `n${index}.home`, type: 'A', rdata: '192.0.2.1', replace: true })
  zone = loaded
  table.showAllRegistered(zone.records())
  // The apex is among the first names, and has no row.
  expect([rows.size, names().includes('old.home'), names().includes('n0.home'), names().includes('… and 501 more')]).toEqual([2000, false, true, true])
})
