import { expect, test } from 'vitest'
import { bytesOf } from '../testing/transfer.ts'
import { closeReason, kinds, opened, packetOf, streamsOf, watched } from '../testing/connections.ts'
import { decodePacket, encodePacket } from '../wire/packet.ts'
import type { Stream } from './stream.ts'
import { Pair, type SideName } from '../testing/pair.ts'

test('a handshake is HELLO, RETRY, HELLO with the token, WELCOME, after which each end knows the id of the other', () => {
  const { pair, packets } = watched({ seed: 1, link: { delayMs: 10 } })
  const { client, server } = pair.connected()
  pair.wait(30)
  expect(packets.slice(0, 4).map(({ packet, atMs }) => [packet.type, atMs])).toEqual([['HELLO', 0], ['RETRY', 10], ['HELLO', 20], ['WELCOME', 30]])
  expect([client.localId, client.remoteId]).toEqual([server.remoteId, server.localId])
  expect(kinds(pair.client.events).filter(kind => kind !== 'streams-allowed')).toEqual(['connected', 'token'])
  expect(kinds(pair.server.events)[0]).toBe('accepted')
  expect(client.metrics().rttMs).toBe(20)
})

test('what was written before the peer answered leaves with the token, at once and in one packet', () => {
  const { pair, packets } = watched({ seed: 9, link: { delayMs: 10 } })
  const client = pair.connect()
  const stream = opened(client)
  expect(client.state).toBe('HELLO-SENT')
  stream.write(bytesOf(300, 1))
  stream.end()
  pair.drain()
  pair.run(() => streamsOf(pair.server.events).length > 0, 100)
  expect(pair.nowMs).toBe(30)
  const sent = packets.filter(({ from }) => from === 'client').map(({ packet, atMs }) => [packet.type, atMs, packet.frames.map(({ kind }) => kind)])
  expect(sent).toEqual([['HELLO', 0, ['PARAMETERS']], ['HELLO', 20, ['TOKEN', 'PARAMETERS', 'STREAM']]])
  const [theirs] = streamsOf(pair.server.events)
  expect([theirs?.early, theirs?.read(1000)]).toEqual([false, bytesOf(300, 1)])
})

test.each([{ how: 'abandoned', end: (stream: Stream) => stream.abandon() }, { how: 'empty', end: () => undefined }])('a stream that is $how by then does not delay the handshake', ({ end }) => {
  const pair = new Pair({ seed: 10, link: { delayMs: 10 } })
  const client = pair.connect()
  end(opened(client))
  pair.drain()
  pair.run(() => client.state === 'ESTABLISHED', 100)
  expect(pair.nowMs).toBe(40)
})

test('the first request arrives one and a half round trips after the start, and half a one with a token from an earlier visit', () => {
  const pair = new Pair({ seed: 2, link: { delayMs: 10 } })
  const first = pair.connected().client
  pair.wait(100)
  const visit = pair.client.events.flatMap(event => event.kind === 'token' ? [event] : [])[0]
  first.close(pair.nowMs)
  pair.drain()
  pair.wait(200)
  const startMs = pair.nowMs
  const again = pair.connect(visit)
  const stream = opened(again)
  stream.write(bytesOf(300, 1))
  pair.drain()
  pair.run(() => streamsOf(pair.server.events).length > 0, 100)
  expect(pair.nowMs - startMs).toBe(10)
  const [theirs] = streamsOf(pair.server.events)
  expect(theirs?.early).toBe(true)
  expect(theirs?.read(1000)).toEqual(bytesOf(300, 1))
})

test('a token is valid for one visit: used again, it gets a RETRY, and what was sent with it is sent again and delivered once', () => {
  const pair = new Pair({ seed: 3, link: { delayMs: 10 } })
  pair.connected()
  pair.wait(100)
  const visit = pair.client.events.flatMap(event => event.kind === 'token' ? [event] : [])[0]
  for (let count = 0; count < 2; count++) {
    const stream = opened(pair.connect(visit))
    stream.write(bytesOf(300, count))
    stream.end()
    pair.drain()
    pair.wait(200)
  }
  const streams = streamsOf(pair.server.events)
  expect(streams.map(stream => stream.read(1000))).toEqual([bytesOf(300, 0), bytesOf(300, 1)])
  expect(streams.map(({ early }) => early)).toEqual([true, false])
})

test('a HELLO that the network duplicates after the connection has ended revives nothing', () => {
  const { pair, packets } = watched({ seed: 4, link: { delayMs: 10 } })
  const { client } = pair.connected()
  const stream = opened(client)
  stream.write(bytesOf(10, 1))
  pair.drain()
  pair.wait(100)
  client.close(pair.nowMs)
  pair.drain()
  pair.wait(1000)
  const before = pair.server.events.length
  for (const { from, packet } of [...packets]) if (from === 'client' && packet.type === 'HELLO') pair.server.endpoint.receive(encodePacket(packet), pair.server.path, pair.nowMs)
  expect(pair.server.endpoint.connectionCount).toBe(0)
  expect(pair.server.events.length).toBe(before)
})

test.each([{ lost: 'HELLO' }, { lost: 'RETRY' }])('a lost $lost delays the handshake by only 30 ms', ({ lost }) => {
  let toLose = 1
  const pair = new Pair({ seed: 5, link: { delayMs: 10 }, tap: (_from, bytes) => !(packetOf(bytes).type === lost && toLose-- > 0) })
  const client = pair.connect()
  pair.run(() => client.state === 'ESTABLISHED', 1000)
  expect(pair.nowMs).toBe(70)
})

test('a lost WELCOME delays nothing but the knowledge of the id: the packets after it are read', () => {
  let toLose = 1
  const pair = new Pair({ seed: 6, link: { delayMs: 10 }, tap: (_from, bytes) => !(packetOf(bytes).type === 'WELCOME' && toLose-- > 0) })
  const client = pair.connect()
  pair.run(() => client.state === 'TOKEN-SENT', 100)
  const stream = opened(client)
  stream.write(bytesOf(10, 1))
  pair.drain()
  pair.run(() => streamsOf(pair.server.events).length > 0, 100)
  streamsOf(pair.server.events)[0]?.write(bytesOf(5000, 2))
  pair.drain()
  pair.run(() => stream.readableBytes === 5000, 100)
  expect([client.state, pair.nowMs]).toEqual(['TOKEN-SENT', 40])
  pair.run(() => client.state === 'ESTABLISHED', 100)
  expect(client.state).toBe('ESTABLISHED')
})

test('without an answer the connection is given up after five seconds, and reports so once', () => {
  const pair = new Pair({ seed: 7, tap: () => false })
  const client = pair.connect()
  while (pair.step());
  expect(pair.nowMs).toBe(5000)
  expect(client.state).toBe('CLOSED')
  expect(closeReason(pair.client.events)).toEqual(['connect-timed-out'])
  expect(pair.steps).toBeLessThan(12)
})

test('an endpoint that does not accept refuses', () => {
  const pair = new Pair({ seed: 8, link: { delayMs: 5 } })
  const connection = pair.server.endpoint.connect(pair.server.path, 0) // to the client, which only dials
  pair.drain()
  while (pair.step());
  expect(connection.state).toBe('CLOSED')
  expect(closeReason(pair.server.events)).toEqual(['refused'])
})

test('one connection too many is refused, and the others continue', () => {
  const pair = new Pair({ seed: 9, link: { delayMs: 1 }, limits: { connectionsMax: 2 } })
  const connections = [pair.connect(), pair.connect(), pair.connect()]
  pair.wait(100)
  expect(connections.map(({ state }) => state)).toEqual(['ESTABLISHED', 'ESTABLISHED', 'CLOSED'])
  expect(closeReason(pair.client.events)).toEqual(['refused'])
})

test('no state is kept for an unverified peer, and it gets no more than it sent', () => {
  const { pair, packets } = watched({ seed: 10, tap: from => from === 'client' })
  for (let index = 0; index < 1000; index++) pair.connect()
  pair.wait(4000)
  expect(pair.server.endpoint.connectionCount).toBe(0)
  expect(pair.server.events).toEqual([])
  const bytesFrom = (side: SideName) => packets.reduce((sum, { from, packet }) => from === side ? sum + encodePacket(packet).length : sum, 0)
  expect(bytesFrom('server')).toBeGreaterThan(100_000)
  expect(bytesFrom('server') / bytesFrom('client')).toBeLessThan(1.2)
})

test('a peer of another version learns which are spoken, and a dialer that finds none in common says so', () => {
  const pair = new Pair({ seed: 11 })
  pair.server.endpoint.receive(encodePacket({ type: 'OTHER_VERSION', destinationId: 0, sourceId: 99, version: 0x48520077 }), pair.server.path, 0)
  const [told] = pair.server.endpoint.outbox.flatMap(effect => effect.kind === 'send' ? [decodePacket(effect.bytes)] : [])
  expect(told).toEqual({ type: 'VERSIONS', destinationId: 99, sourceId: 0, versions: [0x48520002] })
  const client = pair.connect()
  pair.client.endpoint.receive(encodePacket({ type: 'VERSIONS', destinationId: client.localId, sourceId: 0, versions: [0x48520077] }), pair.client.path, 0)
  pair.drain()
  expect(closeReason(pair.client.events)).toEqual(['no-common-version'])
})
