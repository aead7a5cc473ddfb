/** node:http's server for connections that others accept: each side may end its half of one, and no answer is lost by its end. */
import { createServer, type IncomingMessage, type Server, type ServerOptions, type ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Clock } from './clock.ts'

export interface Patience {
  readonly clock: Clock
  /** How long a peer that was told that the connection ends may go on sending, in ms. */
  readonly closingMs: number
}

export interface HalfOpenOptions extends ServerOptions {
  /** Who asks whether to send its body is told to (RFC 9110 §10.1.1); else that is up to whoever answers. */
  readonly answersContinue: boolean
}

export function createHalfOpenServer({ answersContinue, ...options }: HalfOpenOptions, patience: Patience): Server {
  // Whoever answers looks at the Host field (kit/request-host.ts): node:http, from version 18 on, would refuse without a word.
  const ownOptions = { ...options, requireHostHeader: false }
  // Only where it is told so does node:http answer who has sent an end behind the request; it has no option and no type for that.
  const server = Object.assign(createServer(ownOptions), { httpAllowHalfOpen: true })
  // Their length is limited; beyond a number of them node:http would drop fields without a word, be it a second Host or the length of a body.
  server.maxHeadersCount = 0
  // What is expected beyond 100-continue is nobody's here: a server may go on without (RFC 9110 §10.1.1), and node:http would refuse without a word.
  server.on('checkExpectation', (incoming, outgoing) => server.emit('request', incoming, outgoing))
  server.on('checkContinue', (incoming, outgoing) => {
    if (answersContinue) writeInterim(outgoing, () => outgoing.writeContinue())
    server.emit('request', incoming, outgoing)
  })
  server.prependListener('request', (incoming, outgoing) => { if (isLast(incoming)) outgoing.shouldKeepAlive = false })
  // node:http calls this where a connection ends with an answer, and would close it with bytes unread.
  server.prependListener('connection', socket => { socket.destroySoon = () => endInOrder(socket, patience) })
  return server
}

/** Of interim responses that wait with theirs for the answer before it; what is beyond is left out. */
const WAITING_MAX = 10

/**
 * Writes an interim response (RFC 9110 §15.2) in its place, unless the head of the response is out. Where that waits for the one before
 * it, node:http would put it behind that head, into the body.
 */
export function writeInterim(outgoing: ServerResponse, write: () => void): void {
  const writeNow = (): void => { if (!outgoing.headersSent) write() }
  if (outgoing.socket !== null) writeNow()
  else if (outgoing.listenerCount('socket') < WAITING_MAX) outgoing.once('socket', writeNow)
}

/**
 * Whether nothing behind a request can be relied on: node:http loses what came in one packet with an Upgrade that nobody follows, and a
 * transfer coding in HTTP/1.0 may have been none to others on the way (RFC 9112 §6.1).
 */
function isLast({ headers, httpVersion }: IncomingMessage): boolean {
  return headers.upgrade !== undefined || (httpVersion === '1.0' && headers['transfer-encoding'] !== undefined)
}

/**
 * Ends our half, and closes the connection when the peer has ended its own, or after a while (RFC 9112 §9.6): a close with bytes
 * unread is a reset, and takes the answer away from a peer that still sends. Whoever reads the connection goes on reading.
 */
export function endInOrder(socket: Duplex, { clock, closingMs }: Patience): void {
  if (socket.writableEnded) return
  socket.end()
  socket.once('finish', () => socket.once('close', clock.wakeAt(clock.nowMs() + closingMs, () => socket.destroy())))
}
