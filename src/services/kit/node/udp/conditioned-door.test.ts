import fc from 'fast-check'
import { beforeEach, expect, test } from 'vitest'
import type { Path } from '../../endpoint.ts'
import { Link } from '../../link.ts'
import { parseLink } from '../../link-text.ts'
import { seededRandom } from '../../random.ts'
import type { Clock } from '../clock.ts'
import type { DatagramBatch, DatagramDoor } from './door.ts'
import { LinkConditioner } from './link-conditioner.ts'

const pathTo = (address: string, port = 9): Path => ({ local: { address: '192.0.2.1', port: 8080 }, interfaceName: '', peer: { address, port } })
const peer = pathTo('192.0.2.2')
const other = pathTo('192.0.2.3')

/** A clock that the test moves, and that wakes each waiter at its time. */
class TestClock implements Clock {
  #nowMs = 0
  readonly #wakes = new Set<{ readonly atMs: number; readonly wake: () => void }>()

  nowMs(): number {
    return this.#nowMs
  }

  wakeAt(atMs: number, wake: () => void): () => void {
    if (atMs === Infinity) return () => undefined
    const entry = { atMs, wake }
    this.#wakes.add(entry)
    return () => this.#wakes.delete(entry)
  }

  get waiting(): number {
    return this.#wakes.size
  }

  goTo(nowMs: number): void {
    for (;;) {
      const next = [...this.#wakes].filter(({ atMs }) => atMs <= nowMs).sort((one, another) => one.atMs - another.atMs)[0]
      if (next === undefined) break
      this.#wakes.delete(next)
      this.#nowMs = Math.max(this.#nowMs, next.atMs)
      next.wake()
    }
    this.#nowMs = nowMs
  }
}

/** The network below: records what the door has sent once it is flushed, and delivers what a test puts in. */
class Wire implements DatagramDoor {
  readonly locals = [{ address: '192.0.2.1', port: 8080 }]
  readonly sent: { path: Path; bytes: Uint8Array; atMs: number }[] = []
  readonly trains: number[] = []
  readonly clock: TestClock
  receive: (batch: DatagramBatch) => void = () => undefined
  isClosed = false
  #queue: { path: Path; bytes: Uint8Array }[] = []

  constructor(clock: TestClock) {
    this.clock = clock
  }

  send(path: Path, bytes: Uint8Array): void {
    this.#queue.push({ path, bytes })
  }

  sendTrain(path: Path, bytes: Uint8Array, segmentBytes: number): void {
    this.trains.push(segmentBytes)
    this.#queue.push({ path, bytes })
  }

  flush(): boolean {
    for (const datagram of this.#queue.splice(0)) this.sent.push({ ...datagram, bytes: datagram.bytes.slice(), atMs: this.clock.nowMs() })
    return true
  }

  pathTo(to: Path['peer']): Path {
    return { ...peer, peer: to }
  }

  close(): Promise<void> {
    this.isClosed = true
    return Promise.resolve()
  }

  /** Delivers datagrams together, in a slab that is overwritten afterwards. */
  arrive(path: Path, ...datagrams: Uint8Array[]): void {
    const slab = new Uint8Array(datagrams.length * 100)
    datagrams.forEach((bytes, index) => slab.set(bytes, index * 100))
    this.receive({
      count: datagrams.length, slab, offsets: Uint32Array.from(datagrams, (_, index) => index * 100), lengths: Uint32Array.from(datagrams, ({ length }) => length),
      path: () => path, peerHash: () => 7, replies: new Uint8Array(0), replyLengths: new Uint32Array(0),
    })
    slab.fill(0xee)
  }
}

let clock: TestClock
let wire: Wire
let received: { path: Path; bytes: Uint8Array; atMs: number }[]

beforeEach(() => {
  clock = new TestClock()
  wire = new Wire(clock)
  received = []
})

async function doorBehind(conditioner: LinkConditioner, onReceive: () => void = () => undefined): Promise<DatagramDoor> {
  const receive = (batch: DatagramBatch) => {
    for (let index = 0; index < batch.count; index++) {
      const offset = batch.offsets[index] ?? 0
      received.push({ path: batch.path(index), bytes: batch.slab.slice(offset, offset + (batch.lengths[index] ?? 0)), atMs: clock.nowMs() })
    }
    onReceive()
  }
  return conditioner.open({ addresses: ['192.0.2.1'], port: 8080, receive }, clock, options => {
    wire.receive = options.receive
    return Promise.resolve(wire)
  })
}

const numbered = (number: number, length = 100) => new Uint8Array(length).fill(number)

test('without conditions, datagrams and whole trains pass untouched and nothing waits', async () => {
  const door = await doorBehind(new LinkConditioner())
  const bytes = numbered(1, 300)
  door.send(peer, bytes)
  door.sendTrain(peer, bytes, 100)
  door.flush()
  wire.arrive(peer, numbered(2))
  expect(wire.sent.map(({ bytes: { length } }) => length)).toEqual([300, 300])
  expect(wire.trains).toEqual([100])
  expect(received).toHaveLength(1)
  expect(clock.waiting).toBe(0)
})

test('delay applies in both directions, and a train passes the link datagram by datagram', async () => {
  const door = await doorBehind(new LinkConditioner(parseLink('delay=20ms')))
  const train = Uint8Array.from({ length: 250 }, (_, index) => index)
  door.sendTrain(peer, train, 100)
  door.flush()
  train.fill(0) // the sender may reuse the bytes
  door.sendTrain(peer, numbered(9, 200), 100)
  door.flush()
  wire.arrive(peer, numbered(5), numbered(6, 50), numbered(7, 70))
  clock.goTo(19)
  expect([wire.sent.length, received.length]).toEqual([0, 0])
  clock.goTo(20)
  expect(wire.sent.map(({ bytes }) => [bytes[0], bytes.length])).toEqual([[0, 100], [100, 100], [200, 50], [9, 100], [9, 100]])
  expect(wire.trains).toEqual([])
  expect(received.map(({ bytes }) => [...new Set(bytes), bytes.length])).toEqual([[5, 100], [6, 50], [7, 70]])
})

test('conditions for one direction leave the other alone', async () => {
  const door = await doorBehind(new LinkConditioner(parseLink('delay=20ms direction=in')))
  door.send(peer, numbered(1))
  door.flush()
  wire.arrive(peer, numbered(2))
  expect([wire.sent.length, received.length]).toEqual([1, 0])
  clock.goTo(20)
  expect(received).toHaveLength(1)
})

test('losses are exactly those of a link with the same seed, and are counted', async () => {
  await fc.assert(fc.asyncProperty(fc.nat(1000), fc.integer({ min: 1, max: 90 }), async (seed, percent) => {
    wire = new Wire(clock)
    const setting = parseLink(`loss=${percent}% direction=out seed=${seed}`)
    const conditioner = new LinkConditioner(setting)
    const door = await doorBehind(conditioner)
    const alone = new Link(setting.conditions, seededRandom((seed ^ 0x9e3779b9) >>> 0))
    for (let number = 0; number < 200; number++) {
      door.send(peer, numbered(number))
      alone.send(numbered(number), undefined, clock.nowMs())
    }
    door.flush()
    expect(wire.sent.length).toBe(200 - alone.counts.lost)
    expect(conditioner.counts(peer)?.out).toMatchObject({ sent: 200, lost: alone.counts.lost, delivered: wire.sent.length })
  }), { numRuns: 30 })
})

test('a rate is exact to the byte, and separate for each peer', async () => {
  const door = await doorBehind(new LinkConditioner(parseLink('rate=800kbit queue=1MB direction=out'))) // 100 bytes a millisecond
  for (let number = 0; number < 100; number++) {
    door.send(peer, numbered(number))
    door.send(other, numbered(number, 50))
  }
  door.flush()
  for (const atMs of [1, 7, 30, 50, 100]) {
    clock.goTo(atMs)
    const bytesTo = (path: Path) => wire.sent.filter(sent => sent.path === path).reduce((sum, { bytes }) => sum + bytes.length, 0)
    expect([bytesTo(peer), bytesTo(other)]).toEqual([atMs * 100, Math.min(5000, atMs * 100)])
  }
})

test('a peer may have its own conditions, which conditions for all replace', async () => {
  const conditioner = new LinkConditioner()
  const door = await doorBehind(conditioner)
  const send = () => {
    door.send(peer, numbered(1))
    door.send(other, numbered(2))
    door.flush()
    return wire.sent.splice(0).map(({ path }) => path)
  }
  conditioner.setFor(peer, parseLink('loss=100%'))
  expect(send()).toEqual([other])
  conditioner.set(parseLink('loss=100%'))
  expect(send()).toEqual([])
  conditioner.setFor(peer, parseLink('perfect'))
  expect(send()).toEqual([peer])
  conditioner.set(parseLink('perfect'))
  expect(send()).toEqual([peer, other])
  expect(conditioner.areOff).toBe(true)
})

test('two sockets to one peer are two paths', async () => {
  const conditioner = new LinkConditioner()
  const door = await doorBehind(conditioner)
  const neighbour: Path = { ...peer, local: { address: '192.0.2.1', port: 8081 } }
  conditioner.setFor(neighbour, parseLink('loss=100%'))
  for (const path of [peer, neighbour]) door.send(path, numbered(1))
  door.flush()
  expect(wire.sent.map(({ path }) => path)).toEqual([peer])
})

test('nothing overtakes what is in flight when the link becomes perfect', async () => {
  const conditioner = new LinkConditioner(parseLink('delay=50ms'))
  const door = await doorBehind(conditioner)
  door.send(peer, numbered(1))
  door.flush()
  conditioner.set(parseLink('perfect'))
  door.send(peer, numbered(2))
  door.flush()
  clock.goTo(50)
  door.sendTrain(peer, numbered(3), 50)
  door.flush()
  expect(wire.sent.map(({ bytes, atMs }) => [bytes[0], atMs])).toEqual([[1, 50], [2, 50], [3, 50]])
  expect(wire.trains).toEqual([50])
  expect(clock.waiting).toBe(0)
})

test('what the receiver sends in response passes the link too', async () => {
  const conditioner = new LinkConditioner(parseLink('delay=10ms'))
  const door: DatagramDoor = await doorBehind(conditioner, () => {
    door.send(peer, numbered(9))
    door.flush()
  })
  wire.arrive(peer, numbered(1))
  clock.goTo(100)
  expect(received.map(({ atMs }) => atMs)).toEqual([10])
  expect(wire.sent.map(({ atMs }) => atMs)).toEqual([20])
})

test('a flood of peers gets a limited number of links, which hold a limited number of bytes', async () => {
  const conditioner = new LinkConditioner(parseLink('delay=10s direction=out'))
  const door = await doorBehind(conditioner)
  for (let number = 0; number < 3000; number++) door.send(pathTo(`10.0.${number >> 8}.${number & 255}`), numbered(1))
  door.flush()
  clock.goTo(10_000)
  expect(wire.sent).toHaveLength(1024)
  const large = new Uint8Array(60_000)
  for (let number = 0; number < 3000; number++) door.send(pathTo(`10.1.0.${number & 7}`), large)
  door.flush()
  clock.goTo(20_000)
  expect(wire.sent.length - 1024).toBe(Math.floor(128 * 1024 * 1024 / 60_000))
})

test('closing a door sends what is in flight and forgets the door', async () => {
  const conditioner = new LinkConditioner(parseLink('delay=5s'))
  const door = await doorBehind(conditioner)
  door.send(peer, numbered(1))
  door.flush()
  await door.close()
  expect([wire.sent.length, wire.isClosed, clock.waiting]).toEqual([1, true, 0])
  expect(conditioner.counts(peer)).toBeUndefined()
})

test('the same seed repeats the losses of each connection, and no two connections lose the same', async () => {
  const run = async (seed: number) => {
    wire = new Wire(clock)
    const door = await doorBehind(new LinkConditioner(parseLink(`loss=50% direction=out seed=${seed}`)))
    for (let number = 0; number < 60; number++) for (const path of [peer, other]) door.send(path, numbered(number))
    door.flush()
    return [peer, other].map(path => wire.sent.filter(sent => sent.path === path).map(({ bytes }) => bytes[0]).join())
  }
  const [first, neighbour] = await run(3)
  expect(await run(3)).toEqual([first, neighbour])
  expect(neighbour).not.toBe(first)
  expect((await run(4))[0]).not.toBe(first)
})
