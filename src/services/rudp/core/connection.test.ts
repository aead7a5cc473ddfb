import { expect, test } from 'vitest'
import { bytesOf, readAll } from '../testing/transfer.ts'
import { closeReason, joined, opened, streamEvents, streamsOf, watched } from '../testing/connections.ts'
import { CLOSE_CODES } from '../wire/frames.ts'
import { encodePacket } from '../wire/packet.ts'
import type { Connection } from './connection.ts'
import type { TraceEvent } from './events.ts'
import { Pair } from '../testing/pair.ts'
import { nextState, STATES, type StateInput, type StateName } from './states.ts'

test('each end can end its half while the other continues, and a stream ends once, even if it is announced afterwards', () => {
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
  ours.announce()
  pair.drain()
  pair.wait(100)
  expect(streamEvents(pair.client.events).filter(kind => kind === 'over')).toEqual(['over'])
})

test('a reset stream loses what was in flight, and the connection continues', () => {
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

test('a reader can stop the writer', () => {
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

test('an abandoned stream delivers what was written and discards what arrives', () => {
  const { pair, client, ours, theirs } = joined({ seed: 15, link: { delayMs: 10 } })
  ours.write(bytesOf(200_000, 1))
  theirs.write(bytesOf(50_000, 2))
  ours.abandon()
  pair.drain()
  pair.wait(400)
  expect(readAll(theirs)).toEqual(bytesOf(200_000, 1))
  expect([ours.readableBytes, client.streamCount]).toEqual([0, 0])
})

test('closing notifies the peer at once, and once', () => {
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

test('a lost CONNECTION_CLOSE does no harm: the next packet meets an endpoint that is closing, or no longer knows the connection', () => {
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

test('a RESET that arrives as the draining period ends closes the connection once', () => {
  const { pair, client, server } = joined({ seed: 33 })
  client.close(pair.nowMs)
  pair.drain()
  pair.run(() => server.state === 'DRAINING', 10)
  const endMs = server.deadlineMs()
  const unknown = encodePacket({ type: 'RESET', destinationId: 0, sourceId: client.localId, number: 0, frames: [{ kind: 'CONNECTION_CLOSE', code: CLOSE_CODES.indexOf('unknown') }] })
  pair.server.endpoint.receive(unknown, pair.server.path, endMs)
  pair.server.endpoint.timeout(endMs) // as when a timer fires before the batch is settled
  pair.drain()
  expect([server.state, pair.server.endpoint.connectionCount, closeReason(pair.server.events)]).toEqual(['CLOSED', 0, ['finished']])
})

test('ranges that the sender has settled are forgotten, so acknowledgments grow short again after losses', () => {
  const { pair, packets } = watched({ seed: 22, link: { delayMs: 10, loss: 0.2, rateBitsPerSecond: 50e6 } })
  const { client } = pair.connected()
  const stream = opened(client)
  stream.write(bytesOf(500_000, 1))
  pair.drain()
  const acks = () => packets.flatMap(({ from, packet }) => from === 'server' ? packet.frames.flatMap(frame => frame.kind === 'ACK' ? [frame.ranges.length] : []) : [])
  pair.run(() => streamsOf(pair.server.events)[0]?.readableBytes === 500_000, 50_000)
  expect(Math.max(...acks())).toBeGreaterThan(5)
  pair.client.link.conditions = { ...pair.client.link.conditions, loss: 0 }
  pair.wait(500)
  stream.write(bytesOf(500_000, 2))
  pair.drain()
  pair.run(() => streamsOf(pair.server.events)[0]?.readableBytes === 1_000_000, 10_000)
  pair.wait(50)
  expect(acks().at(-1)).toBeLessThan(8)
})

test('PINGs keep a connection with open streams alive; a dead peer is detected after the idle timeout', () => {
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

test('an unused connection ends silently after the idle timeout', () => {
  const { pair, packets } = watched({ seed: 25, link: { delayMs: 5 } })
  pair.connected()
  pair.wait(1000)
  const before = packets.length
  while (pair.step());
  expect(packets.length).toBe(before)
  expect([closeReason(pair.client.events), closeReason(pair.server.events)]).toEqual([['idle'], ['idle']])
})

test('observers receive every change of state and every packet', () => {
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

test('500 connections at once each carry their own bytes, and leave nothing behind', () => {
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

test('every input leads from every state to a state in the table, and every state can end', () => {
  const inputs: StateInput[] = ['connect', 'resume', 'accept', 'retry', 'welcome', 'close', 'closed', 'over']
  for (const state of Object.keys(STATES) as StateName[]) {
    for (const input of inputs) expect(nextState(state, input) ?? 'CLOSED').toSatisfy(next => next in STATES)
    expect(nextState(state, 'over')).toBe(state === 'CLOSED' ? undefined : 'CLOSED')
  }
})

test('the response acknowledges a request if it comes soon, otherwise a packet of its own does', () => {
  const { pair, packets } = watched({ seed: 31, link: { delayMs: 10 } })
  const { client } = pair.connected()
  pair.wait(1000)
  for (const thinksMs of [3, 100]) {
    const ours = opened(client)
    ours.write(bytesOf(100, 1))
    ours.end()
    pair.drain()
    pair.run(() => streamsOf(pair.server.events).some(({ id, drained, readableBytes }) => id === ours.id && (drained || readableBytes > 0)), 1000)
    const cameAtMs = pair.nowMs
    pair.wait(thinksMs)
    streamsOf(pair.server.events).find(({ id }) => id === ours.id)?.write(bytesOf(100, 2))
    pair.drain()
    const [first] = packets.filter(({ from, atMs }) => from === 'server' && atMs >= cameAtMs).map(({ packet, atMs }) => [atMs - cameAtMs, packet.frames.map(({ kind }) => kind).join()])
    expect(first).toEqual(thinksMs === 3 ? [3, 'ACK,STREAM'] : [10, 'ACK'])
    pair.wait(500)
  }
})
