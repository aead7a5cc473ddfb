/**
 * HTTP/1.1 for any stream of bytes: connections of both transports are handed to one node:http server, whose requests become
 * plain HttpRequests for the site, and whose limits are ours (limits.ts).
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

/** One request that is done, as log and event tell it. */
export interface Served {
  readonly connection: Connection
  readonly method: string
  readonly target: string
  readonly status: number
  /** Of the body, as far as it went out. */
  readonly bytes: number
  /** Until the last byte was with the system over TCP, with the peer over RUDP, or the connection was lost. */
  readonly tookMs: number
  /** False where the connection was lost before. */
  readonly complete: boolean
  /** A visitor says that a lamp of its own asks. */
  readonly isForLamp: boolean
}

export interface HttpServerOptions {
  readonly site: Controller
  readonly limits: Limits
  readonly clock: Clock
  readonly connections: Connections
  /** A request is done, and was none for a lamp's sake. */
  readonly onServed: (served: Served) => void
  readonly log: (text: string) => void
}

/** Takes a connection that a transport has accepted. */
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
    else if (error.code === 'HPE_HEADER_OVERFLOW') refuse(connections, connection, 431, `The head of a request may have ${limits.headerBytesMax} bytes.`)
    else if (error.code === 'HPE_INVALID_EOF_STATE') refuse(connections, connection, 400, CUT)
    else refuse(connections, connection, requestLineErrorStatus(error), UNREADABLE[requestLineErrorStatus(error)])
  }))
  server.on('connect', (_incoming, socket) => {
    const connection = connections.of(socket)
    if (connection === undefined) socket.destroy()
    else refuse(connections, connection, 501, 'This is a web server, and no proxy: it opens no tunnels.')
    socket.resume() // node:http reads it no longer
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

const CUT = 'The request did not come whole.'
const UNREADABLE = { 400: 'This is not HTTP.', 501: 'This method is not known here.', 505: 'HTTP/1.1 and HTTP/1.0 are spoken here.' } as const

/** Of what follows a request that is being answered, nothing is read: its answer is the last (RFC 9112 §9.6). */
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
  const isProbe = isOwnProbe(incoming, connection)
  connections.requestBegan(connection, isProbe)
  const number = connection.requests
  const response = await answer(incoming, connection, startedAtMs, options)
  const isLast = connection.state === 'closing' && connection.requests === number
  if (isLast || CLOSING_STATUSES.includes(response.status)) outgoing.shouldKeepAlive = false
  const bytes = await writeResponse(outgoing, response, incoming.method === 'HEAD')
  if (!outgoing.shouldKeepAlive) connections.closing(connection)
  connections.responseEnded(connection, bytes)
  const complete = outgoing.writableFinished && (outgoing.shouldKeepAlive || await delivered(connection.socket))
  if (!isProbe) options.onServed({ connection, method: incoming.method ?? '', target: incoming.url ?? '', status: outgoing.statusCode, bytes, tookMs: clock.nowMs() - startedAtMs, complete, isForLamp: saysProbe(incoming) })
}

/** Waits for the end that was sent behind the last response: over RUDP that is done when the peer has acknowledged all of it. */
function delivered(socket: PeerSocket): Promise<boolean> {
  return new Promise(resolve => {
    if (socket.writableFinished || socket.destroyed) return resolve(socket.writableFinished)
    socket.once('finish', () => resolve(true)).once('close', () => resolve(socket.writableFinished))
  })
}

const saysProbe = ({ headers }: IncomingMessage) => headers[PROBE_HEADER] !== undefined

/** What says that a lamp asks is believed of this machine only: no visitor shall leave the log by a word. */
function isOwnProbe(incoming: IncomingMessage, { socket: { localAddress, remoteAddress } }: Connection): boolean {
  return saysProbe(incoming) && localAddress !== undefined && localAddress === remoteAddress
}

/** After these nothing that follows on the connection can be trusted. */
const CLOSING_STATUSES: readonly number[] = [400, 408, 413, 501, 505]

/** RFC 9110 §9.2.1. Others are not taken as early data: RFC 8470 §5.2. */
const SAFE_METHODS: readonly string[] = ['GET', 'HEAD', 'OPTIONS']

async function answer(incoming: IncomingMessage, connection: Connection, receivedAtMs: number, { site, limits, connections, log }: HttpServerOptions): Promise<HttpResponse> {
  if (!isSupportedVersion(incoming.httpVersion)) return problem(505, UNREADABLE[505])
  if (invalidFieldName(incoming.rawHeaders) !== undefined) return problem(400, UNREADABLE[400])
  if (!hasValidHost(incoming.httpVersion, incoming.rawHeaders)) return problem(400, 'A request names exactly one host.')
  if (connection.socket.early === true && connection.requests === 1 && !SAFE_METHODS.includes(incoming.method ?? '')) {
    return problem(425, 'This changes something, and came before the connection was confirmed. Send it again.')
  }
  // RFC 9110 §7.4: who asks for https must not get what was asked for without.
  if (/^https:/i.test(incoming.url ?? '')) return problem(421, 'This server does not speak https.')
  const target = parseTarget(incoming.method ?? '', incoming.url ?? '')
  if (target === undefined) return problem(400, 'The address of the request cannot be read.')
  const unread = transferCodingErrorStatus(incoming)
  if (unread !== undefined) return problem(unread, 'Of the transfer codings only "chunked" is read here.')
  const body = hasBody(incoming) ? await readBody(incoming, connection, limits) : NOTHING
  if (!(body instanceof Uint8Array)) return body
  connections.requestCame(connection)
  try {
    return await site(requestOf(incoming, target, body, connection, receivedAtMs))
  } catch (error) {
    log(`${incoming.method ?? ''} ${incoming.url ?? ''}: ${oneLine(error)}`)
    return problem(500, 'The server met a fault of its own.')
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

const NOTHING = new Uint8Array(0)

/** @returns the refusal where the body is too long, does not come whole, or does not come in time */
function readBody(incoming: IncomingMessage, connection: Connection, { bodyBytesMax, discardedBytesMax }: Limits): Promise<Uint8Array | HttpResponse> {
  const tooLarge = problem(413, `The body of a request may have ${bodyBytesMax} bytes.`)
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
    incoming.once('close', () => settle(problem(400, CUT)))
    incoming.once('error', () => settle(problem(400, CUT)))
  })
}
