import fc from 'fast-check'
import { expect, test } from 'vitest'
import { DATAGRAM_BYTES_MAX, decodePacket, HEADER_BYTES } from '../wire/packet.ts'
import type { Connection } from './connection.ts'
import type { RudpEvent } from './endpoint.ts'
import { Pair, type PairOptions } from './pair.ts'

const MB = 1024 * 1024

/** Bytes that repeat nowhere near: a piece at the wrong place shows. */
function bytesOf(length: number, seed: number): Uint8Array {
  const words = new Uint32Array(Math.ceil(length / 4))
  for (let index = 0, state = seed; index < words.length; index++) words[index] = state = (Math.imul(state, 1664525) + 1013904223) >>> 0
  return new Uint8Array(words.buffer, 0, length)
}

/** Writes all of `bytes` whenever there is room, ends, and reads whatever comes. */
function transfers(options: PairOptions, upload: Uint8Array, download: Uint8Array) {
  const pieces: Record<'client' | 'server', Uint8Array[]> = { client: [], server: [] }
  const sources = { client: upload, server: download }
  const writtenTo = { client: 0, server: 0 }
  const goOn = (side: 'client' | 'server', connection: Connection) => {
    const source = sources[side]
    writtenTo[side] += connection.write(source.subarray(writtenTo[side]), pair.nowMs)
    if (writtenTo[side] === source.length) connection.shutdown(pair.nowMs)
  }
  const onEvent = (side: 'client' | 'server', { kind, connection }: RudpEvent) => {
    if (kind === 'connected' || kind === 'accepted' || kind === 'writable') goOn(side, connection)
    if (kind === 'readable') pieces[side].push(connection.read(MB, pair.nowMs))
  }
  const pair = new Pair({ ...options, onEvent })
  const client = pair.connect()
  const arrivedAt = (side: 'client' | 'server') => Uint8Array.from(Buffer.concat(pieces[side]))
  const isOver = () => client.state === 'CLOSED' && pair.server.endpoint.connectionCount === 0
  return { pair, client, arrivedAt, isOver }
}

const same = (one: Uint8Array, other: Uint8Array) => Buffer.compare(one, other) === 0

test('10 MB arrive intact over 20 ms of round trip and 10 % loss each way, within 110 s of virtual time and 25,000 steps', () => {
  const source = bytesOf(10 * MB, 1)
  const { pair, client, arrivedAt, isOver } = transfers({ seed: 1, link: { delayMs: 10, loss: 0.1 } }, source, new Uint8Array(0))
  expect(pair.run(isOver, 25_000)).toBe(true)
  expect(same(arrivedAt('server'), source)).toBe(true)
  expect(pair.nowMs).toBeLessThan(110_000)
  const { retransmitted, sent } = client.metrics()
  expect(retransmitted / sent).toBeLessThan(0.13)
}, 20_000)

test('10 MB over a clean link need no packet twice and about as many steps as packets', () => {
  const source = bytesOf(10 * MB, 2)
  const { pair, client, arrivedAt, isOver } = transfers({ seed: 2, link: { delayMs: 10 } }, new Uint8Array(0), source)
  expect(pair.run(isOver, 16_000)).toBe(true)
  expect(same(arrivedAt('client'), source)).toBe(true)
  expect(pair.nowMs).toBeLessThan(600) // 1 MB of window each 20 ms, after slow start
  expect(client.metrics().lost).toBe(0)
})

test('a slow link with a short queue is filled well, though its queue overflows again and again', () => {
  const source = bytesOf(5 * MB, 3)
  const link = { delayMs: 25, rateBitsPerSecond: 20_000_000, queueBytes: 125_000 }
  const { pair, arrivedAt, isOver } = transfers({ seed: 3, link }, new Uint8Array(0), source)
  expect(pair.run(isOver, 100_000)).toBe(true)
  expect(same(arrivedAt('client'), source)).toBe(true)
  expect(pair.server.link.counts.dropped).toBeGreaterThan(0)
  const bestMs = 5 * MB * 8 / 20_000
  expect(bestMs / pair.nowMs).toBeGreaterThan(0.75)
})

const links = fc.record({
  delayMs: fc.nat(80), jitterMs: fc.nat(30), loss: fc.double({ min: 0, max: 0.5, noNaN: true }), corruption: fc.double({ min: 0, max: 0.1, noNaN: true }),
  duplication: fc.double({ min: 0, max: 0.3, noNaN: true }), reordering: fc.double({ min: 0, max: 0.5, noNaN: true }), reorderMs: fc.nat(100),
  rateBitsPerSecond: fc.constantFrom(0, 1_000_000, 20_000_000), queueBytes: fc.constantFrom(4_000, 60_000),
})

test('bytes arrive once and in order in both directions, whatever the link does, and it always comes to an end', () => {
  fc.assert(fc.property(fc.nat(), links, fc.nat(120_000), fc.nat(120_000), fc.constantFrom(16 * 1024, MB), (seed, link, up, down, bufferBytes) => {
    const [upload, download] = [bytesOf(up, seed + 1), bytesOf(down, seed + 2)]
    // Half of all datagrams lost would outlast the ordinary patience now and then; here it shall be the bytes that decide.
    const limits = { bufferBytes, connectTimeoutMs: 600_000, idleTimeoutMs: 600_000 }
    const { pair, arrivedAt, isOver } = transfers({ seed, link, limits }, upload, download)
    expect(pair.run(isOver, 30_000)).toBe(true)
    expect(same(arrivedAt('server'), upload)).toBe(true)
    expect(same(arrivedAt('client'), download)).toBe(true)
    const reasons = [...pair.client.events, ...pair.server.events].flatMap(event => event.kind === 'closed' ? [event.reason] : [])
    // The acknowledgements of the last flight can be lost more often than the end that has all lingers to repeat them.
    expect(reasons).toContain('finished')
    expect(reasons.filter(reason => reason !== 'finished' && reason !== 'unknown-to-peer')).toEqual([])
  }), { numRuns: 300 })
}, 60_000)

test('with the ordinary patience, too, a hopeless link comes to an end, and what arrived is a true beginning', () => {
  fc.assert(fc.property(fc.nat(), fc.double({ min: 0.6, max: 1, noNaN: true }), (seed, loss) => {
    const upload = bytesOf(50_000, seed)
    const { pair, arrivedAt, isOver } = transfers({ seed, link: { delayMs: 5, loss } }, upload, new Uint8Array(0))
    expect(pair.run(isOver, 30_000)).toBe(true)
    const arrived = arrivedAt('server')
    expect(same(arrived, upload.subarray(0, arrived.length))).toBe(true)
  }), { numRuns: 100 })
}, 60_000)

test('no byte is sent beyond the window that the receiver offered, nor new bytes while the congestion window is full', () => {
  fc.assert(fc.property(fc.nat(), fc.double({ min: 0, max: 0.2, noNaN: true }), (seed, loss) => {
    let offered = 0
    let highest = 0
    let newTo = 0
    const tap: PairOptions['tap'] = (from, bytes) => {
      expect(bytes.length).toBeLessThanOrEqual(DATAGRAM_BYTES_MAX)
      const { ackOffset, windowBytes, streamOffset, payload, type } = decodePacket(bytes.slice())
      if (from === 'server') offered = Math.max(offered, ackOffset + windowBytes)
      else if (type === 'DATA' || type === 'FIN') highest = Math.max(highest, streamOffset + payload.length)
      expect(highest).toBeLessThanOrEqual(offered)
    }
    const observe: PairOptions['observe'] = (connection, event) => {
      if (connection.role !== 'initiator' || event.kind !== 'sent' || event.offset + event.lengthBytes <= newTo) return
      newTo = event.offset + event.lengthBytes
      const { flightBytes, windowBytes } = connection.metrics() // before this packet is counted
      if (flightBytes > 0) expect(flightBytes + HEADER_BYTES + event.lengthBytes).toBeLessThanOrEqual(windowBytes)
    }
    const options = { seed, link: { delayMs: 10, loss }, limits: { bufferBytes: 64 * 1024 }, tap, observe }
    const { pair, client, isOver } = transfers(options, bytesOf(300_000, seed), new Uint8Array(0))
    expect(pair.run(isOver, 20_000)).toBe(true)
    expect(client.metrics().congestion).toBe('reno')
    expect(highest).toBe(300_000)
    expect(newTo).toBe(300_000)
  }), { numRuns: 30 })
})

test('a reader that stops shuts the window: the sender holds still, asks now and then, and goes on when it opens', () => {
  const bufferBytes = 64 * 1024
  let sentBytes = 0
  const tap: PairOptions['tap'] = (from, bytes) => { if (from === 'client') sentBytes += decodePacket(bytes.slice()).payload.length }
  const pair = new Pair({ seed: 5, link: { delayMs: 10 }, limits: { bufferBytes }, tap })
  const { client, server } = pair.connected()
  const source = bytesOf(200_000, 5)
  let writtenTo = client.write(source, pair.nowMs)
  expect(writtenTo).toBe(bufferBytes)
  pair.drain()
  pair.run(() => pair.nowMs > 5000, 10_000)
  writtenTo += client.write(source.subarray(writtenTo), pair.nowMs)
  pair.drain()
  pair.run(() => pair.nowMs > 25_000, 10_000)
  expect(server.readableBytes).toBe(bufferBytes)
  expect(sentBytes).toBe(bufferBytes)
  expect(pair.steps).toBeLessThan(200)
  const arrived: Uint8Array[] = []
  while (arrived.reduce((sum, piece) => sum + piece.length, 0) < source.length) {
    arrived.push(server.read(10_000, pair.nowMs))
    writtenTo += client.write(source.subarray(writtenTo), pair.nowMs)
    pair.drain()
    if (!pair.step()) break
  }
  expect(same(Buffer.concat(arrived), source)).toBe(true)
})

test('a slow reader at the edge of its window gets whole packets, not crumbs', () => {
  const bufferBytes = 16 * 1024
  const sizes: number[] = []
  const pair = new Pair({ seed: 8, link: { delayMs: 10 }, limits: { bufferBytes }, tap: (_from, bytes) => {
    const { type, payload } = decodePacket(bytes.slice())
    if (type === 'DATA') sizes.push(payload.length)
  } })
  const { client, server } = pair.connected()
  const source = bytesOf(300_000, 8)
  const arrived: Uint8Array[] = []
  let writtenTo = 0
  for (let length = 0; length < source.length;) {
    writtenTo += client.write(source.subarray(writtenTo), pair.nowMs)
    const piece = server.read(700, pair.nowMs)
    arrived.push(piece)
    length += piece.length
    pair.drain()
    if (!pair.step()) break
  }
  expect(same(Buffer.concat(arrived), source)).toBe(true)
  expect(sizes.length).toBeLessThan(1.15 * source.length / 1144)
})

test('a window that opens is learnt even where the packet that says so is lost', () => {
  const bufferBytes = 16 * 1024
  let lose = false
  const pair = new Pair({ seed: 6, link: { delayMs: 10 }, limits: { bufferBytes }, tap: from => !(from === 'server' && lose && !(lose = false)) })
  const { client, server } = pair.connected()
  client.write(bytesOf(bufferBytes, 6), pair.nowMs)
  pair.drain()
  pair.run(() => server.readableBytes === bufferBytes && client.metrics().flightBytes === 0, 1000)
  client.write(bytesOf(1000, 7), pair.nowMs)
  pair.drain()
  lose = true
  server.read(bufferBytes, pair.nowMs)
  pair.drain()
  const openedAtMs = pair.nowMs
  pair.run(() => server.readableBytes === 1000, 1000)
  expect(server.read(2000, pair.nowMs)).toEqual(bytesOf(1000, 7))
  expect(pair.nowMs - openedAtMs).toBeLessThan(500)
})
