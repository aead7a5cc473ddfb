import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { expect, test } from 'vitest'
import type { Endpoint } from '../kit/endpoint.ts'
import { TraceRing } from '../kit/trace.ts'
import { systemClock } from '../kit/node/clock.ts'
import { secureRandom } from '../kit/node/random.ts'
import { closedAfterEach, udpHandles } from '../kit/node/testing/udp-handles.ts'
import { RudpDialer, type DialerOptions } from './dialer.ts'
import { listenRudp } from './listener.ts'
import type { RudpSocket } from './socket.ts'
import { decodePacket, encodePacket, summarizePacket } from './wire/packet.ts'

const around = () => ({ clock: systemClock, random: secureRandom(), trace: new TraceRing(16_384) })
const { closers, handlesBefore } = closedAfterEach()

interface Echo {
  readonly peer: Endpoint
  /** The sockets accepted, in order. */
  readonly sockets: RudpSocket[]
}

/** A server that echoes what it receives. */
async function echo(): Promise<Echo> {
  const sockets: RudpSocket[] = []
  const listener = await listenRudp({
    addresses: ['127.0.0.1'], port: 0, ...around(), accept(socket) {
      sockets.push(socket)
      socket.on('error', () => undefined).pipe(socket)
    },
  })
  closers.push(() => listener.close())
  const [peer] = listener.locals
  if (peer === undefined) throw new Error('no socket')
  return { peer, sockets }
}

function dialerOf(options: Partial<DialerOptions> = {}): RudpDialer {
  const dialer = new RudpDialer({ ...around(), ...options })
  closers.push(() => dialer.close())
  return dialer
}

async function say(socket: RudpSocket, text: string): Promise<string> {
  socket.end(text)
  let heard = ''
  for await (const piece of socket) heard += String(piece)
  return heard
}

test('streams of one connection need no handshake, and on a return visit the peer accepts the first request at once', async () => {
  const { peer, sockets } = await echo()
  const dialer = dialerOf({ keepMs: 0 })
  const [first, second] = await Promise.all([dialer.dial(peer, { early: true }), dialer.dial(peer, { early: true })])
  expect(await Promise.all([say(first, 'one'), say(second, 'two')])).toEqual(['one', 'two'])
  const ids = () => new Set(sockets.map(socket => socket.remotePort)).size
  expect([sockets.map(({ early }) => early), ids()]).toEqual([[false, false], 1])
  await expect.poll(udpHandles).toBe(handlesBefore() + 1)
  expect(await say(await dialer.dial(peer, { early: true }), 'three')).toBe('three')
  expect([sockets.length, sockets[2]?.early, ids()]).toEqual([3, true, 2])
})

test('a request that is not safe to repeat does not leave with a token of an earlier visit, even if another one is just doing so', async () => {
  const { peer, sockets } = await echo()
  const dialer = dialerOf({ keepMs: 0 })
  await say(await dialer.dial(peer), 'a visit')
  await expect.poll(udpHandles).toBe(handlesBefore() + 1)
  const [early, late, later] = await Promise.all([dialer.connect(peer, { early: true }), dialer.connect(peer), dialer.connect(peer)])
  expect(await Promise.all([say(early, 'get'), say(late, 'post'), say(later, 'put')])).toEqual(['get', 'post', 'put'])
  expect(sockets.slice(1).map(socket => socket.early).sort()).toEqual([false, false, true])
  expect([early.number, late.number + later.number]).toEqual([1, 1 + 2]) // two connections: the two late ones share one
})

test('connections to several peers share one UDP socket, even two to one peer under two names', async () => {
  const [one, other] = [await echo(), await echo()]
  const dialer = dialerOf()
  const listening = udpHandles()
  const sockets = await Promise.all([dialer.dial(one.peer, { name: 'a' }), dialer.dial(one.peer, { name: 'b' }), dialer.dial(other.peer)])
  expect(udpHandles()).toBe(listening + 1)
  expect(await Promise.all(sockets.map((socket, index) => say(socket, `${index}`)))).toEqual(['0', '1', '2'])
  const ports = [...one.sockets, ...other.sockets].map(({ remotePort }) => remotePort)
  expect([ports.length, new Set(ports).size]).toEqual([3, 1])
})

test('more streams than one connection may carry share a few connections', async () => {
  const { peer } = await echo()
  const connections = new Set<unknown>()
  const dialer = dialerOf({ observe: connection => connections.add(connection) })
  const sockets = await Promise.all(Array.from({ length: 200 }, () => dialer.dial(peer)))
  expect(await Promise.all(sockets.map((socket, index) => say(socket, `${index}`)))).toEqual(sockets.map((_, index) => `${index}`))
  // Each carries 16 streams before the peer has announced how many it allows.
  expect(connections.size).toBe(Math.ceil(200 / 16))
})

test('the socket is kept for the next dial, but no longer than configured', async () => {
  const { peer, sockets } = await echo()
  const dialer = dialerOf({ keepMs: 500 })
  expect(await say(await dialer.dial(peer), 'one')).toBe('one')
  // The connection has closed, but not yet the socket.
  await expect.poll(() => sockets[0]?.destroyed).toBe(true)
  await new Promise(resolve => setTimeout(resolve, 650))
  expect(udpHandles()).toBe(handlesBefore() + 2)
  expect(await say(await dialer.dial(peer), 'two')).toBe('two')
  expect(sockets[1]?.remotePort).toBe(sockets[0]?.remotePort)
  await expect.poll(udpHandles).toBe(handlesBefore() + 1)
})

test('a dial waits for nothing that is at hand: the first packet leaves with the call, and a known server is connected before anything else happens', async () => {
  const [{ peer, sockets }, other] = [await echo(), await echo()]
  const trace = new TraceRing(16_384)
  const dialer = dialerOf({ keepMs: 100, trace })
  expect(await say(await dialer.dial(peer), 'one')).toBe('one')
  const before = trace.nextSequence
  const dialling = dialer.dial(other.peer)
  expect(trace.read(before, 10).records.filter(({ direction }) => direction === 'out')).toHaveLength(1)
  const stays = await dialling
  stays.write('two')
  expect(String((await once(stays, 'data'))[0])).toBe('two')
  await expect.poll(() => sockets[0]?.destroyed).toBe(true)
  await new Promise(resolve => setTimeout(resolve, 200)) // the first connection has closed; the socket is open for the other
  let again: RudpSocket | undefined
  void dialer.dial(peer, { early: true }).then(socket => { again = socket })
  await new Promise(resolve => { process.nextTick(resolve) })
  expect(again === undefined ? '' : await say(again, 'three')).toBe('three')
})

test('what is written while connecting leaves first, and the socket reports when the peer has answered', async () => {
  const { peer } = await echo()
  const trace = new TraceRing(16_384)
  const socket = await dialerOf({ trace }).connect(peer)
  expect(socket.connecting).toBe(true)
  socket.write('early')
  const [[piece]] = await Promise.all([once(socket, 'data'), once(socket, 'connect')])
  expect([String(piece), socket.connecting]).toEqual(['early', false])
  const sent = trace.read(0, 100).records.filter(({ direction, kind, bytes }) => direction === 'out' && kind === 'packet' && bytes.length <= 1200)
  const withToken = sent.map(({ bytes }) => summarizePacket(decodePacket(bytes))).find(text => text.includes('TOKEN'))
  expect(withToken).toMatch(/^HELLO #\d: TOKEN, PARAMETERS, STREAM 0 at 0\+5$/) // #2 on a busy machine
})

test('a socket that fails to connect reports why, once', async () => {
  const silent = createSocket('udp4')
  closers.push(() => new Promise<void>(resolve => silent.close(resolve)))
  await new Promise<void>(resolve => silent.bind(0, '127.0.0.1', resolve))
  const socket = await dialerOf({ timeoutMs: 100 }).connect(silent.address())
  socket.write('nobody hears this')
  const errors: unknown[] = []
  socket.on('error', error => errors.push(error))
  await new Promise(resolve => socket.once('close', resolve))
  expect(errors).toMatchObject([{ parts: { code: 'timed-out', why: 'no answer within 100 ms' } }])
})

test('a socket whose peer falls silent after its first answer reports how long it waited', async () => {
  const silent = createSocket('udp4')
  closers.push(() => new Promise<void>(resolve => silent.close(resolve)))
  silent.once('message', (bytes, from) => {
    const hello = decodePacket(bytes)
    if (hello.type === 'HELLO') silent.send(encodePacket({ ...hello, type: 'RETRY', destinationId: hello.sourceId, sourceId: 0, frames: [{ kind: 'TOKEN', token: Uint8Array.of(1) }] }), from.port, from.address)
  })
  await new Promise<void>(resolve => silent.bind(0, '127.0.0.1', resolve))
  const socket = await dialerOf({ timeoutMs: 100 }).dial(silent.address())
  expect(await once(socket, 'error')).toMatchObject([{ parts: { code: 'timed-out', why: 'no answer within 100 ms' } }])
})

test('a connection that is in use again is not closed when its idle time ends', async () => {
  const { peer } = await echo()
  const dialer = dialerOf({ keepMs: 150 })
  // Two streams at once that ended before they would have been announced.
  await Promise.all([say(await dialer.dial(peer), 'one'), say(await dialer.dial(peer), 'two')])
  await new Promise(resolve => setTimeout(resolve, 50))
  const stays = await dialer.dial(peer)
  stays.write('still ')
  expect(String((await once(stays, 'data'))[0])).toBe('still ')
  await new Promise(resolve => setTimeout(resolve, 400))
  expect(await say(stays, 'here')).toBe('here')
})

test('a connection that ends leaves the others of the socket alone', async () => {
  const [one, other] = [await echo(), await echo()]
  const dialer = dialerOf({ keepMs: 0 })
  const [gone, stays] = await Promise.all([dialer.dial(one.peer), dialer.dial(other.peer)])
  stays.write('still ')
  expect(String((await once(stays, 'data'))[0])).toBe('still ')
  expect(await say(gone, 'bye')).toBe('bye')
  await expect.poll(() => one.sockets[0]?.destroyed).toBe(true)
  expect(await say(stays, 'here')).toBe('here')
})

test('closing a dialer while it dials ends the attempt and leaves nothing open', async () => {
  const { peer } = await echo()
  const dialer = dialerOf()
  const dialling = dialer.dial(peer).then(() => 'connected', error => error.code)
  await dialer.close()
  expect(await dialling).toBe('connection-lost')
  await expect(dialer.dial(peer)).rejects.toMatchObject({ code: 'connection-lost' })
})
