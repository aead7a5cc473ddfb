import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { z } from 'zod'
import { defineContract } from '../contract.ts'
import type { ToService } from '../host-protocol.ts'
import { Supervisor, type ServiceStatus } from './supervisor.ts'

const contract = defineContract({
  id: 'echo', command: 'echo', title: 'Echo', summary: 'Says it again.', settings: z.object({}), commands: {}, events: {},
  table: { title: 'Words', empty: 'None.', row: z.object({ word: z.string() }) },
})
const order = { settings: { port: 0 }, dataFolder: '/data', assetsFolder: '/assets', secrets: {} }
const ready = { type: 'ready', endpoints: [{ name: 'echo', transport: 'udp', address: '127.0.0.1', port: 7777 }], pinned: { port: 7777 } }

/** A supervisor whose processes are played by the test. */
function setUp() {
  const processes: { sent: ToService[]; say: (message: unknown) => void; exit: (status: number | null) => void; killed: boolean }[] = []
  const states: ServiceStatus[] = []
  const supervisor = new Supervisor([contract], (_id, say, exit) => {
    const played = { sent: [] as ToService[], say, exit, killed: false }
    processes.push(played)
    return { pid: 100 + processes.length, send: message => played.sent.push(message), kill: () => { played.killed = true } }
  }, { status: status => states.push(status), line: () => undefined, event: () => undefined, rows: () => undefined })
  const process = (index: number) => {
    const played = processes[index]
    if (played === undefined) throw new Error(`process ${index} was not launched`)
    return played
  }
  return { supervisor, processes, process, states }
}

async function started() {
  const all = setUp()
  const starting = all.supervisor.start('echo', order)
  all.process(0).say(ready)
  await starting
  return all
}

beforeEach(() => { vi.useFakeTimers() })
afterEach(() => { vi.useRealTimers() })

test('a service that says ready is running, with its endpoints', async () => {
  const { supervisor } = await started()
  expect(supervisor.status('echo')).toMatchObject({ state: 'running', pid: 101, endpoints: [{ port: 7777 }] })
})

test('a service that is reached elsewhere from now on says so, whatever its state', async () => {
  const { supervisor, process, states } = await started()
  process(0).say({ type: 'health', reason: 'the upstream is silent' })
  process(0).say({ type: 'endpoints', endpoints: [{ name: 'echo', transport: 'udp', address: '192.0.2.7', port: 7777 }] })
  expect(supervisor.status('echo')).toMatchObject({ state: 'degraded', reason: 'the upstream is silent', endpoints: [{ address: '192.0.2.7' }] })
  expect(states.at(-1)).toBe(supervisor.status('echo'))
})

test('a service that cannot start is failed with its own words, and is not tried again', async () => {
  const { supervisor, process, processes } = setUp()
  const starting = supervisor.start('echo', order)
  const error = { code: 'port-taken', what: 'UDP port 53 could not be opened', why: 'dnsmasq holds it', remedy: 'choose another' }
  process(0).say({ type: 'failed', error })
  process(0).exit(1)
  await expect(starting).rejects.toMatchObject({ parts: error })
  await vi.advanceTimersByTimeAsync(60_000)
  expect(processes.length).toBe(1)
  expect(supervisor.status('echo').state).toBe('failed')
})

test('a crashed service comes back after half a second on the port that it had', async () => {
  const { supervisor, process, processes } = await started()
  process(0).exit(null)
  expect(supervisor.status('echo')).toMatchObject({ state: 'failed', error: { code: 'service-crashed', why: 'its process was killed' } })
  await vi.advanceTimersByTimeAsync(499)
  expect(processes.length).toBe(1)
  await vi.advanceTimersByTimeAsync(1)
  expect(process(1).sent).toMatchObject([{ type: 'start', settings: { port: 7777 } }])
  process(1).say(ready)
  expect(supervisor.status('echo').state).toBe('running')
})

test('a service comes back however often it crashes, and the person is told when', async () => {
  const { supervisor, processes } = await started()
  for (let crash = 1; crash <= 20; crash++) {
    processes.at(-1)?.exit(1)
    expect(supervisor.status('echo')).toMatchObject({ state: 'failed', error: { done: expect.stringMatching(/^it is started again in [\d.]+ s$/) } })
    await vi.advanceTimersByTimeAsync(30_000)
    expect(processes.length).toBe(crash + 1)
    if (crash % 2 === 0) processes.at(-1)?.say(ready)
  }
})

test('a stop asked for is no crash', async () => {
  const { supervisor, process, processes } = await started()
  const stopping = supervisor.stop('echo')
  expect(process(0).sent.at(-1)).toEqual({ type: 'stop' })
  process(0).exit(0)
  await stopping
  await vi.advanceTimersByTimeAsync(60_000)
  expect(processes.length).toBe(1)
  expect(supervisor.status('echo').state).toBe('stopped')
})

test('a service that does not stop in five seconds is killed', async () => {
  const { supervisor, process } = await started()
  const stopping = supervisor.stop('echo')
  await vi.advanceTimersByTimeAsync(5_000)
  expect(process(0).killed).toBe(true)
  process(0).exit(null)
  await stopping
})

test('a stop while waiting for the restart calls the restart off', async () => {
  const { supervisor, process, processes } = await started()
  process(0).exit(1)
  await supervisor.stop('echo')
  await vi.advanceTimersByTimeAsync(60_000)
  expect(processes.length).toBe(1)
})

test('a command gets its reply, its refusal, or the news that the service is gone', async () => {
  const { supervisor, process } = await started()
  const [replied, refused, lost] = [supervisor.command('echo', 'say', 'a'), supervisor.command('echo', 'say', 'b'), supervisor.command('echo', 'say', 'c')]
  process(0).say({ type: 'reply', call: 0, value: 'a' })
  process(0).say({ type: 'refusal', call: 1, error: { code: 'refused', what: 'no', why: 'b', remedy: 'say a' } })
  await expect(replied).resolves.toBe('a')
  await expect(refused).rejects.toMatchObject({ code: 'refused' })
  const gone = expect(lost).rejects.toMatchObject({ code: 'service-not-running' })
  process(0).exit(1)
  await gone
})

test('a message that nobody can read is left out and changes nothing', async () => {
  const { supervisor, process } = await started()
  process(0).say({ type: 'nonsense' })
  process(0).say(undefined)
  expect(supervisor.status('echo').state).toBe('running')
})

test('rows are kept as they change, for a window that comes later', async () => {
  const { supervisor, process } = await started()
  process(0).say({ type: 'rows', changes: [['a', { word: 'one' }], ['b', { word: 'two' }]] })
  process(0).say({ type: 'rows', changes: [['a', null], ['b', { word: 'three' }]] })
  expect(supervisor.rows('echo')).toEqual([['b', { word: 'three' }]])
})

test('of two starts the later one holds: one process, and the earlier one hears that it was given up', async () => {
  const { supervisor, process, processes } = await started()
  const earlier = supervisor.start('echo', order)
  const later = supervisor.start('echo', { ...order, settings: { port: 8888 } })
  void earlier.catch(() => undefined)
  process(0).exit(0)
  await vi.advanceTimersByTimeAsync(0)
  expect(processes.slice(1).map(({ sent }) => sent)).toMatchObject([[{ type: 'start', settings: { port: 8888 } }]])
  process(1).say(ready)
  await expect(earlier).rejects.toMatchObject({ code: 'service-not-running' })
  await expect(later).resolves.toMatchObject(ready.endpoints)
})

test('who stops a service that is being started anew has it stopped', async () => {
  const { supervisor, process, processes } = await started()
  const again = supervisor.start('echo', order)
  void again.catch(() => undefined)
  const stopped = supervisor.stop('echo')
  process(0).exit(0)
  await stopped
  await vi.advanceTimersByTimeAsync(0)
  expect(processes.length).toBe(1)
  expect(supervisor.status('echo').state).toBe('stopped')
  await expect(again).rejects.toMatchObject({ code: 'service-not-running' })
})
