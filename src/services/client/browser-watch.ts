/** What the proxy waits for on a browser's connection, and how long: for the head of a request, and for one who has ended its half. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Clock } from '../kit/node/clock.ts'

export const HEAD_MS_MAX = 10_000
/** TCP does not tell a browser that has ended its half, and waits, from one that is gone: gone is who gets nothing for so long. */
const HALF_CLOSED_MS = 5_000
/** Before its answer such a browser gets that often what only one that is still there takes without a reset. */
const ASK_EVERY_MS = 1_000

export interface Exchange {
  readonly incoming: IncomingMessage
  readonly outgoing: ServerResponse
}

export class BrowserWatch {
  readonly #clock: Clock
  readonly #refuseSlow: (socket: Socket) => void
  /** One a connection. */
  readonly #timers = new WeakMap<Duplex, () => void>()
  readonly #latest = new WeakMap<Duplex, Exchange>()

  /** @param refuseSlow answers a head that has not come whole in time */
  constructor(clock: Clock, refuseSlow: (socket: Socket) => void) {
    this.#clock = clock
    this.#refuseSlow = refuseSlow
  }

  opened(socket: Socket): void {
    this.#awaitHead(socket, -1, 0)
    socket.once('end', () => {
      socket.setTimeout(HALF_CLOSED_MS) // node:http destroys it then, and has no eye on tunnels
      this.#askWhetherItWaits(socket)
    })
  }

  /** Nothing is waited for there: a head has come, or the connection is over. */
  forget(socket: Duplex): void {
    this.#timers.get(socket)?.()
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
    incoming.once('end', isOver) // a body may take longer than its answer
  }

  latest(socket: Duplex): Exchange | undefined {
    return this.#latest.get(socket)
  }

  /**
   * node:http watches over the time that heads take only where it listens itself. The beginning of a later one is seen at a look, and
   * its time is over at the next.
   */
  #awaitHead(socket: Socket, idleBytes: number, seenBytes: number): void {
    this.#wakeIn(HEAD_MS_MAX, socket, () => {
      if (seenBytes === idleBytes) this.#awaitHead(socket, idleBytes, socket.bytesRead)
      else if (socket.bytesRead === 0) socket.destroy() // a browser that connected ahead would take a refusal for its answer
      else this.#refuseSlow(socket)
    })
  }

  /** By an interim response, which HTTP/1.1 has to take at any time before the answer (RFC 9110 §15.2): 102 says that one is on its way (RFC 2518 §10.1). */
  #askWhetherItWaits(socket: Socket): void {
    const exchange = this.#latest.get(socket)
    if (exchange === undefined || exchange.incoming.httpVersion === '1.0') return
    this.#wakeIn(ASK_EVERY_MS, socket, () => {
      if (exchange.outgoing.headersSent) return
      exchange.outgoing.writeProcessing()
      this.#askWhetherItWaits(socket)
    })
  }

  #wakeIn(waitMs: number, socket: Socket, wake: () => void): void {
    this.#timers.get(socket)?.()
    this.#timers.set(socket, this.#clock.wakeAt(this.#clock.nowMs() + waitMs, wake))
  }
}
