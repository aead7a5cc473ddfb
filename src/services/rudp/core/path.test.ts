import { expect, test } from 'vitest'
import type { Path } from '../../kit/endpoint.ts'
import { joined } from '../testing/connections.ts'
import { encrypted } from '../testing/encryption.ts'
import { bytesOf, readAll, same, Source } from '../testing/transfer.ts'
import { decodePacket, encodePacket, type NumberedPacket } from '../wire/packet.ts'
import { CONGESTION_NAMES } from './congestion/congestion.ts'
import { Pair, type PairOptions, type SideName } from '../testing/pair.ts'
import type { Stream } from './stream.ts'

const packetOf = (bytes: Uint8Array) => decodePacket(bytes.slice()) as NumberedPacket
const kindsOf = (bytes: Uint8Array) => packetOf(bytes).frames.map(({ kind }) => kind)

/** A stream on which the server sends without end. */
function downloading(options: PairOptions) {
  const pair = new Pair({
    ...options,
    onEvent(side, event) {
      if (side === 'server' && event.kind === 'stream') source.resume(event.stream)
      if (event.kind !== 'stream-event') return
      if (side === 'server' && event.event.kind === 'writable') source.resume(event.stream)
      if (side === 'client' && event.event.kind === 'readable') {
        const piece = readAll(event.stream)
        pieces.push(piece)
        arrivedBytes += piece.length
      }
    },
  })
  const bytes = bytesOf(4_000_000, 1)
  const source = new Source(bytes)
  const pieces: Uint8Array[] = []
  let arrivedBytes = 0
  const { client, server } = pair.connected()
  const stream: Stream | undefined = client.openStream()
  stream?.write(Uint8Array.of(1))
  pair.drain()
  return { pair, client, server, stream, bytes, arrived: () => Buffer.concat(pieces), isComplete: () => arrivedBytes === bytes.length }
}

/** The path of the server, with another address of the client. */
const from = ({ local, interfaceName, peer }: Path, change: Partial<Path['peer']>): Path => ({ local, interfaceName, peer: { ...peer, ...change } })

test('a connection survives a change of the client\'s address: the new one is challenged, validated and used', () => {
  const steps: string[] = []
  const { pair, server, bytes, arrived, isComplete } = downloading({
    seed: 1, link: { delayMs: 10, rateBitsPerSecond: 20e6, queueBytes: 50_000 },
    observe: (_connection, event) => { if (event.kind === 'path') steps.push(`${event.step} ${event.peer}`) },
  })
  pair.wait(300)
  pair.server.path = from(pair.server.path, { address: '198.51.100.7', port: 1234 })
  pair.run(isComplete, 50_000)
  expect(same(arrived(), bytes)).toBe(true)
  expect(server.path.peer).toEqual({ address: '198.51.100.7', port: 1234 })
  expect(steps).toEqual(['tried 198.51.100.7:1234', 'proven 198.51.100.7:1234'])
})

test.each([{ kind: 'unencrypted', options: {} }, { kind: 'encrypted', options: { encryption: encrypted() } }])('a PING finds a peer that only waits at its new address: $kind', ({ options }) => {
  let moved = false
  let arrivedAtMs = Infinity
  const { pair, client, server, ours, theirs } = joined({
    seed: 8, ...options, link: { delayMs: 25 }, tap: side => side === 'client' || !moved || server.path.peer.port === 1234,
    onEvent: (side, event) => { if (side === 'client' && event.kind === 'stream-event' && event.event.kind === 'readable') arrivedAtMs = pair.nowMs },
  })
  pair.wait(1000)
  moved = true
  pair.server.path = from(pair.server.path, { port: 1234 })
  theirs.write(bytesOf(5000, 1))
  pair.drain()
  pair.wait(10_000)
  expect(arrivedAtMs).toBeLessThan(10_000)
  expect(same(ours.read(5000), bytesOf(5000, 1))).toBe(true)
  expect([client.state, server.path.peer.port]).toEqual(['ESTABLISHED', 1234])
})

test('a long ACK is not sent to an unvalidated address', () => {
  let elsewhereBytes = 0
  let moved = false
  const { pair, server } = joined({
    seed: 9, link: { delayMs: 10 }, tap: (side, bytes) => { if (side === 'server' && moved && server.path.peer.address === '203.0.113.9') elsewhereBytes += bytes.length },
  })
  const before = server.path
  for (let number = 1000; number < 1600; number += 2) {
    pair.server.endpoint.receive(encodePacket({ type: 'SHORT', destinationId: server.localId, number, frames: [{ kind: 'PING' }] }), before, pair.nowMs)
    pair.drain()
  }
  moved = true
  const forged = encodePacket({ type: 'SHORT', destinationId: server.localId, number: 1602, frames: [{ kind: 'PING' }, { kind: 'PADDING', lengthBytes: 20 }] })
  pair.server.endpoint.receive(forged, from(before, { address: '203.0.113.9' }), pair.nowMs)
  pair.drain()
  pair.wait(3000)
  expect(elsewhereBytes).toBeGreaterThan(0)
  expect(elsewhereBytes).toBeLessThanOrEqual(3 * forged.length)
})

test('an address that does not answer the challenge gets at most three times what came from it, and the old one stays', () => {
  let elsewhereBytes = 0
  let moved = false
  const { pair, server } = downloading({
    seed: 2, link: { delayMs: 10, rateBitsPerSecond: 20e6, queueBytes: 50_000 },
    tap(side: SideName, bytes) {
      if (side === 'server' && moved && server.path.peer.address === '203.0.113.9') {
        elsewhereBytes += bytes.length
        return false
      }
      return !moved || side !== 'client' // the real client is silent in the meantime
    },
  })
  pair.wait(300)
  const before = server.path
  moved = true
  // An attacker who saw the traffic sends from an address of his own, before the real client does.
  const forged = encodePacket({ type: 'SHORT', destinationId: server.localId, number: 5000, frames: [{ kind: 'PING' }, { kind: 'PADDING', lengthBytes: 100 }] })
  pair.server.endpoint.receive(forged, from(before, { address: '203.0.113.9' }), pair.nowMs)
  pair.drain()
  pair.wait(3000)
  expect(elsewhereBytes).toBeGreaterThan(0)
  expect(elsewhereBytes).toBeLessThanOrEqual(3 * forged.length)
  expect(server.path.peer).toEqual(before.peer)
})

test('long datagrams are used while they get through, and given up when they no longer do', () => {
  let mtuBytes = 1400
  const { pair, server, bytes, arrived, isComplete } = downloading({
    seed: 3, link: { delayMs: 10, rateBitsPerSecond: 20e6, queueBytes: 50_000 }, tap: (_side, datagram) => datagram.length <= mtuBytes,
  })
  pair.run(() => server.metrics().datagramBytes > 1370, 5000)
  expect(server.metrics().datagramBytes).toBeGreaterThan(1370)
  expect(server.metrics().datagramBytes).toBeLessThanOrEqual(1400)
  mtuBytes = 1250
  pair.run(isComplete, 50_000)
  expect(server.metrics().datagramBytes).toBeGreaterThanOrEqual(1200)
  expect(server.metrics().datagramBytes).toBeLessThanOrEqual(1250)
  expect(same(arrived(), bytes)).toBe(true)
})

test.each(CONGESTION_NAMES)('a path that is narrower than any should be still delivers everything: %s', congestion => {
  const { pair, server, bytes, arrived, isComplete } = downloading({ seed: 7, congestion, link: { delayMs: 10, mtuBytes: 600, rateBitsPerSecond: 20e6, queueBytes: 50_000 } })
  pair.run(isComplete, 50_000)
  expect(same(arrived(), bytes)).toBe(true)
  expect(server.metrics().datagramBytes).toBeGreaterThan(575)
  expect(server.metrics().datagramBytes).toBeLessThanOrEqual(600)
})

test.each(CONGESTION_NAMES)('a link that degrades under datagrams of 60 KB stalls nothing for long: %s', congestion => {
  for (let seed = 1; seed <= 3; seed++) {
    const { pair, server, bytes, arrived, isComplete } = downloading({ seed, congestion, isOneMachine: true, link: { delayMs: 5 } })
    pair.run(() => server.metrics().datagramBytes === 61_440, 5000)
    for (const { link } of [pair.client, pair.server]) link.conditions = { ...link.conditions, mtuBytes: 1500, loss: 0.03 }
    expect([seed, pair.run(isComplete, 100_000)]).toEqual([seed, true])
    expect(pair.nowMs, `seed ${seed}`).toBeLessThan(60_000)
    expect(same(arrived(), bytes)).toBe(true)
  }
})

test('the search for longer datagrams does not count as loss for congestion control', () => {
  const { pair, server, isComplete } = downloading({
    seed: 4, congestion: 'reno', link: { delayMs: 10, rateBitsPerSecond: 50e6, queueBytes: 5e6 }, tap: (_side, datagram) => datagram.length <= 1300,
  })
  pair.run(isComplete, 50_000)
  expect(server.metrics()).toMatchObject({ ssthreshBytes: Infinity, lost: 0 })
  expect(server.metrics().datagramBytes).toBeGreaterThan(1260)
})

test.each(CONGESTION_NAMES)('probing for datagrams of 60 KB that never get through holds nothing back: %s', congestion => {
  const tookMs = [false, true].map(isOneMachine => {
    const { pair, isComplete } = downloading({ seed: 6, congestion, isOneMachine, link: { delayMs: 40, mtuBytes: 1500, rateBitsPerSecond: 8e6, queueBytes: 80_000 } })
    expect(pair.run(isComplete, 50_000)).toBe(true)
    return pair.nowMs
  })
  expect((tookMs[1] ?? Infinity) / (tookMs[0] ?? 0)).toBeLessThan(1.1)
})

test('a PATH_CHALLENGE is answered with its value', () => {
  const answers: string[][] = []
  const { pair, client } = downloading({ seed: 5, link: { delayMs: 10 }, tap: (side, bytes) => { if (side === 'client') answers.push(kindsOf(bytes)) } })
  pair.wait(50)
  pair.client.endpoint.receive(encodePacket({ type: 'SHORT', destinationId: client.localId, number: 5000, frames: [{ kind: 'PATH_CHALLENGE', value: 987_654 }] }), pair.client.path, pair.nowMs)
  pair.drain()
  expect(answers.at(-1)).toContain('PATH_RESPONSE')
})

test('a challenge uses every bit that a number may have, so it is hard to guess (RFC 9000 §19.17)', () => {
  const challenges: number[] = []
  const { pair, server } = joined({ seed: 10, link: { delayMs: 10 }, observe: (_connection, event) => {
    if (event.kind === 'sent') challenges.push(...event.packet.frames.flatMap(frame => frame.kind === 'PATH_CHALLENGE' ? [frame.value] : []))
  } })
  for (let port = 1; port <= 20; port++) {
    const ping = encodePacket({ type: 'SHORT', destinationId: server.localId, number: 1000 + port, frames: [{ kind: 'PING' }] })
    pair.server.endpoint.receive(ping, from(pair.server.path, { port }), pair.nowMs)
    pair.drain()
    pair.server.endpoint.timeout(pair.nowMs)
    pair.drain()
  }
  expect(new Set(challenges).size).toBe(20)
  expect(Math.max(...challenges)).toBeGreaterThan(2 ** 51)
})
