/**
 * One connection as a state machine: its states, the frames that it receives, and its deadlines. sender.ts decides what
 * leaves, streams.ts holds the streams, and this file makes them work together. Nothing is sent while an input is
 * processed: after all inputs of a batch, the endpoint lets each changed connection transmit once.
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
import { ClosingPeriod } from './closing-period.ts'
import { Hello } from './hello.ts'
import { MINIMUM_PARAMETERS, parametersOf, type Limits } from './limits.ts'
import { Liveness } from './liveness.ts'
import { Received } from './received.ts'
import { Sender } from './sender.ts'
import { nextState, STATES, type StateInput, type StateName } from './states.ts'
import type { Stream } from './stream.ts'
import { Streams } from './streams.ts'
import { Tracer } from './tracer.ts'

export class Connection {
  readonly role: 'initiator' | 'acceptor'
  /** The id that this endpoint chose; the peer writes it into its packets. */
  readonly localId: number
  /** Undefined if the connection is not encrypted. */
  readonly encryption: ConnectionEncryption | undefined
  readonly #limits: Limits
  readonly #host: ConnectionHost
  readonly #tracer: Tracer | undefined
  readonly #hello = new Hello()
  readonly #closing = new ClosingPeriod()
  readonly #liveness: Liveness
  readonly #received = new Received()
  readonly #streams: Streams
  readonly #sender: Sender
  /** Opened with a token from an earlier visit, and nothing has shown yet that the peer receives our packets. */
  #early: boolean
  #hasPeerParameters = false
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
    this.#tracer = host.observe === undefined ? undefined : new Tracer(host.observe)
    this.#streams = new Streams(role, limits, host, this.#tracer)
    this.#sender = new Sender({ ...setup, received: this.#received, streams: this.#streams, parameters: parametersOf(limits), tracer: this.#tracer })
  }

  get state(): StateName {
    return this.#state
  }

  /** The id that the peer chose; 0 until it is known. */
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

  // ── for the user ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Opens a stream. Returns undefined while the peer allows no more; `streams-allowed` announces when it does. What is
   * written before the peer has answered leaves as soon as it has.
   */
  openStream(): Stream | undefined {
    return STATES[this.#state].carriesData || this.#state === 'HELLO-SENT' ? this.#streams.open() : undefined
  }

  /** Switches to another congestion controller, which takes over the current window. */
  setCongestion(name: CongestionName): void {
    this.#sender.recovery.setCongestion(name)
    this.#tracer?.congestion(name)
    this.#host.changed()
  }

  /** Closes the connection and notifies the peer. Data in flight is lost. */
  close(nowMs: number, code: CloseCode = 'closed'): void {
    this.#setNow(nowMs)
    if (nextState(this.#state, 'close') === undefined) return
    this.#end('close', OUR_CLOSE_REASON_OF[code], nowMs)
    this.#closing.code = CLOSE_CODES.indexOf(code)
    if (this.#state === 'CLOSING') this.#sender.sendClose(this.#closing.code)
  }

  // ── for the endpoint ─────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Starts the handshake. @param token from an earlier visit: data may be sent at once */
  connect(nowMs: number, token?: Uint8Array): void {
    this.#setNow(nowMs)
    this.#hello.start(nowMs + this.#limits.connectTimeoutMs)
    this.#streams.setPeerParameters(MINIMUM_PARAMETERS)
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

  /** A HELLO with a valid token arrived. */
  accept(nowMs: number): void {
    this.#setNow(nowMs)
    this.#step('accept')
    this.#sender.queue({ kind: 'PARAMETERS', parameters: parametersOf(this.#limits) })
    this.#sender.queue({ kind: 'NEW_TOKEN', token: this.#host.issueToken(this.path, nowMs) })
    if (this.encryption !== undefined) this.#sender.queue({ kind: 'RESET_TOKEN', token: this.#host.resetToken(this.localId) })
    this.#host.emit({ kind: 'accepted' })
    this.#host.changed()
  }

  /** RETRY arrived with a token to return. @param number of the HELLO that it answers */
  onRetry(token: Uint8Array, number: number, nowMs: number): void {
    this.#setNow(nowMs)
    const wasResuming = this.#state === 'RESUMING'
    if (nextState(this.#state, 'retry') === undefined) return
    this.#step('retry')
    this.#hello.stopRepeating()
    const sentAtMs = this.#hello.sentAtMs(number)
    if (sentAtMs !== undefined) this.#sender.recovery.roundTrip.sample(nowMs - sentAtMs, 0)
    this.#sender.token = token
    this.#liveness.onReceived(nowMs)
    if (wasResuming) this.#sender.startOver()
    else this.#host.emit({ kind: 'connected' })
    const { nextNumber } = this.#sender.writer
    this.transmit(nowMs)
    if (this.#sender.writer.nextNumber === nextNumber) this.#sender.sendHello(nowMs) // nothing has been written yet: send the token alone
    this.#host.changed()
  }

  /** The peer refuses the connection or no longer knows it, and keeps no state for it. */
  onRefused(reason: CloseReason, nowMs: number): void {
    this.#setNow(nowMs)
    this.#end('over', reason, nowMs)
  }

  /** Processes an unencrypted packet. An encrypted connection ignores it. */
  receive(packet: NumberedPacket, path: Path, sizeBytes: number, nowMs: number): void {
    if (this.encryption === undefined) this.#process(packet, path, sizeBytes, nowMs)
  }

  /** Processes an encrypted packet. One that arrived before, or that fails to decrypt, is ignored. */
  receiveEncrypted(packet: EncryptedContent, bytes: Uint8Array, path: Path, nowMs: number): void {
    const opened = this.#received.isNew(packet.number) ? this.encryption?.protection?.open(packet, bytes) : undefined
    if (opened !== undefined) this.#process(opened, path, bytes.length, nowMs)
  }

  timeout(nowMs: number): void {
    this.#setNow(nowMs)
    if (nowMs >= this.#closing.deadlineMs) this.#end('over', 'finished', nowMs)
    else if (this.#hello.hasTimedOut(nowMs)) this.#end('over', 'connect-timed-out', nowMs)
    else if (this.#state === 'HELLO-SENT' && this.#hello.isRepeatDue(nowMs)) this.#hello.sent(this.#sender.sendHello(nowMs), nowMs)
    else if (STATES[this.#state].carriesData) this.#timeoutWhileOpen(nowMs)
    this.#host.changed()
  }

  /** Sends what may leave, after a batch of inputs. @returns whether to call again once this has been handed over */
  transmit(nowMs: number): boolean {
    this.#setNow(nowMs)
    if (!STATES[this.#state].carriesData) return false
    const hasMore = this.#sender.transmit(nowMs)
    if (this.#sender.isExhausted) this.close(nowMs, 'exhausted')
    return hasMore
  }

  deadlineMs(): number {
    if (this.#state === 'CLOSED') return Infinity // the endpoint forgets it after this batch, but a timer may fire first
    if (!STATES[this.#state].carriesData) return Math.min(this.#closing.deadlineMs, this.#state === 'HELLO-SENT' ? this.#hello.deadlineMs : Infinity)
    return Math.min(this.#hello.deadlineMs, this.#sender.deadlineMs(), this.#liveness.deadlineMs(this.#streams.count > 0))
  }

  // ── internals ────────────────────────────────────────────────────────────────────────────────────────────────────────────

  #process(packet: NumberedPacket, path: Path, sizeBytes: number, nowMs: number): void {
    this.#setNow(nowMs)
    if (this.#state === 'CLOSED' || this.#state === 'HELLO-SENT') return
    this.#receivedPackets++
    if (!STATES[this.#state].carriesData) return this.#processWhileClosing(packet, sizeBytes, nowMs)
    if (!this.#received.isNew(packet.number) || !this.#hasValidAcks(packet, nowMs)) return
    if (this.#host.observesPackets()) this.#tracer?.packet('received', packet, sizeBytes)
    if (packet.type === 'WELCOME') this.#welcome(packet.sourceId, nowMs)
    if (packet.type === 'SHORT') this.#early = false // it carries the id that we chose, so the peer has received a packet of ours
    this.#liveness.onReceived(nowMs)
    this.#updatePath(path, packet.number, sizeBytes)
    this.#processFrames(packet, sizeBytes, nowMs)
    this.#host.changed()
  }

  /** Packets now only remind us to repeat CONNECTION_CLOSE, until the peer closes too; then neither side answers. */
  #processWhileClosing(packet: NumberedPacket, sizeBytes: number, nowMs: number): void {
    if (this.#state !== 'CLOSING') return
    if (this.#closing.shouldAnswer()) this.#sender.sendClose(this.#closing.code)
    if (this.#host.observesPackets()) this.#tracer?.packet('received', packet, sizeBytes)
    for (const frame of packet.frames) if (frame.kind === 'CONNECTION_CLOSE') this.#onFrame(frame, nowMs)
    this.#host.changed()
  }

  /** A peer that acknowledges what was never sent is lying, to be sent to faster (RFC 9000 §21.4). */
  #hasValidAcks({ frames }: NumberedPacket, nowMs: number): boolean {
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
    this.#liveness.onReceived(nowMs)
    if (this.encryption?.acceptorKeys !== undefined) this.#host.emit({ kind: 'identified', identity: this.encryption.acceptorKeys.identity })
  }

  /** Only the initiator may change its address. */
  #updatePath(path: Path, number: number, sizeBytes: number): void {
    if (this.role === 'initiator') return
    const before = this.path.peer.address
    const isNewest = number > this.#received.largest
    if (!this.#sender.validation.onPacket(path, isNewest, sizeBytes)) return
    this.#tracer?.path(path, 'tried')
    this.#sender.pathChanged(before)
  }

  #processFrames({ number, frames }: NumberedPacket, sizeBytes: number, nowMs: number): void {
    let isAckEliciting = false
    let atOnce = false
    for (const frame of frames) {
      isAckEliciting ||= FRAME_TYPES[frame.kind].ackEliciting
      atOnce ||= frame.kind === 'PING' || frame.kind === 'PATH_CHALLENGE' || frame.kind === 'PARAMETERS'
      const error = this.#onFrame(frame, nowMs)
      if (error === 'full') return // as if the packet had not arrived
      if (error !== undefined) return this.close(nowMs, error)
      if (!STATES[this.#state].carriesData) return
    }
    this.#received.record(number, isAckEliciting, atOnce, sizeBytes, nowMs)
  }

  /** @returns the error if the frame violates the protocol, or `full` if its bytes cannot be stored now */
  #onFrame(frame: Frame, nowMs: number): CloseCode | 'full' | undefined {
    switch (frame.kind) {
      case 'ACK':
        this.#sender.onAck(frame, nowMs)
        return undefined
      case 'SETTLED':
        this.#received.settle(frame.number)
        return undefined
      case 'PARAMETERS':
        if (this.#hasPeerParameters) return undefined // every HELLO repeats them unchanged
        this.#hasPeerParameters = true
        this.#streams.setPeerParameters(frame.parameters)
        this.#sender.setPeerParameters(frame.parameters)
        this.#liveness.setPeerTimeout(frame.parameters.idleTimeoutMs)
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
        if (this.#sender.validation.onResponse(frame.value)) this.#tracer?.path(this.path, 'proven')
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
    if (this.#liveness.isTimedOut(nowMs)) return this.#end('over', 'idle', nowMs)
    if (nowMs >= recovery.deadlineMs()) this.#sender.onLossDeadline(nowMs)
    if (this.#liveness.isPingDue(this.#streams.count > 0, nowMs)) {
      this.#liveness.onPingSent(nowMs)
      this.#sender.sendNow({ kind: 'PING' }, nowMs)
    }
    const before = this.path
    const challenge = validation.onDeadline(recovery.roundTrip.probeMs(), nowMs)
    if (challenge === 'revert') {
      this.#tracer?.path(before, 'given up')
      this.#sender.pathChanged(before.peer.address)
    } else if (challenge !== undefined) this.#sender.sendNow({ kind: 'PATH_CHALLENGE', value: challenge }, nowMs)
  }

  /** @param input why the connection ends: we close it, the peer closed it, or it cannot continue */
  #end(input: 'close' | 'closed' | 'over', reason: CloseReason, nowMs: number): void {
    if (nextState(this.#state, input) === undefined) return
    const wasOver = !STATES[this.#state].carriesData && this.#state !== 'HELLO-SENT'
    this.#step(input)
    this.#hello.finish()
    this.#closing.begin(this.#sender.recovery.roundTrip.probeMs(), nowMs)
    if (!wasOver) this.#host.emit({ kind: 'closed', reason })
    this.#host.changed()
  }

  #step(input: StateInput): void {
    const from = this.#state
    const to = nextState(from, input)
    assert(to !== undefined, `${from} accepts "${input}"`)
    this.#state = to
    if (to !== from) this.#tracer?.state(from, to)
  }

  /** Begins an input: gives the tracer the time, and tells the writer whether packets are observed. */
  #setNow(nowMs: number): void {
    if (this.#tracer === undefined) return
    this.#tracer.nowMs = nowMs
    this.#sender.writer.isTraced = this.#host.observesPackets()
  }
}
