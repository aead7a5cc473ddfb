/**
 * Timeouts of the proxy's connections from browsers: how long a request head may take, and how long to keep a browser
 * that has ended its half of the connection.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Clock } from '../kit/node/clock.ts'
import { isPeerGone } from './local-peer.ts'

export const HEAD_MS_MAX = 10_000
/** TCP cannot tell a browser that ended only its half from one that closed, so the system is asked this often. */
const CHECK_PEER_EVERY_MS = 1_000
/** If the system does not say, a connection with no traffic for this long counts as closed. */
const SILENT_MS_MAX = 120_000

export interface Exchange {
  readonly incoming: IncomingMessage
  readonly outgoing: ServerResponse
}

export class BrowserTimeouts {
  readonly #clock: Clock
  readonly #refuseSlow: (socket: Socket) => void
  /** One per connection. */
  readonly #timers = new WeakMap<Duplex, () => void>()
  readonly #latest = new WeakMap<Duplex, Exchange>()

  /** @param refuseSlow answers a request head that was not complete in time */
  constructor(clock: Clock, refuseSlow: (socket: Socket) => void) {
    this.#clock = clock
    this.#refuseSlow = refuseSlow
  }

  opened(socket: Socket): void {
    this.#awaitHead(socket, -1, 0)
    socket.once('end', () => {
      if (this.#latest.has(socket)) this.#awaitClose(socket) // not a tunnel, whose bytes must still reach the server
    })
  }

  /** Stops watching: a head is complete, a tunnel begins, or the connection is closed. */
  forget(socket: Duplex): void {
    this.#timers.get(socket)?.()
    this.#latest.delete(socket)
  }

  /** A request is being answered. */
  began(exchange: Exchange): void {
    const { incoming, outgoing } = exchange
    const { socket } = incoming
    this.forget(socket)
    this.#latest.set(socket, exchange)
    const isOver = (): void => {
      if (!incoming.complete || !outgoing.writableFinished || this.#latest.get(socket) !== exchange || socket.destroyed) return
      this.#awaitHead(socket, socket.bytesRead, socket.bytesRead)
    }
    outgoing.once('finish', isOver)
    incoming.once('end', isOver) // the body may end after the response
  }

  latest(socket: Duplex): Exchange | undefined {
    return this.#latest.get(socket)
  }

  /**
   * node:http applies its head timeout only to connections that it accepted itself. One check notices that the next
   * head has begun; the check after that is its deadline.
   */
  #awaitHead(socket: Socket, idleBytes: number, seenBytes: number): void {
    this.#wakeIn(HEAD_MS_MAX, socket, () => {
      if (seenBytes === idleBytes) this.#awaitHead(socket, idleBytes, socket.bytesRead)
      else if (socket.bytesRead === 0) socket.destroy() // a browser that preconnected would take a 408 for the response to its first request
      else this.#refuseSlow(socket)
    })
  }

  #awaitClose(socket: Socket): void {
    this.#wakeIn(CHECK_PEER_EVERY_MS, socket, async () => {
      const isGone = await isPeerGone(socket)
      if (isGone === undefined) socket.setTimeout(SILENT_MS_MAX) // node:http destroys it then
      else if (isGone) socket.destroy()
      else if (!socket.destroyed) this.#awaitClose(socket)
    })
  }

  #wakeIn(waitMs: number, socket: Socket, wake: () => unknown): void {
    this.#timers.get(socket)?.()
    this.#timers.set(socket, this.#clock.wakeAt(this.#clock.nowMs() + waitMs, wake))
  }
}
