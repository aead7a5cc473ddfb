// Peers that lie, flood or violate the protocol, and packets that are not from the peer at all.
import { expect, test } from 'vitest'
import { bytesOf } from '../testing/transfer.ts'
import { closeReason, joined } from '../testing/connections.ts'
import { CLOSE_CODES, type Frame } from '../wire/frames.ts'
import { decodePacket, encodePacket, type Packet } from '../wire/packet.ts'
import { Pair } from '../testing/pair.ts'
import { DEFAULT_LIMITS } from './limits.ts'

test('forged packets with wrong ids change nothing', () => {
  const { pair, client, server, ours, theirs } = joined({ seed: 18 })
  const close: Frame[] = [{ kind: 'CONNECTION_CLOSE', code: 0 }]
  const attempts: Packet[] = [
    { type: 'SHORT', destinationId: server.localId + 1, number: 1000, frames: close },
    { type: 'SHORT', destinationId: client.localId + 1, number: 1000, frames: close },
    { type: 'RESET', destinationId: 0, sourceId: server.localId + 1, number: 0, frames: [{ kind: 'CONNECTION_CLOSE', code: CLOSE_CODES.indexOf('unknown') }] },
    { type: 'RESET', destinationId: client.localId, sourceId: 0, number: 0, frames: [{ kind: 'CONNECTION_CLOSE', code: CLOSE_CODES.indexOf('refused') }] },
    { type: 'RETRY', destinationId: client.localId, sourceId: 0, number: 0, frames: [{ kind: 'TOKEN', token: Uint8Array.of(1) }] },
  ]
  for (const attempt of attempts) {
    pair.server.endpoint.receive(encodePacket(attempt), pair.server.path, pair.nowMs)
    pair.client.endpoint.receive(encodePacket(attempt), pair.client.path, pair.nowMs)
  }
  const elsewhere = { ...pair.client.path, peer: { address: '203.0.113.9', port: 50_000 } }
  pair.client.endpoint.receive(encodePacket({ type: 'SHORT', destinationId: client.localId, number: 1000, frames: close }), elsewhere, pair.nowMs)
  pair.drain()
  ours.write(bytesOf(3000, 1))
  pair.drain()
  pair.wait(100)
  expect([client.state, server.state]).toEqual(['ESTABLISHED', 'ESTABLISHED'])
  expect(theirs.read(5000)).toEqual(bytesOf(3000, 1))
  pair.server.endpoint.receive(encodePacket({ type: 'SHORT', destinationId: server.localId, number: 1000, frames: close }), pair.server.path, pair.nowMs)
  expect(server.state).toBe('DRAINING') // with the correct id it works
})

test('a peer that acknowledges what was never sent is caught, and the connection ends', () => {
  const lies = [[{ first: 0, last: 100_000 }], [{ first: 0, last: 2 ** 32 - 1 }]]
  for (const ranges of lies) {
    const { pair, client } = joined({ seed: 19, link: { delayMs: 10 } })
    pair.client.endpoint.receive(encodePacket({ type: 'SHORT', destinationId: client.localId, number: 900, frames: [{ kind: 'ACK', delayMs: 0, ranges }] }), pair.client.path, pair.nowMs)
    expect(client.state).toBe('CLOSING')
  }
})

test('a receiver that acknowledges everything in advance trips over a skipped number', () => {
  const { pair, client, server, theirs } = joined({ seed: 20, link: { delayMs: 50, rateBitsPerSecond: 50e6 } })
  theirs.write(bytesOf(1_000_000, 1))
  pair.drain()
  for (let number = 0; number < 600 && server.state === 'ESTABLISHED'; number++) {
    const last = Math.min(number, server.metrics().sent - 1)
    pair.server.endpoint.receive(encodePacket({
      type: 'SHORT', destinationId: server.localId, number: 1000 + number, frames: [{ kind: 'ACK', delayMs: 0, ranges: [{ first: 0, last }] }],
    }), pair.server.path, pair.nowMs)
    pair.drain()
    pair.step()
  }
  expect(server.state).not.toBe('ESTABLISHED')
  expect(client.metrics().received).toBeLessThan(600)
})

test('the connection to a peer that exceeds a limit or violates another rule is closed', () => {
  const broken: { frame: Frame; code: string }[] = [
    { frame: { kind: 'STREAM', streamId: 0, offset: 5_000_000, fin: false, data: Uint8Array.of(1) }, code: 'flow-control' },
    { frame: { kind: 'STREAM', streamId: 1, offset: 0, fin: false, data: Uint8Array.of(1) }, code: 'protocol-violation' },
    { frame: { kind: 'STREAM', streamId: 400, offset: 0, fin: false, data: Uint8Array.of(1) }, code: 'protocol-violation' },
    { frame: { kind: 'RESET_STREAM', streamId: 0, code: 0, finalSize: 0 }, code: 'flow-control' },
    { frame: { kind: 'PARITY', streamId: 400, finalSize: 10, sum: 0, data: Uint8Array.of(1) }, code: 'protocol-violation' },
  ]
  for (const { frame, code } of broken) {
    const { pair, server } = joined({ seed: 21 })
    pair.server.endpoint.receive(encodePacket({ type: 'SHORT', destinationId: server.localId, number: 50, frames: [frame] }), pair.server.path, pair.nowMs)
    pair.server.endpoint.settle(pair.nowMs)
    const [sent] = pair.server.endpoint.outbox.flatMap(effect => effect.kind === 'send' ? [decodePacket(effect.bytes)] : [])
    expect(sent).toMatchObject({ frames: [{ kind: 'CONNECTION_CLOSE', code: CLOSE_CODES.findIndex(name => name === code) }] })
    expect(closeReason(pair.server.events.concat(pair.server.endpoint.outbox.flatMap(effect => effect.kind === 'event' ? [effect.event] : [])))).toEqual(['violation'])
  }
})

test('after the close such a peer can open nothing more: `closed` is the last event of a connection', () => {
  const { pair, server } = joined({ seed: 32 })
  const say = (number: number, frames: Frame[]) => {
    pair.server.endpoint.receive(encodePacket({ type: 'SHORT', destinationId: server.localId, number, frames }), pair.server.path, pair.nowMs)
    pair.drain()
  }
  say(50, [{ kind: 'STREAM', streamId: 400, offset: 0, fin: false, data: Uint8Array.of(1) }])
  expect([server.state, closeReason(pair.server.events)]).toEqual(['CLOSING', ['violation']])
  say(51, [{ kind: 'STREAM', streamId: 2, offset: 0, fin: false, data: Uint8Array.of(1) }])
  say(52, [{ kind: 'STREAM', streamId: 0, offset: 1, fin: false, data: Uint8Array.of(1) }])
  expect(pair.server.events.at(-1)?.kind).toBe('closed')
  say(53, [{ kind: 'ACK', delayMs: 0, ranges: [{ first: 0, last: 0 }] }, { kind: 'CONNECTION_CLOSE', code: 0 }])
  expect([server.state, pair.server.events.at(-1)?.kind]).toEqual(['DRAINING', 'closed']) // both have closed, so neither answers any more
})

const parity = (streamId: number, finalSize: number): Frame => ({ kind: 'PARITY', streamId, finalSize, sum: 0, data: Uint8Array.of(1) })
const piece = (streamId: number, offset: number, fin: boolean): Frame => ({ kind: 'STREAM', streamId, offset, fin, data: Uint8Array.of(1) })
const end = (streamId: number, offset: number): Frame => ({ kind: 'STREAM', streamId, offset, fin: true, data: new Uint8Array(0) })

test.each<{ what: string; packets: readonly Frame[] }>([
  { what: 'ends a stream before a byte that arrived', packets: [piece(2, 100, false), parity(2, 100)] },
  { what: 'ends a stream elsewhere than its FIN did', packets: [piece(2, 100, true), parity(2, 102)] },
  { what: 'ends a stream elsewhere than another PARITY did', packets: [parity(2, 102), parity(2, 101)] },
  { what: 'sends bytes after the end that its PARITY gave', packets: [parity(2, 100), piece(2, 100, false)] },
  { what: 'ends a stream before the end that its PARITY gave', packets: [parity(2, 100), piece(2, 98, true)] },
  { what: 'resets a stream at another size than its PARITY gave', packets: [parity(2, 100), { kind: 'RESET_STREAM', streamId: 2, code: 0, finalSize: 99 }] },
  { what: 'ends a stream before the end that an empty FIN gave', packets: [end(2, 100), end(2, 99)] },
  { what: 'sends bytes after the end that an empty FIN gave', packets: [end(2, 100), piece(2, 100, false)] },
  { what: 'exceeds the limit for all streams with empty FINs', packets: [end(2, 9000), end(4, 9000)] },
  { what: 'exceeds the limit for a stream with a PARITY', packets: [parity(2, 16_385)] },
  { what: 'exceeds the limit for all streams with PARITYs', packets: [parity(2, 9000), parity(4, 9000)] },
])('the connection to a peer that $what is closed', ({ packets }) => {
  const { pair, server } = joined({ seed: 30, limits: { streamBufferBytes: 16_384, connectionBufferBytes: 16_384 } })
  const states = packets.map((frame, index) => {
    pair.server.endpoint.receive(encodePacket({ type: 'SHORT', destinationId: server.localId, number: 50 + index, frames: [frame] }), pair.server.path, pair.nowMs)
    return server.state
  })
  expect(states).toEqual([...Array<string>(packets.length - 1).fill('ESTABLISHED'), 'CLOSING'])
  pair.drain()
  expect(closeReason(pair.server.events)).toEqual(['violation'])
})

test('the connection to a peer that writes one byte at the far end of each stream is closed before they all cost memory', () => {
  const { pair, server } = joined({ seed: 28 })
  let streams = 0
  for (; streams < 50 && server.state === 'ESTABLISHED'; streams++) {
    const frames: Frame[] = [{ kind: 'STREAM', streamId: 2 + 2 * streams, offset: 4 * 1024 * 1024 - 1, fin: false, data: Uint8Array.of(1) }]
    pair.server.endpoint.receive(encodePacket({ type: 'SHORT', destinationId: server.localId, number: 100 + streams, frames }), pair.server.path, pair.nowMs)
  }
  expect(streams).toBe(2) // two of 4 MB are allowed, and one byte has arrived already
  expect(server.state).toBe('CLOSING')
})

test('a storm of clients that come and go at once leaves nothing behind', () => {
  const pair = new Pair({ seed: 29, link: { delayMs: 5, loss: 0.05 } })
  for (let visit = 0; visit < 500; visit++) {
    const client = pair.connect()
    pair.wait(visit % 25)
    client.openStream()?.write(bytesOf(3000, visit))
    pair.drain()
    if (visit % 3 > 0) client.close(pair.nowMs)
    pair.drain()
  }
  expect(pair.server.endpoint.connectionCount).toBeGreaterThan(0)
  pair.client.endpoint.close(pair.nowMs)
  pair.drain()
  pair.wait(60_000)
  expect([pair.client.endpoint.connectionCount, pair.server.endpoint.connectionCount]).toEqual([0, 0])
  expect(pair.nextMs()).toBe(Infinity)
})

test('repeated PARAMETERS change nothing, and a packet full of them costs no more than another', () => {
  const { pair, server } = joined({ seed: 31 })
  const more = { maxDataBytes: 2 ** 40, maxStreamDataBytes: 2 ** 40, maxStreams: 1000, idleTimeoutMs: 30_000, datagramBytesMax: 1200, ackDelayMsMax: 10 }
  pair.server.endpoint.receive(encodePacket({ type: 'SHORT', destinationId: server.localId, number: 50, frames: [{ kind: 'PARAMETERS', parameters: more }] }), pair.server.path, pair.nowMs)
  let streams = 0
  while (server.openStream() !== undefined) streams++
  expect(streams).toBe(DEFAULT_LIMITS.streamsMax)
})

test('damaged datagrams are counted and not answered', () => {
  const pair = new Pair({ seed: 23, link: { corruption: 1 }, tap: from => from === 'client' })
  pair.connect()
  pair.wait(3000)
  expect(pair.server.endpoint.malformedCount).toBeGreaterThan(2)
  expect(pair.server.link.counts.sent).toBe(0)
})
