import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { contracts, SERVICE_IDS } from '../contracts.ts'
import { Supervisor } from '../kit/node/supervisor.ts'
import type { UncheckedSettings } from '../kit/contract.ts'
import { Roles, type RolesListener } from './roles.ts'

beforeEach(() => { vi.useFakeTimers() })
afterEach(() => { vi.useRealTimers() })

/** Roles whose processes are ready at once, the commands they receive, and a function that ends the process of each. */
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

test('if someone watches the lamps, each role is probed again and again', async () => {
  const lit = new Set<string>()
  const { roles, commands } = setUp({ notice: () => undefined, lamp: (id, lamp) => { if (lamp.lit) lit.add(id) } })
  await roles.startAll({ 'dns': {}, 'dhcp': {}, 'app-server': {}, 'client': {} })
  await vi.advanceTimersByTimeAsync(60_000)
  expect([...lit]).toEqual(['dns', 'dhcp', 'app-server', 'client'])
  expect(commands.length).toBeGreaterThanOrEqual(16)
})

test('a lamp is lit by proof only: not before, not if the role was stopped or has crashed, and not without the client', async () => {
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

test('if nobody watches the lamps, no probes are sent', async () => {
  const { roles, commands } = setUp({ notice: () => undefined })
  await roles.startAll({ 'dns': {}, 'dhcp': {}, 'app-server': {}, 'client': {} })
  await vi.advanceTimersByTimeAsync(60_000)
  expect(commands).toEqual([])
})

/** Starts the DNS role where some ports are in use. @returns the settings of each start, the notices and the errors */
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
        say({ type: 'failed', error: { code: 'port-taken', what: 'a port could not be opened', why: 'it is in use', remedy: 'choose another' } })
        exit(1)
      })
    },
  }), { status: () => undefined, line: () => undefined, event: () => undefined, rows: () => undefined })
  const roles = new Roles({ supervisor, listener: { notice: text => notices.push(text) }, dataFolder: '/data', assetsFolder: '/assets', secrets: {} })
  const errors = await roles.startAll({ dns: chosen })
  return { starts, notices, errors }
}

test.each([
  ['port', ({ port }: UncheckedSettings) => port !== 0, { port: 0 }],
  ['admin_port', ({ admin_port }: UncheckedSettings) => admin_port !== 0, { admin_port: 0 }],
  ['port and admin_port', ({ port, admin_port }: UncheckedSettings) => port !== 0 || admin_port !== 0, { port: 0, admin_port: 0 }],
])('if %s is in use, only that is replaced by a free one, and one notice says so', async (_which, isTaken, moved) => {
  const { starts, notices, errors } = await startWhere(isTaken)
  expect(starts.at(-1)).toEqual({ host: '127.0.0.1', ...moved })
  expect(notices).toEqual([expect.stringMatching(/^a port could not be opened: it is in use\. Serving .* instead\. Choose another\.$/)])
  expect(errors).toEqual([])
})

test('if a port that the user chose is in use, that is an error, and no other port is used', async () => {
  const { starts, notices, errors } = await startWhere(({ port }) => port === 5300, { port: 5300 })
  expect(starts.every(({ port }) => port === 5300)).toBe(true)
  expect(notices).toEqual([])
  expect(errors).toMatchObject([{ code: 'port-taken' }])
})
