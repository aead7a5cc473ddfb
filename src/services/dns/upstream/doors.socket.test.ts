import { createSocket, type Socket as UdpSocket } from 'node:dgram'
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { createSecureServer, type Http2ServerRequest } from 'node:http2'
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer, type TLSSocket } from 'node:tls'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { systemClock, type Clock } from '../../kit/node/clock.ts'
import { secureRandom } from '../../kit/node/random.ts'
import type { Random } from '../../kit/random.ts'
import { TraceRing } from '../../kit/trace.ts'
import type { UpstreamQuery } from '../core/forwarding/flight.ts'
import { encodeQuery } from '../core/forwarding/query.ts'
import { parseUpstream, type Upstream } from '../core/forwarding/upstream.ts'
import { encodeFrame, FrameReader } from '../wire/frame.ts'
import { decodeMessage, encodeMessage } from '../wire/message.ts'
import { CLASS, TYPE } from '../wire/types.ts'
import { Connections, type Session } from './connections.ts'
import type { UpstreamDoorOptions } from './door.ts'
import { UpstreamDoors } from './doors.ts'
import { dialHttps } from './https.ts'
import { makeCertificates, type Certificates } from './testing/certificates.ts'

let certificates: Certificates
const closers: (() => Promise<unknown>)[] = []
beforeAll(() => { certificates = makeCertificates('DNS:dns.example.org,IP:127.0.0.1') })
afterAll(() => rmSync(certificates.folder, { recursive: true }))
afterEach(async () => { for (const close of closers.splice(0).reverse()) await close() })

/** Opens doors and collects the outcome of each query. */
function openDoors(authorities: readonly string[] = [certificates.authority], random: Random = secureRandom(), clock: Clock = systemClock) {
  const trace = new TraceRing()
  const waiting = new Map<UpstreamQuery, (outcome: string) => void>()
  const doors = new UpstreamDoors({
    trace, clock, random, authorities,
    receive(message, query) {
      const { header, questions } = decodeMessage(message)
      waiting.get(query)?.(`${header.id} ${questions[0]?.name ?? ''}`)
    },
    refused: (query, why) => waiting.get(query)?.(why),
    drain: () => undefined,
  })
  closers.push(() => doors.close())
  const start = (upstream: Upstream, id: number, overTcp = false): { query: UpstreamQuery; outcome: Promise<string> } => {
    const message = encodeQuery({ name: `n${id}.example.org`, type: TYPE.A, class: CLASS.IN }, id, { padded: upstream.transport !== 'udp' })
    const query: UpstreamQuery = { upstream, overTcp, message }
    const outcome = new Promise<string>(resolve => { waiting.set(query, resolve) })
    doors.ask(query)
    return { query, outcome }
  }
  const ask = async (upstream: Upstream, id: number, overTcp = false): Promise<string> => {
    const { query, outcome } = start(upstream, id, overTcp)
    doors.flush()
    const came = await outcome
    doors.forget([query])
    return came
  }
  return { doors, start, ask, trace }
}

const responseTo = (query: Uint8Array) => {
  const message = decodeMessage(query)
  return encodeMessage({ ...message, header: { ...message.header, qr: true } })
}

async function udpServer(answer: (query: Buffer, port: number, socket: UdpSocket) => void): Promise<Upstream> {
  const socket = createSocket('udp4', (query, { port }) => answer(query, port, socket))
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  closers.push(() => new Promise<void>(resolve => socket.close(resolve)))
  return parseUpstream(`127.0.0.1:${socket.address().port}`)
}

/** A server of length-prefixed messages; `answer` gets each query and its socket. */
async function streamServer(secure: boolean, answer: (query: Uint8Array, socket: Socket) => void): Promise<{ port: number; connections: Socket[] }> {
  const connections: Socket[] = []
  const accept = (socket: Socket) => {
    connections.push(socket)
    const frames = new FrameReader()
    socket.on('error', () => undefined)
    socket.on('data', chunk => { for (const query of frames.push(chunk)) answer(query, socket) })
  }
  const { key, certificate: cert } = certificates
  const server: Server = secure ? createTlsServer({ key, cert, ALPNProtocols: ['dot'] }, accept) : createServer(accept)
  server.on('tlsClientError', () => undefined)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  closers.push(async () => {
    for (const socket of connections) socket.destroy()
    server.close()
    await once(server, 'close')
  })
  // A server listening on TCP has an address and a port.
  return { port: (server.address() as AddressInfo).port, connections }
}

async function httpsServer(answer: (body: Buffer, request: Http2ServerRequest) => { status?: number; type?: string; body: Uint8Array } | 'never' | undefined) {
  const sockets = new Set<TLSSocket>()
  const { key, certificate: cert } = certificates
  const server = createSecureServer({ key, cert }, (request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const reply = answer(Buffer.concat(chunks), request)
      if (reply === 'never') return
      if (reply === undefined) return request.stream.session?.destroy()
      response.writeHead(reply.status ?? 200, { 'content-type': reply.type ?? 'application/dns-message' })
      response.end(reply.body)
    })
  })
  server.on('secureConnection', (socket: TLSSocket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
  })
  server.on('sessionError', () => undefined)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  closers.push(async () => {
    for (const socket of sockets) socket.destroy()
    server.close()
    await once(server, 'close')
  })
  // A server listening on TCP has an address and a port.
  return { port: (server.address() as AddressInfo).port, sockets }
}

test('successive queries leave from many ports', async () => {
  const ports = new Set<number>()
  const upstream = await udpServer((query, port, socket) => {
    ports.add(port)
    socket.send(responseTo(query), port, '127.0.0.1')
  })
  const { ask } = openDoors()
  for (let id = 0; id < 200; id++) expect(await ask(upstream, id)).toBe(`${id} n${id}.example.org`)
  expect(ports.size).toBeGreaterThan(20)
  expect(ports.size).toBeLessThanOrEqual(32)
})

test('a socket is replaced after 500 queries, so that ports change', async () => {
  const ports = new Set<number>()
  const upstream = await udpServer((query, port, socket) => {
    ports.add(port)
    socket.send(responseTo(query), port, '127.0.0.1')
  })
  const { ask } = openDoors([], { uint32: () => 0 }) // The same socket is drawn every time.
  for (let id = 0; id < 500; id++) await ask(upstream, id)
  expect(ports.size).toBe(1)
  await ask(upstream, 500)
  expect(ports.size).toBe(2)
})

test('simultaneous queries share a socket, unless their id is taken on it', async () => {
  const ports: number[] = []
  const upstream = await udpServer((query, port, socket) => {
    ports.push(port)
    socket.send(responseTo(query), port, '127.0.0.1')
  })
  const { start, doors } = openDoors()
  const asked = [start(upstream, 1), start(upstream, 2), start(upstream, 2), start(upstream, 3)]
  doors.flush()
  expect(await Promise.all(asked.map(({ outcome }) => outcome))).toEqual(['1 n1.example.org', '2 n2.example.org', '2 n2.example.org', '3 n3.example.org'])
  expect(new Set(ports).size).toBe(2)
})

test('datagrams from another sender are ignored, and so are replies to a forgotten query', async () => {
  const forger = createSocket('udp4')
  closers.push(() => new Promise<void>(resolve => forger.close(resolve)))
  const queries: { query: Buffer; port: number; socket: UdpSocket }[] = []
  const upstream = await udpServer((query, port, socket) => { queries.push({ query, port, socket }) })
  const { start, doors } = openDoors()
  const { query: sent, outcome } = start(upstream, 5)
  doors.flush()
  await expect.poll(() => queries.length).toBe(1)
  const { query, port, socket } = queries[0] ?? expect.unreachable('a query came')
  await new Promise(resolve => forger.send(responseTo(encodeQuery({ name: 'evil.example.org', type: 1, class: 1 }, 5)), port, '127.0.0.1', resolve))
  socket.send(responseTo(query), port, '127.0.0.1')
  expect(await outcome).toBe('5 n5.example.org')
  doors.forget([sent])
})

test('a closed port refuses all pending queries at once', async () => {
  const upstream = await udpServer(() => undefined)
  await closers.pop()?.()
  const { start, doors } = openDoors()
  const asked = [start(upstream, 1), start(upstream, 2)]
  doors.flush()
  for (const { outcome } of asked) expect(await outcome).toMatch(/^refuses/)
})

test('over TCP many queries share a connection and are answered in any order; if it breaks they are retried once', async () => {
  const held: { query: Uint8Array; socket: Socket }[] = []
  let isCut = false
  const { port, connections } = await streamServer(false, (query, socket) => {
    held.push({ query, socket })
    if (held.length < 50 || isCut) return
    for (const each of held.splice(0).reverse()) each.socket.write(encodeFrame(responseTo(each.query)))
  })
  const { start } = openDoors()
  const upstream = parseUpstream(`127.0.0.1:${port}`)
  const first = Array.from({ length: 50 }, (_, id) => start(upstream, id % 7, true).outcome)
  expect((await Promise.all(first)).map((came, id) => came === `${id % 7} n${id % 7}.example.org`)).not.toContain(false)
  expect(connections).toHaveLength(1)
  isCut = true
  const second = Array.from({ length: 50 }, (_, id) => start(upstream, id, true).outcome)
  await expect.poll(() => held.length).toBe(50)
  held.length = 0
  isCut = false
  connections[0]?.destroy()
  expect(await Promise.all(second)).toHaveLength(50)
  expect(connections).toHaveLength(2)
})

test('over TLS queries go to a server with the right certificate, padded, on one connection', async () => {
  const lengths = new Set<number>()
  const { port, connections } = await streamServer(true, (query, socket) => {
    lengths.add(query.length)
    socket.write(encodeFrame(responseTo(query)))
  })
  const { ask, trace } = openDoors()
  for (const text of [`tls://127.0.0.1:${port}#dns.example.org`, `tls://127.0.0.1:${port}`]) {
    const upstream = parseUpstream(text)
    for (let id = 1; id <= 3; id++) expect(await ask(upstream, id)).toBe(`${id} n${id}.example.org`)
  }
  expect([connections.length, [...lengths]]).toEqual([2, [128]])
  expect(trace.nextSequence).toBe(12)
})

test.each(['tls', 'https'])('%s: a certificate for another name, or from an unknown authority, is rejected before a query is sent', async transport => {
  let asked = 0
  const { port } = transport === 'tls' ? await streamServer(true, () => { asked++ }) : await httpsServer(() => {
    asked++
    return undefined
  })
  expect(await openDoors().ask(parseUpstream(`${transport}://127.0.0.1:${port}#other.example.org`), 1)).toMatch(/^cannot be trusted: .*other\.example\.org/)
  expect(await openDoors([]).ask(parseUpstream(`${transport}://127.0.0.1:${port}#dns.example.org`), 1)).toMatch(/^cannot be trusted/)
  expect(asked).toBe(0)
})

test('over HTTPS each query is a POST with id 0 to the path, on one session', async () => {
  const requests: unknown[] = []
  const { port, sockets } = await httpsServer((body, { method, url, headers }) => {
    requests.push([method, url, headers['content-type'], headers[':authority'], body.readUInt16BE(0), body.length])
    return { type: 'Application/DNS-Message', body: responseTo(body) } // RFC 9110 §8.3.1: case-insensitive.
  })
  const { start } = openDoors()
  const upstream = parseUpstream(`https://127.0.0.1:${port}/dns-query#dns.example.org`)
  const asked = Array.from({ length: 20 }, (_, id) => start(upstream, id + 1).outcome)
  expect(await Promise.all(asked)).toEqual(Array.from({ length: 20 }, (_, id) => `${id + 1} n${id + 1}.example.org`))
  expect(new Set(requests.map(request => JSON.stringify(request)))).toEqual(new Set([JSON.stringify(['POST', '/dns-query', 'application/dns-message', `dns.example.org:${port}`, 0, 128])]))
  expect(sockets.size).toBe(1)
})

test.each<[string, { status?: number; type?: string; body: Uint8Array }, RegExp]>([
  ['another status', { status: 503, body: new Uint8Array(1) }, /HTTP status 503/],
  ['another type', { type: 'text/html', body: Buffer.from('<p>Sign in') }, /not a DNS message/],
  ['an empty body', { body: new Uint8Array(0) }, /without an answer/],
  ['an oversized body', { body: new Uint8Array(70_000) }, /more than a DNS message/],
])('an HTTPS answer with %s is refused, and the session stays open', async (_title, reply, why) => {
  let count = 0
  const { port, sockets } = await httpsServer(body => ++count === 1 ? reply : { body: responseTo(body) })
  const { ask } = openDoors()
  const upstream = parseUpstream(`https://127.0.0.1:${port}`)
  expect(await ask(upstream, 1)).toMatch(why)
  expect(await ask(upstream, 2)).toBe('2 n2.example.org')
  expect(sockets.size).toBe(1)
})

test('a server that speaks another protocol on its port is reported as such', async () => {
  const speaks = (socket: Socket) => socket.on('error', () => undefined).once('data', () => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'))
  const { key, certificate: cert } = certificates
  const others = [createServer(speaks), createTlsServer({ key, cert }, speaks)]
  for (const server of others) {
    await once(server.listen(0, '127.0.0.1'), 'listening')
    closers.push(() => once(server.close(), 'close'))
  }
  // A server listening on TCP has an address and a port.
  const [plain, secure] = others.map(server => (server.address() as AddressInfo).port)
  const { port } = await httpsServer(() => undefined)
  const { ask } = openDoors()
  for (const upstream of [`tls://127.0.0.1:${plain ?? 0}`, `https://127.0.0.1:${plain ?? 0}`, `https://127.0.0.1:${secure ?? 0}`, `tls://127.0.0.1:${port}`]) {
    expect(await ask(parseUpstream(upstream), 1), upstream).toBe('speaks another protocol on that port')
  }
})

test('an HTTPS session that ends after an answer is reopened, and the pending query retried once', async () => {
  let count = 0
  const { port, sockets } = await httpsServer(body => ++count === 2 ? undefined : { body: responseTo(body) })
  const { ask } = openDoors()
  const upstream = parseUpstream(`https://127.0.0.1:${port}`)
  for (let id = 1; id <= 3; id++) expect(await ask(upstream, id)).toBe(`${id} n${id}.example.org`)
  expect(sockets.size).toBe(2)
})

test('a query made just as an HTTPS session ends is sent on another', async () => {
  const { port, sockets } = await httpsServer(body => ({ body: responseTo(body) }))
  const upstream = parseUpstream(`https://127.0.0.1:${port}`)
  const sessions: Session[] = []
  const outcomes: string[] = []
  const options: UpstreamDoorOptions = {
    trace: new TraceRing(), clock: systemClock, random: secureRandom(), drain: () => undefined,
    receive(message, query) {
      outcomes.push(decodeMessage(message).questions[0]?.name ?? '')
      door.forget(query)
    },
    refused: (_asking, why) => outcomes.push(why),
  }
  const door = new Connections(async listener => {
    const session = await dialHttps(upstream, [certificates.authority], options)(listener)
    sessions.push(session)
    return session
  }, options)
  closers.push(() => door.close())
  const ask = (name: string) => door.ask({ upstream, overTcp: false, message: encodeQuery({ name, type: TYPE.A, class: CLASS.IN }, 1) })
  ask('first.example.org')
  await expect.poll(() => outcomes).toEqual(['first.example.org'])
  sessions[0]?.destroy()
  ask('second.example.org')
  await expect.poll(() => outcomes).toEqual(['first.example.org', 'second.example.org'])
  expect(sockets.size).toBe(2)
})

test.each(['udp', 'tls', 'https'])('a connection (%s) whose answer is overdue for more than 3 s is abandoned, and its queries are retried on another', async transport => {
  let asked = 0
  const answers = () => ++asked !== 2
  const silent = async () => {
    const { port, sockets } = await httpsServer(body => answers() ? { body: responseTo(body) } : 'never')
    return { port, opened: () => sockets.size }
  }
  const stream = async () => {
    const { port, connections } = await streamServer(transport === 'tls', (query, socket) => { if (answers()) socket.write(encodeFrame(responseTo(query))) })
    return { port, opened: () => connections.length }
  }
  const { port, opened } = transport === 'https' ? await silent() : await stream()
  let aheadMs = 0
  const { ask, start } = openDoors([certificates.authority], secureRandom(), { ...systemClock, nowMs: () => systemClock.nowMs() + aheadMs })
  const overTcp = transport === 'udp'
  const upstream = parseUpstream(`${overTcp ? '' : `${transport}://`}127.0.0.1:${port}`)
  await ask(upstream, 1, overTcp)
  const owed = start(upstream, 2, overTcp)
  await expect.poll(() => asked).toBe(2)
  aheadMs = 3100
  expect(await ask(upstream, 3, overTcp)).toBe('3 n3.example.org')
  expect(await owed.outcome).toBe('2 n2.example.org')
  expect(opened()).toBe(2)
})

test('a server that closes every connection without an answer is refused, not retried forever', async () => {
  const tls = await streamServer(true, (_query, socket) => socket.destroy())
  const https = await httpsServer(() => undefined)
  const { ask } = openDoors()
  expect(await ask(parseUpstream(`tls://127.0.0.1:${tls.port}`), 1)).toMatch(/without an answer|refuses/)
  expect(await ask(parseUpstream(`https://127.0.0.1:${https.port}`), 1)).toMatch(/without an answer|refuses/)
  expect([tls.connections.length, https.sockets.size]).toEqual([1, 1])
})
