/**
 * The machine of one connection: handshake, states, timers and packets. What is sent when is the sender's matter (sender.ts,
 * loss.ts, congestion/), what arrived the receive buffer's and the acks'; this file lets them work together.
 */
import type { Path } from '../../kit/endpoint.ts'
import { assert } from '../../kit/errors.ts'
import { HEADER_BYTES, RANGE_BYTES, RESET_REASONS, type Packet, type PacketType, type ResetReason } from '../wire/packet.ts'
import { Acks } from './acks.ts'
import type { ConnectionHost, ConnectionSetup } from './connection-setup.ts'
import { CLOSE_REASON_OF, type CloseReason, type Metrics } from './events.ts'
import { Handshake } from './handshake.ts'
import { PACKET_NUMBER_MAX, type Limits } from './limits.ts'
import { Liveness } from './liveness.ts'
import { PacketBuilder } from './packet-builder.ts'
import { ReceiveBuffer } from './receive-buffer.ts'
import type { Segment } from './send-buffer.ts'
import { Sender } from './sender.ts'
import { nextState, STATES, type StateInput, type StateName } from './states.ts'
import { Watch } from './watch.ts'

/** How long the end of an abandoned connection may take. */
const ABANDONED_MAX_MS = 5_000

export class Connection {
  readonly role: 'initiator' | 'acceptor'
  readonly path: Path
  readonly initiatorId: number
  readonly #limits: Limits
  readonly #host: ConnectionHost
  readonly #watch: Watch | undefined
  readonly #handshake = new Handshake()
  readonly #liveness: Liveness
  readonly #sender: Sender
  readonly #receiveBuffer: ReceiveBuffer
  readonly #acks = new Acks()
  readonly #builder: PacketBuilder
  #state: StateName = 'CLOSED'
  #told = { readable: false, finished: false, delivered: false, short: false }
  #received = 0
  /** Infinity as long as nothing is over. */
  #lingerUntilMs = Infinity
  #abandoned = false

  constructor({ role, path, initiatorId, acceptorId, limits, congestion, host, nowMs }: ConnectionSetup) {
    this.role = role
    this.path = path
    this.initiatorId = initiatorId
    this.#limits = limits
    this.#host = host
    this.#liveness = new Liveness(limits.idleTimeoutMs, nowMs)
    this.#receiveBuffer = new ReceiveBuffer(limits.bufferBytes)
    this.#builder = new PacketBuilder({ initiatorId, acceptorId, allocate: host.allocate, acks: this.#acks, receiveBuffer: this.#receiveBuffer })
    this.#watch = host.observe === undefined ? undefined : new Watch(host.observe)
    this.#sender = new Sender(limits.bufferBytes, congestion, (packet, found) => this.#watch?.lost(packet, found))
  }

  get state(): StateName {
    return this.#state
  }

  /** The acceptor's half of the connection id; 0 before the initiator has learnt it. */
  get acceptorId(): number {
    return this.#builder.acceptorId
  }

  /** Bytes that `read` would give now. */
  get readableBytes(): number {
    return this.#receiveBuffer.readableBytes
  }

  /** The peer's end was reached: everything was read. */
  get drained(): boolean {
    return this.#receiveBuffer.drained
  }

  /** Whether the packet names this connection. The halves are 64 random bits: who does not see the traffic does not know them. */
  owns(packet: Packet, path: Path): boolean {
    const { address, port } = this.path.peer
    if (path !== this.path && (path.peer.address !== address || path.peer.port !== port)) return false
    return packet.initiatorId === this.initiatorId && (packet.acceptorId === this.acceptorId || this.#state === 'SYN-SENT')
  }

  /** Starts the handshake: SYN, or the answer to one. */
  open(nowMs: number): void {
    this.#at(nowMs)
    this.#handshake.start(nowMs + this.#limits.connectTimeoutMs)
    this.#step(this.role === 'initiator' ? 'connect' : 'syn')
    if (this.role === 'initiator') this.#shakeHands(nowMs)
    this.#host.changed()
  }

  /** Takes as much as the send buffer has room for. @returns how many bytes were taken; after less than all comes `writable` */
  write(bytes: Uint8Array, nowMs: number, more = false): number {
    this.#at(nowMs)
    if (this.#state === 'CLOSED') return 0
    const taken = this.#sender.buffer.write(bytes)
    this.#told.short = taken < bytes.length
    this.#transmit(nowMs, more && taken === bytes.length)
    return taken
  }

  /** The next bytes in order, at most `maxBytes`, empty where there are none; they are the caller's own. Opens the window. */
  read(maxBytes: number, nowMs: number): Uint8Array {
    this.#at(nowMs)
    const bytes = this.#receiveBuffer.read(maxBytes)
    this.#told.readable = this.readableBytes > 0
    const opened = this.#receiveBuffer.limitOffset - this.#builder.advertisedLimit
    if (opened >= this.#limits.bufferBytes / 4 && STATES[this.#state].carriesData && !this.#receiveBuffer.finished) {
      this.#acks.hurry(nowMs)
      this.#transmit(nowMs)
    }
    return bytes
  }

  /** Half-close: no byte will be written; what was is still delivered, and the peer may go on. */
  shutdown(nowMs: number): void {
    this.#at(nowMs)
    if (this.#state === 'CLOSED') return
    this.#sender.buffer.end()
    if (nextState(this.#state, 'shutdown') !== undefined) this.#step('shutdown')
    this.#transmit(nowMs)
  }

  /** Breaks the connection off: what is on the way is lost, and the peer is told. */
  reset(nowMs: number): void {
    this.#at(nowMs)
    if (this.#state === 'CLOSED') return
    if (this.#state === 'TIME-WAIT') this.#close('finished')
    else this.#breakOff('closed', 'reset')
  }

  /**
   * Nobody will read or write here any more: what was written is still delivered, for at most five seconds, and bytes that come
   * nevertheless break the connection off, as TCP does after close (RFC 1122 §4.2.2.13).
   */
  abandon(nowMs: number): void {
    if (this.#state === 'CLOSED' || this.#state === 'TIME-WAIT') return
    if (this.readableBytes > 0 || !STATES[this.#state].carriesData) return this.reset(nowMs)
    this.#abandoned = true
    this.#lingerUntilMs = nowMs + ABANDONED_MAX_MS
    this.shutdown(nowMs)
  }

  /** A half-open connection makes room for a newer one. */
  evict(): void {
    this.#close('evicted')
  }

  receive(packet: Packet, sizeBytes: number, nowMs: number): void {
    this.#at(nowMs)
    if (this.#state === 'CLOSED' || !this.#isHonest(packet)) return
    this.#received++
    this.#handshake.heard(sizeBytes)
    this.#watch?.packet('received', packet.type, packet.number, packet.streamOffset, packet.payload.length)
    if (packet.type === 'RESET') return this.#onReset(RESET_REASONS[packet.payload[0] ?? 0] ?? 'closed')
    if (!this.#onHandshake(packet, nowMs)) return this.#host.changed()
    this.#liveness.heard(nowMs)
    this.#sender.acknowledge(packet, nowMs)
    this.#watch?.window(this.#sender)
    this.#take(packet, nowMs)
    if (this.#abandoned && this.readableBytes > 0) return this.reset(nowMs)
    this.#report(nowMs)
    this.#transmit(nowMs)
  }

  timeout(nowMs: number): void {
    this.#at(nowMs)
    if (nowMs >= this.#handshake.giveUpAtMs) return this.#close('connect-timed-out')
    if (nowMs >= this.#handshake.retryAtMs) this.#shakeHands(nowMs)
    if (nowMs >= this.#lingerUntilMs) return this.reset(nowMs)
    if (STATES[this.#state].carriesData) {
      if (this.#liveness.isGone(nowMs)) return this.#breakOff('idle', 'idle')
      if (nowMs >= this.#sender.loss.deadlineMs()) this.#onLossDeadline(nowMs)
      if (this.#liveness.shallAsk(nowMs)) this.#ping(nowMs)
    }
    this.#transmit(nowMs)
  }

  deadlineMs(): number {
    const handshake = Math.min(this.#handshake.giveUpAtMs, this.#handshake.retryAtMs, this.#lingerUntilMs, this.#acks.dueAtMs)
    if (!STATES[this.#state].carriesData) return this.#state === 'CLOSED' ? Infinity : handshake
    return Math.min(handshake, this.#sender.loss.deadlineMs(), this.#liveness.deadlineMs())
  }

  metrics(): Metrics {
    return { ...this.#sender.metrics(), sent: this.#builder.nextNumber, received: this.#received }
  }

  /** Nobody can acknowledge what was never sent. */
  #isHonest({ ranges, ackOffset }: Packet): boolean {
    return (ranges[0]?.last ?? -1) < this.#builder.nextNumber && ackOffset <= this.#sender.buffer.ackOffsetMax
  }

  /** @returns whether the packet has more to say than the handshake */
  #onHandshake(packet: Packet, nowMs: number): boolean {
    if (this.#state === 'SYN-SENT') {
      if (packet.type !== 'SYN-ACK') return false
      this.#builder.acceptorId = packet.acceptorId
      this.#establish('syn-ack', 'connected', nowMs)
      return true
    }
    if (packet.type === 'SYN') {
      if (this.#state === 'SYN-RECEIVED') {
        this.#acks.record(packet.number, packet.settledNumber, true, true, nowMs)
        this.#shakeHands(nowMs)
      }
      return false
    }
    if (this.#state === 'SYN-RECEIVED') this.#establish('proven', 'accepted', nowMs)
    return true
  }

  #establish(input: 'syn-ack' | 'proven', kind: 'connected' | 'accepted', nowMs: number): void {
    this.#handshake.finish()
    this.#liveness.heard(nowMs)
    this.#step(input)
    this.#host.emit({ kind })
    if (this.#sender.buffer.isEnded) this.#step('shutdown')
  }

  /** The packet's own part: its bytes, and that it arrived. */
  #take({ type, number, settledNumber, streamOffset, payload }: Packet, nowMs: number): void {
    const carries = type === 'DATA' || type === 'FIN'
    if (carries && !this.#receiveBuffer.put(streamOffset, payload, type === 'FIN')) return this.#acks.hurry(nowMs)
    const atOnce = type === 'FIN' || type === 'PING' || type === 'SYN-ACK' || this.#receiveBuffer.hasHoles
    this.#acks.record(number, settledNumber, type !== 'ACK', atOnce, nowMs)
  }

  /** Tells the user what is new, and steps on where an end has arrived. */
  #report(nowMs: number): void {
    const { emit } = this.#host
    const before = this.#state
    if (!this.#told.readable && this.readableBytes > 0) {
      this.#told.readable = true
      emit({ kind: 'readable' })
    }
    if (this.#told.short && this.#sender.buffer.freeBytes >= this.#limits.bufferBytes / 4) {
      this.#told.short = false
      emit({ kind: 'writable' })
    }
    if (!this.#told.delivered && this.#sender.buffer.finished) {
      this.#told.delivered = true
      emit({ kind: 'delivered' })
      if (this.#state === 'LAST-ACK') return this.#close('finished', 'fin-acked')
      this.#step('fin-acked')
    }
    if (!this.#told.finished && this.#receiveBuffer.finished) {
      this.#told.finished = true
      emit({ kind: 'finished' })
      this.#step('fin')
    }
    if (this.#state !== before && this.#state === 'TIME-WAIT') this.#linger(nowMs)
  }

  /** Stays to answer a FIN that comes again because our ACK was lost: three probe times, as RFC 9000 §10.2. */
  #linger(nowMs: number): void {
    this.#lingerUntilMs = nowMs + 3 * this.#sender.roundTrip.probeMs()
  }

  #onReset(reason: ResetReason): void {
    const { buffer } = this.#sender
    // The peer said all, has all and is gone: at most the acknowledgement of our end is missing.
    const isOver = this.#receiveBuffer.finished && buffer.isEnded && buffer.allDelivered
    this.#close(isOver ? 'finished' : CLOSE_REASON_OF[reason])
  }

  #onLossDeadline(nowMs: number): void {
    const probe = this.#sender.onDeadline(nowMs)
    this.#watch?.window(this.#sender)
    if (probe === undefined) return
    if (probe.lengthBytes === 0 && !probe.fin) this.#send('PING', nowMs)
    else this.#sendSegment(probe, nowMs)
  }

  /** Asks whether the peer lives, or whether its window has opened. */
  #ping(nowMs: number): void {
    this.#send('PING', nowMs)
    this.#liveness.asked(nowMs, this.#sender.roundTrip.rtoMs())
  }

  /** Sends the handshake packet of this state, as far as an unproven address may be sent to. */
  #shakeHands(nowMs: number): void {
    this.#handshake.tried(nowMs)
    const isAnswer = this.#state === 'SYN-RECEIVED'
    if (isAnswer && !this.#handshake.mayAnswer(HEADER_BYTES + RANGE_BYTES * this.#acks.rangeCount)) return
    const number = this.#builder.nextNumber
    this.#handshake.sent(this.#send(isAnswer ? 'SYN-ACK' : 'SYN', nowMs))
    this.#sender.loss.sent({ number, sentAtMs: nowMs, sizeBytes: 0, offset: 0, lengthBytes: 0, fin: false })
  }

  /** Sends all that may go out now, and the acknowledgement that is due. */
  #transmit(nowMs: number, more = false): void {
    if (STATES[this.#state].carriesData) {
      for (;;) {
        const segment = this.#sender.next(this.#builder.payloadMax(), more)
        if (segment === undefined) break
        this.#sendSegment(segment, nowMs)
        if (nextState(this.#state, 'over') === undefined) return
      }
      this.#liveness.noteWindow(this.#sender.isShutOut, nowMs, this.#sender.roundTrip.rtoMs())
    }
    if (this.#acks.dueAtMs <= nowMs && (STATES[this.#state].carriesData || this.#state === 'TIME-WAIT')) this.#send('ACK', nowMs)
    this.#host.changed()
  }

  #sendSegment(segment: Segment, nowMs: number): void {
    const { offset, lengthBytes, fin, again } = segment
    const number = this.#builder.nextNumber
    const sizeBytes = this.#send(fin ? 'FIN' : 'DATA', nowMs, segment)
    this.#sender.sent({ number, sentAtMs: nowMs, sizeBytes, offset, lengthBytes, fin }, segment)
    if (again) this.#watch?.retransmitted(number, segment)
  }

  /** @returns the size of the datagram */
  #send(type: PacketType, nowMs: number, segment?: Segment): number {
    const number = this.#builder.nextNumber
    const settledNumber = this.#sender.loss.oldest?.number ?? number
    const bytes = this.#builder.build(type, settledNumber, nowMs, segment, this.#sender.buffer)
    this.#watch?.packet('sent', type, number, segment?.offset ?? 0, segment?.lengthBytes ?? 0)
    this.#host.send(bytes)
    if (number === PACKET_NUMBER_MAX) this.#close('exhausted')
    return bytes.length
  }

  #breakOff(reason: ResetReason, closed: CloseReason): void {
    this.#host.send(this.#builder.buildReset(reason))
    this.#close(closed)
  }

  #close(reason: CloseReason, input: StateInput = 'over'): void {
    const isKnown = this.role === 'initiator' || this.#state !== 'SYN-RECEIVED'
    this.#step(input)
    this.#sender.buffer.release()
    if (isKnown) this.#host.emit({ kind: 'closed', reason })
    this.#host.changed()
  }

  #step(input: StateInput): void {
    const from = this.#state
    const to = nextState(from, input)
    assert(to !== undefined, `"${input}" has a meaning in ${from}`)
    this.#state = to
    this.#watch?.state(from, to)
  }

  #at(nowMs: number): void {
    if (this.#watch !== undefined) this.#watch.nowMs = nowMs
  }
}
