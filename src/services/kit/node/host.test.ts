import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { defineContract } from '../contract.ts'
import { HamletError } from '../errors.ts'
import type { FromService } from '../host-protocol.ts'
import { runHost } from './host.ts'
import { implement } from './service.ts'

const counter = defineContract({
  id: 'counter', command: 'counter', title: 'Counter', summary: 'Counts.',
  settings: z.object({ from: z.int().default(1) }),
  commands: { list: { ask: z.object({ rows: z.int() }), reply: z.object({}) }, add: { ask: z.object({ by: z.int() }), reply: z.object({ total: z.int() }) } },
  events: { counted: z.object({ total: z.int() }) },
  table: { title: 'Totals', empty: 'None.', row: z.object({ total: z.string() }) },
})

const counting = implement(counter, context => {
  let total = context.settings.from
  context.printContractLine(`counting from ${total}`)
  if (total < 0) throw new HamletError({ code: 'refused', what: 'cannot count', why: 'below zero', remedy: 'start at 0' })
  return Promise.resolve({
    endpoints: [], pinned: {},
    commands: {
      list({ rows }) {
        for (let row = 0; row < rows; row++) context.setRow(`row ${row}`, { total: String(row) })
        return Promise.resolve({})
      },
      add({ by }) {
        total += by
        context.emit('counted', { total })
        for (let row = 0; row < by; row++) context.setRow(`row ${row % 3}`, { total: String(row) })
        return Promise.resolve({ total })
      },
    },
    stop: () => Promise.resolve(),
  })
})

/** Runs the counter as its supervisor would and collects its messages. */
function setUp() {
  const said: FromService[] = []
  const exits: number[] = []
  const host = runHost([counting], { send: message => said.push(message), onMessage: () => undefined, exit: status => exits.push(status) })
  const folder = mkdtempSync(join(tmpdir(), 'hamlet-host-'))
  const start = (settings: Record<string, unknown>) => host.take({ type: 'start', id: 'counter', settings, dataFolder: folder, assetsFolder: folder, secrets: {} })
  return { host, said, exits, start }
}

test('it sends lines, readiness, events and replies, in that order', async () => {
  const { host, said, start } = setUp()
  await start({ from: 5 })
  await host.take({ type: 'command', call: 1, name: 'add', ask: { by: 2 } })
  expect(said).toEqual([
    { type: 'line', to: 'contract', text: 'counting from 5' },
    { type: 'ready', endpoints: [], pinned: {} },
    { type: 'event', name: 'counted', data: { total: 7 } },
    { type: 'reply', call: 1, value: { total: 7 } },
  ])
})

test('rows that changed many times are sent once, at the latest when it stops', async () => {
  const { host, said, exits, start } = setUp()
  await start({})
  await host.take({ type: 'command', call: 1, name: 'add', ask: { by: 30 } })
  await host.stop()
  expect(said.filter(({ type }) => type === 'rows')).toEqual([{ type: 'rows', changes: [['row 0', { total: '27' }], ['row 1', { total: '28' }], ['row 2', { total: '29' }]] }])
  expect(said.at(-1)).toEqual({ type: 'stopped' })
  expect(exits).toEqual([0])
})

test('of more rows than a table holds, those that changed last are sent', async () => {
  const { host, said, start } = setUp()
  await start({})
  await host.take({ type: 'command', call: 1, name: 'list', ask: { rows: 2001 } })
  await host.stop()
  const [keys] = said.flatMap(message => message.type === 'rows' ? [message.changes.map(([key]) => key)] : [])
  expect([keys?.length, keys?.[0], keys?.at(-1)]).toEqual([2000, 'row 1', 'row 2000'])
})

test('a second stop has no effect', async () => {
  const { host, said, exits, start } = setUp()
  await start({})
  await Promise.all([host.stop(), host.stop()])
  expect(said.filter(({ type }) => type === 'stopped')).toHaveLength(1)
  expect(exits).toEqual([0])
})

test.each([
  [{ from: 'one' }, 'usage', '--from cannot be "one"'],
  [{ from: -1 }, 'refused', 'cannot count'],
])('with settings %j it fails with an error about them', async (settings, code, what) => {
  const { said, exits, start } = setUp()
  await start(settings)
  expect(said.at(-1)).toMatchObject({ type: 'failed', error: { code, what } })
  expect(exits).toEqual([1])
})

test.each([
  ['multiply', { by: 2 }, 'has no command "multiply"'],
  ['add', { by: 'two' }, 'The command "add" was refused'],
])('the command %s %j is refused and nothing else happens', async (name, ask, what) => {
  const { host, said, start } = setUp()
  await start({})
  await host.take({ type: 'command', call: 9, name, ask })
  expect(said.at(-1)).toMatchObject({ type: 'refusal', call: 9, error: { code: 'usage', what: expect.stringContaining(what) } })
})
