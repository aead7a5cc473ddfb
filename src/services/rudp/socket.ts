/**
 * A RUDP stream as a Node Duplex, which node:http accepts like a TCP socket. Several sockets of one connection run side
 * by side without blocking one another. Created by listener.ts and dialer.ts.
 */
import { Duplex } from 'node:stream'
import { HamletError } from '../kit/errors.ts'
import type { Clock } from '../kit/node/clock.ts'
import { closeError } from './close-error.ts'
import type { Connection } from './core/connection.ts'
import type { CloseReason, Metrics } from './core/events.ts'
import type { Stream, StreamEvent } from './core/stream.ts'
import type { RudpHost } from './host.ts'

/** The largest chunk that a reader gets at once. */
const PIECE_BYTES_MAX = 1024 * 1024
/** How long delivering the rest of an abandoned stream may take before it is reset. */
const ABANDONED_MS_MAX = 5_000

export class RudpSocket extends Duplex {
  /**
   * Set it for a reader that is done with each chunk when its `data` listener returns. The parser of node:http is one,
   * as it copies what it delivers. Chunks are then views into memory that is reused; all other readers get copies.
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

  /** The wildcard address if the socket is bound to it: the system reports no more than that. */
  get localAddress(): string {
    return this.#connection.path.local.address
  }

  get localPort(): number {
    return this.#connection.path.local.port
  }

  /** The peer has not answered yet, and what is written is queued. As with net.Socket, `connect` or `error` follows. */
  get connecting(): boolean {
    return this.#connecting
  }

  /** The number of this stream among those that its end opened in the connection, from 1. */
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
   * The first bytes may have come with a token from an earlier visit, before this connection was confirmed: early data
   * in HTTP (RFC 8470). Act on them only if that is safe to repeat.
   */
  get early(): boolean {
    return this.#stream.early
  }

  /** The current figures of the connection: congestion window and threshold, round trip, packets. */
  metrics(): Metrics {
    return this.#connection.metrics()
  }

  /** Emits `timeout` after this long without reading or writing; 0: never. The connection stays open. */
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

  /** Does nothing: RUDP never delays small writes. */
  setNoDelay(): this {
    return this
  }

  /** Does nothing: RUDP always probes an idle peer. */
  setKeepAlive(): this {
    return this
  }

  /** Does nothing: the UDP socket keeps the process alive while it is open. */
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

  /** Ends our half. Completes when the peer has received everything, so a `destroy` after `finish` cuts nothing off. */
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
      if (this.#connecting) this.#stream.reset(0) // nothing has been sent yet, and nothing should be
      this.#stream.abandon()
    })
    this.#clock.wakeAt(this.#clock.nowMs() + ABANDONED_MS_MAX, () => this.#host.use(() => this.#stream.reset(0)))
    waiting?.(error ?? new HamletError(closeError('reset-by-peer', this.#connection.path.peer)))
    done(error)
  }

  /** Processes an event of this stream. */
  onStreamEvent(event: StreamEvent): void {
    switch (event.kind) {
      case 'readable': return this.#pull(true)
      case 'writable': return this.#resumeWriting()
      case 'delivered': return this.#delivered()
      case 'reset-by-peer': return this.#fail('reset-by-peer')
      case 'stopped': return this.#stopped()
      case 'over': return
    }
  }

  /** The peer has answered. */
  onConnected(): void {
    if (!this.#connecting) return
    this.#connecting = false
    if (!this.destroyed) this.emit('connect')
  }

  /** The connection has ended. */
  onClosed(reason: CloseReason): void {
    // A peer that closes normally has received all that it wanted: at most the acknowledgment of our end is missing.
    if (reason !== 'finished') return this.#fail(reason)
    this.#pull(true)
    this.#delivered()
    if (!this.#ended || !this.writableEnded) this.#fail('reset-by-peer')
    else this.destroy()
  }

  /** The peer asked us to stop sending. What it sent before can still be read; undelivered and later writes fail. */
  #stopped(): void {
    this.#isStopped = true
    if (this.#waitingForRoom !== undefined || this.#waitingForDelivery !== undefined) this.#fail('reset-by-peer')
  }

  #fail(reason: CloseReason): void {
    if (!this.destroyed) this.destroy(new HamletError(closeError(reason, this.#connection.path.peer)))
  }

  /** @param atOnce listeners get a chunk before `push` returns; within `_read`, Node would queue it */
  #pull(atOnce: boolean): void {
    while (this.#wantsMore && !this.destroyed && this.#stream.readableBytes > 0) {
      const piece = this.#host.use(() => this.#stream.read(PIECE_BYTES_MAX))
      this.#bytesRead += piece.length
      this.#active()
      this.#wantsMore = false // set again by `_read`, which `push` triggers if the reader keeps up
      const isLent = this.lendsPieces && atOnce && this.readableFlowing === true && this.readableLength === 0
      if (this.push(isLent ? piece : Buffer.from(piece))) this.#wantsMore = true
    }
    if (!this.#stream.drained || this.#ended || this.destroyed) return
    this.#ended = true
    this.push(null)
    // A stream that nobody reads never ends, but node:http needs to notice when a connection has ended.
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

  #resumeWriting(): void {
    const resume = this.#waitingForRoom
    this.#waitingForRoom = undefined
    resume?.()
  }

  #delivered(): void {
    const done = this.#waitingForDelivery
    this.#waitingForDelivery = undefined
    done?.()
  }

  #active(): void {
    if (this.#idleMs > 0) this.#activeAtMs = this.#clock.nowMs()
  }

  /** A single timer, which is set again only when it fires: activity merely moves the time that it compares with. */
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
