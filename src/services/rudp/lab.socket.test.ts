import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { setImmediate } from 'node:timers/promises'
import { afterEach, describe, expect, test } from 'vitest'
import { UsageError } from '../kit/errors.ts'
import { TraceRing } from '../kit/trace.ts'
import { systemClock } from '../kit/node/clock.ts'
import { secureRandom } from '../kit/node/random.ts'
import { loadBatchAddOn } from '../kit/node/udp/batch-add-on.ts'
import type { Io } from '../kit/node/udp/door.ts'
import { labCommands } from './core/lab/commands.ts'
import { RudpDialer } from './dialer.ts'
import { Lab } from './lab.ts'
import { listenRudp } from './listener.ts'
import type { RudpSocket } from './socket.ts'
import { bytesOf, MB } from './testing/transfer.ts'

const clock = systemClock
const around = () => ({ clock, random: secureRandom(), trace: new TraceRing(64 * 1024) })
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')
const closers: (() => Promise<unknown>)[] = []
afterEach(async () => { for (const close of closers.splice(0).reverse()) await close() })

const ios: readonly Io[] = 'addOn' in loadBatchAddOn() ? ['dgram', 'batch'] : ['dgram']

/**
 * A listener in a lab that sends `page` on every stream.
 * @returns a function that loads the page, on the first connection or as another client
 */
async function village(lab: Lab, page: Uint8Array, io: Io = 'auto') {
  const accept = (socket: RudpSocket) => {
    socket.on('error', () => socket.destroy())
    socket.resume()
    socket.end(page)
  }
  const listener = await listenRudp({ addresses: ['127.0.0.1'], port: 0, io, accept, lab, ...around() })
  closers.push(() => listener.close())
  const [local] = listener.locals
  if (local === undefined) throw new Error('no socket')
  const client = () => {
    const dialer = new RudpDialer({ ...around(), keepMs: 60_000 })
    closers.push(() => dialer.close())
    return dialer
  }
  const first = client()
  return async (by: 'first' | 'another' = 'first'): Promise<Buffer> => {
    const socket = await (by === 'first' ? first : client()).dial(local)
    socket.end('please')
    const pieces: Buffer[] = []
    for await (const piece of socket) pieces.push(Buffer.from(piece))
    return Buffer.concat(pieces)
  }
}

describe.each(ios)('over %s', io => {
  test('a page arrives intact through loss, damage, duplication and reordering, in both directions', async () => {
    const lab = new Lab({ clock, link: 'mtu=1500 overhead=28 loss=5% burst=2 corruption=2% duplication=2% reordering=5% hold=3ms delay=2ms jitter=1ms seed=11' })
    const page = bytesOf(MB, 5)
    const get = await village(lab, page, io)
    expect(sha256(await get())).toBe(sha256(page))
    const { rows: [[, row] = []] } = await lab.commands.connections({})
    expect(Number(row?.lost)).toBeGreaterThan(0)
    const [, out, back] = /^(\d+) out, (\d+) in$/.exec(row?.lost_by_link ?? '') ?? []
    expect(Number(out)).toBeGreaterThan(0)
    expect(Number(back)).toBeGreaterThan(0)
  })
})

test('a rate limit set during a transfer slows it down, and removing it lets it go', async () => {
  const lab = new Lab({ clock })
  const get = await village(lab, bytesOf(200_000, 1))
  await get()
  await lab.commands.link({ link: 'rate=4mbit queue=64kB mtu=1500 overhead=28 direction=out' })
  const startMs = clock.nowMs()
  await get()
  // 200 KB at 4 Mbit/s take 400 ms, however busy the machine: nothing can be faster than the link.
  expect(clock.nowMs() - startMs).toBeGreaterThan(390)
  expect(await lab.commands.link({ link: 'perfect' })).toEqual({ link: 'perfect' })
  expect(lab.conditioner.areOff).toBe(true)
  expect((await get()).length).toBe(200_000)
})

test('a connection can have its own link and controller until it ends; future ones have the common ones', async () => {
  const lab = new Lab({ clock, congestion: 'reno' })
  const get = await village(lab, bytesOf(1000, 1))
  await get()
  const { rows: [[connection = '', row] = []] } = await lab.commands.connections({})
  expect(row).toMatchObject({ congestion: 'reno', state: 'ESTABLISHED', link: 'perfect', lost_by_link: '', ssthresh: 'none yet' })
  expect(row && labCommands.connections.reply.parse({ rows: [[connection, row]], over: [] })).toBeDefined()
  await lab.commands.link({ link: 'delay=1ms', connection })
  await lab.commands.congestion({ congestion: 'tahoe', connection })
  const changed = (await lab.commands.connections({})).rows[0]?.[1]
  expect(changed).toMatchObject({ congestion: 'tahoe', link: 'delay=1ms' })
  expect([await lab.commands.link({}), await lab.commands.congestion({})]).toEqual([{ link: 'perfect' }, { congestion: 'reno' }])
  await lab.commands.congestion({ congestion: 'cubic' })
  expect((await lab.commands.connections({})).rows.map(([, { congestion }]) => congestion)).toEqual(['cubic'])
  expect(lab.congestion).toBe('cubic')
  for (const closing of closers.splice(1)) await closing() // closes the dialer
  await expect.poll(async () => (await lab.commands.connections({})).rows.length).toBe(0)
  expect(lab.conditioner.areOff).toBe(true)
  await expect(lab.commands.congestion({ congestion: 'reno', connection })).rejects.toThrow(UsageError)
})

test('a watcher gets samples with the losses and a qlog with every packet; nothing was kept before', async () => {
  const lab = new Lab({ clock, link: 'mtu=1500 overhead=28 loss=3% delay=2ms direction=out seed=2', congestion: 'reno' })
  const get = await village(lab, bytesOf(MB, 1))
  await get()
  const { rows: [[id = ''] = []] } = await lab.commands.connections({})
  await expect(lab.commands.qlog({ connection: id })).rejects.toThrow(/was not recorded/)
  expect(await lab.commands.watch({ after: 0 })).toEqual({ connection: undefined, peer: '', startMs: 0, lost: 0, samples: [], next: 0 })
  await get()
  const seen = labCommands.watch.reply.parse(await lab.commands.watch({ after: 0 }))
  expect(seen.connection).toBe(id)
  expect(seen.samples.length).toBe(seen.next)
  expect(seen.lost).toBeGreaterThan(0)
  expect(seen.samples.reduce((sum, { lost }) => sum + lost, 0)).toBe(seen.lost)
  const { qlog } = await lab.commands.qlog({ connection: id })
  const { traces: [{ events, vantage_point, common_fields }] } = JSON.parse(qlog)
  expect([vantage_point.type, common_fields.reference_time]).toEqual(['server', seen.startMs])
  const bytesSent = events.filter(({ name }: { name: string }) => name === 'transport:packet_sent').reduce((sum: number, { data }: { data: { raw: { length: number } } }) => sum + data.raw.length, 0)
  expect(bytesSent).toBeGreaterThan(MB)
  expect(events.some(({ name }: { name: string }) => name === 'recovery:packet_lost')).toBe(true)
})

test('a watcher gets every packet once, reply by reply, with losses and retransmissions', async () => {
  const lab = new Lab({ clock, link: 'mtu=1500 overhead=28 loss=3% delay=2ms direction=out seed=2' })
  const get = await village(lab, bytesOf(MB, 1))
  expect(await lab.commands.packets({ after: 0 })).toEqual({ connection: undefined, rows: [], next: 0 })
  await get()
  const first = labCommands.packets.reply.parse(await lab.commands.packets({ after: 0 }))
  const rest = labCommands.packets.reply.parse(await lab.commands.packets({ connection: first.connection, after: first.next }))
  expect([first.rows.length, rest.next - rest.rows.length]).toEqual([1000, first.next])
  const rows = [...first.rows, ...rest.rows]
  expect(rows[0]).toMatchObject({ kind: 'received', type: 'HELLO', number: expect.any(Number) })
  const sent = rows.flatMap(row => row.kind === 'sent' ? [row.number] : [])
  expect(new Set(sent).size).toBe(sent.length)
  const lost = rows.flatMap(row => row.kind === 'lost' ? [row.number] : [])
  expect(lost.length).toBeGreaterThan(0)
  expect(sent).toEqual(expect.arrayContaining(lost))
  expect(rows.some(({ kind }) => kind === 'again')).toBe(true)
})

test('with more active connections than are recorded, the newest stays the newest, and a chosen one is recorded from then on', async () => {
  const lab = new Lab({ clock, link: 'mtu=1500 overhead=28 rate=500kbit direction=out' })
  const get = await village(lab, bytesOf(100_000, 1))
  await lab.commands.watch({ after: 0 })
  const pages = Array.from({ length: 12 }, () => get('another'))
  const sampled = async (connection?: string) => lab.commands.watch({ connection, after: 0 })
  await expect.poll(async () => (await lab.commands.connections({})).rows.filter(([, { state }]) => state === 'ESTABLISHED').length).toBe(12)
  const { connection: newest } = await sampled()
  await expect.poll(async () => (await sampled(newest)).next).toBeGreaterThan(5)
  const { rows } = await lab.commands.connections({})
  const unrecorded = (await Promise.all(rows.map(async ([id]) => await lab.commands.qlog({ connection: id }).then(() => [], () => [id])))).flat()
  expect(unrecorded.length).toBe(4)
  const [chosen = ''] = unrecorded
  await expect.poll(async () => (await sampled(chosen)).samples.length).toBeGreaterThan(5)
  let areWhole = false
  const whole = Promise.all(pages).finally(() => { areWhole = true })
  const seen = new Set<string | undefined>()
  for (; !areWhole; await setImmediate()) seen.add((await sampled()).connection)
  await whole
  expect(seen).toEqual(new Set([newest]))
})

test('a closed connection is listed with its peer and controller, and can still be viewed', async () => {
  const lab = new Lab({ clock, congestion: 'reno' })
  const get = await village(lab, bytesOf(1000, 1))
  const { over: before } = await lab.commands.connections({})
  await lab.commands.watch({ after: 0 })
  await get('another')
  const { rows: [[id = '', row] = []] } = await lab.commands.connections({})
  await lab.commands.congestion({ congestion: 'tahoe', connection: id })
  for (const closing of closers.splice(2)) await closing() // closes its client
  await expect.poll(async () => (await lab.commands.connections({})).over).toEqual([[id, { peer: row?.peer, congestion: 'tahoe' }]])
  expect(before).toEqual([])
  expect((await lab.commands.watch({ connection: id, after: 0 })).samples.length).toBeGreaterThan(0)
})

test('a CONNECTION_CLOSE delayed by the link is still sent when the socket closes', async () => {
  const lab = new Lab({ clock, link: 'delay=5s direction=out' })
  const heard: string[] = []
  const listener = await listenRudp({ addresses: ['127.0.0.1'], port: 0, accept: socket => socket.on('error', () => heard.push('error')).on('end', () => heard.push('end')).resume(), ...around() })
  closers.push(() => listener.close())
  const [local] = listener.locals
  if (local === undefined) throw new Error('no socket')
  const dialer = new RudpDialer({ ...around(), lab })
  await lab.commands.link({ link: 'perfect' })
  const socket = await dialer.dial(local)
  socket.on('error', () => undefined)
  socket.write('hello')
  await expect.poll(async () => (await lab.commands.connections({})).rows[0]?.[1].state).toBe('ESTABLISHED')
  await lab.commands.link({ link: 'delay=5s direction=out' })
  const closed = once(socket, 'close')
  await dialer.close()
  await closed
  await expect.poll(() => heard).not.toEqual([])
})
