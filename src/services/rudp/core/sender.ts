/**
 * What leaves, and in which packet: acknowledgements, frames that have to arrive, and the bytes of streams, as far as congestion
 * control, pacing and the path let them. What was sent is noted here, and sent again in other packets when it was lost.
 */
import type { Frame, Parameters } from '../wire/frames.ts'
import { DATAGRAM_BYTES_BASE, PACKET_NUMBER_MAX } from '../wire/packet.ts'
import type { ConnectionSetup } from './connection-setup.ts'
import { ControlFrames, isRepeated } from './control-frames.ts'
import type { LossFound } from './events.ts'
import { YOUNG_PACKETS, type SentPacket, type Verdict } from './loss.ts'
import { PacketWriter } from './packet-writer.ts'
import { ceilingOf, PathMtu } from './path-mtu.ts'
import { PathValidation } from './path-validation.ts'
import type { Received } from './received.ts'
import { Recovery, type Carried, type Hold } from './recovery.ts'
import type { Stream } from './stream.ts'
import type { Streams, StreamSegment } from './streams.ts'
import type { Watch } from './watch.ts'

interface SenderSetup extends ConnectionSetup {
  readonly received: Received
  readonly streams: Streams
  readonly parameters: Parameters
  readonly watch: Watch | undefined
}

/** Kept for what leaves out of turn meanwhile, and for saying that the connection is over, as often as that is asked. */
const LAST_NUMBERS = 64
/** A page waits for its first datagrams: while they travel the others are written. */
const FIRST_DATAGRAMS = 2
/** An encrypted packet with one PATH_CHALLENGE; a readable one is shorter. Three times the shortest packet, which is what a quiet peer sends from a new address, has room for it. */
const CHALLENGE_BYTES = 38
/** A window that holds fewer has no place to spare for a probe of a longer datagram. */
const PROBE_WINDOW_DATAGRAMS = 4
/** A stream's bytes do not go behind frames that leave less room than this. */
const STREAM_ROOM_MIN = 64

const NOTHING: Carried = { streamId: -1, offset: 0, lengthBytes: 0, fin: false, control: [], isMtuProbe: false, isRepeat: false }
const PING: Frame = { kind: 'PING' }

export class Sender {
  readonly recovery: Recovery
  readonly writer: PacketWriter
  readonly validation: PathValidation
  /** Shown in each HELLO, until the peer has taken us in. */
  token: Uint8Array | undefined
  readonly #setup: SenderSetup
  readonly #control = new ControlFrames()
  /** Streams whose end has just left for the first time: their parity follows. */
  readonly #ended: Stream[] = []
  #mtu: PathMtu
  /** The longest datagram that the peer takes. */
  #peerDatagramBytes = DATAGRAM_BYTES_BASE
  #hold: Hold = 'none'
  /** The peer tells ranges that nobody waits for any more. */
  #settledIsNews = false
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

  /** To be sent, and again until it arrives. */
  queue(frame: Frame): void {
    this.#control.add(frame)
  }

  /** The peer's parameters are known: longer datagrams may be tried. */
  learn({ datagramBytesMax, ackDelayMsMax }: Parameters): void {
    this.recovery.roundTrip.learn(ackDelayMsMax)
    this.#peerDatagramBytes = Math.max(DATAGRAM_BYTES_BASE, datagramBytesMax)
    this.#mtu = new PathMtu(Math.min(this.#peerDatagramBytes, ceilingOf(this.validation.path)))
  }

  /** The peer's address is another one; where only the port is, the path is most likely the same. @param before where it was */
  pathChanged(before: string): void {
    if (this.validation.path.peer.address === before) return
    this.#mtu = new PathMtu(Math.min(this.#peerDatagramBytes, ceilingOf(this.validation.path)))
    this.recovery.restart(this.#mtu.datagramBytes)
  }

  /** Sends what may go out now; of a flight that begins only the first. @returns whether there may be more, once that is with the network */
  transmit(nowMs: number): boolean {
    this.#control.add(...this.#setup.streams.takeControl())
    if (this.recovery.hold(nowMs) === 'none') this.#probeMtu(nowMs)
    this.#hold = this.recovery.hold(nowMs)
    const begins = this.recovery.loss.flightBytes < this.datagramBytes
    for (let sent = 1; this.#hold === 'none' && !this.isExhausted && this.validation.budgetBytes >= this.datagramBytes && this.#sendNext(nowMs); sent++) {
      this.#hold = this.recovery.hold(nowMs)
      if (begins && sent === FIRST_DATAGRAMS) return true
    }
    if (this.#hold === 'none') this.recovery.limitedByApplication(nowMs)
    if (this.#setup.received.dueAtMs <= nowMs && this.validation.budgetBytes >= this.datagramBytes) this.#acknowledge(nowMs)
    return false
  }

  /** When something may leave that has to wait now. */
  deadlineMs(): number {
    const pacedAtMs = this.#hold === 'pacing' ? this.recovery.pacedAtMs() : Infinity
    const ackAtMs = this.validation.budgetBytes >= this.datagramBytes ? this.#setup.received.dueAtMs : Infinity
    return Math.min(this.recovery.deadlineMs(), this.validation.deadlineMs, pacedAtMs, ackAtMs)
  }

  /** Sends a PING or a PATH_CHALLENGE at once, whatever holds the rest back. */
  sendNow(frame: Frame, nowMs: number): void {
    if (this.validation.budgetBytes < CHALLENGE_BYTES) return
    this.#begin()
    if (this.writer.add(frame)) this.#finish({ ...NOTHING, control: isRepeated(frame) ? [frame] : [] }, nowMs)
  }

  /** A packet that says only that we are there and have this token. */
  sendHello(nowMs: number): number {
    const number = this.writer.nextNumber
    this.#begin()
    if (this.token === undefined) this.#report(this.writer.finish(this.validation.path))
    else this.#finish(NOTHING, nowMs)
    return number
  }

  /** CONNECTION_CLOSE: not acknowledged, and not in flight. */
  sendClose(code: number): void {
    this.#begin()
    this.writer.add({ kind: 'CONNECTION_CLOSE', code })
    this.#report(this.writer.finish(this.validation.path))
  }

  /** Packet numbers have run out but for those of the end, or what one key may encrypt has. */
  get isExhausted(): boolean {
    return this.writer.nextNumber > PACKET_NUMBER_MAX - LAST_NUMBERS || this.#setup.encryption?.protection?.isSpent === true
  }

  onAck(frame: Extract<Frame, { kind: 'ACK' }>, nowMs: number): void {
    this.#onVerdict(this.recovery.onAck(frame, nowMs))
    this.#setup.watch?.window(this.recovery)
    const oldest = frame.ranges[frame.ranges.length - 1]
    if (frame.ranges.length > 1 && oldest !== undefined && oldest.last < this.recovery.loss.settledNumber(this.writer.nextNumber)) this.#settledIsNews = true
  }

  /** The deadline of loss detection has come. */
  onLossDeadline(nowMs: number): void {
    const { loss } = this.recovery
    const { action, lost } = this.recovery.onDeadline(nowMs)
    if (action === 'look') {
      this.#lose(lost, 'by time')
      this.#setup.watch?.window(this.recovery)
      return
    }
    if (this.#mtu.inVain(loss.backOff, nowMs)) this.#resize()
    const packet = action === 'probe' ? loss.oldest : loss.newest
    if (packet !== undefined && this.validation.budgetBytes >= this.datagramBytes) this.#repeat(packet, action, nowMs)
  }

  /** The peer has taken nothing of what was sent so far: all of it is to be sent again. */
  startOver(): void {
    this.#lose(this.recovery.loss.abandonAll(), 'by time')
  }

  // ── packets ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** One packet with something in it that has to arrive. @returns whether there was anything */
  #sendNext(nowMs: number): boolean {
    const { streams, received } = this.#setup
    if (this.#sendParity(nowMs)) return true
    if (this.#control.isEmpty && !streams.hasReady) return false
    if (this.#control.isEmpty && this.#sendLost(nowMs)) return true
    this.#begin(this.#control.waiting)
    if (received.isWaiting) this.writer.addAck(received.ranges(), received.delayMs(nowMs))
    if (this.#settledIsNews) this.writer.add({ kind: 'SETTLED', number: this.recovery.loss.settledNumber(this.writer.nextNumber) })
    const control = this.#control.take(this.writer)
    const piece = this.writer.room < STREAM_ROOM_MIN || streams.hasLost ? undefined : streams.next(stream => this.writer.roomForStream(stream.id, stream.sentTo))
    if (control.length === 0 && piece === undefined) return false
    if (received.isWaiting) received.sent()
    this.#settledIsNews = false
    this.#finishWith(piece, control, false, nowMs)
    return true
  }

  /** Lost bytes go alone: with other frames before them they would not fit as they did, and leave a crumb for a packet of its own. */
  #sendLost(nowMs: number): boolean {
    if (!this.#setup.streams.hasLost) return false
    this.#begin()
    const piece = this.#setup.streams.nextLost((stream, offset) => this.writer.roomForStream(stream.id, offset))
    if (piece !== undefined) this.#finishWith(piece, [], false, nowMs)
    return piece !== undefined
  }

  /** It goes alone, so that it has as much room as any bytes of the stream had. Its loss does no harm: what it covers is in flight. */
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
    if (!isRepeat) this.#setup.streams.sent(piece) // a repeat takes nothing over: what it repeats may have been given up since it left
    const { offset, lengthBytes, fin, again } = segment
    const number = this.#finish({ streamId: stream.id, offset, lengthBytes, fin, control, isMtuProbe: false, isRepeat }, nowMs)
    if (fin && !again && this.#canAffordParity) this.#ended.push(stream)
    if (!again) return
    this.#counts.retransmitted++
    this.#setup.watch?.retransmitted(number, stream.id, segment)
  }

  /** A new connection's losses are felt most; later, only where packets are lost at all. */
  get #canAffordParity(): boolean {
    return this.writer.nextNumber <= YOUNG_PACKETS || this.#counts.lost > this.#counts.spurious
  }

  /** Sends the content of a packet once more, whatever the window says. */
  #repeat(packet: SentPacket, why: 'probe' | 'duplicate', nowMs: number): void {
    const { streamId, offset, lengthBytes, fin, control } = packet
    const stream = this.#setup.streams.get(streamId)
    this.#begin(control)
    for (const frame of control) this.writer.add(frame)
    const segment = stream?.repeat(offset, lengthBytes, fin, this.writer.roomForStream(streamId, offset))
    this.#setup.watch?.probe(this.writer.nextNumber, why)
    const piece = stream === undefined || segment === undefined ? undefined : { stream, segment }
    if (piece === undefined && control.length === 0) this.writer.add(PING)
    this.#finishWith(piece, control, true, nowMs)
  }

  #probeMtu(nowMs: number): void {
    if (this.writer.remoteId === 0 || this.recovery.roundTrip.srttMs === undefined || this.validation.budgetBytes !== Infinity) return
    if (this.recovery.congestion.windowBytes < PROBE_WINDOW_DATAGRAMS * this.datagramBytes) return
    const sizeBytes = this.#mtu.wanted(nowMs)
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
   * A packet with what its form asks for: HELLO shows token and parameters as long as the peer's id is not known, and our
   * parameters leave in WELCOME.
   */
  #begin(control: readonly Frame[] = []): void {
    const { parameters } = this.#setup
    if (this.writer.remoteId === 0) {
      this.writer.begin('HELLO', DATAGRAM_BYTES_BASE)
      this.writer.addHello(this.token, parameters)
    } else this.writer.begin(control.some(({ kind }) => kind === 'PARAMETERS') ? 'WELCOME' : 'SHORT', this.datagramBytes)
  }

  /** @returns the packet's number */
  #finish(carried: Carried, nowMs: number): number {
    const finished = this.writer.finish(this.validation.path)
    this.#report(finished)
    this.recovery.sent(finished.number, finished.sizeBytes, carried, nowMs)
    return finished.number
  }

  #report({ sizeBytes, packet }: ReturnType<PacketWriter['finish']>): void {
    this.validation.sent(sizeBytes)
    if (packet !== undefined) this.#setup.watch?.packet('sent', packet, sizeBytes)
  }

  // ── what became of them ──────────────────────────────────────────────────────────────────────────────────────────────────

  #onVerdict({ acked, lost, late }: Verdict): void {
    const { watch } = this.#setup
    for (const packet of acked) {
      if (packet.isMtuProbe && this.#mtu.probeArrived(packet.sizeBytes)) this.#resize()
      this.#deliver(packet)
    }
    for (const packet of late) {
      this.#counts.spurious++
      watch?.spurious(packet)
      this.#deliver(packet)
    }
    this.#lose(lost, 'by later packets')
  }

  #deliver({ streamId, offset, lengthBytes, fin, control }: SentPacket): void {
    const { streams } = this.#setup
    if (streamId >= 0) streams.onAcked(streamId, offset, lengthBytes, fin)
    for (const frame of control) streams.controlArrived(frame)
  }

  #lose(lost: readonly SentPacket[], found: LossFound): void {
    const { streams, watch } = this.#setup
    for (const packet of lost) {
      if (packet.isMtuProbe) {
        this.#mtu.probeLost(packet.sizeBytes)
        continue
      }
      this.#counts.lost++
      watch?.lost(packet, found)
      if (packet.isRepeat) continue // the packet that it repeated tells for both
      const { streamId, offset, lengthBytes, fin, control } = packet
      if (streamId >= 0) streams.onLost(streamId, offset, lengthBytes, fin)
      this.#control.addAgain(control.filter(frame => isRepeated(frame) && streams.controlLost(frame)))
    }
  }

  #resize(): void {
    this.recovery.setDatagramBytes(this.datagramBytes)
    this.#setup.watch?.datagramSize(this.datagramBytes)
  }
}
