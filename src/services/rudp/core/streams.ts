/**
 * All streams of a connection: opening and forgetting them, the limits for all of them together (RFC 9000 §4), and whose turn it is
 * to send. Ids of streams that the initiator opens are even, those of the acceptor odd; each counts up by two.
 */
import type { Crc32 } from '../../kit/crc32.ts'
import type { Frame, Parameters } from '../wire/frames.ts'
import type { ConnectionEvent } from './events.ts'
import type { Limits } from './limits.ts'
import type { Segment } from './send-buffer.ts'
import { Stream, type StreamEvent } from './stream.ts'
import type { Watch } from './watch.ts'

export interface StreamsHost {
  /** How checksums are found. */
  readonly sum: Crc32
  emit(event: ConnectionEvent): void
  /** A stream has something to send, or is over. */
  changed(): void
}

/** What may go out now, and of which stream: it was that stream's turn. */
export interface StreamSegment {
  readonly stream: Stream
  readonly segment: Segment
}

/** What a frame of the peer broke; undefined: nothing. */
export type Violation = 'protocol-violation' | 'flow-control' | undefined

export class Streams {
  readonly #limits: Limits
  readonly #host: StreamsHost
  readonly #watch: Watch | undefined
  readonly #open = new Map<number, Stream>()
  /** Streams with something to send, in the order of their turns. */
  readonly #ready = new Set<Stream>()
  /** Streams that may have frames to send, or be over. */
  readonly #changed = new Set<Stream>()
  /** The first id that the peer may open, and the lowest bit of all its others. */
  readonly #peerFirstId: 0 | 1
  /** The next id that we open. */
  #nextId: number
  /** What the peer allows us: streams counted from the first, bytes of all of them, bytes of a new one. */
  #peerMaxStreams = 0
  #peerMaxData = 0
  #peerStreamBytes = 0
  /** Bytes that went out for the first time, of all streams: what counts against the peer's limit. */
  #sentBytes = 0
  /** The next id that the peer has not opened. */
  #peerNextId: number
  /** How many of its streams are over: it may open as many more. */
  #peerClosed = 0
  /** What we allow the peer, as it was last told: streams counted from the first, bytes of all of them. */
  #advertisedStreams: number
  #advertisedData: number
  /** The peer's bytes, holes below them included, and those of them that were read or never will be. */
  #arrivedBytes = 0
  #consumedBytes = 0

  constructor(role: 'initiator' | 'acceptor', limits: Limits, host: StreamsHost, watch: Watch | undefined) {
    this.#limits = limits
    this.#host = host
    this.#watch = watch
    this.#nextId = role === 'initiator' ? 0 : 1
    this.#peerFirstId = role === 'initiator' ? 1 : 0
    this.#peerNextId = this.#peerFirstId
    this.#advertisedStreams = limits.streamsMax
    this.#advertisedData = limits.connectionBufferBytes
  }

  get count(): number {
    return this.#open.size
  }

  /** Something waits to be sent, whatever keeps it from going out. */
  get hasReady(): boolean {
    return this.#ready.size > 0
  }

  get(id: number): Stream | undefined {
    return this.#open.get(id)
  }

  /** The peer's parameters, or what was remembered of them; they may only grow. */
  learn({ maxDataBytes, maxStreamDataBytes, maxStreams }: Parameters): void {
    this.#peerMaxData = Math.max(this.#peerMaxData, maxDataBytes)
    this.#peerStreamBytes = Math.max(this.#peerStreamBytes, maxStreamDataBytes)
    for (const stream of this.#open.values()) stream.raisePeerLimit(maxStreamDataBytes)
    this.#allowStreams(maxStreams)
  }

  /** @returns undefined where the peer allows no more now; `streams-allowed` will tell */
  open(): Stream | undefined {
    if (this.#nextId >> 1 >= this.#peerMaxStreams) return undefined
    const stream = this.#add(this.#nextId, false)
    this.#nextId += 2
    return stream
  }

  // ── sending ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** The next stream's next new bytes. @param maxBytesFor room behind the stream's header */
  next(maxBytesFor: (stream: Stream) => number): StreamSegment | undefined {
    const room = this.#peerMaxData - this.#sentBytes
    for (const stream of this.#ready) {
      const segment = stream.next(maxBytesFor(stream), room)
      if (segment !== undefined) return { stream, segment }
      this.#ready.delete(stream)
    }
    return undefined
  }

  /** Bytes of any stream were lost, and are to be sent again. */
  get hasLost(): boolean {
    for (const stream of this.#ready) if (stream.hasLost) return true
    return false
  }

  /** The next lost bytes. @param maxBytesFor room behind the stream's header at an offset */
  nextLost(maxBytesFor: (stream: Stream, offset: number) => number): StreamSegment | undefined {
    for (const stream of this.#ready) {
      const segment = stream.hasLost ? stream.nextLost(offset => maxBytesFor(stream, offset)) : undefined
      if (segment !== undefined) return { stream, segment }
    }
    return undefined
  }

  /** The bytes went out: the next stream has its turn. */
  sent({ stream, segment }: StreamSegment): void {
    const before = stream.sentTo
    stream.sent(segment)
    this.#sentBytes += stream.sentTo - before
    if (this.#ready.size > 1) {
      this.#ready.delete(stream)
      this.#ready.add(stream)
    }
  }

  /** Frames about streams and limits that are due. */
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

  /** A frame that `takeControl` gave was lost. @returns whether it is to be sent again */
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

  /** A frame that `takeControl` gave has arrived. */
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

  /** @returns `full` where the bytes could not be kept: the packet has not arrived then */
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
      case 'STREAM': return this.#onRise(stream, stream.onData(frame.offset, frame.data, frame.fin))
      case 'PARITY': return this.#onRise(stream, stream.onParity(frame))
      case 'RESET_STREAM': return this.#onRise(stream, stream.onReset(frame.finalSize))
      case 'STOP_SENDING':
        stream.onStop(frame.code)
        return undefined
      case 'MAX_STREAM_DATA':
        stream.raisePeerLimit(frame.limit)
        return undefined
    }
  }

  /** The highest offset of a stream moved: what it rose by counts against the limit of all streams. */
  #onRise(stream: Stream, rise: number | 'full' | 'violation'): Violation | 'full' {
    if (rise === 'full') return 'full'
    if (rise === 'violation') return 'flow-control'
    this.#arrivedBytes += rise
    this.#changed.add(stream)
    return this.#arrivedBytes > this.#advertisedData ? 'flow-control' : undefined
  }

  /** The stream of an id; undefined: it is over. The peer's own are opened by their first frame, and all below with it. */
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
        restored: (of, range) => this.#watch?.restored(of.id, range),
        sum: this.#host.sum,
      },
    })
    this.#open.set(id, stream)
    return stream
  }

  /** A stream of the peer that is over lets it open another one. */
  #forget(stream: Stream): void {
    this.#ready.delete(stream)
    if (!this.#open.delete(stream.id)) return // its user did something more with it
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
