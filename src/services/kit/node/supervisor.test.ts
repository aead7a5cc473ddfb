import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { z } from 'zod'
import { defineContract } from '../contract.ts'
import type { ToService } from '../host-protocol.ts'
import { Supervisor, type ServiceStatus } from './supervisor.ts'

const contract = defineContract({
  id: 'echo', command: 'echo', title: 'Echo', summary: 'Says it again.', settings: z.object({}), commands: {}, events: {},
  table: { title: 'Words', empty: 'None.', row: z.object({ word: z.string() }) },
})
const options = { settings: { port: 0 }, dataFolder: '/data', assetsFolder: '/assets', secrets: {} }
const ready = { type: 'ready', endpoints: [{ name: 'echo', transport: 'udp', address: '127.0.0.1', port: 7777 }], pinned: { port: 7777 } }

/** A supervisor whose processes are simulated by the test. */
function setUp() {
  const processes: { sent: ToService[]; say: (message: unknown) => void; exit: (status: number | null) => void; killed: boolean }[] = []
  const states: ServiceStatus[] = []
  const supervisor = new Supervisor([contract], (_id, say, exit) => {
    const simulated = { sent: [] as ToService[], say, exit, killed: false }
    processes.push(simulated)
    return { pid: 100 + processes.length, send: message => simulated.sent.push(message), kill: () => { simulated.killed = true } }
  }, { status: status => states.push(status), line: () => undefined, event: () => undefined, rows: () => undefined })
  const process = (index: number) => {
    const simulated = processes[index]
    if (simulated === undefined) throw new Error(`process ${index} was not launched`)
    return simulated
  }
  return { supervisor, processes, process, states }
}

async function started() {
  const all = setUp()
  const starting = all.supervisor.start('echo', options)
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

test('new endpoints of a service are reported, whatever its state', async () => {
  const { supervisor, process, states } = await started()
  process(0).say({ type: 'health', reason: 'the upstream is silent' })
  process(0).say({ type: 'endpoints', endpoints: [{ name: 'echo', transport: 'udp', address: '192.0.2.7', port: 7777 }] })
  expect(supervisor.status('echo')).toMatchObject({ state: 'degraded', reason: 'the upstream is silent', endpoints: [{ address: '192.0.2.7' }] })
  expect(states.at(-1)).toBe(supervisor.status('echo'))
})

test('a service that cannot start has failed with its own error and is not retried', async () => {
  const { supervisor, process, processes } = setUp()
  const starting = supervisor.start('echo', options)
  const error = { code: 'port-taken', what: 'UDP port 53 could not be opened', why: 'port 53 is in use by dnsmasq', remedy: 'choose another' }
  process(0).say({ type: 'failed', error })
  process(0).exit(1)
  await expect(starting).rejects.toMatchObject({ parts: error })
  await vi.advanceTimersByTimeAsync(60_000)
  expect(processes.length).toBe(1)
  expect(supervisor.status('echo').state).toBe('failed')
})

test('a crashed service is restarted after half a second on the port it had', async () => {
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

test('a service is restarted however often it crashes, and the error says when', async () => {
  const { supervisor, processes } = await started()
  for (let crash = 1; crash <= 20; crash++) {
    processes.at(-1)?.exit(1)
    expect(supervisor.status('echo')).toMatchObject({ state: 'failed', error: { done: expect.stringMatching(/^it will be restarted in [\d.]+ s$/) } })
    await vi.advanceTimersByTimeAsync(30_000)
    expect(processes.length).toBe(crash + 1)
    if (crash % 2 === 0) processes.at(-1)?.say(ready)
  }
})

test('a requested stop is not a crash', async () => {
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

test('a stop cancels a pending restart', async () => {
  const { supervisor, process, processes } = await started()
  process(0).exit(1)
  await supervisor.stop('echo')
  await vi.advanceTimersByTimeAsync(60_000)
  expect(processes.length).toBe(1)
})

test('a command ends with its reply, its refusal, or an error if the service is gone', async () => {
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

test('an invalid message is ignored', async () => {
  const { supervisor, process } = await started()
  process(0).say({ type: 'nonsense' })
  process(0).say(undefined)
  expect(supervisor.status('echo').state).toBe('running')
})

test('the current rows are kept for a window that opens later', async () => {
  const { supervisor, process } = await started()
  process(0).say({ type: 'rows', changes: [['a', { word: 'one' }], ['b', { word: 'two' }]] })
  process(0).say({ type: 'rows', changes: [['a', null], ['b', { word: 'three' }]] })
  expect(supervisor.rows('echo')).toEqual([['b', { word: 'three' }]])
})

test('of two starts the later one wins: there is one process, and the earlier start is rejected', async () => {
  const { supervisor, process, processes } = await started()
  const earlier = supervisor.start('echo', options)
  const later = supervisor.start('echo', { ...options, settings: { port: 8888 } })
  void earlier.catch(() => undefined)
  process(0).exit(0)
  await vi.advanceTimersByTimeAsync(0)
  expect(processes.slice(1).map(({ sent }) => sent)).toMatchObject([[{ type: 'start', settings: { port: 8888 } }]])
  process(1).say(ready)
  await expect(earlier).rejects.toMatchObject({ code: 'service-not-running' })
  await expect(later).resolves.toMatchObject(ready.endpoints)
})

test('a service stopped during its restart stays stopped', async () => {
  const { supervisor, process, processes } = await started()
  const again = supervisor.start('echo', options)
  void again.catch(() => undefined)
  const stopped = supervisor.stop('echo')
  process(0).exit(0)
  await stopped
  await vi.advanceTimersByTimeAsync(0)
  expect(processes.length).toBe(1)
  expect(supervisor.status('echo').state).toBe('stopped')
  await expect(again).rejects.toMatchObject({ code: 'service-not-running' })
})
