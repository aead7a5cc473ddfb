import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, request, type IncomingMessage, type RequestOptions, type RequestListener } from 'node:http'
import { createSocket } from 'node:dgram'
import type { AddressInfo, Socket } from 'node:net'
import { expect, test } from 'vitest'
import type { Endpoint } from '../kit/endpoint.ts'
import { HamletError } from '../kit/errors.ts'
import { TraceRing } from '../kit/trace.ts'
import { systemClock } from '../kit/node/clock.ts'
import { secureRandom } from '../kit/node/random.ts'
import { closedAfterEach } from '../kit/node/testing/udp-handles.ts'
import { listenRudp } from './listener.ts'
import type { RudpSocket } from './socket.ts'
import { connectRudp } from './testing/connect-rudp.ts'

const around = () => ({ clock: systemClock, random: secureRandom(), trace: new TraceRing() })
const { closers } = closedAfterEach()

async function listen(accept: (socket: RudpSocket) => void): Promise<Endpoint> {
  const listener = await listenRudp({ addresses: ['127.0.0.1'], port: 0, accept, ...around() })
  closers.push(() => listener.close())
  const [local] = listener.locals
  if (local === undefined) throw new Error('no socket')
  return local
}

async function dial(peer: Endpoint): Promise<RudpSocket> {
  const socket = await connectRudp(peer, around())
  closers.push(async () => void socket.destroy())
  return socket
}

/** An HTTP server over RUDP. */
async function web(listener: RequestListener) {
  const server = createServer(listener)
  let connections = 0
  const peer = await listen(socket => {
    connections++
    socket.lendsPieces = true
    server.emit('connection', socket)
  })
  return { peer, server, connections: () => connections }
}

/**
 * node:http uses only what RudpSocket has, although its type says Socket. Its parser copies what it delivers, so it may
 * be lent chunks.
 */
function over(socket: RudpSocket) {
  socket.lendsPieces = true
  return { createConnection: () => socket as unknown as Socket }
}

function ask(options: RequestOptions, body?: Uint8Array | Uint8Array[]): Promise<{ response: IncomingMessage; bytes: Buffer }> {
  return new Promise((resolve, reject) => {
    const outgoing = request(options, response => {
      const pieces: Buffer[] = []
      response.on('data', (piece: Buffer) => pieces.push(piece))
      response.on('error', reject)
      response.on('end', () => resolve({ response, bytes: Buffer.concat(pieces) }))
    })
    outgoing.on('error', reject)
    for (const piece of body instanceof Uint8Array ? [body] : body ?? []) outgoing.write(piece)
    outgoing.end()
  })
}

const bytesOf = (length: number) => Buffer.from(Uint32Array.from({ length: Math.ceil(length / 4) }, (_, index) => Math.imul(index + 1, 2654435761)).buffer, 0, length)
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')
const keepAlive = { headers: { connection: 'keep-alive' } }

test('bytes go both ways, and each end can end its half', async () => {
  const peer = await listen(socket => {
    const pieces: Buffer[] = []
    socket.on('data', (piece: Buffer) => pieces.push(piece))
    socket.on('end', () => socket.end(`got ${Buffer.concat(pieces).toString()}`))
  })
  const socket = await dial(peer)
  expect([socket.remoteAddress, socket.remotePort, socket.localAddress]).toEqual(['127.0.0.1', peer.port, '127.0.0.1'])
  socket.end('hello')
  const pieces: Buffer[] = []
  for await (const piece of socket) pieces.push(Buffer.from(piece))
  expect(Buffer.concat(pieces).toString()).toBe('got hello')
  expect(socket.metrics().congestion).toBe('bbr')
  expect(socket.metrics().retransmitted).toBeLessThanOrEqual(2) // a probe or two on a busy machine
  expect(socket.metrics().rttMs).toBeGreaterThan(0)
})

test('a listener chooses the congestion control of the connections that it accepts', async () => {
  const taken: string[] = []
  const listener = await listenRudp({ addresses: ['127.0.0.1'], port: 0, congestion: 'reno', accept: socket => { taken.push(socket.metrics().congestion); socket.resume() }, ...around() })
  closers.push(() => listener.close())
  const socket = await dial(listener.locals[0] ?? expect.unreachable('a socket is bound'))
  socket.write('hello')
  await expect.poll(() => taken).toEqual(['reno'])
})

test('HTTP: four requests on one persistent connection, a chunked response, a POST of 3 MB, and a 404', async () => {
  const { peer, connections } = await web((incoming, answer) => {
    if (incoming.url === '/chunked') {
      answer.write('one ')
      setImmediate(() => answer.end('two'))
    } else if (incoming.method === 'POST') {
      const hash = createHash('sha256')
      incoming.on('data', (piece: Buffer) => hash.update(piece)).on('end', () => answer.end(hash.digest('hex')))
    } else answer.writeHead(incoming.url === '/' ? 200 : 404).end(`you asked ${incoming.url}`)
  })
  const socket = await dial(peer)
  const first = await ask({ ...over(socket), ...keepAlive, path: '/' })
  expect([first.response.statusCode, first.bytes.toString()]).toEqual([200, 'you asked /'])
  const missing = await ask({ ...over(socket), ...keepAlive, path: '/none' })
  expect(missing.response.statusCode).toBe(404)
  const chunked = await ask({ ...over(socket), ...keepAlive, path: '/chunked' })
  expect([chunked.response.headers['transfer-encoding'], chunked.bytes.toString()]).toEqual(['chunked', 'one two'])
  const upload = bytesOf(3_000_000)
  const posted = await ask({ ...over(socket), ...keepAlive, method: 'POST', path: '/' }, [upload.subarray(0, 1_000_000), upload.subarray(1_000_000)])
  expect(posted.bytes.toString()).toBe(sha256(upload))
  expect(connections()).toBe(1)
})

test('20 MB arrive with the same SHA-256, and the server buffers no more than it may', async () => {
  const film = bytesOf(20 * 1024 * 1024)
  const { peer } = await web((_incoming, answer) => answer.end(film))
  const { bytes } = await ask({ ...over(await dial(peer)), path: '/' })
  expect(bytes.length).toBe(film.length)
  expect(sha256(bytes)).toBe(sha256(film))
})

test('a body that is read with many pauses is intact, although node:http is lent the chunks', async () => {
  const film = bytesOf(20 * 1024 * 1024)
  const { peer } = await web((_incoming, answer) => answer.end(film))
  const socket = await dial(peer)
  const hash = createHash('sha256')
  const response = await new Promise<IncomingMessage>(resolve => { request({ ...over(socket), path: '/' }, resolve).end() })
  const kept: Buffer[] = []
  response.on('data', (piece: Buffer) => {
    kept.push(piece)
    if (kept.length % 7 > 0) return
    response.pause()
    setTimeout(() => response.resume(), kept.length % 3)
  })
  await once(response, 'end')
  for (const piece of kept) hash.update(piece)
  expect(hash.digest('hex')).toBe(sha256(film))
})

test('a reader that is not lent chunks may keep them', async () => {
  const film = bytesOf(20 * 1024 * 1024)
  const peer = await listen(socket => socket.end(film))
  const socket = await dial(peer)
  const kept: Buffer[] = []
  socket.on('data', (piece: Buffer) => kept.push(piece))
  socket.write('go')
  await once(socket, 'end')
  expect(sha256(Buffer.concat(kept))).toBe(sha256(film))
})

test('a reader that pauses stops the writer, and continues where it was', async () => {
  const film = bytesOf(16 * 1024 * 1024)
  let written = 0
  const peer = await listen(socket => {
    const resume = () => {
      while (written < film.length) {
        const piece = film.subarray(written, written += 64 * 1024)
        if (!socket.write(piece)) return void socket.once('drain', resume)
      }
      socket.end()
    }
    resume()
  })
  const socket = await dial(peer)
  socket.pause()
  let before = -1
  await expect.poll(() => {
    const still = written === before
    before = written
    return still && written > 0
  }, { interval: 100, timeout: 15_000 }).toBe(true)
  expect(written).toBeLessThan(9.5 * 1024 * 1024) // a send buffer, a receive buffer, and both streams' own
  const pieces: Buffer[] = []
  for await (const piece of socket) pieces.push(Buffer.from(piece))
  expect(sha256(Buffer.concat(pieces))).toBe(sha256(film))
})

test('50 connections at once each get their own response', async () => {
  const { peer, connections } = await web((incoming, answer) => answer.end(`${incoming.url} `.repeat(5000)))
  const answers = await Promise.all(Array.from({ length: 50 }, async (_, index) => ask({ ...over(await dial(peer)), path: `/${index}` })))
  for (const [index, { bytes }] of answers.entries()) expect(bytes.toString()).toBe(`/${index} `.repeat(5000))
  expect(connections()).toBe(50)
})

test('a client that aborts in the middle of a body ends the response of the server, which keeps running', async () => {
  let aborted = (): void => undefined
  const wasAborted = new Promise<void>(resolve => { aborted = resolve })
  const film = bytesOf(20 * 1024 * 1024)
  const { peer } = await web((incoming, answer) => {
    answer.on('close', () => { if (!answer.writableFinished) aborted() })
    answer.end(incoming.url === '/film' ? film : 'still here')
  })
  const outgoing = request({ ...over(await dial(peer)), path: '/film' }, response => response.once('data', () => response.destroy()))
  outgoing.on('error', () => undefined)
  outgoing.end()
  await wasAborted
  const { bytes } = await ask({ ...over(await dial(peer)), path: '/' })
  expect(bytes.toString()).toBe('still here')
})

test('garbage instead of HTTP gets 400, as over TCP', async () => {
  const { peer } = await web((_incoming, answer) => answer.end())
  const socket = await dial(peer)
  socket.write('nonsense\r\n\r\n')
  const [piece] = await once(socket, 'data')
  expect(String(piece)).toMatch(/^HTTP\/1.1 400 /)
})

test('a server that disappears in the middle of a transfer is a clear error at the client', async () => {
  const server = createServer((_incoming, answer) => void answer.write(bytesOf(100_000)))
  const listener = await listenRudp({ addresses: ['127.0.0.1'], port: 0, accept: socket => server.emit('connection', socket), ...around() })
  const [peer] = listener.locals
  if (peer === undefined) throw new Error('no socket')
  const socket = await dial(peer)
  const lost = once(socket, 'error')
  const outgoing = request({ ...over(socket), path: '/' }, response => response.on('error', () => undefined).once('data', () => void listener.close()).resume())
  outgoing.on('error', () => undefined)
  outgoing.end()
  const [error] = await lost
  expect(error).toBeInstanceOf(HamletError)
  expect(error.parts).toMatchObject({ code: 'connection-lost', why: 'the peer reset it' })
})

test('a silent peer is a timeout, after the configured time', async () => {
  const silent = createSocket('udp4')
  await new Promise<void>(resolve => silent.bind(0, '127.0.0.1', resolve))
  closers.push(() => new Promise<void>(resolve => silent.close(() => resolve())))
  const peer: AddressInfo = silent.address()
  await expect(connectRudp({ address: '127.0.0.1', port: peer.port }, { ...around(), timeoutMs: 200 }))
    .rejects.toMatchObject({ parts: { code: 'timed-out', why: 'no answer within 200 ms' } })
})

test('a port on which nobody listens fails only the attempt', async () => {
  const unused = createSocket('udp4')
  await new Promise<void>(resolve => unused.bind(0, '127.0.0.1', resolve))
  const { port } = unused.address()
  await new Promise<void>(resolve => unused.close(() => resolve()))
  await expect(connectRudp({ address: '127.0.0.1', port }, { ...around(), timeoutMs: 300 })).rejects.toMatchObject({ code: 'timed-out' })
})

test('a port in use is refused as port-taken', async () => {
  const { port } = await listen(() => undefined)
  await expect(listenRudp({ addresses: ['127.0.0.1'], port, accept: () => undefined, ...around() })).rejects.toMatchObject({ code: 'port-taken' })
})

test('a server that speaks first is heard', async () => {
  const peer = await listen(socket => socket.end('welcome'))
  const socket = await dial(peer)
  expect(String((await once(socket, 'data'))[0])).toBe('welcome')
})

test('setTimeout reports silence and leaves the connection open', async () => {
  const peer = await listen(socket => socket.on('data', piece => socket.write(piece)))
  const socket = await dial(peer)
  await new Promise<void>(resolve => socket.setTimeout(50, resolve))
  socket.setTimeout(0)
  socket.write('still there?')
  const [piece] = await once(socket, 'data')
  expect(String(piece)).toBe('still there?')
})

test('what was written before end and destroy-on-finish arrives complete', async () => {
  let got = 0
  const ended = new Promise<void>((resolve, reject) => {
    void listen(socket => socket.on('data', (piece: Buffer) => { got += piece.length }).on('end', () => resolve()).on('error', reject)).then(async peer => {
      const socket = await dial(peer)
      socket.end(bytesOf(900_000))
      socket.once('finish', () => socket.destroy())
    })
  })
  await ended
  expect(got).toBe(900_000)
})

test('packets, states and windows are in the trace', async () => {
  const trace = new TraceRing()
  const peer = await listen(socket => socket.on('data', piece => socket.end(piece)).on('end', () => undefined))
  const socket = await connectRudp(peer, { clock: systemClock, random: secureRandom(), trace })
  socket.end('x')
  await once(socket.resume(), 'close')
  const recordsOf = (wanted: string) => trace.read(0, 1000).records.filter(({ kind }) => kind === wanted)
  const events = () => recordsOf('event').map(({ bytes }) => JSON.parse(new TextDecoder().decode(bytes)))
  expect(recordsOf('packet').length).toBeGreaterThan(4)
  await expect.poll(events).toContainEqual(expect.objectContaining({ kind: 'state', from: 'TOKEN-SENT', to: 'ESTABLISHED' }))
  expect(events()).toContainEqual(expect.objectContaining({ kind: 'window' }))
})
