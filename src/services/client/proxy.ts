/** The proxy server: listens on 127.0.0.1, checks credentials, and forwards allowed, well-formed requests. */
import { STATUS_CODES, type IncomingMessage, type ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { HamletError, partsOf } from '../kit/errors.ts'
import { invalidFieldName } from '../kit/field-names.ts'
import { transferCodingErrorStatus } from '../kit/request-body.ts'
import { hasValidHost } from '../kit/request-host.ts'
import { isSupportedVersion, requestLineErrorStatus } from '../kit/request-line.ts'
import type { Clock } from '../kit/node/clock.ts'
import { createHalfOpenServer, endInOrder, onRequestInTurn } from '../kit/node/half-open-http.ts'
import { listenStreams } from '../kit/node/streams.ts'
import { BrowserTimeouts, HEAD_MS_MAX, type Exchange } from './browser-timeouts.ts'
import { renderErrorPage } from './core/error-page.ts'
import { ERROR_HEADER } from './core/headers.ts'
import { isFinalRecipient } from './core/max-forwards.ts'
import { parseAuthority, parseTarget, type Target } from './core/target.ts'
import { authorizationCheck, type Credentials } from './credentials.ts'

export interface ProxyOptions {
  /** 0: any free one. */
  readonly port: number
  readonly credentials: Credentials
  readonly clock: Clock
  /** Answers one request. An error becomes an error page, or an aborted transfer if the response has begun. */
  forward(target: Target, incoming: IncomingMessage, outgoing: ServerResponse): Promise<void>
  /** Answers one CONNECT on its stream. An error becomes a refusal. */
  tunnel(server: { readonly host: string; readonly port: number }, stream: Duplex, head: Buffer): Promise<void>
}

export interface Proxy {
  readonly port: number
  /** Closes the open connections. */
  close(): Promise<void>
}

const CONNECTIONS_MAX = 512
const HEADER_BYTES_MAX = 16 * 1024
const KEEP_ALIVE_MS = 65_000
/** After the last response, the browser has this long to close its side. */
const CLOSING_MS = 2_000

/** @throws HamletError port-taken or port-not-permitted */
export async function openProxy(options: ProxyOptions): Promise<Proxy> {
  const isAuthorized = authorizationCheck(options.credentials)
  const patience = { clock: options.clock, closingMs: CLOSING_MS }
  const server = createHalfOpenServer({ maxHeaderSize: HEADER_BYTES_MAX, answersContinue: false }, patience)
  server.keepAliveTimeout = KEEP_ALIVE_MS
  server.requestTimeout = 0 // no limit: an upload to a slow server may take long
  const watch = new BrowserTimeouts(options.clock, socket => refuse(socket, new ProxyRefusal(408, NOT_IN_TIME)))

  const afterRequests = onRequestInTurn(server, (incoming, outgoing) => {
    if (incoming.socket.writableEnded) return void incoming.resume() // the connection was refused before this head was complete
    watch.began({ incoming, outgoing })
    answer(incoming, outgoing).catch((error: unknown) => sendErrorPage(outgoing, error))
  })
  const checkHead = ({ headers, httpVersion, rawHeaders }: IncomingMessage): void => {
    if (!isAuthorized(headers['proxy-authorization'])) throw new ProxyRefusal(407, NOT_AUTHORIZED)
    if (!isSupportedVersion(httpVersion)) throw new ProxyRefusal(505, NOT_SPOKEN)
    if (invalidFieldName(rawHeaders) !== undefined) throw new ProxyRefusal(400, NOT_NAMED)
    if (!hasValidHost(httpVersion, rawHeaders)) throw new ProxyRefusal(400, NOT_ADDRESSED)
  }
  const answer = async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
    const url = incoming.url ?? ''
    if (url.startsWith('/') || url === '*') throw new ProxyRefusal(421, NOT_A_SERVER)
    checkHead(incoming)
    const unread = transferCodingErrorStatus(incoming)
    if (unread !== undefined) throw new ProxyRefusal(unread, NOT_DECODED)
    const method = incoming.method ?? 'GET'
    if (isFinalRecipient(method, incoming.headers['max-forwards']?.toString())) return answerAsFinalRecipient(method, outgoing)
    // Node 16 decodes non-ASCII bytes of a target as Latin-1; what the user typed is UTF-8.
    return options.forward(parseTarget(Buffer.from(url, 'latin1').toString(), method), incoming, outgoing)
  }

  const refuse = (stream: Duplex, error: unknown): void => {
    stream.resume().write(errorResponse(error))
    endInOrder(stream, patience)
  }
  server.on('connect', (incoming: IncomingMessage, stream: Duplex, head: Buffer) => {
    watch.forget(stream)
    connect(incoming, stream, head).catch((error: unknown) => refuse(stream, error))
  })
  const connect = async (incoming: IncomingMessage, stream: Duplex, head: Buffer): Promise<void> => {
    checkHead(incoming)
    const { host, port } = parseAuthority(incoming.url ?? '')
    if (port === undefined) throw new ProxyRefusal(400, NO_PORT)
    return options.tunnel({ host, port }, stream, head)
  }
  server.on('clientError', (error, stream) => afterRequests(stream, () => {
    if (stream.destroyed || stream.writableEnded) return
    const exchange = watch.latest(stream)
    if (exchange !== undefined && !exchange.outgoing.writableFinished) return endWith(exchange, unreadable(error), () => endInOrder(stream, patience))
    refuse(stream, unreadable(error))
  }))

  let connections = 0
  const listener = await listenStreams({
    addresses: ['127.0.0.1'], port: options.port, allowHalfOpen: true,
    accept(socket) {
      socket.on('error', () => undefined) // browsers reset connections at any time
      if (connections >= CONNECTIONS_MAX) return refuse(socket, new ProxyRefusal(503, TOO_MANY))
      connections++
      // One listener for both: Node warns of more than ten 'close' listeners, and a tunnel adds nine.
      socket.once('close', () => {
        connections--
        watch.forget(socket)
      })
      watch.opened(socket)
      server.emit('connection', socket)
    },
  })
  return { port: listener.locals[0]?.port ?? options.port, close: () => listener.close() }
}

/** Answers OPTIONS; refuses TRACE, which would echo fields that must not be disclosed. */
function answerAsFinalRecipient(method: string, outgoing: ServerResponse): void {
  if (method !== 'OPTIONS') throw new ProxyRefusal(501, NOT_TRACED)
  outgoing.writeHead(204).end()
}

/**
 * The bytes after the request head are not valid HTTP, so its response is the last on the connection (RFC 9112 §9.6).
 * If they are its body, the response is the refusal itself.
 */
function endWith({ incoming, outgoing }: Exchange, refusal: ProxyRefusal, end: () => void): void {
  outgoing.shouldKeepAlive = false
  outgoing.once('close', end)
  if (!incoming.complete) sendErrorPage(outgoing, refusal)
}

function unreadable(error: NodeJS.ErrnoException): ProxyRefusal {
  const { code, message } = error
  const what = 'The proxy could not read the request'
  if (code === 'HPE_HEADER_OVERFLOW') {
    return new ProxyRefusal(431, { code: 'malformed-packet', what, why: `its head is longer than ${HEADER_BYTES_MAX} bytes`, remedy: 'shorten its address, or delete the cookies of that site' })
  }
  const why = code === 'HPE_INVALID_EOF_STATE' ? 'it is incomplete' : `it is not valid HTTP: ${message}`
  return new ProxyRefusal(requestLineErrorStatus(error), { code: 'malformed-packet', what, why, remedy: 'send HTTP/1.1, with a percent-encoded address' })
}

type RefusalStatus = 400 | 403 | 407 | 408 | 421 | 431 | 501 | 503 | 505

/** A refusal by the proxy itself, with its HTTP status. */
export class ProxyRefusal extends HamletError {
  readonly status: RefusalStatus

  constructor(status: RefusalStatus, parts: HamletError['parts']) {
    super(parts)
    this.status = status
    this.name = 'ProxyRefusal'
  }
}

const NOT_A_SERVER = {
  code: 'refused', what: 'This is Hamlet\'s proxy, not a web server', why: 'the request is for a page of the proxy, which has none',
  remedy: 'set this address as your browser\'s HTTP proxy and open http://my-app.home/ there',
} as const
const NOT_AUTHORIZED = {
  code: 'refused', what: 'The proxy requires its user name and password', why: 'without them, any program could reach this network through it',
  remedy: 'copy the proxy address that "hamlet client" prints; it contains both',
} as const
const NOT_DECODED = {
  code: 'malformed-packet', what: 'The proxy could not read the request', why: 'its body has a transfer coding other than "chunked"', remedy: 'send the body chunked, or with a Content-Length',
} as const
const NOT_ADDRESSED = {
  code: 'malformed-packet', what: 'The proxy could not read the request', why: 'it does not have exactly one Host field with one host', remedy: 'send one, with the host of the address',
} as const
const NOT_NAMED = {
  code: 'malformed-packet', what: 'The proxy could not read the request', why: 'a header field name has invalid characters', remedy: 'send field names without spaces, also before the colon',
} as const
const NO_PORT = {
  code: 'malformed-packet', what: 'The proxy could not read the request', why: 'it asks for a tunnel without naming a port', remedy: 'name one, such as my-app.home:80',
} as const
const NOT_SPOKEN = {
  code: 'malformed-packet', what: 'The proxy could not read the request', why: 'it is neither HTTP/1.1 nor HTTP/1.0', remedy: 'use HTTP/1.1',
} as const
const NOT_IN_TIME = {
  code: 'timed-out', what: 'The proxy could not read the request', why: `its head was not complete within ${HEAD_MS_MAX / 1000} s`, remedy: 'send it again',
} as const
const NOT_TRACED = {
  code: 'refused', what: 'The proxy does not answer TRACE', why: 'its Max-Forwards ends at this proxy', remedy: 'use OPTIONS, or a higher Max-Forwards',
} as const
const TOO_MANY = {
  code: 'refused', what: 'The proxy has too many connections', why: `${CONNECTIONS_MAX} are open`, remedy: 'close some and try again',
} as const
/** After these statuses, nothing that follows on the connection can be trusted. */
const CLOSING_STATUSES: readonly number[] = [400, 501, 505]
const CHALLENGE = 'Basic realm="Hamlet", charset="UTF-8"'

function statusOf(error: unknown): number {
  if (error instanceof ProxyRefusal) return error.status
  return partsOf(error).code === 'usage' ? 400 : 502
}

function errorHead(error: unknown, page: Buffer): Readonly<Record<string, string | number>> {
  return {
    [ERROR_HEADER]: partsOf(error).code,
    'Content-Type': 'text/html; charset=utf-8',
    'Content-Length': page.length,
    'Content-Security-Policy': 'default-src \'none\'; style-src \'unsafe-inline\'',
    'Cache-Control': 'no-store',
    ...(statusOf(error) === 407 ? { 'Proxy-Authenticate': CHALLENGE } : {}),
  }
}

/** A response that has begun cannot become an error page: it is aborted, so that no browser takes the part for the whole. */
function sendErrorPage(outgoing: ServerResponse, error: unknown): void {
  if (outgoing.writableEnded) return
  outgoing.on('error', () => undefined) // the browser may be gone
  if (outgoing.headersSent || outgoing.destroyed) return void outgoing.destroy()
  if (CLOSING_STATUSES.includes(statusOf(error))) outgoing.shouldKeepAlive = false
  const page = Buffer.from(renderErrorPage(partsOf(error)))
  outgoing.writeHead(statusOf(error), { ...errorHead(error, page) }).end(page)
}

/** The same for a stream without a ServerResponse. */
function errorResponse(error: unknown): string {
  const page = Buffer.from(renderErrorPage(partsOf(error)))
  const lines = Object.entries({ ...errorHead(error, page), Date: new Date().toUTCString(), Connection: 'close' }).map(([name, value]) => `${name}: ${value}\r\n`)
  return `HTTP/1.1 ${statusOf(error)} ${STATUS_CODES[statusOf(error)] ?? ''}\r\n${lines.join('')}\r\n${page.toString()}`
}
