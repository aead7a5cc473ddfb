import { createSocket } from 'node:dgram'
import { readFileSync } from 'node:fs'
import { createServer, type ClientRequest, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import type { Endpoint } from '../kit/endpoint.ts'
import { TraceRing } from '../kit/trace.ts'
import { systemClock, type Clock } from '../kit/node/clock.ts'
import { secureRandom } from '../kit/node/random.ts'
import { listenRudp } from '../rudp/listener.ts'
import { decodePacket, summarizePacket, type Packet } from '../rudp/wire/packet.ts'
import { Connections, type RequestHead } from './connections.ts'

const closers: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

function connectionsOf(trace = new TraceRing(16_384), clock: Clock = systemClock): Connections {
  const connections = new Connections({ clock, random: secureRandom(), trace })
  closers.push(() => connections.close())
  return connections
}

function asking(change: Partial<RequestHead>): RequestHead {
  return { transport: 'rudp', authority: 'server', method: 'GET', path: '/', fields: [['Host', ['server']]], hasBody: false, signal: new AbortController().signal, ...change }
}

/** Answers every request with its body. */
async function mirror(): Promise<Endpoint> {
  const around = { clock: systemClock, random: secureRandom(), trace: new TraceRing(16_384) }
  const server = createServer((incoming, outgoing) => incoming.pipe(outgoing))
  const listener = await listenRudp({ addresses: ['127.0.0.1'], port: 0, ...around, accept: socket => server.emit('connection', socket) })
  closers.push(() => listener.close())
  const [local] = listener.locals
  if (local === undefined) throw new Error('no socket')
  return local
}

/** The packets sent, except probes of longer datagrams, which a trace truncates. */
function packetsOf(trace: TraceRing): Packet[] {
  const sent = trace.read(0, 100).records.filter(({ direction, kind, bytes }) => direction === 'out' && kind === 'packet' && bytes.length <= 1200)
  return sent.map(({ bytes }) => decodePacket(bytes))
}

/** The first packet that shows a token, as a trace prints it. */
function sentWithToken(trace: TraceRing): string | undefined {
  return packetsOf(trace).map(summarizePacket).find(text => text.includes('TOKEN'))
}

/** Bytes of stream data sent. */
function requestBytes(trace: TraceRing): number {
  const frames = packetsOf(trace).flatMap(packet => 'frames' in packet ? packet.frames : [])
  return frames.reduce((sum, frame) => sum + (frame.kind === 'STREAM' ? frame.data.length : 0), 0)
}

test('a request without a body is sent with the token, in one packet; one with a body, once the connection is open', async () => {
  const peer = await mirror()
  // On a busy machine there may be one more HELLO, and an empty frame that announces the stream.
  for (const [hasBody, withToken] of [[false, /^HELLO #\d: TOKEN, PARAMETERS, STREAM 0 at 0\+[1-9]\d*$/], [true, /^HELLO #\d: TOKEN, PARAMETERS(, STREAM 0 at 0\+0)?$/]] as const) {
    const trace = new TraceRing(16_384)
    const { request, response, connect } = await connectionsOf(trace).open([peer], asking({ hasBody, method: hasBody ? 'POST' : 'GET' }))
    if (hasBody) request.end('a body')
    let body = ''
    for await (const piece of await response) body += String(piece)
    expect([body, connect.requests, connect.tookMs > 0]).toEqual([hasBody ? 'a body' : '', 1, true])
    expect(sentWithToken(trace)).toMatch(withToken)
  }
})

test('a request that is aborted while RUDP dials fails at once, and so does one that was aborted before', async () => {
  const silent = createSocket('udp4')
  closers.push(() => new Promise<void>(resolve => silent.close(resolve)))
  await new Promise<void>(resolve => silent.bind(0, '127.0.0.1', resolve))
  const connections = connectionsOf()
  for (const afterMs of [0, 50]) {
    const gone = new AbortController()
    if (afterMs === 0) gone.abort()
    else setTimeout(() => gone.abort(), afterMs)
    const startedAtMs = performance.now()
    await expect(connections.open([silent.address()], asking({ signal: gone.signal }))).rejects.toThrow('aborted')
    expect(performance.now() - startedAtMs).toBeLessThan(2_000) // a dial takes up to 5 s
  }
})

test('a request that is aborted while RUDP dials is not sent later', async () => {
  const peer = await mirror()
  const trace = new TraceRing(16_384)
  const gone = new AbortController()
  const opening = connectionsOf(trace).open([peer], asking({ signal: gone.signal, method: 'DELETE' }))
  setImmediate(() => gone.abort()) // the request is written by then, and RETRY has not arrived
  await opening.then(({ response }) => response).catch(() => undefined)
  await expect.poll(() => sentWithToken(trace)).toBeDefined()
  await new Promise(resolve => setTimeout(resolve, 100))
  expect(requestBytes(trace)).toBe(0)
})

test('keep-alive probes check whether a silent server\'s machine is gone', async () => {
  const server = createServer((_incoming, outgoing) => void outgoing.writeHead(200).write('the beginning'))
  closers.push(() => server.close(), () => server.closeAllConnections())
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { address, port } = server.address() as AddressInfo
  const { response } = await connectionsOf().open([{ address, port }], asking({ transport: 'tcp' }))
  await response
  // proc(5): remote address and port, state, queues, and the running timer; 02 is the keep-alive timer.
  const toServer = new RegExp(` 0100007F:${port.toString(16).toUpperCase().padStart(4, '0')} 01 \\S+ (\\S+) `)
  await expect.poll(() => toServer.exec(readFileSync('/proc/net/tcp', 'latin1'))?.[1]).toMatch(/^02:/)
})

test('any number of requests are sent at once, and each fails when the server dies', async () => {
  const server = createServer(() => undefined)
  closers.push(() => server.close())
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { address, port } = server.address() as AddressInfo
  const connections = connectionsOf()
  const askMany = () => Promise.all(Array.from({ length: 40 }, () => connections.open([{ address, port }], asking({ transport: 'tcp' }))))
  const asked = [...await askMany(), ...await askMany()]
  server.close()
  server.closeAllConnections()
  for (const { response } of asked) await expect(response).rejects.toMatchObject({ code: 'connection-lost' })
})

describe('the response timeout', () => {
  /** A clock that a test advances. */
  class SteppedClock implements Clock {
    #nowMs = 0
    #wakes: { readonly atMs: number; readonly wake: () => void }[] = []

    nowMs(): number {
      return this.#nowMs
    }

    wakeAt(atMs: number, wake: () => void): () => void {
      const entry = { atMs, wake }
      this.#wakes.push(entry)
      return () => { this.#wakes = this.#wakes.filter(one => one !== entry) }
    }

    pass(seconds: number): void {
      this.#nowMs += seconds * 1000
      const due = this.#wakes.filter(({ atMs }) => atMs <= this.#nowMs)
      this.#wakes = this.#wakes.filter(entry => !due.includes(entry))
      for (const { wake } of due) wake()
    }
  }

  const written = (request: ClientRequest, bytes: number): Promise<void> => new Promise(resolve => request.write(Buffer.alloc(bytes), () => resolve()))

  async function uploadTo(listener: RequestListener): Promise<{ clock: SteppedClock; request: ClientRequest; response: Promise<{ statusCode?: number | undefined }> }> {
    const server = createServer(listener)
    closers.push(() => server.close(), () => server.closeAllConnections())
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    const clock = new SteppedClock()
    const { address, port } = server.address() as AddressInfo
    const { request, response } = await connectionsOf(undefined, clock).open([{ address, port }], asking({ transport: 'tcp', method: 'POST', hasBody: true }))
    return { clock, request, response }
  }

  test('does not run while the body is being sent, however slow the browser is', async () => {
    const { clock, request, response } = await uploadTo((incoming, outgoing) => incoming.resume().once('end', () => outgoing.end()))
    for (let piece = 1; piece <= 3; piece++) {
      clock.pass(100)
      await written(request, 10_000)
    }
    clock.pass(500)
    request.end()
    expect((await response).statusCode).toBe(200)
  })

  test('applies to a server that stops reading the body', async () => {
    const { clock, request, response } = await uploadTo(incoming => incoming.pause())
    request.write(Buffer.alloc(50_000_000))
    clock.pass(121)
    await expect(response).rejects.toMatchObject({ code: 'timed-out', parts: { why: 'it read nothing of the request for 120 s' } })
  })

  test('applies to a server that has the whole body and is silent', async () => {
    const { clock, request, response } = await uploadTo(incoming => incoming.resume())
    clock.pass(100)
    await new Promise<void>(resolve => request.end('body', resolve))
    clock.pass(100)
    clock.pass(21)
    await expect(response).rejects.toMatchObject({ code: 'timed-out', parts: { why: 'it sent nothing for 120 s' } })
  })
})
