/**
 * A stream of RUDP as Node knows connections: a Duplex that node:http takes like a TCP socket. Several of one connection go side by
 * side without waiting for one another; made by listener.ts and dialer.ts.
 */
import { Duplex } from 'node:stream'
import { HamletError } from '../kit/errors.ts'
import type { Clock } from '../kit/node/clock.ts'
import { closeError } from './close-error.ts'
import type { Connection } from './core/connection.ts'
import type { CloseReason, Metrics } from './core/events.ts'
import type { Stream, StreamEvent } from './core/stream.ts'
import type { RudpHost } from './host.ts'

/** The largest piece that a reader gets at once. */
const PIECE_BYTES_MAX = 1024 * 1024
/** How long the end of an abandoned stream may take; then it is broken off. */
const ABANDONED_MS_MAX = 5_000

export class RudpSocket extends Duplex {
  /**
   * Set for a reader that is done with each piece before its `data` listener returns, as node:http's parser is, which copies what it
   * hands on: the piece then lies in memory that is used again. All others get pieces of their own.
   */
  lendsPieces = false
  readonly #host: RudpHost
  readonly #connection: Connection
  readonly #stream: Stream
  readonly #clock: Clock
  #bytesRead = 0
  #bytesWritten = 0
  #connecting: boolean
  #wantsMore = false
  #ended = false
  #isStopped = false
  #waitingForRoom: (() => void) | undefined
  #waitingForDelivery: ((error?: Error | null) => void) | undefined
  #idleMs = 0
  #activeAtMs = 0
  #cancelIdle = (): void => undefined

  constructor(host: RudpHost, connection: Connection, stream: Stream, clock: Clock) {
    super({ readableHighWaterMark: PIECE_BYTES_MAX, writableHighWaterMark: 64 * 1024 })
    this.#host = host
    this.#connection = connection
    this.#stream = stream
    this.#clock = clock
    this.#connecting = connection.state === 'HELLO-SENT'
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

  /** The peer has not answered yet: what is written is kept for it. `connect` or `error` will tell, as of a net.Socket. */
  get connecting(): boolean {
    return this.#connecting
  }

  /** Counts the streams that one end opened in a connection, from 1. */
  get number(): number {
    return (this.#stream.id >> 1) + 1
  }

  get bytesRead(): number {
    return this.#bytesRead
  }

  get bytesWritten(): number {
    return this.#bytesWritten
  }

  /**
   * What is read first may have come with the token of an earlier visit, before this connection was confirmed: HTTP's early data
   * (RFC 8470). Only what is safe to do twice should be done on it.
   */
  get early(): boolean {
    return this.#stream.early
  }

  /** Of the connection: congestion window and threshold, round trip, packets, as they are now. */
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
    this.#pull(false)
  }

  override _write(chunk: Uint8Array, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#writeAll([chunk], done)
  }

  override _writev(chunks: { chunk: Uint8Array; encoding: BufferEncoding }[], done: (error?: Error | null) => void): void {
    this.#writeAll(chunks.map(({ chunk }) => chunk), done)
  }

  /** Half-close. Done when the peer has everything, so that a `destroy` after `finish` cuts nothing off. */
  override _final(done: (error?: Error | null) => void): void {
    if (this.#isStopped) return done()
    this.#waitingForDelivery = done
    this.#host.use(() => this.#stream.end())
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#cancelIdle()
    this.#waitingForRoom = undefined
    const waiting = this.#waitingForDelivery
    this.#waitingForDelivery = undefined
    this.#host.use(() => {
      if (this.#connecting) this.#stream.reset(0) // nothing has left yet, and nothing shall
      this.#stream.abandon()
    })
    this.#clock.wakeAt(this.#clock.nowMs() + ABANDONED_MS_MAX, () => this.#host.use(() => this.#stream.reset(0)))
    waiting?.(error ?? new HamletError(closeError('reset-by-peer', this.#connection.path.peer)))
    done(error)
  }

  /** An event of this stream, from the host. */
  hear(event: StreamEvent): void {
    switch (event.kind) {
      case 'readable': return this.#pull(true)
      case 'writable': return this.#goOnWriting()
      case 'delivered': return this.#delivered()
      case 'reset-by-peer': return this.#lost('reset-by-peer')
      case 'stopped': return this.#stopped()
      case 'over': return
    }
  }

  /** The peer has answered. */
  hearConnected(): void {
    if (!this.#connecting) return
    this.#connecting = false
    if (!this.destroyed) this.emit('connect')
  }

  /** The connection is over. */
  hearClosed(reason: CloseReason): void {
    // A peer that closes in order has taken all that it wanted: at most the acknowledgment of our end is missing.
    if (reason !== 'finished') return this.#lost(reason)
    this.#pull(true)
    this.#delivered()
    if (!this.#ended || !this.writableEnded) this.#lost('reset-by-peer')
    else this.destroy()
  }

  /** The peer reads no more. What it sent before is still read; what was written and not delivered, or will be, is an error. */
  #stopped(): void {
    this.#isStopped = true
    if (this.#waitingForRoom !== undefined || this.#waitingForDelivery !== undefined) this.#lost('reset-by-peer')
  }

  #lost(reason: CloseReason): void {
    if (!this.destroyed) this.destroy(new HamletError(closeError(reason, this.#connection.path.peer)))
  }

  /** @param atOnce whoever listens hears of a piece before `push` returns; within `_read` Node would keep it for later */
  #pull(atOnce: boolean): void {
    while (this.#wantsMore && !this.destroyed && this.#stream.readableBytes > 0) {
      const piece = this.#host.use(() => this.#stream.read(PIECE_BYTES_MAX))
      this.#bytesRead += piece.length
      this.#active()
      this.#wantsMore = false // set again by `_read`, which push calls where the reader keeps up
      const isLent = this.lendsPieces && atOnce && this.readableFlowing === true && this.readableLength === 0
      if (this.push(isLent ? piece : Buffer.from(piece))) this.#wantsMore = true
    }
    if (!this.#stream.drained || this.#ended || this.destroyed) return
    this.#ended = true
    this.push(null)
    // A stream that nobody reads never ends; node:http relies on an ended connection to be noticed.
    if (this.readableLength === 0) this.read(0)
  }

  #writeAll(chunks: readonly Uint8Array[], done: (error?: Error | null) => void): void {
    this.#active()
    if (this.#isStopped) return done(new HamletError(closeError('reset-by-peer', this.#connection.path.peer)))
    const taken = this.#host.use(() => {
      for (const [index, chunk] of chunks.entries()) {
        const bytes = this.#stream.write(chunk)
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
