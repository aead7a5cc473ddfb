/**
 * The machine of one connection: its states, the frames that come, and its deadlines. What leaves is the sender's matter, streams have their own;
 * this file lets them work together. Nothing is sent while an input is taken: the endpoint lets the connection transmit once when all inputs of a batch are done.
 */
import type { Path } from '../../kit/endpoint.ts'
import { assert } from '../../kit/errors.ts'
import type { EncryptedContent } from '../wire/encrypted-packet.ts'
import { CLOSE_CODES, FRAME_TYPES, type CloseCode, type Frame } from '../wire/frames.ts'
import type { NumberedPacket } from '../wire/packet.ts'
import type { CongestionName } from './congestion/congestion.ts'
import type { ConnectionEncryption } from './encryption/connection-encryption.ts'
import type { ConnectionHost, ConnectionSetup } from './connection-setup.ts'
import { CLOSE_REASON_OF, OUR_CLOSE_REASON_OF, type CloseReason, type Metrics } from './events.ts'
import { Farewell } from './farewell.ts'
import { Hello } from './hello.ts'
import { LEAST_PARAMETERS, parametersOf, type Limits } from './limits.ts'
import { Liveness } from './liveness.ts'
import { Received } from './received.ts'
import { Sender } from './sender.ts'
import { nextState, STATES, type StateInput, type StateName } from './states.ts'
import type { Stream } from './stream.ts'
import { Streams } from './streams.ts'
import { Watch } from './watch.ts'

export class Connection {
  readonly role: 'initiator' | 'acceptor'
  /** The id that this end chose: what the peer writes into its packets. */
  readonly localId: number
  /** Undefined: everything is readable. */
  readonly encryption: ConnectionEncryption | undefined
  readonly #limits: Limits
  readonly #host: ConnectionHost
  readonly #watch: Watch | undefined
  readonly #hello = new Hello()
  readonly #farewell = new Farewell()
  readonly #liveness: Liveness
  readonly #received = new Received()
  readonly #streams: Streams
  readonly #sender: Sender
  /** A token of an earlier visit opened it, and nothing has shown yet that the peer hears us. */
  #early: boolean
  #hasLearnt = false
  #state: StateName = 'CLOSED'
  #receivedPackets = 0

  constructor(setup: ConnectionSetup) {
    const { role, localId, encryption, limits, host, early, nowMs } = setup
    this.role = role
    this.localId = localId
    this.encryption = encryption
    this.#limits = limits
    this.#host = host
    this.#early = early
    this.#liveness = new Liveness(limits.idleTimeoutMs, nowMs)
    this.#watch = host.observe === undefined ? undefined : new Watch(host.observe)
    this.#streams = new Streams(role, limits, host, this.#watch)
    this.#sender = new Sender({ ...setup, received: this.#received, streams: this.#streams, parameters: parametersOf(limits), watch: this.#watch })
  }

  get state(): StateName {
    return this.#state
  }

  /** The peer's id; 0 before it is known. */
  get remoteId(): number {
    return this.#sender.writer.remoteId
  }

  get path(): Path {
    return this.#sender.validation.path
  }

  get streamCount(): number {
    return this.#streams.count
  }

  metrics(): Metrics {
    const { recovery, counts, datagramBytes, writer } = this.#sender
    const { congestion, loss, roundTrip } = recovery
    return {
      congestion: congestion.name, phase: congestion.phase, windowBytes: congestion.windowBytes, ssthreshBytes: congestion.ssthreshBytes,
      flightBytes: loss.flightBytes, rttMs: roundTrip.srttMs ?? 0, probeMs: roundTrip.probeMs(), datagramBytes, sent: writer.nextNumber,
      received: this.#receivedPackets, ...counts,
    }
  }

  // ── what the user does ───────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Opens a stream; undefined as long as the peer allows no more: `streams-allowed` will tell. What is written before the peer has
   * answered leaves as soon as it has.
   */
  openStream(): Stream | undefined {
    return STATES[this.#state].carriesData || this.#state === 'HELLO-SENT' ? this.#streams.open() : undefined
  }

  /** Another controller takes over, with the window that is there. */
  setCongestion(name: CongestionName): void {
    this.#sender.recovery.setCongestion(name)
    this.#watch?.congestion(name)
    this.#host.changed()
  }

  /** Ends the connection: what is on the way is lost, and the peer is told. */
  close(nowMs: number, code: CloseCode = 'closed'): void {
    this.#at(nowMs)
    if (nextState(this.#state, 'close') === undefined) return
    this.#end('close', OUR_CLOSE_REASON_OF[code], nowMs)
    this.#farewell.code = CLOSE_CODES.indexOf(code)
    if (this.#state === 'CLOSING') this.#sender.sendClose(this.#farewell.code)
  }

  // ── what the endpoint does ───────────────────────────────────────────────────────────────────────────────────────────────

  /** Asks the peer for a connection. @param token of an earlier visit: data may be sent at once */
  connect(nowMs: number, token?: Uint8Array): void {
    this.#at(nowMs)
    this.#hello.start(nowMs + this.#limits.connectTimeoutMs)
    this.#streams.learn(LEAST_PARAMETERS)
    if (token === undefined) {
      this.#step('connect')
      this.#hello.sent(this.#sender.sendHello(nowMs), nowMs)
    } else {
      this.#sender.token = token
      this.#step('resume')
      this.#host.emit({ kind: 'connected' })
    }
    this.#host.changed()
  }

  /** A HELLO came whose token is good. */
  accept(nowMs: number): void {
    this.#at(nowMs)
    this.#step('accept')
    this.#sender.queue({ kind: 'PARAMETERS', parameters: parametersOf(this.#limits) })
    this.#sender.queue({ kind: 'NEW_TOKEN', token: this.#host.giveToken(this.path, nowMs) })
    if (this.encryption !== undefined) this.#sender.queue({ kind: 'RESET_TOKEN', token: this.#host.resetToken(this.localId) })
    this.#host.emit({ kind: 'accepted' })
    this.#host.changed()
  }

  /** RETRY came: the peer is there, and tells the token that it wants to see. @param number of the HELLO that it answers */
  onRetry(token: Uint8Array, number: number, nowMs: number): void {
    this.#at(nowMs)
    const wasResuming = this.#state === 'RESUMING'
    if (nextState(this.#state, 'retry') === undefined) return
    this.#step('retry')
    this.#hello.answered()
    const sentAtMs = this.#hello.sentAtMs(number)
    if (sentAtMs !== undefined) this.#sender.recovery.roundTrip.sample(nowMs - sentAtMs, 0)
    this.#sender.token = token
    this.#liveness.heard(nowMs)
    if (wasResuming) this.#sender.startOver()
    else this.#host.emit({ kind: 'connected' })
    const { nextNumber } = this.#sender.writer
    this.transmit(nowMs)
    if (this.#sender.writer.nextNumber === nextNumber) this.#sender.sendHello(nowMs) // nothing was written yet: the token goes alone
    this.#host.changed()
  }

  /** The peer will have nothing of this connection, and keeps nothing of it. */
  onRefused(reason: CloseReason, nowMs: number): void {
    this.#at(nowMs)
    this.#end('over', reason, nowMs)
  }

  /** A readable packet; to an encrypted connection it says nothing. */
  receive(packet: NumberedPacket, path: Path, sizeBytes: number, nowMs: number): void {
    if (this.encryption === undefined) this.#take(packet, path, sizeBytes, nowMs)
  }

  /** An encrypted packet: one that came before, or cannot be opened, is as if it had not come. */
  receiveEncrypted(packet: EncryptedContent, bytes: Uint8Array, path: Path, nowMs: number): void {
    const opened = this.#received.isNew(packet.number) ? this.encryption?.protection?.open(packet, bytes) : undefined
    if (opened !== undefined) this.#take(opened, path, bytes.length, nowMs)
  }

  timeout(nowMs: number): void {
    this.#at(nowMs)
    if (nowMs >= this.#farewell.deadlineMs) this.#end('over', 'finished', nowMs)
    else if (this.#hello.isHopeless(nowMs)) this.#end('over', 'connect-timed-out', nowMs)
    else if (this.#state === 'HELLO-SENT' && this.#hello.isDue(nowMs)) this.#hello.sent(this.#sender.sendHello(nowMs), nowMs)
    else if (STATES[this.#state].carriesData) this.#timeoutWhileOpen(nowMs)
    this.#host.changed()
  }

  /** Sends what may leave: called by the endpoint when all inputs of a batch are done. @returns whether there may be more, once that is with the network */
  transmit(nowMs: number): boolean {
    this.#at(nowMs)
    if (!STATES[this.#state].carriesData) return false
    const hasMore = this.#sender.transmit(nowMs)
    if (this.#sender.isExhausted) this.close(nowMs, 'exhausted')
    return hasMore
  }

  deadlineMs(): number {
    if (this.#state === 'CLOSED') return Infinity // the endpoint forgets it when this batch is done; a timer may come before
    if (!STATES[this.#state].carriesData) return Math.min(this.#farewell.deadlineMs, this.#state === 'HELLO-SENT' ? this.#hello.deadlineMs : Infinity)
    return Math.min(this.#hello.deadlineMs, this.#sender.deadlineMs(), this.#liveness.deadlineMs(this.#streams.count > 0))
  }

  // ── inside ───────────────────────────────────────────────────────────────────────────────────────────────────────────────

  #take(packet: NumberedPacket, path: Path, sizeBytes: number, nowMs: number): void {
    this.#at(nowMs)
    if (this.#state === 'CLOSED' || this.#state === 'HELLO-SENT') return
    this.#receivedPackets++
    if (!STATES[this.#state].carriesData) return this.#takeAtTheEnd(packet, sizeBytes, nowMs)
    if (!this.#received.isNew(packet.number) || !this.#isHonest(packet, nowMs)) return
    if (this.#host.observesPackets()) this.#watch?.packet('received', packet, sizeBytes)
    if (packet.type === 'WELCOME') this.#welcome(packet.sourceId, nowMs)
    if (packet.type === 'SHORT') this.#early = false // it names the id that we drew for this connection
    this.#liveness.heard(nowMs)
    this.#noticePath(path, packet.number, sizeBytes)
    this.#takeFrames(packet, sizeBytes, nowMs)
    this.#host.changed()
  }

  /** After our CONNECTION_CLOSE a packet says nothing any more, but that the peer has closed, too: then neither answers. */
  #takeAtTheEnd(packet: NumberedPacket, sizeBytes: number, nowMs: number): void {
    if (this.#state !== 'CLOSING') return
    if (this.#farewell.shallAnswer()) this.#sender.sendClose(this.#farewell.code)
    if (this.#host.observesPackets()) this.#watch?.packet('received', packet, sizeBytes)
    for (const frame of packet.frames) if (frame.kind === 'CONNECTION_CLOSE') this.#onFrame(frame, nowMs)
    this.#host.changed()
  }

  /** Nobody can acknowledge what was never sent: who does so lies to be sent to faster. */
  #isHonest({ frames }: NumberedPacket, nowMs: number): boolean {
    for (const frame of frames) {
      if (frame.kind !== 'ACK' || frame.ranges.every(range => this.#sender.writer.hasSent(range))) continue
      this.close(nowMs, 'protocol-violation')
      return false
    }
    return true
  }

  #welcome(remoteId: number, nowMs: number): void {
    if (nextState(this.#state, 'welcome') === undefined) return
    this.#sender.writer.remoteId = remoteId
    this.#hello.finish()
    this.#step('welcome')
    this.#liveness.heard(nowMs)
    if (this.encryption?.acceptorKeys !== undefined) this.#host.emit({ kind: 'identified', identity: this.encryption.acceptorKeys.identity })
  }

  /** The initiator's address may become another; the acceptor's does not. */
  #noticePath(path: Path, number: number, sizeBytes: number): void {
    if (this.role === 'initiator') return
    const before = this.path.peer.address
    const isNewest = number > this.#received.largest
    if (!this.#sender.validation.cameBy(path, isNewest, sizeBytes)) return
    this.#watch?.path(path, 'tried')
    this.#sender.pathChanged(before)
  }

  #takeFrames({ number, frames }: NumberedPacket, sizeBytes: number, nowMs: number): void {
    let asks = false
    let atOnce = false
    for (const frame of frames) {
      asks ||= FRAME_TYPES[frame.kind].ackEliciting
      atOnce ||= frame.kind === 'PING' || frame.kind === 'PATH_CHALLENGE' || frame.kind === 'PARAMETERS'
      const trouble = this.#onFrame(frame, nowMs)
      if (trouble === 'full') return // as if the packet had not come
      if (trouble !== undefined) return this.close(nowMs, trouble)
      if (!STATES[this.#state].carriesData) return
    }
    this.#received.record(number, asks, atOnce, sizeBytes, nowMs)
  }

  /** @returns what rule the frame breaks, or `full` where its bytes cannot be kept now */
  #onFrame(frame: Frame, nowMs: number): CloseCode | 'full' | undefined {
    switch (frame.kind) {
      case 'ACK':
        this.#sender.onAck(frame, nowMs)
        return undefined
      case 'SETTLED':
        this.#received.settle(frame.number)
        return undefined
      case 'PARAMETERS':
        if (this.#hasLearnt) return undefined // they come with every HELLO, and do not change
        this.#hasLearnt = true
        this.#streams.learn(frame.parameters)
        this.#sender.learn(frame.parameters)
        this.#liveness.learn(frame.parameters.idleTimeoutMs)
        return undefined
      case 'NEW_TOKEN':
        this.#host.emit({ kind: 'token', token: frame.token.slice(), keys: this.encryption?.acceptorKeys })
        return undefined
      case 'RESET_TOKEN':
        if (this.encryption !== undefined) this.encryption.resetToken = frame.token.slice()
        return undefined
      case 'PATH_CHALLENGE':
        this.#sender.queue({ kind: 'PATH_RESPONSE', value: frame.value })
        return undefined
      case 'PATH_RESPONSE':
        if (this.#sender.validation.onResponse(frame.value)) this.#watch?.path(this.path, 'proven')
        return undefined
      case 'CONNECTION_CLOSE':
        this.#end('closed', CLOSE_REASON_OF[CLOSE_CODES[frame.code] ?? 'internal'], nowMs)
        return undefined
      case 'PADDING': case 'PING': case 'TOKEN': return undefined
      default: return this.#streams.onFrame(frame, this.#early)
    }
  }

  #timeoutWhileOpen(nowMs: number): void {
    const { recovery, validation } = this.#sender
    if (this.#liveness.isGone(nowMs)) return this.#end('over', 'idle', nowMs)
    if (nowMs >= recovery.deadlineMs()) this.#sender.onLossDeadline(nowMs)
    if (this.#liveness.shallAsk(this.#streams.count > 0, nowMs)) {
      this.#liveness.asked(nowMs)
      this.#sender.sendNow({ kind: 'PING' }, nowMs)
    }
    const before = this.path
    const challenge = validation.onDeadline(recovery.roundTrip.probeMs(), nowMs)
    if (challenge === 'back') {
      this.#watch?.path(before, 'given up')
      this.#sender.pathChanged(before.peer.address)
    } else if (challenge !== undefined) this.#sender.sendNow({ kind: 'PATH_CHALLENGE', value: challenge }, nowMs)
  }

  /** @param input that ends it: we close it, the peer has, or nothing more is to be had of it */
  #end(input: 'close' | 'closed' | 'over', reason: CloseReason, nowMs: number): void {
    if (nextState(this.#state, input) === undefined) return
    const wasOver = !STATES[this.#state].carriesData && this.#state !== 'HELLO-SENT'
    this.#step(input)
    this.#hello.finish()
    this.#farewell.begin(this.#sender.recovery.roundTrip.probeMs(), nowMs)
    if (!wasOver) this.#host.emit({ kind: 'closed', reason })
    this.#host.changed()
  }

  #step(input: StateInput): void {
    const from = this.#state
    const to = nextState(from, input)
    assert(to !== undefined, `"${input}" has a meaning in ${from}`)
    this.#state = to
    if (to !== from) this.#watch?.state(from, to)
  }

  /** An input begins. What happens deep inside is told to watchers with its time, and packets only if they are wanted now. */
  #at(nowMs: number): void {
    if (this.#watch === undefined) return
    this.#watch.nowMs = nowMs
    this.#sender.writer.isWatched = this.#host.observesPackets()
  }
}
