import { expect, test } from 'vitest'
import { decodePacket, encodePacket, type Packet } from '../wire/packet.ts'
import type { RudpEvent } from './endpoint.ts'
import type { TraceEvent } from './events.ts'
import { Pair, type PairOptions, type SideName } from './pair.ts'
import { nextState, STATES, type StateInput, type StateName } from './states.ts'

const bytesOf = (length: number, seed = 7) => Uint8Array.from({ length }, (_, index) => (index * seed + (index >> 8)) & 255)
const kinds = (events: readonly RudpEvent[]) => events.map(({ kind }) => kind)
const closeReason = (events: readonly RudpEvent[]) => events.flatMap(event => event.kind === 'closed' ? [event.reason] : [])
/** Lets virtual time pass. */
function wait(pair: Pair, ms: number): void {
  const untilMs = pair.nowMs + ms
  pair.run(() => pair.nowMs >= untilMs, 100_000)
}
/** A pair with every packet that was put on the link. */
function watched(options: PairOptions) {
  const packets: { from: SideName; packet: Packet; atMs: number }[] = []
  const pair = new Pair({
    ...options,
    tap(from, bytes, nowMs) {
      packets.push({ from, packet: decodePacket(bytes.slice()), atMs: nowMs })
      return options.tap?.(from, bytes, nowMs)
    },
  })
  return { pair, packets }
}

test('a handshake is SYN, SYN-ACK, ACK, and both ends know the same connection id', () => {
  const { pair, packets } = watched({ seed: 1, link: { delayMs: 10 } })
  const { client, server } = pair.connected()
  expect(packets.map(({ packet }) => packet.type)).toEqual(['SYN', 'SYN-ACK', 'ACK'])
  expect([client.initiatorId, client.acceptorId]).toEqual([server.initiatorId, server.acceptorId])
  expect(kinds(pair.client.events)).toEqual(['connected'])
  expect(kinds(pair.server.events)).toEqual(['accepted'])
  expect(client.metrics().rttMs).toBe(20)
})

test.each([
  { lost: 'SYN', latestMs: 300 }, { lost: 'SYN-ACK', latestMs: 300 }, { lost: 'ACK', latestMs: 300 },
])('a lost $lost delays the handshake by one try and no more', ({ lost, latestMs }) => {
  let toLose = 1
  const pair = new Pair({ seed: 2, link: { delayMs: 10 }, tap: (_from, bytes) => !(decodePacket(bytes.slice()).type === lost && toLose-- > 0) })
  pair.connected()
  expect(pair.nowMs).toBeLessThanOrEqual(latestMs)
})

test('nobody answers: the connection is given up after five seconds, and says so once', () => {
  const pair = new Pair({ seed: 3, tap: () => false })
  const client = pair.connect()
  while (pair.step());
  expect(pair.nowMs).toBe(5000)
  expect(client.state).toBe('CLOSED')
  expect(closeReason(pair.client.events)).toEqual(['connect-timed-out'])
})

test('an end that accepts nothing refuses', () => {
  const pair = new Pair({ seed: 4, link: { delayMs: 5 } })
  const connection = pair.server.endpoint.connect(pair.server.path, 0) // towards the client, which only dials
  pair.drain()
  while (pair.step());
  expect(connection.state).toBe('CLOSED')
  expect(closeReason(pair.server.events)).toEqual(['refused'])
})

test('one connection more than allowed is refused, and the others go on', () => {
  const pair = new Pair({ seed: 5, limits: { openMax: 2 } })
  const connections = [pair.connect(), pair.connect(), pair.connect()]
  wait(pair, 100)
  expect(connections.map(({ state }) => state)).toEqual(['ESTABLISHED', 'ESTABLISHED', 'CLOSED'])
  expect(closeReason(pair.client.events)).toEqual(['refused'])
})

test('half-open connections are bounded; a flood of SYNs costs little and an honest client still gets in', () => {
  let honest = false
  const { pair, packets } = watched({ seed: 6, limits: { halfOpenMax: 8 }, tap: from => from === 'client' || honest })
  for (let index = 0; index < 100; index++) pair.connect()
  pair.run(() => pair.client.link.deadlineMs() > pair.nowMs, 1000)
  expect(pair.server.endpoint.halfOpenCount).toBe(8)
  expect(pair.server.endpoint.connectionCount).toBe(8)
  honest = true
  const client = pair.connect()
  pair.run(() => client.state === 'ESTABLISHED', 1000)
  expect(client.state).toBe('ESTABLISHED')
  expect(packets.filter(({ from }) => from === 'server').length).toBeGreaterThan(100)
})

test('an address that has not proven itself gets at most three times the bytes it sent', () => {
  const counted = { client: 0, server: 0 }
  let dropped = 0
  const pair = new Pair({
    seed: 7, limits: { connectTimeoutMs: 60_000 },
    tap(from, bytes) {
      if (from === 'client' && counted.client > 0) return false // one SYN only, as a forger would send
      counted[from] += bytes.length
      if (from === 'server') dropped++
      return from === 'client'
    },
  })
  pair.connect()
  wait(pair, 59_000)
  expect(dropped).toBeGreaterThan(1)
  expect(counted.server).toBeLessThanOrEqual(3 * counted.client)
})

test('a half-open connection that nobody completes is forgotten', () => {
  const pair = new Pair({ seed: 8, tap: from => from === 'client' })
  pair.connect()
  while (pair.step());
  expect(pair.server.endpoint.connectionCount).toBe(0)
  expect(pair.server.events).toEqual([])
})

test('each end can end its half while the other goes on', () => {
  const pair = new Pair({ seed: 9, link: { delayMs: 10 } })
  const { client, server } = pair.connected()
  client.write(bytesOf(10), pair.nowMs)
  client.shutdown(pair.nowMs)
  pair.drain()
  expect(client.write(bytesOf(5), pair.nowMs)).toBe(0)
  wait(pair, 100)
  expect([client.state, server.state]).toEqual(['FIN-WAIT-2', 'CLOSE-WAIT'])
  expect(server.read(100, pair.nowMs)).toEqual(bytesOf(10))
  expect(server.drained).toBe(true)
  server.write(bytesOf(5000), pair.nowMs)
  pair.drain()
  wait(pair, 200)
  expect(client.read(10_000, pair.nowMs)).toEqual(bytesOf(5000))
  expect(client.drained).toBe(false)
  server.shutdown(pair.nowMs)
  pair.drain()
  while (pair.step());
  expect(client.drained).toBe(true)
  expect([client.state, server.state]).toEqual(['CLOSED', 'CLOSED'])
  expect([closeReason(pair.client.events), closeReason(pair.server.events)]).toEqual([['finished'], ['finished']])
  expect([pair.client.endpoint.connectionCount, pair.server.endpoint.connectionCount]).toEqual([0, 0])
})

test('both ends may end at the same moment', () => {
  const pair = new Pair({ seed: 10, link: { delayMs: 10 } })
  const { client, server } = pair.connected()
  client.shutdown(pair.nowMs)
  server.shutdown(pair.nowMs)
  pair.drain()
  pair.run(() => client.state === 'TIME-WAIT' && server.state === 'TIME-WAIT', 100)
  while (pair.step());
  expect([closeReason(pair.client.events), closeReason(pair.server.events)]).toEqual([['finished'], ['finished']])
})

test('the last acknowledgement may be lost: the end that waits answers the FIN again', () => {
  let lose = false
  const pair = new Pair({ seed: 11, link: { delayMs: 10 }, tap: from => !(from === 'client' && lose && !(lose = false)) })
  const { client, server } = pair.connected()
  client.shutdown(pair.nowMs)
  pair.drain()
  pair.run(() => server.state === 'CLOSE-WAIT' && client.state === 'FIN-WAIT-2', 100)
  server.shutdown(pair.nowMs)
  lose = true
  pair.drain()
  while (pair.step());
  expect([closeReason(pair.client.events), closeReason(pair.server.events)]).toEqual([['finished'], ['finished']])
})

test('reset tells the peer at once', () => {
  const pair = new Pair({ seed: 12, link: { delayMs: 10 } })
  const { client, server } = pair.connected()
  client.write(bytesOf(100_000), pair.nowMs)
  client.reset(pair.nowMs)
  pair.drain()
  wait(pair, 15)
  expect(server.state).toBe('CLOSED')
  expect(closeReason(pair.server.events)).toEqual(['reset-by-peer'])
  expect(closeReason(pair.client.events)).toEqual(['reset'])
})

test('a lost RESET is made good: the next packet meets an end that does not know it', () => {
  let lose = false
  const pair = new Pair({ seed: 13, link: { delayMs: 10 }, tap: () => !(lose && !(lose = false)) })
  const { client, server } = pair.connected()
  lose = true
  client.reset(pair.nowMs)
  pair.drain()
  server.write(bytesOf(10), pair.nowMs)
  pair.drain()
  wait(pair, 100)
  expect(closeReason(pair.server.events)).toEqual(['unknown-to-peer'])
})

test('abandoned: what was written still arrives, and bytes for nobody break it off', () => {
  const pair = new Pair({ seed: 14, link: { delayMs: 10 } })
  const { client, server } = pair.connected()
  client.write(bytesOf(200_000), pair.nowMs)
  client.abandon(pair.nowMs)
  pair.drain()
  wait(pair, 400)
  expect(server.read(300_000, pair.nowMs)).toEqual(bytesOf(200_000))
  server.write(bytesOf(10), pair.nowMs)
  pair.drain()
  wait(pair, 100)
  expect(closeReason(pair.server.events)).toEqual(['reset-by-peer'])
  expect(client.state).toBe('CLOSED')
})

test('a forged RESET, FIN or ACK that does not know the whole connection id changes nothing', () => {
  const pair = new Pair({ seed: 15 })
  const { client, server } = pair.connected()
  const forged: Packet = {
    type: 'RESET', initiatorId: server.initiatorId, acceptorId: server.acceptorId, number: 1000, settledNumber: 0, streamOffset: 0,
    ackOffset: 0, windowBytes: 0, ackDelayMs: 0, ranges: [], payload: Uint8Array.of(0),
  }
  const none = new Uint8Array(0)
  const attempts: Packet[] = [
    { ...forged, acceptorId: forged.acceptorId ^ 1 }, { ...forged, initiatorId: forged.initiatorId ^ 1 }, { ...forged, acceptorId: 0 },
    { ...forged, type: 'FIN', payload: none, acceptorId: forged.acceptorId ^ 4 }, { ...forged, type: 'ACK', payload: none, initiatorId: forged.initiatorId ^ 8 },
  ]
  for (const attempt of attempts) {
    pair.server.endpoint.receive(encodePacket(attempt), pair.server.path, pair.nowMs)
    pair.client.endpoint.receive(encodePacket(attempt), pair.client.path, pair.nowMs)
  }
  const elsewhere = { ...pair.server.path, peer: { address: '203.0.113.9', port: 50_000 } }
  pair.server.endpoint.receive(encodePacket(forged), elsewhere, pair.nowMs)
  const neverSent: Packet = { ...forged, type: 'ACK', payload: none, ackOffset: 500 }
  pair.server.endpoint.receive(encodePacket(neverSent), pair.server.path, pair.nowMs)
  pair.drain()
  client.write(bytesOf(3000), pair.nowMs)
  pair.drain()
  wait(pair, 100)
  expect([client.state, server.state]).toEqual(['ESTABLISHED', 'ESTABLISHED'])
  expect(server.read(5000, pair.nowMs)).toEqual(bytesOf(3000))
  pair.server.endpoint.receive(encodePacket(forged), pair.server.path, pair.nowMs) // with the whole id it works
  expect(server.state).toBe('CLOSED')
})

test('acknowledging bytes or packets that were never sent is ignored, and nothing is skipped', () => {
  const pair = new Pair({ seed: 19, link: { delayMs: 10 } })
  const { client, server } = pair.connected()
  client.write(bytesOf(100_000), pair.nowMs)
  pair.drain()
  const greedy: Packet = {
    type: 'ACK', initiatorId: client.initiatorId, acceptorId: client.acceptorId, number: 500, settledNumber: 0, streamOffset: 0, ackOffset: 60_000,
    windowBytes: 1_000_000, ackDelayMs: 0, ranges: [], payload: new Uint8Array(0),
  }
  const before = client.metrics()
  pair.client.endpoint.receive(encodePacket(greedy), pair.client.path, pair.nowMs)
  pair.client.endpoint.receive(encodePacket({ ...greedy, ackOffset: 0, ranges: [{ first: 0, last: 900 }] }), pair.client.path, pair.nowMs)
  expect(client.metrics()).toEqual(before)
  expect(client.write(new Uint8Array(1_000_000), pair.nowMs)).toBe(1024 * 1024 - 100_000)
  pair.drain()
  wait(pair, 1000)
  expect(server.read(100_000, pair.nowMs)).toEqual(bytesOf(100_000))
})

test('ranges that the sender has settled are forgotten: after losses acknowledgements grow short again', () => {
  const { pair, packets } = watched({ seed: 20, link: { delayMs: 10, loss: 0.2 } })
  const { client, server } = pair.connected()
  client.write(bytesOf(500_000), pair.nowMs)
  pair.drain()
  pair.run(() => server.readableBytes === 500_000, 50_000)
  expect(Math.max(...packets.map(({ packet }) => packet.ranges.length))).toBeGreaterThan(3)
  pair.client.link.conditions = { ...pair.client.link.conditions, loss: 0 }
  client.write(bytesOf(100_000), pair.nowMs)
  pair.drain()
  pair.run(() => server.readableBytes === 600_000, 10_000)
  const last = packets.filter(({ from, packet }) => from === 'server' && packet.type === 'ACK').at(-1)
  expect(last?.packet.ranges.length).toBe(1)
})

test('damaged datagrams are counted and answered by nothing', () => {
  const { pair, packets } = watched({ seed: 16, link: { corruption: 1 } })
  pair.connect()
  wait(pair, 3000)
  expect(pair.server.endpoint.malformedCount).toBeGreaterThan(2)
  expect(packets.every(({ from }) => from === 'client')).toBe(true)
})

test('an idle connection is kept alive by PINGs; a dead peer is noticed after the idle time', () => {
  let cut = false
  const { pair, packets } = watched({ seed: 17, link: { delayMs: 5 }, tap: () => !cut })
  const { client } = pair.connected()
  wait(pair, 300_000)
  expect(client.state).toBe('ESTABLISHED')
  expect(packets.length).toBeLessThan(300)
  cut = true
  const cutAtMs = pair.nowMs
  while (pair.step());
  expect(closeReason(pair.client.events)).toEqual(['idle'])
  expect(pair.nowMs - cutAtMs).toBeLessThanOrEqual(30_000)
})

test('events for watchers are made only where somebody watches, and tell the way of the states', () => {
  const seen: TraceEvent[] = []
  const pair = new Pair({ seed: 18, link: { delayMs: 10 }, observe: (connection, event) => { if (connection.role === 'initiator') seen.push(event) } })
  const { client, server } = pair.connected()
  client.write(bytesOf(3000), pair.nowMs)
  client.shutdown(pair.nowMs)
  server.shutdown(pair.nowMs)
  pair.drain()
  while (pair.step());
  const states = seen.flatMap(event => event.kind === 'state' ? [event.to] : [])
  expect(states).toEqual(['SYN-SENT', 'ESTABLISHED', 'FIN-WAIT-1', 'CLOSING', 'TIME-WAIT', 'CLOSED'])
  expect(seen.filter(({ kind }) => kind === 'sent').length).toBe(client.metrics().sent)
  expect(seen.some(event => event.kind === 'window' && event.srttMs === 20)).toBe(true)
})

test('from every state every input leads to a state of the table, and each can end', () => {
  const inputs: StateInput[] = ['connect', 'syn', 'syn-ack', 'proven', 'shutdown', 'fin', 'fin-acked', 'over']
  for (const state of Object.keys(STATES) as StateName[]) { // the keys of the table are the states
    for (const input of inputs) expect(nextState(state, input) ?? 'CLOSED').toSatisfy(next => next in STATES)
    expect(nextState(state, 'over')).toBe(state === 'CLOSED' ? undefined : 'CLOSED')
  }
})
