import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { contracts } from '../contracts.ts'
import { Supervisor } from '../kit/node/supervisor.ts'
import { Roles, type RolesListener } from './roles.ts'

beforeEach(() => { vi.useFakeTimers() })
afterEach(() => { vi.useRealTimers() })

/** Roles whose processes all say ready at once, and the commands that they are given. */
function setUp(listener: RolesListener): { roles: Roles; commands: string[] } {
  const commands: string[] = []
  const supervisor = new Supervisor(contracts, (id, say) => ({
    pid: 100, kill: () => undefined,
    send(message) {
      if (message.type === 'start') queueMicrotask(() => say({ type: 'ready', endpoints: [{ name: id, transport: 'tcp', address: '127.0.0.1', port: 7777 }], pinned: {} }))
      if (message.type !== 'command') return
      commands.push(message.name)
      queueMicrotask(() => say({ type: 'reply', call: message.call, value: { ok: true, sentence: 'well', tookMs: 1 } }))
    },
  }), { status: () => undefined, line: () => undefined, event: () => undefined, rows: () => undefined })
  return { roles: new Roles({ supervisor, listener, dataFolder: '/data', assetsFolder: '/assets', secrets: {} }), commands }
}

test('where lamps are seen, each role is proven again and again', async () => {
  const lit = new Set<string>()
  const { roles, commands } = setUp({ notice: () => undefined, lamp: (id, lamp) => { if (lamp.lit) lit.add(id) } })
  await roles.startAll({ 'dns': {}, 'dhcp': {}, 'app-server': {}, 'client': {} })
  await vi.advanceTimersByTimeAsync(60_000)
  expect([...lit]).toEqual(['dns', 'dhcp', 'app-server', 'client'])
  expect(commands.length).toBeGreaterThanOrEqual(16)
})

test('where nobody sees a lamp, nothing is asked for its sake', async () => {
  const { roles, commands } = setUp({ notice: () => undefined })
  await roles.startAll({ 'dns': {}, 'dhcp': {}, 'app-server': {}, 'client': {} })
  await vi.advanceTimersByTimeAsync(60_000)
  expect(commands).toEqual([])
})
