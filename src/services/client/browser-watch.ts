/** What the proxy waits for on a browser's connection, and how long: for the head of a request, and for one who has ended its half. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Clock } from '../kit/node/clock.ts'
import { isAbandoned } from './abandoned.ts'

export const HEAD_MS_MAX = 10_000
/** TCP does not tell a browser that has ended its half, and waits, from one that is gone: this computer is asked that often. */
const ASK_EVERY_MS = 1_000
/** Where this computer does not say, gone is who gets nothing for so long. */
const SILENT_MS_MAX = 120_000

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
      if (this.#latest.has(socket)) this.#askWhetherItWaits(socket) // and no tunnel: what is on its way to a server there shall arrive
    })
  }

  /** Nothing is waited for there: a head has come, a tunnel begins, or the connection is over. */
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

  #askWhetherItWaits(socket: Socket): void {
    this.#wakeIn(ASK_EVERY_MS, socket, async () => {
      const isGone = await isAbandoned(socket)
      if (isGone === undefined) socket.setTimeout(SILENT_MS_MAX) // node:http destroys it then
      else if (isGone) socket.destroy()
      else if (!socket.destroyed) this.#askWhetherItWaits(socket)
    })
  }

  #wakeIn(waitMs: number, socket: Socket, wake: () => unknown): void {
    this.#timers.get(socket)?.()
    this.#timers.set(socket, this.#clock.wakeAt(this.#clock.nowMs() + waitMs, wake))
  }
}
