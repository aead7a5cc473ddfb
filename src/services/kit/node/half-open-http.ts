/** node:http's server for connections that others accept: each side may end its half of one, and no answer is lost by its end. */
import { createServer, type IncomingMessage, type Server, type ServerOptions, type ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Clock } from './clock.ts'

export interface LingerOptions {
  readonly clock: Clock
  /** How long a peer that was told that the connection ends may go on sending, in ms. */
  readonly closingMs: number
}

export interface HalfOpenOptions extends ServerOptions {
  /** Who asks whether to send its body is told to (RFC 9110 §10.1.1); else that is up to whoever answers. */
  readonly answersContinue: boolean
}

export function createHalfOpenServer({ answersContinue, ...options }: HalfOpenOptions, patience: LingerOptions): Server {
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

/** RFC 9110 §9.2.1: what changes nothing. */
const SAFE_METHODS: readonly (string | undefined)[] = ['GET', 'HEAD', 'OPTIONS', 'TRACE']
/** Requests of a connection that are acted on at once. */
const ACTING_MAX = 32
/** Requests of a connection that wait for their turn; beyond that nothing is read. */
const HELD_MAX = 100

interface Turns {
  /** The latest answer to what may change something. */
  changing: ServerResponse | undefined
  acting: number
  held: number
  whenNoneIsHeld: (() => void) | undefined
}

/**
 * Tells of each request when it may be acted on: what may change something comes after all that was asked for before it on its connection,
 * and before all that follows (RFC 9112 §9.3.2). Others need not wait for one another, unless they are many.
 * @returns does something on a connection once every request is acted on that has come there
 */
export function onRequestInTurn(server: Server, act: (incoming: IncomingMessage, outgoing: ServerResponse) => void): (socket: Duplex, then: () => void) => void {
  const connections = new WeakMap<Duplex, Turns>()
  server.on('request', (incoming, outgoing) => {
    const { socket } = incoming
    const turns = connections.get(socket) ?? { changing: undefined, acting: 0, held: 0, whenNoneIsHeld: undefined }
    connections.set(socket, turns)
    const begin = (): void => {
      turns.acting++
      outgoing.once('close', () => turns.acting--)
      act(incoming, outgoing)
    }
    const changes = !SAFE_METHODS.includes(incoming.method)
    const waits = outgoing.socket === null && (changes || turns.acting >= ACTING_MAX || turns.changing?.writableFinished === false)
    if (changes) turns.changing = outgoing
    if (!waits) return begin()
    if (++turns.held >= HELD_MAX) socket.pause()
    outgoing.once('socket', () => {
      if (turns.held-- === HELD_MAX) socket.resume()
      begin()
      if (turns.held === 0) turns.whenNoneIsHeld?.()
    })
  })
  return (socket, then) => {
    const turns = connections.get(socket)
    if (turns === undefined || turns.held === 0) then()
    else turns.whenNoneIsHeld = then
  }
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
export function endInOrder(socket: Duplex, { clock, closingMs }: LingerOptions): void {
  if (socket.writableEnded) return
  socket.end()
  socket.once('finish', () => socket.once('close', clock.wakeAt(clock.nowMs() + closingMs, () => socket.destroy())))
}
