import { describe, expect, test } from 'vitest'
import type { ServiceStatus } from '../../preload/contract.ts'
import { homeUrlOf, progressOf, useVillage, withLamp, withNotice, withRows, withSettings, withSnapshot, withStatus, type Notice, type Services } from './store.ts'

const none = useVillage.getInitialState().services
const up = (services: Services, ...ids: ServiceStatus['id'][]) => ids.reduce((all, id) => withStatus(all, { id, state: 'running', endpoints: [] }), services)

describe('the store of services', () => {
  test('a snapshot replaces the whole state', () => {
    const services = {
      dns: { ...none.dns, rows: [['a', { name: 'example.org' }]] as [string, Record<string, string>][], log: [] },
      dhcp: { ...none.dhcp, rows: [], log: [] }, 'app-server': { ...none['app-server'], rows: [], log: [] }, client: { ...none.client, rows: [], log: [] },
    }
    const state = withSnapshot({ mode: 'lan', runtime: 'r', version: '1', services, notices: ['one', 'two'] })
    expect(state).toMatchObject({ isLoaded: true, mode: 'lan', notices: [{ key: 0, text: 'one' }, { key: 1, text: 'two' }] })
    expect([...state.services?.dns.rows ?? []]).toEqual([['a', { name: 'example.org' }]])
  })

  test('changed rows are added, replaced or removed; the others stay', () => {
    const first = withRows(none, { id: 'dns', changes: [['a', { name: 'a' }], ['b', { name: 'b' }]] })
    const second = withRows(first, { id: 'dns', changes: [['a', null], ['b', { name: 'B' }], ['c', { name: 'c' }]] })
    expect([...second.dns.rows]).toEqual([['b', { name: 'B' }], ['c', { name: 'c' }]])
    expect(second.dhcp).toBe(none.dhcp)
    expect([...first.dns.rows.keys()]).toEqual(['a', 'b'])
  })

  test('a changed row moves to the end, as in main, so that the oldest change is dropped first', () => {
    const first = withRows(none, { id: 'dns', changes: [['a', { name: 'a' }], ['b', { name: 'b' }]] })
    const second = withRows(first, { id: 'dns', changes: [['a', { name: 'A' }]] })
    expect([...second.dns.rows]).toEqual([['b', { name: 'b' }], ['a', { name: 'A' }]])
  })

  test('a table is bounded, and drops its oldest rows first', () => {
    const changes = Array.from({ length: 2100 }, (_, row): [string, Record<string, string>] => [`key ${row}`, {}])
    const { rows } = withRows(none, { id: 'dns', changes }).dns
    expect(rows.size).toBe(2000)
    expect(rows.has('key 99')).toBe(false)
    expect(rows.has('key 100')).toBe(true)
  })

  test('a restarted service begins with an empty table; a degraded one keeps its rows', () => {
    const filled = withRows(none, { id: 'dhcp', changes: [['a', {}]] })
    expect(withStatus(filled, { id: 'dhcp', state: 'degraded', endpoints: [] }).dhcp.rows.size).toBe(1)
    expect(withStatus(filled, { id: 'dhcp', state: 'starting', endpoints: [] }).dhcp.rows.size).toBe(0)
  })

  test('a lamp or settings change affects only its own service', () => {
    const lamp = { lit: true, sentence: 'answered in 2 ms', tookMs: 2 }
    const after = withSettings(withLamp(none, { id: 'client', lamp }), { id: 'client', settings: { proxy_port: 8118 } })
    expect(after.client).toMatchObject({ lamp, settings: { proxy_port: 8118 } })
    expect(after.dns).toBe(none.dns)
  })

  test('notices are bounded and their keys never repeat', () => {
    let notices: readonly Notice[] = []
    for (let number = 0; number < 50; number++) notices = withNotice(notices, `notice ${number}`)
    expect(notices).toHaveLength(20)
    expect(new Set(notices.map(notice => notice.key)).size).toBe(20)
    expect(notices[19]).toEqual({ key: 49, text: 'notice 49' })
  })
})

test('the home page has the saved domain, or the default one if the server would refuse it', () => {
  const home = (settings: Readonly<Record<string, unknown>>) => homeUrlOf(withSettings(none, { id: 'app-server', settings }))
  expect([home({}), home({ domain: 'shop.home' }), home({ domain: 'no name' })]).toEqual(['http://my-app.home/', 'http://shop.home/', 'http://my-app.home/'])
})

describe('progress of the village', () => {
  test('is off, partly or on, depending on what is running', () => {
    expect(progressOf(none, undefined)).toEqual({ phase: 'off', upCount: 0, next: 'dns' })
    expect(progressOf(up(none, 'dhcp'), undefined)).toEqual({ phase: 'partly', upCount: 1, next: 'dns' })
    expect(progressOf(up(none, 'dns', 'dhcp', 'app-server', 'client'), undefined)).toEqual({ phase: 'on', upCount: 4, next: undefined })
  })

  test('gives the next service in start order while everything starts', () => {
    expect(progressOf(up(none, 'dns', 'dhcp'), 'starting')).toEqual({ phase: 'starting', upCount: 2, next: 'app-server' })
  })
})
