import { expect, test } from 'vitest'
import { bytesOf, readAll } from '../testing/transfer.ts'
import { CLOSE_CODES, type Frame } from '../wire/frames.ts'
import { decodePacket, encodePacket, type NumberedPacket, type Packet } from '../wire/packet.ts'
import type { Connection } from './connection.ts'
import type { RudpEvent } from './endpoint.ts'
import type { TraceEvent } from './events.ts'
import { Pair, type PairOptions, type SideName } from './pair.ts'
import { nextState, STATES, type StateInput, type StateName } from './states.ts'
import type { Stream } from './stream.ts'

const kinds = (events: readonly RudpEvent[]) => events.map(({ kind }) => kind)
const closeReason = (events: readonly RudpEvent[]) => events.flatMap(event => event.kind === 'closed' ? [event.reason] : [])
const streamsOf = (events: readonly RudpEvent[]) => events.flatMap(event => event.kind === 'stream' ? [event.stream] : [])
const streamEvents = (events: readonly RudpEvent[]) => events.flatMap(event => event.kind === 'stream-event' ? [event.event.kind] : [])
const packetOf = (bytes: Uint8Array) => decodePacket(bytes.slice()) as NumberedPacket
/** A pair with every packet that was put on the link. */
function watched(options: PairOptions) {
  const packets: { from: SideName; packet: NumberedPacket; atMs: number }[] = []
  const pair = new Pair({
    ...options,
    tap(from, bytes, nowMs) {
      packets.push({ from, packet: packetOf(bytes), atMs: nowMs })
      return options.tap?.(from, bytes, nowMs)
    },
  })
  return { pair, packets }
}
function opened(connection: Connection): Stream {
  const stream = connection.openStream()
  if (stream === undefined) throw new Error('no stream is allowed')
  return stream
}
/** A stream from the client on which a byte went each way. */
function joined(options: PairOptions) {
  const pair = new Pair(options)
  const { client, server } = pair.connected()
  const ours = opened(client)
  ours.write(Uint8Array.of(1))
  pair.drain()
  pair.run(() => streamsOf(pair.server.events).length > 0, 10_000)
  const [theirs] = streamsOf(pair.server.events)
  if (theirs === undefined) throw new Error('the stream did not come')
  theirs.read(1)
  pair.drain()
  pair.wait(300)
  return { pair, client, server, ours, theirs }
}

test('a handshake is HELLO, RETRY, HELLO with the token, WELCOME, and each end knows the other\'s id', () => {
  const { pair, packets } = watched({ seed: 1, link: { delayMs: 10 } })
  const { client, server } = pair.connected()
  pair.wait(30)
  expect(packets.slice(0, 4).map(({ packet, atMs }) => [packet.type, atMs])).toEqual([['HELLO', 0], ['RETRY', 10], ['HELLO', 20], ['WELCOME', 30]])
  expect([client.localId, client.remoteId]).toEqual([server.remoteId, server.localId])
  expect(kinds(pair.client.events).filter(kind => kind !== 'streams-allowed')).toEqual(['connected', 'token'])
  expect(kinds(pair.server.events)[0]).toBe('accepted')
  expect(client.metrics().rttMs).toBe(20)
})

test('the first request arrives one and a half round trips after the start, and with a token of an earlier visit after half a one', () => {
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

test('a token is good for one visit: shown again it is answered by RETRY, and what was sent with it is sent anew and not taken twice', () => {
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

test('a HELLO that the network repeats after the connection has ended brings nothing back to life', () => {
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

test.each([{ lost: 'HELLO' }, { lost: 'RETRY' }])('a lost $lost delays the handshake by 30 ms and no more', ({ lost }) => {
  let toLose = 1
  const pair = new Pair({ seed: 5, link: { delayMs: 10 }, tap: (_from, bytes) => !(packetOf(bytes).type === lost && toLose-- > 0) })
  const client = pair.connect()
  pair.run(() => client.state === 'ESTABLISHED', 1000)
  expect(pair.nowMs).toBe(70)
})

test('a lost WELCOME delays nothing but the knowledge of the id: what follows it is read', () => {
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

test('nobody answers: the connection is given up after five seconds, and says so once', () => {
  const pair = new Pair({ seed: 7, tap: () => false })
  const client = pair.connect()
  while (pair.step());
  expect(pair.nowMs).toBe(5000)
  expect(client.state).toBe('CLOSED')
  expect(closeReason(pair.client.events)).toEqual(['connect-timed-out'])
  expect(pair.steps).toBeLessThan(12)
})

test('an end that accepts nothing refuses', () => {
  const pair = new Pair({ seed: 8, link: { delayMs: 5 } })
  const connection = pair.server.endpoint.connect(pair.server.path, 0) // towards the client, which only dials
  pair.drain()
  while (pair.step());
  expect(connection.state).toBe('CLOSED')
  expect(closeReason(pair.server.events)).toEqual(['refused'])
})

test('one connection more than allowed is refused, and the others go on', () => {
  const pair = new Pair({ seed: 9, link: { delayMs: 1 }, limits: { connectionsMax: 2 } })
  const connections = [pair.connect(), pair.connect(), pair.connect()]
  pair.wait(100)
  expect(connections.map(({ state }) => state)).toEqual(['ESTABLISHED', 'ESTABLISHED', 'CLOSED'])
  expect(closeReason(pair.client.events)).toEqual(['refused'])
})

test('of an unproven peer nothing is kept, and it gets no more than it sent', () => {
  const { pair, packets } = watched({ seed: 10, tap: from => from === 'client' })
  for (let index = 0; index < 1000; index++) pair.connect()
  pair.wait(4000)
  expect(pair.server.endpoint.connectionCount).toBe(0)
  expect(pair.server.events).toEqual([])
  const bytesFrom = (side: SideName) => packets.reduce((sum, { from, packet }) => from === side ? sum + encodePacket(packet).length : sum, 0)
  expect(bytesFrom('server')).toBeGreaterThan(100_000)
  expect(bytesFrom('server') / bytesFrom('client')).toBeLessThan(1.2)
})

test('a peer of another version is told which are spoken, and a dialler that finds none in common says so', () => {
  const pair = new Pair({ seed: 11 })
  pair.server.endpoint.receive(encodePacket({ type: 'FOREIGN', destinationId: 0, sourceId: 99, version: 0x48520077 }), pair.server.path, 0)
  const [told] = pair.server.endpoint.outbox.flatMap(effect => effect.kind === 'send' ? [decodePacket(effect.bytes)] : [])
  expect(told).toEqual({ type: 'VERSIONS', destinationId: 99, sourceId: 0, versions: [0x48520002] })
  const client = pair.connect()
  pair.client.endpoint.receive(encodePacket({ type: 'VERSIONS', destinationId: client.localId, sourceId: 0, versions: [0x48520077] }), pair.client.path, 0)
  pair.drain()
  expect(closeReason(pair.client.events)).toEqual(['no-common-version'])
})

test('each end can end its half while the other goes on', () => {
  const { pair, client, ours, theirs } = joined({ seed: 12, link: { delayMs: 10 } })
  ours.write(bytesOf(10, 1))
  ours.end()
  pair.drain()
  expect(ours.write(bytesOf(5, 1))).toBe(0)
  pair.wait(100)
  expect(theirs.read(100)).toEqual(bytesOf(10, 1))
  expect([ours.sendState, theirs.receiveState, theirs.drained]).toEqual(['DATA-RECVD', 'DATA-READ', true])
  theirs.write(bytesOf(5000, 2))
  pair.drain()
  pair.wait(200)
  expect(ours.read(10_000)).toEqual(bytesOf(5000, 2))
  expect(ours.drained).toBe(false)
  theirs.end()
  pair.drain()
  pair.wait(100)
  ours.read(1)
  pair.drain()
  pair.wait(100)
  expect([ours.drained, ours.isOver, theirs.isOver, client.streamCount]).toEqual([true, true, true, 0])
  expect(streamEvents(pair.server.events).filter(kind => kind === 'over' || kind === 'delivered')).toEqual(['delivered', 'over'])
})

test('a stream that is broken off loses what was on the way, and the connection goes on', () => {
  const { pair, client, server, ours, theirs } = joined({ seed: 13, link: { delayMs: 10 } })
  ours.write(bytesOf(100_000, 1))
  pair.drain()
  ours.reset(0)
  theirs.end()
  pair.drain()
  pair.wait(200)
  ours.read(1)
  pair.drain()
  pair.wait(200)
  expect(streamEvents(pair.server.events)).toContain('reset-by-peer')
  expect([theirs.readableBytes, ours.isOver, theirs.isOver]).toEqual([0, true, true])
  const next = opened(client)
  next.write(bytesOf(10, 2))
  pair.drain()
  pair.wait(100)
  expect(streamsOf(pair.server.events)[1]?.read(100)).toEqual(bytesOf(10, 2))
  expect([client.state, server.state]).toEqual(['ESTABLISHED', 'ESTABLISHED'])
})

test('a reader that wants no more stops the writer', () => {
  const { pair, ours, theirs } = joined({ seed: 14, link: { delayMs: 10 } })
  theirs.write(bytesOf(1_000_000, 1))
  pair.drain()
  pair.wait(30)
  ours.stop(0)
  pair.drain()
  pair.wait(200)
  expect(streamEvents(pair.server.events)).toContain('stopped')
  expect(theirs.sendState).toBe('RESET-RECVD')
  expect(ours.receiveState).toBe('RESET-READ')
})

test('abandoned: what was written still arrives, and what comes is not kept', () => {
  const { pair, client, ours, theirs } = joined({ seed: 15, link: { delayMs: 10 } })
  ours.write(bytesOf(200_000, 1))
  theirs.write(bytesOf(50_000, 2))
  ours.abandon()
  pair.drain()
  pair.wait(400)
  expect(readAll(theirs)).toEqual(bytesOf(200_000, 1))
  expect([ours.readableBytes, client.streamCount]).toEqual([0, 0])
})

test('closing tells the peer at once, and once', () => {
  const { pair, client, server, ours } = joined({ seed: 16, link: { delayMs: 10 } })
  ours.write(bytesOf(100_000, 1))
  client.close(pair.nowMs)
  pair.drain()
  pair.wait(15)
  expect([closeReason(pair.client.events), closeReason(pair.server.events)]).toEqual([['finished'], ['finished']])
  expect([client.state, server.state]).toEqual(['CLOSING', 'DRAINING'])
  pair.wait(1000)
  expect([client.state, server.state]).toEqual(['CLOSED', 'CLOSED'])
})

test('a lost CONNECTION_CLOSE is made good: the next packet meets an end that closes, or does not know it', () => {
  for (const silenceMs of [0, 1000]) {
    let lose = false
    const { pair, client, theirs } = joined({ seed: 17, link: { delayMs: 10 }, tap: from => !(from === 'client' && lose && !(lose = false)) })
    lose = true
    client.close(pair.nowMs)
    pair.drain()
    pair.wait(silenceMs)
    theirs.write(bytesOf(10, 1))
    pair.drain()
    pair.wait(100)
    expect(closeReason(pair.server.events)).toEqual([silenceMs === 0 ? 'finished' : 'unknown-to-peer'])
  }
})

test('forged packets that do not know the ids change nothing', () => {
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
  expect(server.state).toBe('DRAINING') // with the right id it works
})

test('who acknowledges what was never sent is found out, and the connection ends', () => {
  const lies = [[{ first: 0, last: 100_000 }], [{ first: 0, last: 2 ** 32 - 1 }]]
  for (const ranges of lies) {
    const { pair, client } = joined({ seed: 19, link: { delayMs: 10 } })
    pair.client.endpoint.receive(encodePacket({ type: 'SHORT', destinationId: client.localId, number: 900, frames: [{ kind: 'ACK', delayMs: 0, ranges }] }), pair.client.path, pair.nowMs)
    expect(client.state).toBe('CLOSING')
  }
})

test('a receiver that acknowledges everything before it has come trips over a number that was left out', () => {
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

test('who sends more than it may, or breaks another rule, is closed on', () => {
  const broken: { frame: Frame; code: string }[] = [
    { frame: { kind: 'STREAM', streamId: 0, offset: 2_000_000, fin: false, data: Uint8Array.of(1) }, code: 'flow-control' },
    { frame: { kind: 'STREAM', streamId: 1, offset: 0, fin: false, data: Uint8Array.of(1) }, code: 'protocol-violation' },
    { frame: { kind: 'STREAM', streamId: 400, offset: 0, fin: false, data: Uint8Array.of(1) }, code: 'protocol-violation' },
    { frame: { kind: 'RESET_STREAM', streamId: 0, code: 0, finalSize: 0 }, code: 'flow-control' },
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

test('a peer that writes one byte at the far end of each stream is closed on before all of them cost memory', () => {
  const { pair, server } = joined({ seed: 28 })
  let streams = 0
  for (; streams < 50 && server.state === 'ESTABLISHED'; streams++) {
    const frames: Frame[] = [{ kind: 'STREAM', streamId: 2 + 2 * streams, offset: 1024 * 1024 - 1, fin: false, data: Uint8Array.of(1) }]
    pair.server.endpoint.receive(encodePacket({ type: 'SHORT', destinationId: server.localId, number: 100 + streams, frames }), pair.server.path, pair.nowMs)
  }
  expect(streams).toBe(4) // four of one MB are allowed, and a byte is there already
  expect(server.state).toBe('CLOSING')
})

test('a storm of visitors who come and go at once leaves nothing behind', () => {
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

test('ranges that the sender has settled are forgotten: after losses acknowledgements grow short again', () => {
  const { pair, packets } = watched({ seed: 22, link: { delayMs: 10, loss: 0.2, rateBitsPerSecond: 50e6 } })
  const { client } = pair.connected()
  const stream = opened(client)
  stream.write(bytesOf(900_000, 1))
  pair.drain()
  const acks = () => packets.flatMap(({ from, packet }) => from === 'server' ? packet.frames.flatMap(frame => frame.kind === 'ACK' ? [frame.ranges.length] : []) : [])
  pair.run(() => streamsOf(pair.server.events)[0]?.readableBytes === 900_000, 50_000)
  expect(Math.max(...acks())).toBeGreaterThan(5)
  pair.client.link.conditions = { ...pair.client.link.conditions, loss: 0 }
  pair.wait(500)
  stream.write(bytesOf(100_000, 2))
  pair.drain()
  pair.run(() => streamsOf(pair.server.events)[0]?.readableBytes === 1_000_000, 10_000)
  pair.wait(50)
  expect(acks().at(-1)).toBeLessThan(8)
})

test('damaged datagrams are counted and answered by nothing', () => {
  const pair = new Pair({ seed: 23, link: { corruption: 1 }, tap: from => from === 'client' })
  pair.connect()
  pair.wait(3000)
  expect(pair.server.endpoint.malformedCount).toBeGreaterThan(2)
  expect(pair.server.link.counts.sent).toBe(0)
})

test('a connection with open streams is kept alive by PINGs; a dead peer is noticed after the idle time', () => {
  let cut = false
  let packets = 0
  const { pair, client } = joined({ seed: 24, link: { delayMs: 5 }, tap: () => {
    packets++
    return !cut
  } })
  pair.wait(300_000)
  expect(client.state).toBe('ESTABLISHED')
  expect(packets).toBeLessThan(300)
  cut = true
  const cutAtMs = pair.nowMs
  while (pair.step());
  expect(closeReason(pair.client.events)).toEqual(['idle'])
  expect(pair.nowMs - cutAtMs).toBeLessThanOrEqual(30_000 + 5)
})

test('a connection that nobody uses ends in silence after the idle time', () => {
  const { pair, packets } = watched({ seed: 25, link: { delayMs: 5 } })
  pair.connected()
  pair.wait(1000)
  const before = packets.length
  while (pair.step());
  expect(packets.length).toBe(before)
  expect([closeReason(pair.client.events), closeReason(pair.server.events)]).toEqual([['idle'], ['idle']])
})

test('watchers are told the way of the states and every packet', () => {
  const seen: TraceEvent[] = []
  const { pair, client, ours } = joined({ seed: 26, link: { delayMs: 10 }, observe: (connection, event) => { if (connection.role === 'initiator') seen.push(event) } })
  ours.write(bytesOf(3000, 1))
  client.close(pair.nowMs)
  pair.drain()
  while (pair.step());
  expect(seen.flatMap(event => event.kind === 'state' ? [event.to] : [])).toEqual(['HELLO-SENT', 'TOKEN-SENT', 'ESTABLISHED', 'CLOSING', 'CLOSED'])
  expect(seen.filter(({ kind }) => kind === 'sent').length).toBe(client.metrics().sent)
  expect(seen.some(event => event.kind === 'window' && event.srttMs === 20)).toBe(true)
})

test('500 connections at once each carry their own bytes, and nothing of them is left', () => {
  const answered = new Map<Connection, number>()
  const pair = new Pair({
    seed: 27, link: { delayMs: 20, loss: 0.02 },
    onEvent(side, event) {
      if (side === 'client' && event.kind === 'connected') {
        const stream = opened(event.connection)
        stream.write(Uint8Array.of(event.connection.localId & 255))
        stream.end()
      }
      if (event.kind !== 'stream-event' || event.event.kind !== 'readable') return
      const bytes = readAll(event.stream)
      if (side === 'client') answered.set(event.connection, (answered.get(event.connection) ?? 0) + bytes.filter(byte => byte === (event.connection.localId & 255)).length)
      if (side === 'server' && event.stream.drained) {
        event.stream.write(new Uint8Array(5000).fill(bytes[0] ?? 0))
        event.stream.end()
      }
      if (side === 'client' && event.stream.drained) event.connection.close(pair.nowMs)
    },
  })
  for (let index = 0; index < 500; index++) pair.connect()
  pair.run(() => pair.client.endpoint.connectionCount + pair.server.endpoint.connectionCount === 0, 200_000)
  expect([...answered.values()]).toEqual(Array(500).fill(5000))
  expect([pair.client.endpoint.connectionCount, pair.server.endpoint.connectionCount]).toEqual([0, 0])
}, 20_000)

test('from every state every input leads to a state of the table, and each can end', () => {
  const inputs: StateInput[] = ['connect', 'resume', 'accept', 'retry', 'welcome', 'close', 'closed', 'over']
  for (const state of Object.keys(STATES) as StateName[]) {
    for (const input of inputs) expect(nextState(state, input) ?? 'CLOSED').toSatisfy(next => next in STATES)
    expect(nextState(state, 'over')).toBe(state === 'CLOSED' ? undefined : 'CLOSED')
  }
})
