/**
 * One stream: ordered bytes in both directions, where each half has its own states (RFC 9000 §2 and §3). The user
 * writes, reads, and ends or aborts either half; the connection decides which packet carries what.
 */
import type { Crc32 } from '../../kit/crc32.ts'
import type { Frame } from '../wire/frames.ts'
import type { Parity, Range } from './parity.ts'
import { ReceiveBuffer } from './receive-buffer.ts'
import { SendBuffer, type Segment } from './send-buffer.ts'
import { nextReceiveState, nextSendState, type ReceiveState, type SendState } from './stream-states.ts'

/** What a stream reports to its user. */
export type StreamEvent =
  /** There are bytes to read, or the end has been reached. Not repeated until `read` has returned everything. */
  | { readonly kind: 'readable' }
  /** There is room again, after a write that was accepted only in part. */
  | { readonly kind: 'writable' }
  /** Our last byte and our FIN have reached the peer. */
  | { readonly kind: 'delivered' }
  /** The peer aborted its half. */
  | { readonly kind: 'reset-by-peer' }
  /** The peer asked us to stop sending, and our half was aborted. */
  | { readonly kind: 'stopped' }
  /** Both halves have ended: the last event of a stream. */
  | { readonly kind: 'over' }

/** What a stream needs from its connection. */
export interface StreamHost {
  /** There may be something to send, or something was read: the connection looks at this stream after the input. */
  changed(stream: Stream): void
  emit(stream: Stream, event: StreamEvent): void
  /** Bytes were read, or never will be: the flow control window of the connection moves. */
  consumed(bytes: number): void
  /** The parity of the peer restored lost bytes. */
  restored(stream: Stream, range: Range): void
  /** Computes checksums. */
  readonly sum: Crc32
}

export interface StreamSetup {
  readonly id: number
  readonly bufferBytes: number
  /** The offset up to which the peer accepts bytes. */
  readonly peerLimit: number
  /** The first bytes may come before this connection has validated the address of the peer. */
  readonly early: boolean
  readonly host: StreamHost
}

export class Stream {
  readonly id: number
  /**
   * Its bytes are early data in the sense of RFC 8470. They could be a replay, did the endpoint not accept each token
   * only once.
   */
  readonly early: boolean
  readonly #bufferBytes: number
  readonly #host: StreamHost
  readonly #out: SendBuffer
  readonly #in: ReceiveBuffer
  #peerLimit: number
  #sendState: SendState = 'SEND'
  #receiveState: ReceiveState = 'RECV'
  /** Frames of this stream that wait to be sent. */
  readonly #control: Frame[] = []
  /** The limit last announced to the peer. */
  #advertisedLimit: number
  /**
   * `readable`: the user has been notified that there is something to read. `short`: the last write was accepted only
   * in part, so the user waits for room.
   */
  #notified = { readable: false, short: false }
  /** We asked the peer to stop sending: discard whatever still arrives. */
  #stopped = false

  constructor({ id, bufferBytes, peerLimit, early, host }: StreamSetup) {
    this.id = id
    this.early = early
    this.#bufferBytes = bufferBytes
    this.#host = host
    this.#peerLimit = peerLimit
    this.#out = new SendBuffer(bufferBytes)
    this.#in = new ReceiveBuffer(bufferBytes)
    this.#advertisedLimit = bufferBytes
  }

  get sendState(): SendState {
    return this.#sendState
  }

  get receiveState(): ReceiveState {
    return this.#receiveState
  }

  /** The number of bytes that can be read now. */
  get readableBytes(): number {
    return this.#receiveState === 'RESET-READ' ? 0 : this.#in.readableBytes
  }

  /** Everything up to the end of the peer's half has been read. */
  get drained(): boolean {
    return this.#receiveState === 'DATA-READ'
  }

  /** Both halves have ended: the connection forgets the stream. */
  get isOver(): boolean {
    return ['DATA-RECVD', 'RESET-RECVD'].includes(this.#sendState) && ['DATA-READ', 'RESET-READ'].includes(this.#receiveState)
  }

  /**
   * Accepts as much as there is room for. The caller may reuse the buffer at once.
   * @returns how many bytes were accepted; if not all, `writable` follows
   */
  write(bytes: Uint8Array): number {
    if (this.#sendState !== 'SEND') return 0
    const taken = this.#out.write(bytes)
    this.#notified.short = taken < bytes.length
    this.#host.changed(this)
    return taken
  }

  /** Opens the stream at the peer although nothing has been written: for protocols in which the peer speaks first. */
  announce(): void {
    this.#out.announce()
    this.#host.changed(this)
  }

  /**
   * Reads the next bytes in order, at most `maxBytes` and perhaps fewer than are available; empty if there are none.
   * Moves the flow control window. The result is valid only until the next packet, which may overwrite it.
   */
  read(maxBytes: number): Uint8Array {
    if (this.readableBytes === 0) return EMPTY
    const bytes = this.#in.read(maxBytes)
    this.#notified.readable = this.readableBytes > 0
    this.#host.consumed(bytes.length)
    this.#afterReading()
    return bytes
  }

  /** Ends our half. What has been written is still delivered. */
  end(): void {
    this.#out.end()
    this.#sendState = nextSendState(this.#sendState, 'end')
    this.#host.changed(this)
  }

  /** Aborts our half. Data that has not arrived yet is lost. */
  reset(code: number): void {
    const state = nextSendState(this.#sendState, 'reset')
    if (state === this.#sendState) return
    this.#sendState = state
    this.#control.push({ kind: 'RESET_STREAM', streamId: this.id, code, finalSize: this.#out.sentTo })
    this.#out.release()
    this.#host.changed(this)
  }

  /** Asks the peer to stop sending, and discards what arrives. */
  stop(code: number): void {
    if (this.#stopped || !['RECV', 'SIZE-KNOWN'].includes(this.#receiveState)) return this.#discard()
    this.#stopped = true
    this.#control.push({ kind: 'STOP_SENDING', streamId: this.id, code })
    this.#discard()
    this.#host.changed(this)
  }

  /** The user is done with the stream: what was written is still delivered, and nothing more is wanted. */
  abandon(): void {
    this.end()
    this.stop(0)
  }

  // ── for the connection ────────────────────────────────────────────────────────────────────────────────────────────────────

  /** How far our bytes have been sent, which counts against the connection limit of the peer. */
  get sentTo(): number {
    return this.#out.sentTo
  }

  /** There is lost data to retransmit. */
  get hasLost(): boolean {
    return this.#isSending && this.#out.hasLost
  }

  /**
   * STOP_SENDING arrived. If every byte has arrived and only the acknowledgment of the end is outstanding, there is
   * nothing to abort.
   */
  onStop(code: number): void {
    if (!this.#isSending || (this.#sendState === 'DATA-SENT' && this.#out.allArrived)) return
    this.reset(code)
    this.#host.emit(this, { kind: 'stopped' })
  }

  /** The next control frame that is due, or undefined. */
  takeControl(): Frame | undefined {
    const frame = this.#control.shift()
    if (frame !== undefined) return frame
    const isOpen = this.#receiveState === 'RECV'
    if (!isOpen || this.#in.limitOffset - this.#advertisedLimit < this.#bufferBytes / 4) return undefined
    this.#advertisedLimit = this.#in.limitOffset
    return { kind: 'MAX_STREAM_DATA', streamId: this.id, limit: this.#advertisedLimit }
  }

  /** A control frame of this stream was lost. */
  controlLost(frame: Frame): void {
    if (frame.kind === 'MAX_STREAM_DATA' && frame.limit !== this.#advertisedLimit) return
    this.#control.push(frame)
    this.#host.changed(this)
  }

  /** Our RESET_STREAM has reached the peer. */
  resetArrived(): void {
    this.#sendState = nextSendState(this.#sendState, 'acked')
  }

  /** The next bytes that were never sent. @param room in the connection's flow control window, in bytes */
  next(maxBytes: number, room: number): Segment | undefined {
    if (!this.#isSending) return undefined
    return this.#out.nextNew(maxBytes, Math.min(this.#peerLimit, this.#out.sentTo + room))
  }

  /** The next lost bytes. @param maxBytesAt how many bytes fit into the packet, for bytes at a given offset */
  nextLost(maxBytesAt: (offset: number) => number): Segment | undefined {
    return this.#isSending ? this.#out.nextLost(maxBytesAt) : undefined
  }

  repeat(offset: number, lengthBytes: number, fin: boolean, maxBytes: number): Segment | undefined {
    if (!this.#isSending) return undefined
    return this.#out.repeat(offset, lengthBytes, fin, maxBytes)
  }

  /** The parity, `lengthBytes` long, of everything written; undefined if none is due. */
  parity(lengthBytes: number): Parity | undefined {
    return this.#isSending ? this.#out.parity(lengthBytes, this.#host.sum) : undefined
  }

  sent(segment: Segment): void {
    this.#out.sent(segment)
    this.#notifyWritable()
  }

  copy(segment: Segment, target: Uint8Array, at: number): void {
    this.#out.copy(segment, target, at)
  }

  onAcked(offset: number, lengthBytes: number, fin: boolean): void {
    if (!this.#isSending) return
    this.#out.deliver(offset, lengthBytes, fin)
    this.#notifyWritable()
    if (!this.#out.finished) return
    this.#sendState = nextSendState(this.#sendState, 'acked')
    this.#out.release()
    this.#host.emit(this, { kind: 'delivered' })
  }

  onLost(offset: number, lengthBytes: number, fin: boolean): void {
    if (!this.#isSending) return
    this.#out.lose(offset, lengthBytes, fin)
    this.#host.changed(this)
  }

  raisePeerLimit(limit: number): void {
    this.#peerLimit = Math.max(this.#peerLimit, limit)
    this.#host.changed(this)
  }

  /** @returns by how much the highest offset of the stream grew, or the error */
  onData(offset: number, data: Uint8Array, fin: boolean): number | 'full' | 'violation' {
    if (this.#receiveState === 'RESET-READ') return 0
    const before = this.#in.highest
    const taken = this.#in.put(offset, data, fin)
    if (taken !== 'taken') return taken
    return this.#afterArrival(before, fin)
  }

  /** @returns by how much the highest offset of the stream grew, or the error */
  onParity(parity: Parity): number | 'violation' {
    if (this.#receiveState === 'RESET-READ') return 0
    const before = this.#in.highest
    return this.#in.putParity(parity) ? this.#afterArrival(before, true) : 'violation'
  }

  #afterArrival(highestBefore: number, fin: boolean): number {
    for (const range of this.#in.restore(this.#host.sum)) this.#host.restored(this, range)
    if (fin) this.#receiveState = nextReceiveState(this.#receiveState, 'fin')
    if (this.#in.finished) this.#receiveState = nextReceiveState(this.#receiveState, 'all')
    if (this.#stopped) this.#discard()
    else if (this.readableBytes > 0 || this.#receiveState === 'DATA-RECVD') this.#notifyReadable()
    return this.#in.highest - highestBefore
  }

  /** @returns by how much the highest offset of the stream grew, or the error */
  onReset(finalSize: number): number | 'violation' {
    const state = nextReceiveState(this.#receiveState, 'reset')
    if (state === this.#receiveState) return 0
    const [before, unread] = [this.#in.highest, finalSize - this.#in.readTo]
    if (!this.#in.abort(finalSize)) return 'violation'
    this.#receiveState = nextReceiveState(state, 'read') // the user learns of it at once
    this.#host.consumed(unread)
    this.#host.emit(this, { kind: 'reset-by-peer' })
    return this.#in.highest - before
  }

  get #isSending(): boolean {
    return this.#sendState === 'SEND' || this.#sendState === 'DATA-SENT'
  }

  #notifyWritable(): void {
    if (!this.#notified.short || !this.#out.isWorthWriting) return
    this.#notified.short = false
    this.#host.emit(this, { kind: 'writable' })
  }

  #notifyReadable(): void {
    if (this.#notified.readable) return
    this.#notified.readable = true
    this.#host.emit(this, { kind: 'readable' })
    if (this.#in.readableBytes === 0) this.#afterReading()
  }

  #afterReading(): void {
    if (this.#in.drained) this.#receiveState = nextReceiveState(this.#receiveState, 'read')
    this.#host.changed(this)
  }

  /** Discards what has arrived. */
  #discard(): void {
    if (this.readableBytes === 0 && this.#receiveState === 'DATA-RECVD') return this.#afterReading()
    while (this.readableBytes > 0) this.read(this.readableBytes)
  }
}

const EMPTY = new Uint8Array(0)
