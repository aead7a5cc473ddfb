import { connect, type Socket } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import type { Path } from '../kit/endpoint.ts'
import { systemClock, type Clock } from '../kit/node/clock.ts'
import { listenStreams } from '../kit/node/streams.ts'
import { TraceRing } from '../kit/trace.ts'
import type { TransferEnd } from './core/admin/transfer.ts'
import { StreamClients, type StreamLimits } from './stream-clients.ts'
import { encodeFrame, FrameReader } from './wire/frame.ts'

const closers: (() => Promise<void> | void)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

interface Served {
  readonly clients: StreamClients
  readonly port: number
  /** The queries taken up. */
  readonly asked: { id: number; path: Path }[]
  /** The number of octets received from a client. */
  heardFrom(client: Client): number | undefined
}

/** Echoes each query, at once or when the test says so. */
async function serve({ limits = {}, answersAtOnce = true, clock = systemClock }: { limits?: Partial<StreamLimits>; answersAtOnce?: boolean; clock?: Clock } = {}): Promise<Served> {
  const asked: { id: number; path: Path }[] = []
  const clients: StreamClients = new StreamClients({
    trace: new TraceRing(), clock, limits,
    receive(bytes, path) {
      asked.push({ id: idOf(bytes), path })
      if (answersAtOnce) clients.send(path, bytes)
    },
  })
  const sockets: Socket[] = []
  const listener = await listenStreams({
    addresses: ['0.0.0.0'], port: 0, allowHalfOpen: true,
    accept(socket) {
      sockets.push(socket)
      clients.accept(socket)
    },
  })
  closers.push(() => { clients.stop() }, () => listener.close())
  const heardFrom = (client: Client) => sockets.find(({ remotePort }) => remotePort === client.socket.localPort)?.bytesRead
  return { clients, port: listener.locals[0]?.port ?? 0, asked, heardFrom }
}

const query = (id: number): Uint8Array => Uint8Array.from([id >>> 8, id & 255, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0])
const idOf = (bytes: Uint8Array): number => (bytes[0] ?? 0) * 256 + (bytes[1] ?? 0)
const framed = (count: number): Buffer => Buffer.concat(Array.from({ length: count }, (_, id) => encodeFrame(query(id))))

class Client {
  readonly answers: number[] = []
  closed = false
  readonly socket: Socket
  readonly #frames = new FrameReader()

  constructor(socket: Socket) {
    this.socket = socket
    socket.on('data', chunk => { for (const message of this.#frames.push(chunk)) this.answers.push(idOf(message)) })
    socket.on('error', () => undefined)
    socket.on('close', () => { this.closed = true })
    closers.push(() => { socket.destroy() })
  }
}

/** Every address in 127.0.0.0/8 is this machine's, so clients with different addresses are easy to make. */
async function dial(port: number, localAddress = '127.0.0.1'): Promise<Client> {
  const socket = connect({ port, host: '127.0.0.1', localAddress })
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve)
    socket.once('error', reject)
  })
  return new Client(socket)
}

/** A clock whose timers fire when the test advances it. */
function handClock(): Clock & { advance(ms: number): void } {
  let nowMs = 1_000_000
  const timers = new Set<{ atMs: number; wake: () => void }>()
  return {
    nowMs: () => nowMs,
    wakeAt(atMs, wake) {
      const timer = { atMs, wake }
      timers.add(timer)
      return () => timers.delete(timer)
    },
    advance(ms) {
      nowMs += ms
      for (const timer of [...timers]) {
        if (timer.atMs > nowMs) continue
        timers.delete(timer)
        timer.wake()
      }
    },
  }
}

const answered = (client: Client, count: number) => expect.poll(() => client.answers.length).toBe(count)

test('one client with 200 connections and 20,000 queries does not starve another', async () => {
  const { port, asked } = await serve({ limits: { connections: 100 } })
  const greedy = await Promise.all(Array.from({ length: 200 }, () => dial(port)))
  for (const { socket } of greedy) socket.write(framed(100))
  const other = await dial(port, '127.0.0.2')
  other.socket.write(encodeFrame(query(7)))
  await answered(other, 1)
  expect(other.answers).toEqual([7])
  // The greedy client lost its oldest connections to its newest ones, and the remaining ones are served too.
  await expect.poll(() => greedy.filter(({ closed }) => closed).length).toBeGreaterThanOrEqual(136)
  expect(greedy.filter(({ closed }) => !closed).length).toBeGreaterThan(0)
  expect(asked.length).toBeLessThanOrEqual(20_001)
})

test('a client that sent 5,000 queries at once yields to another', async () => {
  const { port, asked } = await serve()
  const greedy = await dial(port)
  const other = await dial(port, '127.0.0.2')
  greedy.socket.write(framed(5000))
  other.socket.write(encodeFrame(query(6000)))
  await answered(other, 1)
  await answered(greedy, 5000)
  expect(greedy.answers).toEqual(Array.from({ length: 5000 }, (_, id) => id))
  expect(asked.findIndex(({ id }) => id === 6000)).toBeLessThan(4000)
})

test('pending queries are limited per address, and answered in any order', async () => {
  const { clients, port, asked } = await serve({ limits: { unansweredOfConnection: 5, unansweredOfAddress: 8 }, answersAtOnce: false })
  const [one, two] = [await dial(port), await dial(port)]
  one.socket.write(framed(20))
  two.socket.write(framed(20))
  const other = await dial(port, '127.0.0.2')
  other.socket.write(framed(1))
  await expect.poll(() => asked.length).toBe(9)
  for (let round = 0; round < 41; round++) {
    await expect.poll(() => asked.length).toBeGreaterThan(0)
    const last = asked.pop() ?? expect.unreachable('a query is pending')
    clients.send(last.path, query(last.id))
  }
  await answered(one, 20)
  await answered(two, 20)
  expect(one.answers).not.toEqual([...one.answers].sort((a, b) => a - b))
  expect([...one.answers].sort((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, id) => id))
})

test('pending queries are limited in total, and waiting ones are taken up when a connection closes', async () => {
  const { port, asked } = await serve({ limits: { unanswered: 3 }, answersAtOnce: false })
  const first = await dial(port)
  first.socket.write(framed(3))
  await expect.poll(() => asked.length).toBe(3)
  const second = await dial(port, '127.0.0.2')
  second.socket.write(encodeFrame(query(9)))
  first.socket.resetAndDestroy() // After a half-close alone its answers would still be pending.
  await expect.poll(() => asked.map(({ id }) => id)).toEqual([0, 1, 2, 9])
})

test('idleness, an incomplete query and an answer that never comes end a connection', async () => {
  const clock = handClock()
  const { port, heardFrom } = await serve({ clock, answersAtOnce: false, limits: { idleMs: 5000, stalledMs: 8000 } })
  const [silent, half, unanswered] = [await dial(port), await dial(port), await dial(port)]
  half.socket.write(encodeFrame(query(1)).subarray(0, 5))
  unanswered.socket.write(framed(1))
  await expect.poll(() => [silent, half, unanswered].map(heardFrom)).toEqual([0, 5, 14])
  clock.advance(5500)
  await expect.poll(() => silent.closed).toBe(true)
  expect([half.closed, unanswered.closed]).toEqual([false, false])
  half.socket.write(encodeFrame(query(1)).subarray(5, 6)) // A byte now and then does not extend the time.
  await expect.poll(() => heardFrom(half)).toBe(6)
  clock.advance(3000)
  await expect.poll(() => half.closed && unanswered.closed).toBe(true)
})

test.each([['less than a header', Uint8Array.from([1, 2, 3])], ['the QR bit set', Uint8Array.from([0, 1, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0])]])('a message with %s is ignored, and does not count as a pending query', async (_what, bytes) => {
  const { port, asked } = await serve({ limits: { unansweredOfConnection: 2 } })
  const client = await dial(port)
  client.socket.write(Buffer.concat([...Array.from({ length: 50 }, () => encodeFrame(bytes)), encodeFrame(query(9))]))
  await answered(client, 1)
  expect(asked.map(({ id }) => id)).toEqual([9])
})

test('a client that half-closes gets all answers, and then the connection is closed', async () => {
  const { clients, port, asked } = await serve({ answersAtOnce: false, limits: { unansweredOfConnection: 2 } })
  const [asking, silent] = [await dial(port), await dial(port)]
  asking.socket.end(framed(3))
  silent.socket.end()
  await expect.poll(() => silent.closed).toBe(true)
  for (let answers = 0; answers < 3; answers++) {
    await expect.poll(() => asked.length).toBeGreaterThan(0)
    expect(asking.closed).toBe(false)
    const { id, path } = asked.shift() ?? expect.unreachable('a query is pending')
    clients.send(path, query(id))
  }
  await expect.poll(() => asking.closed).toBe(true)
  expect(asking.answers).toEqual([0, 1, 2])
})

test('an answer of many messages is made only as fast as it is read, and dropped when its reader goes', async () => {
  const { clients, port, asked } = await serve({ answersAtOnce: false })
  const client = await dial(port)
  client.socket.pause()
  client.socket.write(framed(2))
  await expect.poll(() => asked.length).toBe(2)
  const path = asked[0]?.path ?? expect.unreachable('a query is pending')
  let made = 0
  let dropped = false
  function* zone(): Generator<Uint8Array, TransferEnd> {
    try {
      for (; made < 4000; made++) yield new Uint8Array(16_384)
      return 'whole'
    } finally {
      dropped = true
    }
  }
  clients.stream(path, zone())
  const stopped = async () => {
    let before = -1
    await expect.poll(() => before === (before = made), { interval: 100 }).toBe(true)
  }
  await stopped()
  // What the system's buffers hold, and little more.
  expect(made).toBeLessThan(1000)
  expect(dropped).toBe(false)
  clients.send(path, query(1)) // Another answer does not have to wait for the end of the transfer.
  client.socket.resume()
  await answered(client, 4001)
  expect(dropped).toBe(true)
  client.socket.destroy()
})

test('a zone transfer gets a few messages per turn, however fast its client reads', async () => {
  const { clients, port, asked } = await serve({ answersAtOnce: false })
  const taker = await dial(port)
  taker.socket.write(framed(1))
  await expect.poll(() => asked.length).toBe(1)
  const madeInTurns = new Map<number, number>()
  let turn = 0
  let next = setImmediate(function count() {
    turn++
    next = setImmediate(count)
  })
  closers.push(() => clearImmediate(next))
  function* zone(): Generator<Uint8Array, TransferEnd> {
    for (let made = 0; made < 500; made++) {
      madeInTurns.set(turn, (madeInTurns.get(turn) ?? 0) + 1)
      yield new Uint8Array(16_384)
    }
    return 'whole'
  }
  clients.stream(asked[0]?.path ?? expect.unreachable('a query is pending'), zone())
  await answered(taker, 500)
  expect(Math.max(...madeInTurns.values())).toBeLessThan(10)
})

test('no more messages are made once the reader is gone', async () => {
  const { clients, port, asked } = await serve({ answersAtOnce: false })
  const client = await dial(port)
  client.socket.pause()
  client.socket.write(framed(1))
  await expect.poll(() => asked.length).toBe(1)
  let made = 0
  let dropped = false
  function* endless(): Generator<Uint8Array, TransferEnd> {
    try {
      for (;; made++) yield new Uint8Array(16_384)
    } finally {
      dropped = true
    }
  }
  clients.stream(asked[0]?.path ?? expect.unreachable('a query is pending'), endless())
  await expect.poll(() => made).toBeGreaterThan(0)
  expect(dropped).toBe(false)
  client.socket.destroy()
  await expect.poll(() => dropped).toBe(true)
})

test('an incomplete transfer closes its connection', async () => {
  const { clients, port, asked } = await serve({ answersAtOnce: false })
  const client = await dial(port)
  client.socket.write(framed(1))
  await expect.poll(() => asked.length).toBe(1)
  function* torn(): Generator<Uint8Array, TransferEnd> {
    yield query(1)
    return 'torn'
  }
  clients.stream(asked[0]?.path ?? expect.unreachable('a query is pending'), torn())
  await expect.poll(() => client.closed).toBe(true)
})
