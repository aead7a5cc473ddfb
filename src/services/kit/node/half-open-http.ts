/** A node:http server for connections accepted elsewhere. Either side may close its half of a connection, and no response is lost by that. */
import { createServer, type IncomingMessage, type Server, type ServerOptions, type ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Clock } from './clock.ts'

export interface LingerOptions {
  readonly clock: Clock
  /** How long a peer may keep sending after our half is closed, in ms. */
  readonly closingMs: number
}

export interface HalfOpenOptions extends ServerOptions {
  /** Responds to `Expect: 100-continue` (RFC 9110 §10.1.1). If false, that is left to the request handler. */
  readonly answersContinue: boolean
}

export function createHalfOpenServer({ answersContinue, ...options }: HalfOpenOptions, linger: LingerOptions): Server {
  // The request handler checks the Host field (kit/request-host.ts): from version 18 on, node:http would reject without an explanation.
  const ownOptions = { ...options, requireHostHeader: false }
  // Makes node:http respond to a client that has closed its half after the request; there is no option and no type for it.
  const server = Object.assign(createServer(ownOptions), { httpAllowHalfOpen: true })
  // The total length of fields is limited. Beyond a count, node:http would silently drop fields, even a second Host or a Content-Length.
  server.maxHeadersCount = 0
  // Expectations other than 100-continue are ignored, as a server may (RFC 9110 §10.1.1); node:http would reject without an explanation.
  server.on('checkExpectation', (incoming, outgoing) => server.emit('request', incoming, outgoing))
  server.on('checkContinue', (incoming, outgoing) => {
    if (answersContinue) writeInterim(outgoing, () => outgoing.writeContinue())
    server.emit('request', incoming, outgoing)
  })
  server.prependListener('request', (incoming, outgoing) => { if (isLast(incoming)) outgoing.shouldKeepAlive = false })
  // node:http calls this when a connection ends with a response, and would close it with bytes unread.
  server.prependListener('connection', socket => { socket.destroySoon = () => endInOrder(socket, linger) })
  return server
}

/** Safe methods (RFC 9110 §9.2.1). */
const SAFE_METHODS: readonly (string | undefined)[] = ['GET', 'HEAD', 'OPTIONS', 'TRACE']
/** The most requests of a connection that are processed at once. */
const ACTING_MAX = 32
/** The most requests of a connection that wait for their turn; beyond that, nothing is read. */
const HELD_MAX = 100

interface Turns {
  /** The response to the latest unsafe request. */
  changing: ServerResponse | undefined
  acting: number
  held: number
  whenNoneIsHeld: (() => void) | undefined
}

/**
 * Calls `act` for each request when its turn comes. An unsafe request waits for all earlier ones on its connection, and all later ones wait
 * for it (RFC 9112 §9.3.2). Safe requests do not wait for each other, unless there are many.
 * @returns a function that calls `then` once every request received on a connection so far has had its turn
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

/** The most interim responses that wait for an earlier response; more are left out. */
const WAITING_MAX = 10

/**
 * Writes an interim response (RFC 9110 §15.2) in its place, unless the final response has begun. While that waits for an earlier response,
 * node:http would write the interim response after the final header, into the body.
 */
export function writeInterim(outgoing: ServerResponse, write: () => void): void {
  const writeNow = (): void => { if (!outgoing.headersSent) write() }
  if (outgoing.socket !== null) writeNow()
  else if (outgoing.listenerCount('socket') < WAITING_MAX) outgoing.once('socket', writeNow)
}

/**
 * Whether nothing after this request can be relied on: node:http loses what came in one packet with an Upgrade that is not accepted, and an
 * intermediary may have ignored a transfer coding in HTTP/1.0 (RFC 9112 §6.1).
 */
function isLast({ headers, httpVersion }: IncomingMessage): boolean {
  return headers.upgrade !== undefined || (httpVersion === '1.0' && headers['transfer-encoding'] !== undefined)
}

/**
 * Closes our half, and the whole connection when the peer has closed its own, or after a while (RFC 9112 §9.6): closing with bytes unread
 * causes a reset, which can destroy the response at a peer that is still sending. The connection continues to be read.
 */
export function endInOrder(socket: Duplex, { clock, closingMs }: LingerOptions): void {
  if (socket.writableEnded) return
  socket.end()
  socket.once('finish', () => socket.once('close', clock.wakeAt(clock.nowMs() + closingMs, () => socket.destroy())))
}
