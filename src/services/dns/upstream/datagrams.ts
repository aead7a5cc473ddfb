/**
 * UDP to one upstream, from many ports. The operating system gives each socket a random port; a socket carries a few hundred
 * queries and is then replaced, so that a forger has to guess port and id again and again (RFC 5452 §9.2). The sockets are
 * connected: they receive datagrams from that server only, and learn when nothing listens there.
 */
import type { Path } from '../../kit/endpoint.ts'
import { openTracedDoor } from '../../kit/node/udp/traced-door.ts'
import type { DatagramBatch, DatagramDoor } from '../../kit/node/udp/door.ts'
import { below } from '../../kit/random.ts'
import type { UpstreamQuery } from '../core/forwarding/flight.ts'
import type { Upstream } from '../core/forwarding/upstream.ts'
import { idOf, whyRefused, type UpstreamDoor, type UpstreamDoorOptions } from './door.ts'

/** The pool of sockets that queries are spread over. */
const SOCKETS_MAX = 32
const SOCKET_QUERIES_MAX = 500
const SOCKET_AGE_MS_MAX = 20_000
const SWEEP_EVERY_MS = 5000

interface PooledSocket {
  readonly openedAtMs: number
  /** By id; an id can be reused once its query is forgotten. */
  readonly pending: Map<number, UpstreamQuery>
  queries: number
  /** Undefined while it is being opened. */
  open: { readonly door: DatagramDoor; readonly path: Path } | undefined
  /** It takes no more queries, and closes after the last. */
  retired: boolean
}

export class Datagrams implements UpstreamDoor {
  readonly #upstream: Upstream
  readonly #options: UpstreamDoorOptions
  readonly #slots: (PooledSocket | undefined)[] = new Array<PooledSocket | undefined>(SOCKETS_MAX).fill(undefined)
  readonly #sockets = new Set<PooledSocket>()
  readonly #socketOf = new Map<UpstreamQuery, PooledSocket>()
  /** Queries between two flushes leave together on this socket. */
  #current: PooledSocket | undefined
  #cancelSweep: (() => void) | undefined
  #closed = false

  constructor(upstream: Upstream, options: UpstreamDoorOptions) {
    this.#upstream = upstream
    this.#options = options
  }

  ask(query: UpstreamQuery): void {
    const id = idOf(query.message)
    const current = this.#current
    const socket = current === undefined || current.pending.has(id) ? this.#draw(id) : current
    this.#current = socket
    socket.queries++
    socket.pending.set(id, query)
    this.#socketOf.set(query, socket)
    socket.open?.door.send(socket.open.path, query.message)
  }

  flush(): void {
    this.#current?.open?.door.flush()
    this.#current = undefined
  }

  forget(query: UpstreamQuery): void {
    const socket = this.#socketOf.get(query)
    if (socket === undefined) return
    this.#socketOf.delete(query)
    socket.pending.delete(idOf(query.message))
    if (socket.retired) this.#closeIfIdle(socket)
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#cancelSweep?.()
    await Promise.all([...this.#sockets].map(async ({ open }) => open?.door.close()))
    this.#sockets.clear()
  }

  /** Draws a random socket on which the id is free. */
  #draw(id: number): PooledSocket {
    if (this.#current !== undefined) this.flush()
    const slot = below(this.#options.random, SOCKETS_MAX)
    const socket = this.#slots[slot]
    const isFresh = socket !== undefined && socket.queries < SOCKET_QUERIES_MAX && this.#ageMs(socket) < SOCKET_AGE_MS_MAX && !socket.pending.has(id)
    if (isFresh) return socket
    if (socket !== undefined) this.#retire(socket)
    return this.#slots[slot] = this.#openSocket()
  }

  #openSocket(): PooledSocket {
    const { trace, clock, io = 'auto' } = this.#options
    const peer = this.#upstream.endpoint
    const socket: PooledSocket = { openedAtMs: clock.nowMs(), pending: new Map(), queries: 0, open: undefined, retired: false }
    this.#sockets.add(socket)
    this.#sweepLater()
    openTracedDoor({
      addresses: [peer.address.includes(':') ? '::' : '0.0.0.0'], port: 0, peer, io,
      receive: batch => this.#receive(socket, batch), onError: error => this.#refuse(socket, error),
    }, trace, 'dns', clock).then(door => {
      if (this.#closed) return door.close()
      const path = door.pathTo(peer)
      socket.open = { door, path }
      for (const { message } of socket.pending.values()) door.send(path, message)
      door.flush()
      if (socket.retired) this.#closeIfIdle(socket)
      return undefined
    }, (error: unknown) => {
      this.#sockets.delete(socket)
      this.#refuse(socket, error)
    })
    return socket
  }

  #receive(socket: PooledSocket, { count, slab, offsets, lengths }: DatagramBatch): void {
    for (let index = 0; index < count; index++) {
      const offset = offsets[index] ?? 0
      const message = slab.subarray(offset, offset + (lengths[index] ?? 0))
      const query = socket.pending.get(idOf(message))
      if (query !== undefined) this.#options.receive(message, query)
    }
    this.#options.drain()
  }

  /** Retires the socket too: it may be bound to an address that this machine no longer has. */
  #refuse(socket: PooledSocket, error: unknown): void {
    const why = whyRefused(error)
    this.#retire(socket)
    for (const query of [...socket.pending.values()]) this.#options.refused(query, why)
    this.#options.drain()
  }

  #retire(socket: PooledSocket): void {
    socket.retired = true
    const slot = this.#slots.indexOf(socket)
    if (slot >= 0) this.#slots[slot] = undefined
    this.#closeIfIdle(socket)
  }

  #closeIfIdle(socket: PooledSocket): void {
    if (socket.pending.size > 0 || socket === this.#current || socket.open === undefined) return
    this.#sockets.delete(socket)
    void socket.open.door.close()
  }

  #ageMs({ openedAtMs }: PooledSocket): number {
    return this.#options.clock.nowMs() - openedAtMs
  }

  /** Closes old sockets even if no more queries come. */
  #sweepLater(): void {
    const { clock } = this.#options
    this.#cancelSweep ??= clock.wakeAt(clock.nowMs() + SWEEP_EVERY_MS, () => {
      this.#cancelSweep = undefined
      for (const socket of [...this.#sockets]) if (this.#ageMs(socket) >= SOCKET_AGE_MS_MAX) this.#retire(socket)
      if (this.#sockets.size > 0) this.#sweepLater()
    })
  }
}
