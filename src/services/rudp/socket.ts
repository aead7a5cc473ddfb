/** RUDP as Node knows connections: a Duplex that node:http takes like a TCP socket, a listener, and a dialler. */
import { Duplex } from 'node:stream'
import type { Endpoint } from '../kit/endpoint.ts'
import { HamletError } from '../kit/errors.ts'
import type { Random } from '../kit/random.ts'
import type { TraceRing } from '../kit/trace.ts'
import type { Clock } from '../kit/node/clock.ts'
import type { Io } from '../kit/node/udp/door.ts'
import { closeError } from './close-error.ts'
import type { CongestionFactory } from './core/congestion/congestion.ts'
import type { Connection } from './core/connection.ts'
import type { RudpEvent } from './core/endpoint.ts'
import type { CloseReason, ConnectionEvent, Metrics } from './core/events.ts'
import { DEFAULT_LIMITS } from './core/limits.ts'
import { openHost, type RudpHost } from './host.ts'

/** The largest piece that a reader gets at once. */
const PIECE_BYTES_MAX = 256 * 1024

export class RudpSocket extends Duplex {
  readonly #host: RudpHost
  readonly #connection: Connection
  readonly #clock: Clock
  #bytesRead = 0
  #bytesWritten = 0
  #wantsMore = false
  #ended = false
  #waitingForRoom: (() => void) | undefined
  #waitingForDelivery: ((error?: Error | null) => void) | undefined
  #idleMs = 0
  #activeAtMs = 0
  #cancelIdle = (): void => undefined

  /** Made by `listenRudp` and `connectRudp`. */
  constructor(host: RudpHost, connection: Connection, clock: Clock) {
    super({ readableHighWaterMark: PIECE_BYTES_MAX, writableHighWaterMark: 64 * 1024 })
    this.#host = host
    this.#connection = connection
    this.#clock = clock
  }

  get remoteAddress(): string {
    return this.#connection.path.peer.address
  }

  get remotePort(): number {
    return this.#connection.path.peer.port
  }

  get remoteFamily(): string {
    return this.remoteAddress.includes(':') ? 'IPv6' : 'IPv4'
  }

  /** The wildcard where the socket is bound to it: the system does not tell more. */
  get localAddress(): string {
    return this.#connection.path.local.address
  }

  get localPort(): number {
    return this.#connection.path.local.port
  }

  get bytesRead(): number {
    return this.#bytesRead
  }

  get bytesWritten(): number {
    return this.#bytesWritten
  }

  /** Congestion window and threshold, round trip, packets: as they are now. */
  metrics(): Metrics {
    return this.#connection.metrics()
  }

  /** Emits `timeout` when nothing was read or written for so long; 0: never. The connection goes on. */
  setTimeout(timeoutMs: number, listener?: () => void): this {
    this.#idleMs = timeoutMs
    this.#activeAtMs = this.#clock.nowMs()
    if (listener !== undefined) {
      if (timeoutMs === 0) this.off('timeout', listener)
      else this.once('timeout', listener)
    }
    this.#watchIdle()
    return this
  }

  /** RUDP never waits for more to send, so there is nothing to switch off. */
  setNoDelay(): this {
    return this
  }

  /** RUDP always asks an idle peer whether it lives. */
  setKeepAlive(): this {
    return this
  }

  /** The UDP socket below keeps the process alive as long as it is open. */
  ref(): this {
    return this
  }

  unref(): this {
    return this
  }

  override _read(): void {
    this.#wantsMore = true
    this.#pull()
  }

  override _write(chunk: Uint8Array, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#writeAll([chunk], done)
  }

  override _writev(chunks: { chunk: Uint8Array; encoding: BufferEncoding }[], done: (error?: Error | null) => void): void {
    this.#writeAll(chunks.map(({ chunk }) => chunk), done)
  }

  /** Half-close. Done when the peer has everything, so that a `destroy` after `finish` cuts nothing off. */
  override _final(done: (error?: Error | null) => void): void {
    this.#waitingForDelivery = done
    this.#host.use(nowMs => this.#connection.shutdown(nowMs))
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#cancelIdle()
    this.#waitingForRoom = undefined
    const waiting = this.#waitingForDelivery
    this.#waitingForDelivery = undefined
    this.#host.use(nowMs => this.#connection.abandon(nowMs))
    waiting?.(error ?? new HamletError(closeError('reset', this.#connection.path.peer)))
    done(error)
  }

  /** An event of this connection, from the host. */
  hear(event: ConnectionEvent): void {
    switch (event.kind) {
      case 'connected':
      case 'accepted': return
      case 'readable':
      case 'finished': return this.#pull()
      case 'writable': return this.#goOnWriting()
      case 'delivered': return this.#delivered()
      case 'closed': return this.#closed(event.reason)
    }
  }

  #pull(): void {
    while (this.#wantsMore && !this.destroyed && this.#connection.readableBytes > 0) {
      const piece = this.#host.use(nowMs => this.#connection.read(PIECE_BYTES_MAX, nowMs))
      this.#bytesRead += piece.length
      this.#active()
      this.#wantsMore = false // set again by `_read`, which push calls where the reader keeps up
      if (this.push(piece)) this.#wantsMore = true
    }
    if (!this.#connection.drained || this.#ended || this.destroyed) return
    this.#ended = true
    this.push(null)
    // A stream that nobody reads never ends; node:http relies on an ended connection to be noticed.
    if (this.readableLength === 0) this.read(0)
  }

  #writeAll(chunks: readonly Uint8Array[], done: () => void): void {
    this.#active()
    const taken = this.#host.use(nowMs => {
      for (const [index, chunk] of chunks.entries()) {
        const bytes = this.#connection.write(chunk, nowMs, index < chunks.length - 1)
        this.#bytesWritten += bytes
        if (bytes < chunk.length) return { index, bytes }
      }
      return undefined
    })
    if (taken === undefined) return done()
    const rest = chunks.slice(taken.index)
    this.#waitingForRoom = () => this.#writeAll([(rest[0] ?? EMPTY).subarray(taken.bytes), ...rest.slice(1)], done)
  }

  #goOnWriting(): void {
    const goOn = this.#waitingForRoom
    this.#waitingForRoom = undefined
    goOn?.()
  }

  #delivered(): void {
    const done = this.#waitingForDelivery
    this.#waitingForDelivery = undefined
    done?.()
  }

  #closed(reason: CloseReason): void {
    if (reason !== 'finished' && reason !== 'reset' && !this.destroyed) this.destroy(new HamletError(closeError(reason, this.#connection.path.peer)))
    else if (reason === 'reset' && !this.destroyed) this.destroy()
  }

  #active(): void {
    if (this.#idleMs > 0) this.#activeAtMs = this.#clock.nowMs()
  }

  /** One timer, set anew only when it comes: activity just moves the time that it will look at. */
  #watchIdle(): void {
    this.#cancelIdle()
    if (this.#idleMs === 0 || this.destroyed) return
    this.#cancelIdle = this.#clock.wakeAt(this.#activeAtMs + this.#idleMs, () => {
      const nowMs = this.#clock.nowMs()
      if (nowMs >= this.#activeAtMs + this.#idleMs) {
        this.#activeAtMs = nowMs
        this.emit('timeout')
      }
      this.#watchIdle()
    })
  }
}

const EMPTY = new Uint8Array(0)

/**
 * Takes RUDP connections on each address, one UDP socket each.
 * @param options.port 0: any free one, the same for all
 * @throws HamletError port-taken, port-not-permitted or address-not-local; then nothing stays open
 */
export async function listenRudp(options: {
  addresses: readonly string[]; port: number; io?: Io; accept: (socket: RudpSocket) => void; clock: Clock; random: Random; trace: TraceRing; congestion?: CongestionFactory
}): Promise<{ locals: readonly Endpoint[]; close(): Promise<void> }> {
  const { accept, clock } = options
  const sockets = new Map<Connection, RudpSocket>()
  const host: RudpHost = await openHost({
    ...options, accepting: true,
    onEvent(event) {
      const { connection } = event
      if (event.kind === 'accepted') {
        const socket = new RudpSocket(host, connection, clock)
        sockets.set(connection, socket)
        accept(socket)
      } else sockets.get(connection)?.hear(event)
      if (event.kind === 'closed') sockets.delete(connection)
    },
  })
  return {
    locals: host.locals,
    async close() {
      await host.close()
      for (const socket of sockets.values()) socket.destroy()
      sockets.clear()
    },
  }
}

/**
 * Dials a RUDP connection, on a UDP socket of its own that closes with it.
 * @throws HamletError connection-refused or timed-out
 */
export async function connectRudp(peer: Endpoint, options: { clock: Clock; random: Random; trace: TraceRing; timeoutMs?: number }): Promise<RudpSocket> {
  const { timeoutMs = DEFAULT_LIMITS.connectTimeoutMs, clock } = options
  let hear: (event: RudpEvent) => void = () => undefined
  const host = await openHost({
    ...options, accepting: false, addresses: [addressTowards(peer)], port: 0, limits: { connectTimeoutMs: timeoutMs }, onEvent: event => hear(event),
  })
  const connection = host.use((nowMs, endpoint) => endpoint.connect(host.pathTo(peer), nowMs))
  return new Promise((resolve, reject) => {
    let socket: RudpSocket | undefined
    hear = event => {
      if (event.kind === 'connected') resolve(socket = new RudpSocket(host, connection, clock))
      else socket?.hear(event)
      if (event.kind !== 'closed') return
      void host.close()
      if (socket === undefined) reject(new HamletError(closeError(event.reason, peer, timeoutMs)))
    }
  })
}

/** Loopback stays loopback; else any address of this machine will do. */
function addressTowards({ address }: Endpoint): string {
  if (address.includes(':')) return address === '::1' ? '::1' : '::'
  return address.startsWith('127.') ? '127.0.0.1' : '0.0.0.0'
}
