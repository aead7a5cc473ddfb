/**
 * HTTP/1.1 over any byte stream. One node:http server takes the connections of both transports; its requests become plain
 * HttpRequests for the site. The limits are ours, not Node's (limits.ts).
 */
import { STATUS_CODES, type IncomingMessage, type ServerResponse } from 'node:http'
import { oneLine } from '../kit/errors.ts'
import { invalidFieldName } from '../kit/field-names.ts'
import { PROBE_HEADER } from '../kit/probe-header.ts'
import { hasBody, transferCodingErrorStatus } from '../kit/request-body.ts'
import { hasValidHost } from '../kit/request-host.ts'
import { isSupportedVersion, requestLineErrorStatus } from '../kit/request-line.ts'
import type { Connection, Connections, PeerSocket } from './connections.ts'
import { formatHttpDate } from './http-date.ts'
import type { Limits } from './limits.ts'
import { problem, type Controller, type HttpRequest, type HttpResponse, type Transport } from './message.ts'
import { parseTarget, type RequestTarget } from './request-target.ts'
import { writeResponse } from './write-response.ts'
import type { Clock } from '../kit/node/clock.ts'
import { createHalfOpenServer, onRequestInTurn } from '../kit/node/half-open-http.ts'

/** A completed request, as the log and the event report it. */
export interface Served {
  readonly connection: Connection
  readonly method: string
  readonly target: string
  readonly status: number
  /** Bytes of the body that were sent. */
  readonly bytes: number
  /** Until the operating system (TCP) or the peer (RUDP) had the last byte, or the connection was lost. */
  readonly tookMs: number
  /** False if the connection was lost before that. */
  readonly complete: boolean
  /** Another machine marked the request as a health probe of its lamp. */
  readonly isProbe: boolean
}

export interface HttpServerOptions {
  readonly site: Controller
  readonly limits: Limits
  readonly clock: Clock
  readonly connections: Connections
  /** Called for each completed request, except the health probes of this machine's own lamps. */
  readonly onServed: (served: Served) => void
  readonly log: (text: string) => void
}

/** Takes over a connection that a transport has accepted. */
export type AcceptConnection = (socket: PeerSocket, transport: Transport) => void

export function createHttpServer(options: HttpServerOptions): AcceptConnection {
  const { limits, clock, connections } = options
  const server = createHalfOpenServer({ maxHeaderSize: limits.headerBytesMax, answersContinue: true }, { clock, closingMs: limits.closingMs })
  server.timeout = limits.responseIdleMs
  server.keepAliveTimeout = limits.keepAliveTimeoutMs
  server.headersTimeout = 0 // connections.ts watches both; see limits.ts
  server.requestTimeout = 0
  const afterRequests = onRequestInTurn(server, (incoming, outgoing) => {
    const connection = connections.of(incoming.socket)
    if (connection === undefined) incoming.destroy()
    else if (connection.state === 'closing') incoming.resume()
    else void serve(incoming, outgoing, connection, options)
  })
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => afterRequests(socket, () => {
    const connection = connections.of(socket)
    if (connection === undefined || socket.destroyed) socket.destroy()
    else if (error.code === 'HPE_HEADER_OVERFLOW') refuse(connections, connection, 431, `The request head is longer than ${limits.headerBytesMax} bytes.`)
    else if (error.code === 'HPE_INVALID_EOF_STATE') refuse(connections, connection, 400, INCOMPLETE)
    else refuse(connections, connection, requestLineErrorStatus(error), UNREADABLE[requestLineErrorStatus(error)])
  }))
  server.on('connect', (_incoming, socket) => {
    const connection = connections.of(socket)
    if (connection === undefined) socket.destroy()
    else refuse(connections, connection, 501, 'This is a web server, not a proxy: it opens no tunnels.')
    socket.resume() // node:http no longer reads it
  })
  return (socket, transport) => {
    socket.on('error', () => socket.destroy()) // a reset by the peer is a normal end
    if (connections.open(socket, transport) !== undefined) server.emit('connection', socket)
    else socket.end(refusal(503, 'Too many connections are open. Try again later.'), () => socket.destroy())
  }
}

/** Answers a request that took too long to arrive: 408 (RFC 9110 §15.5.9). */
export function refuseSlow(connections: Connections, connection: Connection): void {
  refuse(connections, connection, 408, 'The request did not arrive in time.')
}

const INCOMPLETE = 'The request is incomplete.'
const UNREADABLE = { 400: 'The request is not valid HTTP.', 501: 'This server does not know the method.', 505: 'This server speaks HTTP/1.1 and HTTP/1.0 only.' } as const

/** Nothing after the request in progress is read: its response is the last (RFC 9112 §9.6). */
function refuse(connections: Connections, connection: Connection, status: number, sentence: string): void {
  if (connection.state === 'closing') return
  if (connection.refuseBody !== undefined) connection.refuseBody(problem(status, sentence))
  else if (connection.active === 0) connection.socket.write(refusal(status, sentence))
  connections.closing(connection)
}

function refusal(status: number, sentence: string): string {
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`, 'connection: close', 'content-type: text/plain; charset=utf-8', `content-length: ${sentence.length + 1}`,
    `date: ${formatHttpDate(Date.now())}`, // RFC 9110 §6.6.1
  ]
  return `${head.join('\r\n')}\r\n\r\n${sentence}\n`
}

async function serve(incoming: IncomingMessage, outgoing: ServerResponse, connection: Connection, options: HttpServerOptions): Promise<void> {
  const { connections, clock } = options
  const startedAtMs = clock.nowMs()
  const isOurProbe = isOwnProbe(incoming, connection)
  connections.requestBegan(connection, isOurProbe)
  const number = connection.requests
  const response = await answer(incoming, connection, startedAtMs, options)
  const isLast = connection.state === 'closing' && connection.requests === number
  if (isLast || CLOSING_STATUSES.includes(response.status)) outgoing.shouldKeepAlive = false
  const bytes = await writeResponse(outgoing, response, incoming.method === 'HEAD')
  if (!outgoing.shouldKeepAlive) connections.closing(connection)
  connections.responseEnded(connection, bytes)
  const complete = outgoing.writableFinished && (outgoing.shouldKeepAlive || await delivered(connection.socket))
  if (!isOurProbe) options.onServed({ connection, method: incoming.method ?? '', target: incoming.url ?? '', status: outgoing.statusCode, bytes, tookMs: clock.nowMs() - startedAtMs, complete, isProbe: claimsProbe(incoming) })
}

/** Waits until the end of the stream is sent; over RUDP, until the peer has acknowledged everything. */
function delivered(socket: PeerSocket): Promise<boolean> {
  return new Promise(resolve => {
    if (socket.writableFinished || socket.destroyed) return resolve(socket.writableFinished)
    socket.once('finish', () => resolve(true)).once('close', () => resolve(socket.writableFinished))
  })
}

const claimsProbe = ({ headers }: IncomingMessage) => headers[PROBE_HEADER] !== undefined

/** The probe header is trusted from this machine only: a visitor must not be able to stay out of the log by sending it. */
function isOwnProbe(incoming: IncomingMessage, { socket: { localAddress, remoteAddress } }: Connection): boolean {
  return claimsProbe(incoming) && localAddress !== undefined && localAddress === remoteAddress
}

/** After these statuses, nothing that follows on the connection can be trusted. */
const CLOSING_STATUSES: readonly number[] = [400, 408, 413, 501, 505]

/** Safe methods (RFC 9110 §9.2.1). No other method is accepted as early data (RFC 8470 §5.2). */
const SAFE_METHODS: readonly string[] = ['GET', 'HEAD', 'OPTIONS']

async function answer(incoming: IncomingMessage, connection: Connection, receivedAtMs: number, { site, limits, connections, log }: HttpServerOptions): Promise<HttpResponse> {
  if (!isSupportedVersion(incoming.httpVersion)) return problem(505, UNREADABLE[505])
  if (invalidFieldName(incoming.rawHeaders) !== undefined) return problem(400, UNREADABLE[400])
  if (!hasValidHost(incoming.httpVersion, incoming.rawHeaders)) return problem(400, 'A request must have exactly one Host field.')
  if (connection.socket.early === true && connection.requests === 1 && !SAFE_METHODS.includes(incoming.method ?? '')) {
    return problem(425, 'This request changes something and arrived before the connection was confirmed. Send it again.')
  }
  // RFC 9110 §7.4: a request for an https resource must not be answered from http.
  if (/^https:/i.test(incoming.url ?? '')) return problem(421, 'This server does not speak https.')
  const target = parseTarget(incoming.method ?? '', incoming.url ?? '')
  if (target === undefined) return problem(400, 'The request target is not valid.')
  const unread = transferCodingErrorStatus(incoming)
  if (unread !== undefined) return problem(unread, 'This server accepts no transfer coding but "chunked".')
  const body = hasBody(incoming) ? await readBody(incoming, connection, limits) : NO_BODY
  if (!(body instanceof Uint8Array)) return body
  connections.requestReceived(connection)
  try {
    return await site(requestOf(incoming, target, body, connection, receivedAtMs))
  } catch (error) {
    log(`${incoming.method ?? ''} ${incoming.url ?? ''}: ${oneLine(error)}`)
    return problem(500, 'The server failed: an internal error.')
  }
}

function requestOf(incoming: IncomingMessage, { segments, query, search }: RequestTarget, body: Uint8Array, connection: Connection, receivedAtMs: number): HttpRequest {
  const headers = Object.fromEntries(Object.entries(incoming.headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : value ?? '']))
  const { transport, peer, number, requests } = connection
  return {
    method: incoming.method ?? '', segments, query, search, headers, httpVersion: incoming.httpVersion, body, receivedAtMs,
    connection: { transport, peer, number, requestNumber: requests },
  }
}

const NO_BODY = new Uint8Array(0)

/** @returns the refusal if the body is too long, incomplete, or late */
function readBody(incoming: IncomingMessage, connection: Connection, { bodyBytesMax, discardedBytesMax }: Limits): Promise<Uint8Array | HttpResponse> {
  const tooLarge = problem(413, `The request body is longer than ${bodyBytesMax} bytes.`)
  return new Promise(resolve => {
    const chunks: Uint8Array[] = []
    let lengthBytes = 0
    const settle = (body: Uint8Array | HttpResponse): void => {
      if (connection.refuseBody === settle) connection.refuseBody = undefined
      resolve(body)
    }
    connection.refuseBody = settle
    incoming.on('data', (chunk: Uint8Array) => {
      lengthBytes += chunk.length
      if (lengthBytes <= bodyBytesMax) chunks.push(chunk)
      else if (lengthBytes > discardedBytesMax) settle(tooLarge)
    })
    incoming.once('end', () => settle(lengthBytes > bodyBytesMax ? tooLarge : Buffer.concat(chunks)))
    incoming.once('close', () => settle( problem(400, INCOMPLETE)))
    incoming.once('error', () => settle( problem(400, INCOMPLETE)))
  })
}
