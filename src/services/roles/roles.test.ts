import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { contracts, SERVICE_IDS } from '../contracts.ts'
import { Supervisor } from '../kit/node/supervisor.ts'
import type { UncheckedSettings } from '../kit/contract.ts'
import { Roles, type RolesListener } from './roles.ts'

beforeEach(() => { vi.useFakeTimers() })
afterEach(() => { vi.useRealTimers() })

/** Roles whose processes all say ready at once, what is asked of them, and what ends the process of one. */
function setUp(listener: RolesListener): { roles: Roles; commands: string[]; end: Map<string, () => void> } {
  const commands: string[] = []
  const end = new Map<string, () => void>()
  const supervisor = new Supervisor(contracts, (id, say, exit) => ({
    pid: 100, kill: () => undefined,
    send(message) {
      end.set(id, () => exit(1))
      if (message.type === 'stop') queueMicrotask(() => exit(0))
      if (message.type === 'start') queueMicrotask(() => say({ type: 'ready', endpoints: [{ name: id, transport: 'tcp', address: '127.0.0.1', port: 7777 }], pinned: {} }))
      if (message.type !== 'command') return
      commands.push(message.name)
      queueMicrotask(() => say({ type: 'reply', call: message.call, value: { ok: true, sentence: 'well', tookMs: 1 } }))
    },
  }), { status: ({ id }) => roles.stateChanged(SERVICE_IDS.find(known => known === id) ?? 'dns'), line: () => undefined, event: () => undefined, rows: () => undefined })
  const roles: Roles = new Roles({ supervisor, listener, dataFolder: '/data', assetsFolder: '/assets', secrets: {} })
  return { roles, commands, end }
}

test('where lamps are seen, each role is proven again and again', async () => {
  const lit = new Set<string>()
  const { roles, commands } = setUp({ notice: () => undefined, lamp: (id, lamp) => { if (lamp.lit) lit.add(id) } })
  await roles.startAll({ 'dns': {}, 'dhcp': {}, 'app-server': {}, 'client': {} })
  await vi.advanceTimersByTimeAsync(60_000)
  expect([...lit]).toEqual(['dns', 'dhcp', 'app-server', 'client'])
  expect(commands.length).toBeGreaterThanOrEqual(16)
})

test('a lamp is lit by proof alone: not before, not of a role that was stopped or has crashed, and not without the client', async () => {
  const { roles, end } = setUp({ notice: () => undefined, lamp: () => undefined })
  const lit = () => SERVICE_IDS.filter(id => roles.lamp(id).lit)
  expect(lit()).toEqual([])
  await roles.startAll({ 'dns': {}, 'dhcp': {}, 'client': {} })
  expect(lit()).toEqual([])
  await roles.probeAll()
  expect(lit()).toEqual(['dns', 'dhcp', 'client'])
  await roles.stop('dhcp')
  expect(lit()).toEqual(['dns', 'client'])
  end.get('dns')?.()
  expect(lit()).toEqual(['client'])
  await vi.advanceTimersByTimeAsync(5_000)
  expect(lit()).toEqual(['dns', 'client'])
  await roles.stop('client')
  await roles.probeAll()
  expect(lit()).toEqual([])
})

test('where nobody sees a lamp, nothing is asked for its sake', async () => {
  const { roles, commands } = setUp({ notice: () => undefined })
  await roles.startAll({ 'dns': {}, 'dhcp': {}, 'app-server': {}, 'client': {} })
  await vi.advanceTimersByTimeAsync(60_000)
  expect(commands).toEqual([])
})

/** Starts the role where these of its ports are not to be had. @returns the settings of each start, and the notices */
async function startWhere(isTaken: (settings: UncheckedSettings) => boolean, chosen: UncheckedSettings = {}) {
  const starts: UncheckedSettings[] = []
  const notices: string[] = []
  const supervisor = new Supervisor(contracts, (id, say, exit) => ({
    pid: 100, kill: () => undefined,
    send(message) {
      if (message.type !== 'start') return
      starts.push(message.settings)
      queueMicrotask(() => {
        if (!isTaken(message.settings)) return say({ type: 'ready', endpoints: [{ name: id, transport: 'udp', address: '127.0.0.1', port: 7777 }], pinned: {} })
        say({ type: 'failed', error: { code: 'port-taken', what: 'a port could not be opened', why: 'it is taken', remedy: 'choose another' } })
        exit(1)
      })
    },
  }), { status: () => undefined, line: () => undefined, event: () => undefined, rows: () => undefined })
  const roles = new Roles({ supervisor, listener: { notice: text => notices.push(text) }, dataFolder: '/data', assetsFolder: '/assets', secrets: {} })
  const faults = await roles.startAll({ dns: chosen })
  return { starts, notices, faults }
}

test.each([
  ['port', ({ port }: UncheckedSettings) => port !== 0, { port: 0 }],
  ['admin_port', ({ admin_port }: UncheckedSettings) => admin_port !== 0, { admin_port: 0 }],
  ['port and admin_port', ({ port, admin_port }: UncheckedSettings) => port !== 0 || admin_port !== 0, { port: 0, admin_port: 0 }],
])('where %s cannot be had, free ones are taken for these alone, and one notice says so', async (_which, isTaken, moved) => {
  const { starts, notices, faults } = await startWhere(isTaken)
  expect(starts.at(-1)).toEqual({ host: '127.0.0.1', ...moved })
  expect(notices).toEqual([expect.stringMatching(/^a port could not be opened: it is taken\. Serving .* instead\. Choose another\.$/)])
  expect(faults).toEqual([])
})

test('a port that the person chose and that cannot be had is a fault, and no other is taken for it', async () => {
  const { starts, notices, faults } = await startWhere(({ port }) => port === 5300, { port: 5300 })
  expect(starts.every(({ port }) => port === 5300)).toBe(true)
  expect(notices).toEqual([])
  expect(faults).toMatchObject([{ code: 'port-taken' }])
})
