/**
 * All streams of a connection: opening and forgetting them, the limits on all of them together (RFC 9000 §4), and whose
 * turn it is to send. The initiator opens streams with even ids, the acceptor with odd ones; each counts up by two.
 */
import type { Crc32 } from '../../kit/crc32.ts'
import type { Frame, Parameters } from '../wire/frames.ts'
import type { ConnectionEvent } from './events.ts'
import type { Limits } from './limits.ts'
import type { Segment } from './send-buffer.ts'
import { Stream, type StreamEvent } from './stream.ts'
import type { Tracer } from './tracer.ts'

export interface StreamsHost {
  /** Computes checksums. */
  readonly sum: Crc32
  emit(event: ConnectionEvent): void
  /** A stream may have something to send, or has ended. */
  changed(): void
}

/** What may be sent now, and the stream whose turn it was. */
export interface StreamSegment {
  readonly stream: Stream
  readonly segment: Segment
}

/** How a frame of the peer violated the protocol; undefined if it did not. */
export type Violation = 'protocol-violation' | 'flow-control' | undefined

export class Streams {
  readonly #limits: Limits
  readonly #host: StreamsHost
  readonly #tracer: Tracer | undefined
  readonly #open = new Map<number, Stream>()
  /** Streams with something to send, in the order of their turns. */
  readonly #ready = new Set<Stream>()
  /** Streams that may have control frames to send, or may have ended. */
  readonly #changed = new Set<Stream>()
  /** The first id that the peer may open; all its ids share the lowest bit. */
  readonly #peerFirstId: 0 | 1
  /** The next id that we will open. */
  #nextId: number
  /** Limits of the peer: streams, counted from the first; bytes on all streams; bytes on a new stream. */
  #peerMaxStreams = 0
  #peerMaxData = 0
  #peerStreamBytes = 0
  /** Bytes sent for the first time, on all streams: they count against the limit of the peer. */
  #sentBytes = 0
  /** The lowest id that the peer has not opened. */
  #peerNextId: number
  /** How many streams of the peer have ended: it may open as many more. */
  #peerClosed = 0
  /** Limits last announced to the peer: streams, counted from the first; bytes on all streams. */
  #advertisedStreams: number
  #advertisedData: number
  /** Bytes of the peer, gaps included, and those of them that have been read or never will be. */
  #arrivedBytes = 0
  #consumedBytes = 0

  constructor(role: 'initiator' | 'acceptor', limits: Limits, host: StreamsHost, tracer: Tracer | undefined) {
    this.#limits = limits
    this.#host = host
    this.#tracer = tracer
    this.#nextId = role === 'initiator' ? 0 : 1
    this.#peerFirstId = role === 'initiator' ? 1 : 0
    this.#peerNextId = this.#peerFirstId
    this.#advertisedStreams = limits.streamsMax
    this.#advertisedData = limits.connectionBufferBytes
  }

  get count(): number {
    return this.#open.size
  }

  /** Something waits to be sent, whatever may hold it back. */
  get hasReady(): boolean {
    return this.#ready.size > 0
  }

  get(id: number): Stream | undefined {
    return this.#open.get(id)
  }

  /** Applies the peer's PARAMETERS, or the minimum before they are known. Limits only grow. */
  setPeerParameters({ maxDataBytes, maxStreamDataBytes, maxStreams }: Parameters): void {
    this.#peerMaxData = Math.max(this.#peerMaxData, maxDataBytes)
    this.#peerStreamBytes = Math.max(this.#peerStreamBytes, maxStreamDataBytes)
    for (const stream of this.#open.values()) stream.raisePeerLimit(maxStreamDataBytes)
    this.#allowStreams(maxStreams)
  }

  /** @returns undefined while the peer allows no more; `streams-allowed` announces when it does */
  open(): Stream | undefined {
    if (this.#nextId >> 1 >= this.#peerMaxStreams) return undefined
    const stream = this.#add(this.#nextId, false)
    this.#nextId += 2
    return stream
  }

  // ── sending ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** The next new bytes of the stream whose turn it is. @param maxBytesFor room after the header of a stream's frame */
  next(maxBytesFor: (stream: Stream) => number): StreamSegment | undefined {
    const room = this.#peerMaxData - this.#sentBytes
    for (const stream of this.#ready) {
      const segment = stream.next(maxBytesFor(stream), room)
      if (segment !== undefined) return { stream, segment }
      this.#ready.delete(stream)
    }
    return undefined
  }

  /** Some stream has lost bytes to retransmit. */
  get hasLost(): boolean {
    for (const stream of this.#ready) if (stream.hasLost) return true
    return false
  }

  /** The next lost bytes. @param maxBytesFor room after the header of a stream's frame, for a given offset */
  nextLost(maxBytesFor: (stream: Stream, offset: number) => number): StreamSegment | undefined {
    for (const stream of this.#ready) {
      const segment = stream.hasLost ? stream.nextLost(offset => maxBytesFor(stream, offset)) : undefined
      if (segment !== undefined) return { stream, segment }
    }
    return undefined
  }

  /** The segment was sent: the next stream gets its turn. */
  sent({ stream, segment }: StreamSegment): void {
    const before = stream.sentTo
    stream.sent(segment)
    this.#sentBytes += stream.sentTo - before
    if (this.#ready.size > 1) {
      this.#ready.delete(stream)
      this.#ready.add(stream)
    }
  }

  /** The stream and limit frames that are due. */
  takeControl(): Frame[] {
    const frames: Frame[] = []
    for (const stream of this.#changed) {
      for (let frame = stream.takeControl(); frame !== undefined; frame = stream.takeControl()) frames.push(frame)
      if (stream.isOver) this.#forget(stream)
    }
    this.#changed.clear()
    const limit = this.#consumedBytes + this.#limits.connectionBufferBytes
    if (limit - this.#advertisedData >= this.#limits.connectionBufferBytes / 4) {
      this.#advertisedData = limit
      frames.push({ kind: 'MAX_DATA', limit })
    }
    if (this.#peerClosed + this.#limits.streamsMax - this.#advertisedStreams >= this.#limits.streamsMax / 2) {
      this.#advertisedStreams = this.#peerClosed + this.#limits.streamsMax
      frames.push({ kind: 'MAX_STREAMS', limit: this.#advertisedStreams })
    }
    return frames
  }

  /** A frame from `takeControl` was lost. @returns whether to retransmit it */
  controlLost(frame: Frame): boolean {
    switch (frame.kind) {
      case 'MAX_DATA': return frame.limit === this.#advertisedData
      case 'MAX_STREAMS': return frame.limit === this.#advertisedStreams
      case 'MAX_STREAM_DATA': case 'RESET_STREAM': case 'STOP_SENDING':
        this.#open.get(frame.streamId)?.controlLost(frame)
        return false
      default: return true
    }
  }

  /** A frame from `takeControl` has arrived. */
  controlArrived(frame: Frame): void {
    if (frame.kind !== 'RESET_STREAM') return
    const stream = this.#open.get(frame.streamId)
    stream?.resetArrived()
    if (stream !== undefined) this.#changed.add(stream)
  }

  onAcked(streamId: number, offset: number, lengthBytes: number, fin: boolean): void {
    const stream = this.#open.get(streamId)
    stream?.onAcked(offset, lengthBytes, fin)
    if (stream?.isOver === true) this.#changed.add(stream)
  }

  onLost(streamId: number, offset: number, lengthBytes: number, fin: boolean): void {
    this.#open.get(streamId)?.onLost(offset, lengthBytes, fin)
  }

  // ── receiving ────────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** @returns `full` if the bytes could not be stored; the packet then counts as not received */
  onFrame(frame: Frame, early: boolean): Violation | 'full' {
    switch (frame.kind) {
      case 'STREAM': case 'PARITY': case 'RESET_STREAM': case 'STOP_SENDING': case 'MAX_STREAM_DATA': {
        const stream = this.#find(frame.streamId, early)
        if (stream === 'violation') return 'protocol-violation'
        return stream === undefined ? undefined : this.#onStreamFrame(stream, frame)
      }
      case 'MAX_DATA':
        this.#peerMaxData = Math.max(this.#peerMaxData, frame.limit)
        for (const stream of this.#open.values()) this.#ready.add(stream)
        return undefined
      case 'MAX_STREAMS':
        this.#allowStreams(frame.limit)
        return undefined
      default: return undefined
    }
  }

  #onStreamFrame(stream: Stream, frame: Extract<Frame, { readonly streamId: number }>): Violation | 'full' {
    switch (frame.kind) {
      case 'STREAM': return this.#onGrowth(stream, stream.onData(frame.offset, frame.data, frame.fin))
      case 'PARITY': return this.#onGrowth(stream, stream.onParity(frame))
      case 'RESET_STREAM': return this.#onGrowth(stream, stream.onReset(frame.finalSize))
      case 'STOP_SENDING':
        stream.onStop(frame.code)
        return undefined
      case 'MAX_STREAM_DATA':
        stream.raisePeerLimit(frame.limit)
        return undefined
    }
  }

  /** The highest offset of a stream grew, which counts against the limit for all streams. */
  #onGrowth(stream: Stream, growth: number | 'full' | 'violation'): Violation | 'full' {
    if (growth === 'full') return 'full'
    if (growth === 'violation') return 'flow-control'
    this.#arrivedBytes += growth
    this.#changed.add(stream)
    return this.#arrivedBytes > this.#advertisedData ? 'flow-control' : undefined
  }

  /**
   * Finds a stream by id; undefined if it has ended. The first frame for an id of the peer opens that stream and all
   * lower ones.
   */
  #find(id: number, early: boolean): Stream | undefined | 'violation' {
    const stream = this.#open.get(id)
    if (stream !== undefined) return stream
    if ((id & 1) !== this.#peerFirstId) return id < this.#nextId ? undefined : 'violation'
    if (id < this.#peerNextId) return undefined
    if ((id - this.#peerFirstId) / 2 >= this.#advertisedStreams) return 'violation'
    while (this.#peerNextId <= id) {
      const opened = this.#add(this.#peerNextId, early)
      this.#peerNextId += 2
      this.#host.emit({ kind: 'stream', stream: opened })
    }
    return this.#open.get(id)
  }

  #add(id: number, early: boolean): Stream {
    const stream = new Stream({
      id, early, bufferBytes: this.#limits.streamBufferBytes, peerLimit: this.#peerStreamBytes,
      host: {
        changed: changed => {
          this.#changed.add(changed)
          this.#ready.add(changed)
          this.#host.changed()
        },
        emit: (of, event) => this.#emit(of, event),
        consumed: bytes => { this.#consumedBytes += bytes },
        restored: (of, range) => this.#tracer?.restored(of.id, range),
        sum: this.#host.sum,
      },
    })
    this.#open.set(id, stream)
    return stream
  }

  /** Forgets a stream that has ended. If the peer opened it, the peer may open another. */
  #forget(stream: Stream): void {
    this.#ready.delete(stream)
    if (!this.#open.delete(stream.id)) return // already forgotten: the user has used it once more
    if ((stream.id & 1) === this.#peerFirstId) this.#peerClosed++
    this.#emit(stream, { kind: 'over' })
  }

  #allowStreams(limit: number): void {
    if (limit <= this.#peerMaxStreams) return
    this.#peerMaxStreams = limit
    this.#host.emit({ kind: 'streams-allowed' })
  }

  #emit(stream: Stream, event: StreamEvent): void {
    this.#host.emit({ kind: 'stream-event', stream, event })
  }
}
