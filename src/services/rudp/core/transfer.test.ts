import fc from 'fast-check'
import { expect, test } from 'vitest'
import { joined } from '../testing/connections.ts'
import { bytesOf, MB, readAll, same, Source, transfer } from '../testing/transfer.ts'
import { decodePacket, type NumberedPacket } from '../wire/packet.ts'
import { CONGESTION_NAMES, type CongestionName } from './congestion/congestion.ts'
import type { Connection } from './connection.ts'
import { Pair, type PairOptions } from '../testing/pair.ts'

const NOTHING = new Uint8Array(0)
const packetOf = (bytes: Uint8Array) => decodePacket(bytes.slice()) as NumberedPacket
const controllers = fc.constantFrom<CongestionName>(...CONGESTION_NAMES)

test('10 MB arrive intact over a 20 ms round trip with 10 % loss each way, and little is sent twice', () => {
  const source = bytesOf(10 * MB, 1)
  const { pair, client, arrivedAt, isComplete } = transfer({ seed: 1, link: { delayMs: 10, loss: 0.1 } }, source, NOTHING)
  expect(pair.run(isComplete, 60_000)).toBe(true)
  expect(same(arrivedAt('server'), source)).toBe(true)
  const { retransmitted, sent } = client.metrics()
  expect(retransmitted / sent).toBeLessThan(0.14)
}, 20_000)

test('10 MB over a clean link need no packet twice', () => {
  const source = bytesOf(10 * MB, 2)
  const { pair, arrivedAt, isComplete } = transfer({ seed: 2, link: { delayMs: 10, rateBitsPerSecond: 100e6, queueBytes: 1e6 } }, NOTHING, source)
  expect(pair.run(isComplete, 60_000)).toBe(true)
  expect(same(arrivedAt('client'), source)).toBe(true)
  const server = pair.accepted?.metrics()
  expect([server?.lost, server?.retransmitted, server?.datagramBytes]).toEqual([0, 0, 1472])
})

const links = fc.record({
  delayMs: fc.nat(80), jitterMs: fc.nat(30), loss: fc.double({ min: 0, max: 0.5, noNaN: true }), corruption: fc.double({ min: 0, max: 0.1, noNaN: true }),
  duplication: fc.double({ min: 0, max: 0.3, noNaN: true }), reordering: fc.double({ min: 0, max: 0.5, noNaN: true }), reorderMs: fc.nat(100),
  rateBitsPerSecond: fc.constantFrom(0, 1_000_000, 20_000_000), queueBytes: fc.constantFrom(4_000, 60_000),
})

test('bytes arrive once and in order in both directions, whatever the link does, and the connection always ends', () => {
  const buffers = fc.record({ streamBufferBytes: fc.constantFrom(16 * 1024, MB), connectionBufferBytes: fc.constantFrom(16 * 1024, 4 * MB) })
  fc.assert(fc.property(fc.nat(), links, fc.nat(120_000), fc.nat(120_000), buffers, controllers, (seed, link, up, down, limited, congestion) => {
    const [upload, download] = [bytesOf(up, seed + 1), bytesOf(down, seed + 2)]
    // With half of all datagrams lost, the usual timeouts would sometimes expire; this test is about the bytes.
    const limits = { ...limited, connectTimeoutMs: 600_000, idleTimeoutMs: 600_000 }
    const { pair, arrivedAt, isComplete } = transfer({ seed, link, limits, congestion }, upload, download)
    expect(pair.run(isComplete, 60_000)).toBe(true)
    expect(same(arrivedAt('server'), upload)).toBe(true)
    expect(same(arrivedAt('client'), download)).toBe(true)
    expect(pair.run(() => pair.client.endpoint.connectionCount + pair.server.endpoint.connectionCount === 0, 60_000)).toBe(true)
  }), { numRuns: 1000, endOnFailure: true })
}, 120_000)

test('lost bytes are retransmitted, even if a probe repeated them in the meantime and was lost', () => {
  // Rare: this seed produces the order of packets. The tiny probabilities draw as others do, and lose nothing.
  const link = { delayMs: 3, jitterMs: 5, loss: 1e-9, corruption: 1e-9, duplication: 1e-9, reordering: 0.5, reorderMs: 81 }
  const [upload, download] = [bytesOf(2860, 1), bytesOf(11, 2)]
  const { pair, arrivedAt, isComplete } = transfer({ seed: 1_373_503_767, link, congestion: 'tahoe' }, upload, download)
  expect(pair.run(isComplete, 1000)).toBe(true)
  expect(same(arrivedAt('server'), upload)).toBe(true)
  expect(pair.run(() => pair.client.endpoint.connectionCount + pair.server.endpoint.connectionCount === 0, 1000)).toBe(true)
})

test('with the usual timeouts, too, a hopeless link ends the connection, and what arrived is a true prefix', () => {
  fc.assert(fc.property(fc.nat(), fc.double({ min: 0.6, max: 1, noNaN: true }), controllers, (seed, loss, congestion) => {
    const upload = bytesOf(50_000, seed)
    const { pair, arrivedAt } = transfer({ seed, link: { delayMs: 5, loss }, congestion }, upload, NOTHING)
    expect(pair.run(() => pair.client.endpoint.connectionCount + pair.server.endpoint.connectionCount === 0, 60_000)).toBe(true)
    const arrived = arrivedAt('server')
    expect(same(arrived, upload.subarray(0, arrived.length))).toBe(true)
  }), { numRuns: 200 })
}, 60_000)

test('no byte is sent beyond the limits of the receiver, nor new bytes while the congestion window is full', () => {
  fc.assert(fc.property(fc.nat(), fc.double({ min: 0, max: 0.2, noNaN: true }), controllers, (seed, loss, congestion) => {
    let allowed = 16_384
    let highest = 0
    let newTo = 0
    const tap: PairOptions['tap'] = (_from, bytes) => {
      for (const frame of packetOf(bytes).frames) {
        if (frame.kind === 'MAX_STREAM_DATA') allowed = Math.max(allowed, frame.limit)
        if (frame.kind === 'PARAMETERS') allowed = Math.max(allowed, frame.parameters.maxStreamDataBytes)
        if (frame.kind === 'STREAM') highest = Math.max(highest, frame.offset + frame.data.length)
      }
      expect(highest).toBeLessThanOrEqual(allowed)
    }
    const observe: PairOptions['observe'] = (connection, event) => {
      if (connection.role !== 'initiator' || event.kind !== 'sent') return
      for (const frame of event.packet.frames) {
        if (frame.kind !== 'STREAM' || frame.offset + frame.data.length <= newTo) continue
        newTo = frame.offset + frame.data.length
        const { flightBytes, windowBytes } = connection.metrics() // before this packet is counted
        if (flightBytes > 0) expect(flightBytes + event.sizeBytes).toBeLessThanOrEqual(windowBytes)
      }
    }
    const options = { seed, congestion, link: { delayMs: 10, loss }, limits: { streamBufferBytes: 64 * 1024 }, tap, observe }
    const { pair, isComplete } = transfer(options, bytesOf(300_000, seed), NOTHING)
    expect(pair.run(isComplete, 40_000)).toBe(true)
    expect([highest, newTo]).toEqual([300_000, 300_000])
  }), { numRuns: 60 })
}, 30_000)

test('a reader that pauses closes the window: the sender stops, and continues when it opens', () => {
  const streamBufferBytes = 64 * 1024
  let sentTo = 0
  const pair = new Pair({ seed: 5, link: { delayMs: 10 }, limits: { streamBufferBytes }, tap: (from, bytes) => {
    for (const frame of packetOf(bytes).frames) if (from === 'client' && frame.kind === 'STREAM') sentTo = Math.max(sentTo, frame.offset + frame.data.length)
  } })
  const { client } = pair.connected()
  const source = bytesOf(300_000, 5)
  const stream = client.openStream()
  const writing = new Source(source)
  if (stream !== undefined) writing.resume(stream)
  pair.drain()
  pair.run(() => pair.nowMs > 25_000, 10_000)
  const [readable] = pair.server.events.flatMap(event => event.kind === 'stream' ? [event.stream] : [])
  expect(readable?.readableBytes).toBe(streamBufferBytes)
  expect(sentTo).toBe(streamBufferBytes)
  expect(pair.steps).toBeLessThan(250)
  const arrived: Uint8Array[] = []
  while (readable !== undefined && !readable.drained) {
    arrived.push(readable.read(10_000).slice())
    if (stream !== undefined) writing.resume(stream)
    pair.drain()
    if (!pair.step()) break
  }
  expect(same(Buffer.concat(arrived), source)).toBe(true)
})

test('a slow reader at the edge of its window gets full packets, not small ones', () => {
  const sizes: number[] = []
  const pair = new Pair({ seed: 8, link: { delayMs: 10 }, limits: { streamBufferBytes: 16 * 1024 }, tap: (_from, bytes) => {
    for (const frame of packetOf(bytes).frames) if (frame.kind === 'STREAM') sizes.push(frame.data.length)
  } })
  const { client } = pair.connected()
  const source = bytesOf(300_000, 8)
  const writing = new Source(source)
  const stream = client.openStream()
  if (stream !== undefined) writing.resume(stream)
  pair.drain()
  pair.run(() => pair.server.events.some(({ kind }) => kind === 'stream'), 100)
  const [readable] = pair.server.events.flatMap(event => event.kind === 'stream' ? [event.stream] : [])
  const arrived: Uint8Array[] = []
  while (readable !== undefined && !readable.drained) {
    if (stream !== undefined) writing.resume(stream)
    arrived.push(readable.read(700).slice())
    pair.drain()
    if (!pair.step()) break
  }
  expect(same(Buffer.concat(arrived), source)).toBe(true)
  expect(sizes.length).toBeLessThan(1.35 * source.length / 1440)
})

test('a lost packet of one stream does not delay the others', () => {
  let loses = false
  const got: number[] = []
  const pair = new Pair({
    seed: 9, link: { delayMs: 20 },
    tap: (from, bytes) => !(loses && from === 'client' && packetOf(bytes).frames.some(frame => frame.kind === 'STREAM' && frame.streamId === 0)),
    onEvent(side, event) {
      if (side !== 'server' || event.kind !== 'stream-event' || event.event.kind !== 'readable') return
      readAll(event.stream)
      if (event.stream.drained) got.push(event.stream.id)
    },
  })
  const { client } = pair.connected()
  loses = true
  for (let count = 0; count < 4; count++) {
    const stream = client.openStream()
    stream?.write(bytesOf(5000, count))
    stream?.end()
  }
  pair.drain()
  pair.run(() => got.length === 3, 1000)
  expect(got).toEqual([2, 4, 6])
  loses = false
  pair.run(() => got.length === 4, 1000)
  expect(got[3]).toBe(0)
})

test('streams that have ended make room for others, and the peer never has more open than allowed', () => {
  let open = 0
  let opened = 0
  let most = 0
  const pair = new Pair({
    seed: 10, link: { delayMs: 1 }, limits: { streamsMax: 16 },
    onEvent(side, event) {
      if (side === 'server' && event.kind === 'stream') most = Math.max(most, ++open)
      if (side === 'server' && event.kind === 'stream-event' && event.event.kind === 'readable') {
        readAll(event.stream)
        if (event.stream.drained) event.stream.end()
      }
      if (side === 'server' && event.kind === 'stream-event' && event.event.kind === 'over') open--
      if (side === 'client' && event.kind === 'stream-event' && event.event.kind === 'readable') readAll(event.stream)
      if (side === 'client' && event.kind === 'streams-allowed') openMore(event.connection)
    },
  })
  function openMore(connection: Connection) {
    while (opened < 200) {
      const stream = connection.openStream()
      if (stream === undefined) return
      stream.write(bytesOf(2000, ++opened))
      stream.end()
    }
  }
  openMore(pair.connected().client)
  pair.drain()
  pair.run(() => opened === 200 && open === 0, 50_000)
  expect(opened).toBe(200)
  expect(most).toBeLessThanOrEqual(16)
})

test('the first two datagrams of a flight leave before the others are written', () => {
  const { pair, client, ours } = joined({ seed: 31, link: { delayMs: 10 } })
  const { endpoint } = pair.client
  ours.write(bytesOf(20_000, 9))
  const taken = () => endpoint.outbox.splice(0).reduce((sum, effect) => sum + (effect.kind === 'send' ? Math.ceil(effect.bytes.length / (effect.segmentBytes ?? effect.bytes.length)) : 0), 0)
  expect([endpoint.settle(pair.nowMs), taken()]).toEqual([true, 2])
  expect([endpoint.settle(pair.nowMs), taken()]).toEqual([false, Math.ceil(20_000 / (client.metrics().datagramBytes - 30)) - 2])
})
