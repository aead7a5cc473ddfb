/** The proxy's front: takes connections on 127.0.0.1, asks for credentials, and hands on what is allowed and well aimed. */
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
import { BrowserWatch, HEAD_MS_MAX, type Exchange } from './browser-watch.ts'
import { renderErrorPage } from './core/error-page.ts'
import { ERROR_HEADER } from './core/headers.ts'
import { endsHere } from './core/max-forwards.ts'
import { parseAuthority, parseTarget, type Target } from './core/target.ts'
import { authorizationCheck, type Credentials } from './credentials.ts'

export interface ProxyOptions {
  /** 0: any free one. */
  readonly port: number
  readonly credentials: Credentials
  readonly clock: Clock
  /** Answers one request. What it throws becomes an error page, or an aborted transfer where the answer has begun. */
  forward(target: Target, incoming: IncomingMessage, outgoing: ServerResponse): Promise<void>
  /** Answers one CONNECT on its stream. What it throws becomes a refusal. */
  tunnel(server: { readonly host: string; readonly port: number }, stream: Duplex, head: Buffer): Promise<void>
}

export interface Proxy {
  readonly port: number
  /** Ends the connections that are still open. */
  close(): Promise<void>
}

const CONNECTIONS_MAX = 512
const HEADER_BYTES_MAX = 16 * 1024
const KEEP_ALIVE_MS = 65_000
/** A browser that was told that its connection ends may send on for so long. */
const CLOSING_MS = 2_000

/** @throws HamletError port-taken or port-not-permitted */
export async function openProxy(options: ProxyOptions): Promise<Proxy> {
  const isAuthorized = authorizationCheck(options.credentials)
  const patience = { clock: options.clock, closingMs: CLOSING_MS }
  const server = createHalfOpenServer({ maxHeaderSize: HEADER_BYTES_MAX, answersContinue: false }, patience)
  server.keepAliveTimeout = KEEP_ALIVE_MS
  server.requestTimeout = 0 // an upload to a slow server takes the time it takes
  const watch = new BrowserWatch(options.clock, socket => refuse(socket, new ProxyRefusal(408, NOT_IN_TIME)))

  const afterRequests = onRequestInTurn(server, (incoming, outgoing) => {
    if (incoming.socket.writableEnded) return void incoming.resume() // it was refused before its head had come
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
    if (endsHere(method, incoming.headers['max-forwards']?.toString())) return answerAsLast(method, outgoing)
    // Node 16 takes bytes beyond ASCII from a target, one a character; what a person typed is UTF-8.
    return options.forward(parseTarget(Buffer.from(url, 'latin1').toString(), method), incoming, outgoing)
  }

  const refuse = (stream: Duplex, error: unknown): void => {
    stream.resume().write(errorAnswer(error))
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
      socket.on('error', () => undefined) // browsers end connections as they like
      if (connections >= CONNECTIONS_MAX) return refuse(socket, new ProxyRefusal(503, TOO_MANY))
      connections++
      // In one: Node warns of more than ten that wait for an end, and a tunnel has nine.
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

/** What was not to go further than here: OPTIONS, or TRACE, which is not done here, for it would show what others must not see. */
function answerAsLast(method: string, outgoing: ServerResponse): void {
  if (method !== 'OPTIONS') throw new ProxyRefusal(501, NOT_TRACED)
  outgoing.writeHead(204).end()
}

/** What follows the request cannot be read: its answer is the connection's last (RFC 9112 §9.6), and the refusal itself where it is the body. */
function endWith({ incoming, outgoing }: Exchange, refusal: ProxyRefusal, end: () => void): void {
  outgoing.shouldKeepAlive = false
  outgoing.once('close', end)
  if (!incoming.complete) sendErrorPage(outgoing, refusal)
}

function unreadable(error: NodeJS.ErrnoException): ProxyRefusal {
  const { code, message } = error
  const what = 'The proxy could not read the request'
  if (code === 'HPE_HEADER_OVERFLOW') {
    return new ProxyRefusal(431, { code: 'malformed-packet', what, why: `its head has more than ${HEADER_BYTES_MAX} bytes`, remedy: 'shorten its address, or remove the cookies of that site' })
  }
  const why = code === 'HPE_INVALID_EOF_STATE' ? 'it did not come whole' : `it is not HTTP: ${message}`
  return new ProxyRefusal(requestLineErrorStatus(error), { code: 'malformed-packet', what, why, remedy: 'send HTTP/1.1, with an address that is percent-encoded' })
}

type RefusalStatus = 400 | 403 | 407 | 408 | 421 | 431 | 501 | 503 | 505

/** A refusal of the proxy's own, with the status that HTTP has for it. */
export class ProxyRefusal extends HamletError {
  readonly status: RefusalStatus

  constructor(status: RefusalStatus, parts: HamletError['parts']) {
    super(parts)
    this.status = status
    this.name = 'ProxyRefusal'
  }
}

const NOT_A_SERVER = {
  code: 'refused', what: 'This is Hamlet\'s proxy, not a web server', why: 'it was asked for a page of its own and has none',
  remedy: 'set it as the HTTP proxy of your browser and open http://my-app.home/ there',
} as const
const NOT_AUTHORIZED = {
  code: 'refused', what: 'The proxy asks for its user name and password', why: 'without them any program could reach this network through it',
  remedy: 'copy the address with user name and password that "hamlet client" prints',
} as const
const NOT_DECODED = {
  code: 'malformed-packet', what: 'The proxy could not read the request', why: 'its body has a transfer coding other than "chunked"', remedy: 'send the body chunked, or with its length',
} as const
const NOT_ADDRESSED = {
  code: 'malformed-packet', what: 'The proxy could not read the request', why: 'it does not name exactly one host in its Host field', remedy: 'send one, with the host of the address',
} as const
const NOT_NAMED = {
  code: 'malformed-packet', what: 'The proxy could not read the request', why: 'the name of one of its fields has characters that a name may not have', remedy: 'send no blank before the colon of a field',
} as const
const NO_PORT = {
  code: 'malformed-packet', what: 'The proxy could not read the request', why: 'it asks for a tunnel and names no port', remedy: 'name one, such as my-app.home:80',
} as const
const NOT_SPOKEN = {
  code: 'malformed-packet', what: 'The proxy could not read the request', why: 'it is not in HTTP/1.1 or HTTP/1.0', remedy: 'send it in HTTP/1.1',
} as const
const NOT_IN_TIME = {
  code: 'timed-out', what: 'The proxy could not read the request', why: `its head did not come whole within ${HEAD_MS_MAX / 1000} s`, remedy: 'send it again',
} as const
const NOT_TRACED = {
  code: 'refused', what: 'The proxy does not answer TRACE', why: 'Max-Forwards let it come no further than here', remedy: 'ask with OPTIONS, or let it pass',
} as const
const TOO_MANY = {
  code: 'refused', what: 'The proxy has too many connections', why: `${CONNECTIONS_MAX} are open`, remedy: 'close some, and try again',
} as const
/** After these nothing that follows on the connection can be trusted. */
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

/** An answer that has begun cannot become another one: it is broken off, so that nobody takes the part for the whole. */
function sendErrorPage(outgoing: ServerResponse, error: unknown): void {
  if (outgoing.writableEnded) return
  outgoing.on('error', () => undefined) // the browser may be gone
  if (outgoing.headersSent || outgoing.destroyed) return void outgoing.destroy()
  if (CLOSING_STATUSES.includes(statusOf(error))) outgoing.shouldKeepAlive = false
  const page = Buffer.from(renderErrorPage(partsOf(error)))
  outgoing.writeHead(statusOf(error), { ...errorHead(error, page) }).end(page)
}

/** The same for a stream without a ServerResponse. */
function errorAnswer(error: unknown): string {
  const page = Buffer.from(renderErrorPage(partsOf(error)))
  const lines = Object.entries({ ...errorHead(error, page), Date: new Date().toUTCString(), Connection: 'close' }).map(([name, value]) => `${name}: ${value}\r\n`)
  return `HTTP/1.1 ${statusOf(error)} ${STATUS_CODES[statusOf(error)] ?? ''}\r\n${lines.join('')}\r\n${page.toString()}`
}
