/**
 * Decides what leaves and in which packet: acknowledgments, control frames and stream data, within the limits of
 * congestion control, pacing and the path. It remembers what each packet carried, and retransmits lost content in new
 * packets.
 */
import type { Frame, Parameters } from '../wire/frames.ts'
import { DATAGRAM_BYTES_BASE, PACKET_NUMBER_MAX } from '../wire/packet.ts'
import type { ConnectionSetup } from './connection-setup.ts'
import { ControlFrames, isRepeated } from './control-frames.ts'
import type { LossFound } from './events.ts'
import { YOUNG_PACKETS, type SentPacket, type AckResult } from './loss.ts'
import { PacketWriter } from './packet-writer.ts'
import { ceilingOf, PathMtu } from './path-mtu.ts'
import { PathValidation } from './path-validation.ts'
import type { Received } from './received.ts'
import { Recovery, type Carried, type Hold } from './recovery.ts'
import type { Stream } from './stream.ts'
import type { Streams, StreamSegment } from './streams.ts'
import type { Tracer } from './tracer.ts'

interface SenderSetup extends ConnectionSetup {
  readonly received: Received
  readonly streams: Streams
  readonly parameters: Parameters
  readonly tracer: Tracer | undefined
}

/** Packet numbers reserved for packets sent out of turn, and for repeating CONNECTION_CLOSE. */
const LAST_NUMBERS = 64
/** The first datagrams of a flight are handed to the network at once; the rest are written while those travel. */
const FIRST_DATAGRAMS = 2
/**
 * An encrypted packet with one PATH_CHALLENGE; an unencrypted one is shorter. It fits into three times the shortest
 * packet, which is what an idle peer sends from a new address.
 */
const CHALLENGE_BYTES = 38
/** A smaller window has no room to spare for a path MTU probe. */
const PROBE_WINDOW_DATAGRAMS = 4
/** Stream data joins a packet only if the other frames leave at least this much room. */
const STREAM_ROOM_MIN = 64

const NOTHING: Carried = { streamId: -1, offset: 0, lengthBytes: 0, fin: false, control: [], isMtuProbe: false, isRepeat: false }
const PING: Frame = { kind: 'PING' }

export class Sender {
  readonly recovery: Recovery
  readonly writer: PacketWriter
  readonly validation: PathValidation
  /** Sent in each HELLO until the peer has accepted the connection. */
  token: Uint8Array | undefined
  readonly #setup: SenderSetup
  readonly #control = new ControlFrames()
  /** Streams whose end has just been sent for the first time: their parity follows. */
  readonly #ended: Stream[] = []
  #mtu: PathMtu
  /** The longest datagram that the peer accepts. */
  #peerDatagramBytes = DATAGRAM_BYTES_BASE
  #hold: Hold = 'none'
  /** The ACKs of the peer list ranges that we no longer wait for, so a SETTLED is worth sending. */
  #shouldSendSettled = false
  #counts = { lost: 0, retransmitted: 0, spurious: 0 }

  constructor(setup: SenderSetup) {
    const { localId, remoteId, congestion, path, host, encryption } = setup
    this.#setup = setup
    this.recovery = new Recovery(congestion, DATAGRAM_BYTES_BASE)
    this.writer = new PacketWriter({ localId, remoteId, trains: host.trains, random: host.random, sum: host.sum, encryption })
    this.validation = new PathValidation(path, host.random)
    this.#mtu = new PathMtu(DATAGRAM_BYTES_BASE)
  }

  get counts(): { readonly lost: number; readonly retransmitted: number; readonly spurious: number } {
    return this.#counts
  }

  get datagramBytes(): number {
    return this.#mtu.datagramBytes
  }

  /** Queues a frame, which is retransmitted until it arrives. */
  queue(frame: Frame): void {
    this.#control.add(frame)
  }

  /** The PARAMETERS of the peer have arrived: longer datagrams may be tried. */
  setPeerParameters({ datagramBytesMax, ackDelayMsMax }: Parameters): void {
    this.recovery.roundTrip.setPeerAckDelayMax(ackDelayMsMax)
    this.#peerDatagramBytes = Math.max(DATAGRAM_BYTES_BASE, datagramBytesMax)
    this.#mtu = new PathMtu(Math.min(this.#peerDatagramBytes, ceilingOf(this.validation.path)))
  }

  /**
   * The address of the peer has changed. If only the port did, the path is most likely the same.
   * @param before the previous address
   */
  pathChanged(before: string): void {
    if (this.validation.path.peer.address === before) return
    this.#mtu = new PathMtu(Math.min(this.#peerDatagramBytes, ceilingOf(this.validation.path)))
    this.recovery.restart(this.#mtu.datagramBytes)
  }

  /**
   * Sends what may leave now, but only the first datagrams of a new flight.
   * @returns whether to call again once these have been handed to the network
   */
  transmit(nowMs: number): boolean {
    this.#control.add(...this.#setup.streams.takeControl())
    if (this.recovery.hold(nowMs) === 'none') this.#probeMtu(nowMs)
    this.#hold = this.recovery.hold(nowMs)
    const isFlightStart = this.recovery.loss.flightBytes < this.datagramBytes
    for (let sent = 1; this.#hold === 'none' && !this.isExhausted && this.validation.budgetBytes >= this.datagramBytes && this.#sendNext(nowMs); sent++) {
      this.#hold = this.recovery.hold(nowMs)
      if (isFlightStart && sent === FIRST_DATAGRAMS) return true
    }
    if (this.#hold === 'none') this.recovery.limitedByApplication(nowMs)
    if (this.#setup.received.dueAtMs <= nowMs && this.validation.budgetBytes >= this.datagramBytes) this.#acknowledge(nowMs)
    return false
  }

  /** When something that must wait now may leave. */
  deadlineMs(): number {
    const pacedAtMs = this.#hold === 'pacing' ? this.recovery.pacedAtMs() : Infinity
    const ackAtMs = this.validation.budgetBytes >= this.datagramBytes ? this.#setup.received.dueAtMs : Infinity
    return Math.min(this.recovery.deadlineMs(), this.validation.deadlineMs, pacedAtMs, ackAtMs)
  }

  /** Sends a PING or PATH_CHALLENGE at once, regardless of window and pacing. */
  sendNow(frame: Frame, nowMs: number): void {
    if (this.validation.budgetBytes < CHALLENGE_BYTES) return
    this.#begin()
    if (this.writer.add(frame)) this.#finish({ ...NOTHING, control: isRepeated(frame) ? [frame] : [] }, nowMs)
  }

  /** Sends a HELLO without data, with our token if we have one. @returns its packet number */
  sendHello(nowMs: number): number {
    const number = this.writer.nextNumber
    this.#begin()
    if (this.token === undefined) this.#report(this.writer.finish(this.validation.path))
    else this.#finish(NOTHING, nowMs)
    return number
  }

  /** Sends CONNECTION_CLOSE, which is neither acknowledged nor in flight. */
  sendClose(code: number): void {
    this.#begin()
    this.writer.add({ kind: 'CONNECTION_CLOSE', code })
    this.#report(this.writer.finish(this.validation.path))
  }

  /** Only the reserved packet numbers are left, or the key has encrypted as much as it may. */
  get isExhausted(): boolean {
    return this.writer.nextNumber > PACKET_NUMBER_MAX - LAST_NUMBERS || this.#setup.encryption?.protection?.isSpent === true
  }

  onAck(frame: Extract<Frame, { kind: 'ACK' }>, nowMs: number): void {
    this.#onAckResult(this.recovery.onAck(frame, nowMs))
    this.#setup.tracer?.window(this.recovery)
    const oldest = frame.ranges[frame.ranges.length - 1]
    if (frame.ranges.length > 1 && oldest !== undefined && oldest.last < this.recovery.loss.settledNumber(this.writer.nextNumber)) this.#shouldSendSettled = true
  }

  /** The deadline of loss detection has passed. */
  onLossDeadline(nowMs: number): void {
    const { loss } = this.recovery
    const { action, lost } = this.recovery.onDeadline(nowMs)
    if (action === 'detect') {
      this.#lose(lost, 'time threshold')
      this.#setup.tracer?.window(this.recovery)
      return
    }
    if (this.#mtu.onUnansweredProbes(loss.backOff, nowMs)) this.#resize()
    const packet = action === 'probe' ? loss.oldest : loss.newest
    if (packet !== undefined && this.validation.budgetBytes >= this.datagramBytes) this.#repeat(packet, action, nowMs)
  }

  /** The peer has accepted nothing sent so far: sends all of it again. */
  startOver(): void {
    this.#lose(this.recovery.loss.abandonAll(), 'time threshold')
  }

  // ── packets ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Sends one packet with content that must arrive. @returns whether there was any */
  #sendNext(nowMs: number): boolean {
    const { streams, received } = this.#setup
    if (this.#sendParity(nowMs)) return true
    if (this.#control.isEmpty && !streams.hasReady) return false
    if (this.#control.isEmpty && this.#sendLost(nowMs)) return true
    this.#begin(this.#control.waiting)
    if (received.isWaiting) this.writer.addAck(received.ranges(), received.delayMs(nowMs))
    if (this.#shouldSendSettled) this.writer.add({ kind: 'SETTLED', number: this.recovery.loss.settledNumber(this.writer.nextNumber) })
    const control = this.#control.take(this.writer)
    const piece = this.writer.room < STREAM_ROOM_MIN || streams.hasLost ? undefined : streams.next(stream => this.writer.roomForStream(stream.id, stream.sentTo))
    if (control.length === 0 && piece === undefined) return false
    if (received.isWaiting) received.sent()
    this.#shouldSendSettled = false
    this.#finishWith(piece, control, false, nowMs)
    return true
  }

  /**
   * Sends lost bytes without other frames. Behind other frames they would no longer fit as they did, and leave a
   * remainder that needs a packet of its own.
   */
  #sendLost(nowMs: number): boolean {
    if (!this.#setup.streams.hasLost) return false
    this.#begin()
    const piece = this.#setup.streams.nextLost((stream, offset) => this.writer.roomForStream(stream.id, offset))
    if (piece !== undefined) this.#finishWith(piece, [], false, nowMs)
    return piece !== undefined
  }

  /**
   * Sends the parity of a stream that has just ended. It travels alone, so that it has as much room as any data of the
   * stream had. Losing it does no harm: what it covers is in flight.
   */
  #sendParity(nowMs: number): boolean {
    for (let stream = this.#ended.shift(); stream !== undefined; stream = this.#ended.shift()) {
      this.#begin()
      const parity = stream.parity(this.writer.roomForParity(stream.id))
      if (parity === undefined) continue
      this.writer.add({ kind: 'PARITY', streamId: stream.id, ...parity })
      this.#finish({ ...NOTHING, isRepeat: true }, nowMs)
      return true
    }
    return false
  }

  #finishWith(piece: StreamSegment | undefined, control: readonly Frame[], isRepeat: boolean, nowMs: number): void {
    if (piece === undefined) return void this.#finish({ ...NOTHING, control, isRepeat }, nowMs)
    const { stream, segment } = piece
    this.writer.addStream(stream, segment)
    if (!isRepeat) this.#setup.streams.sent(piece) // a repeat leaves the stream as it is: what it repeats may have been declared lost meanwhile
    const { offset, lengthBytes, fin, again } = segment
    const number = this.#finish({ streamId: stream.id, offset, lengthBytes, fin, control, isMtuProbe: false, isRepeat }, nowMs)
    if (fin && !again && this.#isParityWorthwhile) this.#ended.push(stream)
    if (!again) return
    this.#counts.retransmitted++
    this.#setup.tracer?.retransmitted(number, stream.id, segment)
  }

  /** Losses hurt most at the beginning of a connection. Later, parity is sent only if packets are lost at all. */
  get #isParityWorthwhile(): boolean {
    return this.writer.nextNumber <= YOUNG_PACKETS || this.#counts.lost > this.#counts.spurious
  }

  /** Sends the content of a packet once more, regardless of the window. */
  #repeat(packet: SentPacket, why: 'probe' | 'duplicate', nowMs: number): void {
    const { streamId, offset, lengthBytes, fin, control } = packet
    const stream = this.#setup.streams.get(streamId)
    this.#begin(control)
    for (const frame of control) this.writer.add(frame)
    const segment = stream?.repeat(offset, lengthBytes, fin, this.writer.roomForStream(streamId, offset))
    this.#setup.tracer?.probe(this.writer.nextNumber, why)
    const piece = stream === undefined || segment === undefined ? undefined : { stream, segment }
    if (piece === undefined && control.length === 0) this.writer.add(PING)
    this.#finishWith(piece, control, true, nowMs)
  }

  #probeMtu(nowMs: number): void {
    if (this.writer.remoteId === 0 || this.recovery.roundTrip.srttMs === undefined || this.validation.budgetBytes !== Infinity) return
    if (this.recovery.congestion.windowBytes < PROBE_WINDOW_DATAGRAMS * this.datagramBytes) return
    const sizeBytes = this.#mtu.nextProbeBytes(nowMs)
    if (sizeBytes === undefined) return
    this.#mtu.probeSent()
    this.writer.begin('SHORT', sizeBytes)
    this.writer.add(PING)
    this.writer.pad()
    this.#finish({ ...NOTHING, isMtuProbe: true }, nowMs)
  }

  #acknowledge(nowMs: number): void {
    const { received } = this.#setup
    this.#begin()
    this.writer.addAck(received.ranges(), received.delayMs(nowMs))
    received.sent()
    this.#report(this.writer.finish(this.validation.path))
  }

  /**
   * Begins a packet of the form that is needed now: HELLO, with token and PARAMETERS, until the id of the peer is
   * known; WELCOME if it carries our PARAMETERS; otherwise short.
   */
  #begin(control: readonly Frame[] = []): void {
    const { parameters } = this.#setup
    if (this.writer.remoteId === 0) {
      this.writer.begin('HELLO', DATAGRAM_BYTES_BASE)
      this.writer.addHello(this.token, parameters)
    } else this.writer.begin(control.some(({ kind }) => kind === 'PARAMETERS') ? 'WELCOME' : 'SHORT', this.datagramBytes)
  }

  /** @returns the packet number */
  #finish(carried: Carried, nowMs: number): number {
    const finished = this.writer.finish(this.validation.path)
    this.#report(finished)
    this.recovery.sent(finished.number, finished.sizeBytes, carried, nowMs)
    return finished.number
  }

  #report({ sizeBytes, packet }: ReturnType<PacketWriter['finish']>): void {
    this.validation.sent(sizeBytes)
    if (packet !== undefined) this.#setup.tracer?.packet('sent', packet, sizeBytes)
  }

  // ── acknowledgment and loss ──────────────────────────────────────────────────────────────────────────────────────────────

  #onAckResult({ acked, lost, late }: AckResult): void {
    const { tracer } = this.#setup
    for (const packet of acked) {
      if (packet.isMtuProbe && this.#mtu.probeArrived(packet.sizeBytes)) this.#resize()
      this.#deliver(packet)
    }
    for (const packet of late) {
      this.#counts.spurious++
      tracer?.spurious(packet)
      this.#deliver(packet)
    }
    this.#lose(lost, 'packet threshold')
  }

  #deliver({ streamId, offset, lengthBytes, fin, control }: SentPacket): void {
    const { streams } = this.#setup
    if (streamId >= 0) streams.onAcked(streamId, offset, lengthBytes, fin)
    for (const frame of control) streams.controlArrived(frame)
  }

  #lose(lost: readonly SentPacket[], found: LossFound): void {
    const { streams, tracer } = this.#setup
    for (const packet of lost) {
      if (packet.isMtuProbe) {
        this.#mtu.probeLost(packet.sizeBytes)
        continue
      }
      this.#counts.lost++
      tracer?.lost(packet, found)
      if (packet.isRepeat) continue // the packet that it repeated accounts for the content
      const { streamId, offset, lengthBytes, fin, control } = packet
      if (streamId >= 0) streams.onLost(streamId, offset, lengthBytes, fin)
      this.#control.addAgain(control.filter(frame => isRepeated(frame) && streams.controlLost(frame)))
    }
  }

  #resize(): void {
    this.recovery.setDatagramBytes(this.datagramBytes)
    this.#setup.tracer?.datagramSize(this.datagramBytes)
  }
}
