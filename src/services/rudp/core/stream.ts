/**
 * One stream: ordered bytes in both directions, each half with states of its own (RFC 9000 §2 and §3). A user writes, reads, and
 * ends or breaks off either half; what goes out in which packet is the connection's matter.
 */
import type { Crc32 } from '../../kit/crc32.ts'
import type { Frame } from '../wire/frames.ts'
import type { Parity, Range } from './parity.ts'
import { ReceiveBuffer } from './receive-buffer.ts'
import { SendBuffer, type Segment } from './send-buffer.ts'
import { nextReceiveState, nextSendState, type ReceiveState, type SendState } from './stream-states.ts'

/** What a stream tells its user. */
export type StreamEvent =
  /** There are bytes to read, or the end is. Comes once until `read` finds nothing more. */
  | { readonly kind: 'readable' }
  /** There is room again after a write that was not taken whole. */
  | { readonly kind: 'writable' }
  /** Our last byte and our end have arrived at the peer. */
  | { readonly kind: 'delivered' }
  /** The peer broke its half off. */
  | { readonly kind: 'reset-by-peer' }
  /** The peer wants no more of ours; it was broken off. */
  | { readonly kind: 'stopped' }
  /** Both halves have come to an end: the last event of a stream. */
  | { readonly kind: 'over' }

/** What a stream needs of the connection that it belongs to. */
export interface StreamHost {
  /** Something is to be sent, or was read: the connection looks at this stream when the input is done. */
  changed(stream: Stream): void
  emit(stream: Stream, event: StreamEvent): void
  /** Bytes were read, or will never be: the connection's window moves. */
  consumed(bytes: number): void
  /** Lost bytes of the peer's half were restored by its parity. */
  restored(stream: Stream, range: Range): void
  /** How checksums are found. */
  readonly sum: Crc32
}

export interface StreamSetup {
  readonly id: number
  readonly bufferBytes: number
  /** The offset up to which the peer takes bytes. */
  readonly peerLimit: number
  /** The first bytes came before the peer's address was proven in this connection. */
  readonly early: boolean
  readonly host: StreamHost
}

export class Stream {
  readonly id: number
  /** Its bytes may be those of an earlier visit sent again, had the endpoint not taken each token once: RFC 8470's early data. */
  readonly early: boolean
  readonly #bufferBytes: number
  readonly #host: StreamHost
  readonly #out: SendBuffer
  readonly #in: ReceiveBuffer
  #peerLimit: number
  #sendState: SendState = 'SEND'
  #receiveState: ReceiveState = 'RECV'
  /** Frames of this stream that are to be sent. */
  readonly #control: Frame[] = []
  /** The limit as the peer was last told. */
  #advertisedLimit: number
  /** `readable`: the user knows that there is something to read. `short`: its last write was not taken whole, so it waits for room. */
  #told = { readable: false, short: false }
  /** We asked the peer to send no more: what comes all the same is thrown away. */
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

  /** Bytes that `read` would give now. */
  get readableBytes(): number {
    return this.#receiveState === 'RESET-READ' ? 0 : this.#in.readableBytes
  }

  /** The peer's end was reached: everything was read. */
  get drained(): boolean {
    return this.#receiveState === 'DATA-READ'
  }

  /** Nothing will come and nothing will go: the connection forgets it. */
  get isOver(): boolean {
    return ['DATA-RECVD', 'RESET-RECVD'].includes(this.#sendState) && ['DATA-READ', 'RESET-READ'].includes(this.#receiveState)
  }

  /**
   * Takes as much as there is room for; the bytes are the caller's own again at once.
   * @returns how many bytes were taken; after less than all comes `writable`
   */
  write(bytes: Uint8Array): number {
    if (this.#sendState !== 'SEND') return 0
    const taken = this.#out.write(bytes)
    this.#told.short = taken < bytes.length
    this.#host.changed(this)
    return taken
  }

  /** Lets the peer know of the stream though nothing was written yet: for one that waits to be spoken to. */
  announce(): void {
    this.#out.announce()
    this.#host.changed(this)
  }

  /** The next bytes in order, at most `maxBytes` and perhaps not all, empty where there are none. Opens the window. They are lent: the next packet may overwrite them. */
  read(maxBytes: number): Uint8Array {
    if (this.readableBytes === 0) return EMPTY
    const bytes = this.#in.read(maxBytes)
    this.#told.readable = this.readableBytes > 0
    this.#host.consumed(bytes.length)
    this.#afterReading()
    return bytes
  }

  /** No byte will be written; what was is still delivered. */
  end(): void {
    this.#out.end()
    this.#sendState = nextSendState(this.#sendState, 'end')
    this.#host.changed(this)
  }

  /** Breaks our half off: what has not arrived yet is lost. */
  reset(code: number): void {
    const state = nextSendState(this.#sendState, 'reset')
    if (state === this.#sendState) return
    this.#sendState = state
    this.#control.push({ kind: 'RESET_STREAM', streamId: this.id, code, finalSize: this.#out.sentTo })
    this.#out.release()
    this.#host.changed(this)
  }

  /** Wants no more of the peer's half; what comes is thrown away. */
  stop(code: number): void {
    if (this.#stopped || !['RECV', 'SIZE-KNOWN'].includes(this.#receiveState)) return this.#discard()
    this.#stopped = true
    this.#control.push({ kind: 'STOP_SENDING', streamId: this.id, code })
    this.#discard()
    this.#host.changed(this)
  }

  /** Nobody will read or write here any more: what was written is still delivered, and what comes is not wanted. */
  abandon(): void {
    this.end()
    this.stop(0)
  }

  // ── what the connection uses ──────────────────────────────────────────────────────────────────────────────────────────────

  /** How far our bytes went out: what counts against the peer's limit for the connection. */
  get sentTo(): number {
    return this.#out.sentTo
  }

  /** Something lost is to be sent again. */
  get hasLost(): boolean {
    return this.#isSending && this.#out.hasLost
  }

  /** The peer wants no more. It may have every byte, and not know yet that they are all: then there is nothing to break off. */
  onStop(code: number): void {
    if (!this.#isSending || (this.#sendState === 'DATA-SENT' && this.#out.allArrived)) return
    this.reset(code)
    this.#host.emit(this, { kind: 'stopped' })
  }

  /** The next frame that is due, or undefined. */
  takeControl(): Frame | undefined {
    const frame = this.#control.shift()
    if (frame !== undefined) return frame
    const isOpen = this.#receiveState === 'RECV'
    if (!isOpen || this.#in.limitOffset - this.#advertisedLimit < this.#bufferBytes / 4) return undefined
    this.#advertisedLimit = this.#in.limitOffset
    return { kind: 'MAX_STREAM_DATA', streamId: this.id, limit: this.#advertisedLimit }
  }

  /** A frame of this stream was lost. */
  controlLost(frame: Frame): void {
    if (frame.kind === 'MAX_STREAM_DATA' && frame.limit !== this.#advertisedLimit) return
    this.#control.push(frame)
    this.#host.changed(this)
  }

  /** RESET_STREAM arrived at the peer. */
  resetArrived(): void {
    this.#sendState = nextSendState(this.#sendState, 'acked')
  }

  /** The next bytes that were never sent. @param room of the connection's window, in bytes */
  next(maxBytes: number, room: number): Segment | undefined {
    if (!this.#isSending) return undefined
    return this.#out.nextNew(maxBytes, Math.min(this.#peerLimit, this.#out.sentTo + room))
  }

  /** The next bytes that were lost. @param maxBytesAt how many fit, for bytes at an offset */
  nextLost(maxBytesAt: (offset: number) => number): Segment | undefined {
    return this.#isSending ? this.#out.nextLost(maxBytesAt) : undefined
  }

  repeat(offset: number, lengthBytes: number, fin: boolean, maxBytes: number): Segment | undefined {
    if (!this.#isSending) return undefined
    return this.#out.repeat(offset, lengthBytes, fin, maxBytes)
  }

  /** A parity of `lengthBytes` of all that was written; undefined where none is due. */
  parity(lengthBytes: number): Parity | undefined {
    return this.#isSending ? this.#out.parity(lengthBytes, this.#host.sum) : undefined
  }

  sent(segment: Segment): void {
    this.#out.sent(segment)
    this.#tellWritable()
  }

  copy(segment: Segment, target: Uint8Array, at: number): void {
    this.#out.copy(segment, target, at)
  }

  onAcked(offset: number, lengthBytes: number, fin: boolean): void {
    if (!this.#isSending) return
    this.#out.deliver(offset, lengthBytes, fin)
    this.#tellWritable()
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

  /** @returns by how much the stream's highest offset rose, or what is wrong */
  onData(offset: number, data: Uint8Array, fin: boolean): number | 'full' | 'violation' {
    if (this.#receiveState === 'RESET-READ') return 0
    const before = this.#in.highest
    const taken = this.#in.put(offset, data, fin)
    if (taken !== 'taken') return taken
    return this.#afterArrival(before, fin)
  }

  /** @returns by how much the stream's highest offset rose, or what is wrong */
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
    else if (this.readableBytes > 0 || this.#receiveState === 'DATA-RECVD') this.#tellReadable()
    return this.#in.highest - highestBefore
  }

  /** @returns by how much the stream's highest offset rose, or what is wrong */
  onReset(finalSize: number): number | 'violation' {
    const state = nextReceiveState(this.#receiveState, 'reset')
    if (state === this.#receiveState) return 0
    const [before, unread] = [this.#in.highest, finalSize - this.#in.readTo]
    if (!this.#in.breakOff(finalSize)) return 'violation'
    this.#receiveState = nextReceiveState(state, 'read') // the user is told at once
    this.#host.consumed(unread)
    this.#host.emit(this, { kind: 'reset-by-peer' })
    return this.#in.highest - before
  }

  get #isSending(): boolean {
    return this.#sendState === 'SEND' || this.#sendState === 'DATA-SENT'
  }

  #tellWritable(): void {
    if (!this.#told.short || !this.#out.isWorthWriting) return
    this.#told.short = false
    this.#host.emit(this, { kind: 'writable' })
  }

  #tellReadable(): void {
    if (this.#told.readable) return
    this.#told.readable = true
    this.#host.emit(this, { kind: 'readable' })
    if (this.#in.readableBytes === 0) this.#afterReading()
  }

  #afterReading(): void {
    if (this.#in.drained) this.#receiveState = nextReceiveState(this.#receiveState, 'read')
    this.#host.changed(this)
  }

  /** Throws away what has come. */
  #discard(): void {
    if (this.readableBytes === 0 && this.#receiveState === 'DATA-RECVD') return this.#afterReading()
    while (this.readableBytes > 0) this.read(this.readableBytes)
  }
}

const EMPTY = new Uint8Array(0)
