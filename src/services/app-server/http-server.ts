/**
 * HTTP/1.1 for any stream of bytes: connections of both transports are handed to one node:http server, whose requests become
 * plain HttpRequests for the site, and whose limits are ours (limits.ts).
 */
import { STATUS_CODES, type IncomingMessage, type ServerResponse } from 'node:http'
import { oneLine } from '../kit/errors.ts'
import { hasBody } from '../kit/request-body.ts'
import type { Connection, Connections, PeerSocket } from './connections.ts'
import type { Limits } from './limits.ts'
import { problem, type Controller, type HttpRequest, type HttpResponse, type Transport } from './message.ts'
import { hostIsInOrder, parseTarget, type RequestTarget } from './request-target.ts'
import { writeResponse } from './write-response.ts'
import type { Clock } from '../kit/node/clock.ts'
import { createHalfOpenServer } from '../kit/node/half-open-http.ts'

/** One request that is done, as log and event tell it. */
export interface Served {
  readonly connection: Connection
  readonly method: string
  readonly target: string
  readonly status: number
  /** Of the body, as far as it went out. */
  readonly bytes: number
  readonly tookMs: number
}

export interface HttpServerOptions {
  readonly site: Controller
  readonly limits: Limits
  readonly clock: Clock
  readonly connections: Connections
  readonly onServed: (served: Served) => void
  readonly log: (text: string) => void
}

/** Takes a connection that a transport has accepted. */
export type AcceptConnection = (socket: PeerSocket, transport: Transport) => void

export function createHttpServer(options: HttpServerOptions): AcceptConnection {
  const { limits, connections } = options
  const server = createHalfOpenServer({ maxHeaderSize: limits.headerBytesMax })
  server.timeout = limits.responseIdleMs
  server.keepAliveTimeout = limits.keepAliveTimeoutMs
  server.headersTimeout = 0 // connections.ts watches both; see limits.ts
  server.requestTimeout = 0
  server.on('request', (incoming, outgoing) => {
    const connection = connections.of(incoming.socket)
    if (connection === undefined) incoming.destroy()
    else void serve(incoming, outgoing, connection, options)
  })
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    const connection = connections.of(socket)
    if (connection === undefined || error.code === 'ECONNRESET' || !socket.writable) socket.destroy()
    else if (error.code === 'HPE_HEADER_OVERFLOW') refuse(connections, connection, 431, `The head of a request may have ${limits.headerBytesMax} bytes.`)
    else refuse(connections, connection, 400, 'This is not HTTP.')
  })
  return (socket, transport) => {
    socket.on('error', () => socket.destroy()) // a peer that resets is an ordinary end
    if (connections.open(socket, transport) !== undefined) server.emit('connection', socket)
    else socket.end(refusal(503, 'Too many are here at once. Try again later.'), () => socket.destroy())
  }
}

/** The reply to a request that took too long to come: RFC 9110 §15.5.9. */
export function refuseSlow(connections: Connections, connection: Connection): void {
  refuse(connections, connection, 408, 'The request did not come in time.')
}

function refuse(connections: Connections, connection: Connection, status: number, sentence: string): void {
  connections.closing(connection)
  // Bytes of a refusal inside another response would be read as part of it.
  if (connection.active > 0) connection.socket.destroy()
  else connection.socket.end(refusal(status, sentence))
}

function refusal(status: number, sentence: string): string {
  const head = [`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`, 'connection: close', 'content-type: text/plain; charset=utf-8', `content-length: ${sentence.length + 1}`]
  return `${head.join('\r\n')}\r\n\r\n${sentence}\n`
}

async function serve(incoming: IncomingMessage, outgoing: ServerResponse, connection: Connection, options: HttpServerOptions): Promise<void> {
  const { connections, clock } = options
  const startedAtMs = clock.nowMs()
  connections.requestBegan(connection)
  const response = await answer(incoming, connection, startedAtMs, options)
  if (CLOSING_STATUSES.includes(response.status)) outgoing.shouldKeepAlive = false
  const bytes = await writeResponse(outgoing, response, incoming.method === 'HEAD')
  connections.responseEnded(connection, bytes)
  options.onServed({ connection, method: incoming.method ?? '', target: incoming.url ?? '', status: outgoing.statusCode, bytes, tookMs: clock.nowMs() - startedAtMs })
}

/** After these nothing that follows on the connection can be trusted. */
const CLOSING_STATUSES: readonly number[] = [400, 413]

/** RFC 9110 §9.2.1. Others are not taken as early data: RFC 8470 §5.2. */
const SAFE_METHODS: readonly string[] = ['GET', 'HEAD', 'OPTIONS']

async function answer(incoming: IncomingMessage, connection: Connection, receivedAtMs: number, { site, limits, connections, log }: HttpServerOptions): Promise<HttpResponse> {
  if (!hostIsInOrder(incoming.httpVersion, incoming.rawHeaders)) return problem(400, 'A request names exactly one host.')
  if (connection.socket.early === true && connection.requests === 1 && !SAFE_METHODS.includes(incoming.method ?? '')) {
    return problem(425, 'This changes something, and came before the connection was confirmed. Send it again.')
  }
  const target = parseTarget(incoming.url ?? '')
  if (target === undefined) return problem(400, 'The address of the request cannot be read.')
  const body = hasBody(incoming) ? await readBody(incoming, limits) : NOTHING
  if (body === 'too large') return problem(413, `The body of a request may have ${limits.bodyBytesMax} bytes.`)
  if (body === 'cut') return problem(400, 'The body of the request did not come whole.')
  connections.requestCame(connection)
  try {
    return await site(requestOf(incoming, target, body, connection, receivedAtMs))
  } catch (error) {
    log(`${incoming.method ?? ''} ${incoming.url ?? ''}: ${oneLine(error)}`)
    return problem(500, 'The server met a fault of its own.')
  }
}

function requestOf(incoming: IncomingMessage, { segments, query }: RequestTarget, body: Uint8Array, connection: Connection, receivedAtMs: number): HttpRequest {
  const headers = Object.fromEntries(Object.entries(incoming.headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : value ?? '']))
  const { transport, peer, number, requests } = connection
  return {
    method: incoming.method ?? '', segments, query, headers, httpVersion: incoming.httpVersion, body, receivedAtMs,
    connection: { transport, peer, number, requestNumber: requests },
  }
}

const NOTHING = new Uint8Array(0)

function readBody(incoming: IncomingMessage, { bodyBytesMax, discardedBytesMax }: Limits): Promise<Uint8Array | 'too large' | 'cut'> {
  return new Promise(resolve => {
    const chunks: Uint8Array[] = []
    let lengthBytes = 0
    incoming.on('data', (chunk: Uint8Array) => {
      lengthBytes += chunk.length
      if (lengthBytes <= bodyBytesMax) chunks.push(chunk)
      else if (lengthBytes > discardedBytesMax) resolve('too large')
    })
    incoming.once('end', () => resolve(lengthBytes > bodyBytesMax ? 'too large' : Buffer.concat(chunks)))
    incoming.once('close', () => resolve('cut'))
    incoming.once('error', () => resolve('cut'))
  })
}
