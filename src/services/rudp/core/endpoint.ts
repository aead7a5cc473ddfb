/**
 * All connections of one UDP socket: the machine that the driver runs. It looks up a packet's connection by the id that
 * this endpoint chose, so a connection survives a change of address. It keeps no state for an unverified peer: it
 * answers HELLO with a token (RETRY), and only a peer that returns the token, and so has proven its address, gets a
 * connection.
 */
import { crc32, type Crc32 } from '../../kit/crc32.ts'
import type { Path } from '../../kit/endpoint.ts'
import { formatEndpoint } from '../../kit/endpoint.ts'
import { assert, MalformedPacket } from '../../kit/errors.ts'
import type { Effect, Machine } from '../../kit/machine.ts'
import { uint52, type Random } from '../../kit/random.ts'
import { decodeEncryptedPacket, ENCRYPTED_VERSION, isEncryptedVersion, type EncryptedPacket } from '../wire/encrypted-packet.ts'
import { CLOSE_CODES } from '../wire/frames.ts'
import { decodePacket, encodePacket, VERSION, type NumberedPacket, type Packet } from '../wire/packet.ts'
import { Admission, type Admitted } from './admission.ts'
import type { CongestionName } from './congestion/congestion.ts'
import { DEFAULT_CONGESTION } from './congestion/controllers.ts'
import { InitiatorEncryption, type Trusts, type Visit } from './encryption/connection-encryption.ts'
import { Connection } from './connection.ts'
import type { ConnectionSetup } from './connection-setup.ts'
import { drawSecret } from './encryption/cryptography.ts'
import type { EncryptionOptions } from './encryption/encryption-options.ts'
import { CLOSE_REASON_OF, type ConnectionEvent, type TraceEvent } from './events.ts'
import { DEFAULT_LIMITS, type Limits } from './limits.ts'
import { isSamePeer } from './path-validation.ts'
import { nextState } from './states.ts'
import { Trains } from './trains.ts'

/** An event and the connection that it belongs to. */
export type RudpEvent = ConnectionEvent & { readonly connection: Connection }

export type Observe = (connection: Connection, event: TraceEvent, nowMs: number) => void

export interface RudpEndpointOptions {
  /** Draws connection ids and the key of tokens. Must be unpredictable outside of tests. */
  readonly random: Random
  /** Computes checksums; the platform may have a faster way than the portable one. */
  readonly sum?: Crc32 | undefined
  /** Accepts connections from peers. */
  readonly accepting: boolean
  /** Undefined if nothing is encrypted. */
  readonly encryption?: EncryptionOptions | undefined
  readonly congestion?: CongestionName | undefined
  readonly limits?: Partial<Limits> | undefined
  /** Receives everything that happens in a connection. Without it, no trace events are created. */
  readonly observe?: Observe | undefined
  /** False excludes the packets themselves, which a traced door records more cheaply. */
  readonly observesPackets?: boolean | undefined
}

export class RudpEndpoint implements Machine<RudpEvent> {
  readonly outbox: Effect<RudpEvent>[] = []
  /** The controller of future connections; may be changed at any time. */
  congestion: CongestionName
  /** Whether packets are reported to the observer too; may be changed at any time. */
  observesPackets: boolean
  readonly #random: Random
  readonly #sum: Crc32
  readonly #limits: Limits
  readonly #observe: Observe | undefined
  readonly #encryption: EncryptionOptions | undefined
  readonly #admission: Admission
  readonly #trains = new Trains((path, bytes, segmentBytes) => this.outbox.push({ kind: 'send', path, bytes, segmentBytes }))
  #accepting: boolean
  /** By the id that this endpoint chose. */
  readonly #connections = new Map<number, Connection>()
  /** Accepted connections by the peer's id and address, so that a repeated HELLO finds its connection. */
  readonly #byHello = new Map<string, Connection>()
  readonly #helloKeys = new WeakMap<Connection, string>()
  /** Connections that may have something to send after this batch of inputs. */
  readonly #changed = new Set<Connection>()
  /** No later than the earliest deadline of all connections. Exact only after `timeout`. */
  #earliestMs = Infinity
  #malformed = 0

  constructor({ random, sum = crc32, accepting, encryption, congestion, limits, observe, observesPackets = true }: RudpEndpointOptions) {
    this.#random = random
    this.#sum = sum
    this.#accepting = accepting
    this.congestion = congestion ?? DEFAULT_CONGESTION
    this.#limits = { ...DEFAULT_LIMITS, ...limits }
    this.#observe = observe
    this.observesPackets = observesPackets
    this.#encryption = encryption
    this.#admission = new Admission(random, encryption)
  }

  /** The number of connections in any state but CLOSED. */
  get connectionCount(): number {
    return this.#connections.size
  }

  /** These connections, oldest first. */
  connections(): Iterable<Connection> {
    return this.#connections.values()
  }

  /** The number of datagrams that were not valid packets: damaged, or not RUDP. */
  get malformedCount(): number {
    return this.#malformed
  }

  /**
   * Starts a connection to the peer. `connected` or `closed` reports the outcome.
   * @param visit what an earlier connection to the peer left behind. Data then leaves with the first packet and is
   * accepted at once, so only what is safe to repeat should be sent (RFC 8470).
   * @param trusts encrypts the connection, and decides whether to trust the identity that the peer presents; the
   * endpoint must have cryptography. Undefined: no encryption.
   */
  connect(path: Path, nowMs: number, { visit, trusts }: { readonly visit?: Visit | undefined; readonly trusts?: Trusts | undefined } = {}): Connection {
    const localId = this.#freeId()
    const cryptography = this.#encryption?.cryptography
    assert(trusts === undefined || cryptography !== undefined, 'an encrypted connection needs cryptography')
    const encryption = cryptography && trusts && new InitiatorEncryption(cryptography, trusts, localId, drawSecret(this.#random))
    const isReturn = visit !== undefined && (encryption === undefined || (visit.keys !== undefined && encryption.setAcceptorKeys(visit.keys, visit.token)))
    const connection = this.#add({ role: 'initiator', path, localId, remoteId: 0, early: false, encryption, nowMs })
    connection.connect(nowMs, isReturn ? visit.token : undefined)
    return connection
  }

  receive(bytes: Uint8Array, path: Path, nowMs: number): void {
    if (this.#encryption !== undefined && isEncryptedVersion(bytes)) return this.#receiveEncrypted(bytes, path, nowMs)
    const packet = this.#decode(decodePacket, bytes)
    if (packet === undefined) return
    switch (packet.type) {
      case 'SHORT': case 'WELCOME': {
        const connection = this.#connections.get(packet.destinationId)
        if (connection !== undefined) {
          if (mayArriveOn(path, connection)) connection.receive(packet, path, bytes.length, nowMs)
        } else if (packet.type === 'SHORT') this.#send(path, encodePacket({ type: 'RESET', destinationId: 0, sourceId: packet.destinationId, number: 0, frames: [UNKNOWN] }))
        return
      }
      case 'HELLO': return this.#onHello(packet, path, bytes.length, nowMs)
      case 'OTHER_VERSION':
        if (this.#accepting) this.#send(path, this.#admission.versions(packet))
        return
      case 'RETRY': case 'RESET': case 'VERSIONS': return this.#onStateless(packet, path, nowMs)
    }
  }

  timeout(nowMs: number): void {
    if (nowMs < this.#earliestMs) return
    this.#earliestMs = Infinity
    for (const connection of this.#connections.values()) {
      if (connection.deadlineMs() <= nowMs) connection.timeout(nowMs)
      if (!this.#changed.has(connection)) this.#earliestMs = Math.min(this.#earliestMs, connection.deadlineMs())
    }
  }

  /** All inputs of a batch have been processed: sends what resulted. */
  settle(nowMs: number): boolean {
    for (const connection of this.#changed) {
      if (connection.transmit(nowMs)) continue
      this.#changed.delete(connection)
      if (connection.state === 'CLOSED') this.#forget(connection)
      else this.#earliestMs = Math.min(this.#earliestMs, connection.deadlineMs())
    }
    this.#trains.flush()
    return this.#changed.size > 0
  }

  deadlineMs(): number {
    return this.#earliestMs
  }

  sent(): void {
    this.#trains.reclaim()
  }

  /** Stops accepting connections and closes the open ones. */
  close(nowMs: number): void {
    this.#accepting = false
    for (const connection of this.#connections.values()) connection.close(nowMs)
  }

  #receiveEncrypted(bytes: Uint8Array, path: Path, nowMs: number): void {
    const packet = this.#decode(decodeEncryptedPacket, bytes)
    if (packet === undefined) return
    switch (packet.type) {
      case 'SHORT': case 'WELCOME': {
        const connection = this.#connections.get(packet.destinationId)
        if (connection !== undefined) {
          if (mayArriveOn(path, connection)) connection.receiveEncrypted(packet, bytes, path, nowMs)
          return
        }
        const answer = packet.type === 'SHORT' ? this.#admission.unknown(packet.destinationId) : undefined
        if (answer !== undefined) this.#send(path, answer)
        return
      }
      case 'HELLO': return this.#onEncryptedHello(packet, bytes, path, nowMs)
      case 'RETRY': return this.#onEncryptedRetry(packet, path, nowMs)
      case 'RESET': {
        const reason = CLOSE_REASON_OF[CLOSE_CODES[packet.code] ?? 'internal']
        if (packet.destinationId !== 0) return this.#awaitingWelcome(packet.destinationId, path, true)?.onRefused(reason, nowMs)
        const connection = this.#withRemoteId(packet.sourceId, path)
        if (connection?.encryption?.resetToken?.every((byte, at) => byte === packet.resetToken[at]) === true) connection.onRefused(reason, nowMs)
      }
    }
  }

  /** @returns undefined for a malformed datagram, which is counted and otherwise ignored */
  #decode<P>(decode: (bytes: Uint8Array, sum: Crc32) => P, bytes: Uint8Array): P | undefined {
    try {
      return decode(bytes, this.#sum)
    } catch (error) {
      if (!(error instanceof MalformedPacket)) throw error
      this.#malformed++
      return undefined
    }
  }

  #onHello(packet: Extract<NumberedPacket, { sourceId: number }>, path: Path, sizeBytes: number, nowMs: number): void {
    const key = helloKey(packet.sourceId, path)
    const known = this.#byHello.get(key)
    if (known !== undefined) return known.receive(packet, path, sizeBytes, nowMs)
    const verdict = this.#admission.hello(packet, path, this.#hasRoom, nowMs)
    if (verdict instanceof Uint8Array) return this.#send(path, verdict)
    this.#accept(key, packet.sourceId, path, verdict, nowMs).receive(packet, path, sizeBytes, nowMs)
  }

  #onEncryptedHello(packet: Extract<EncryptedPacket, { type: 'HELLO' }>, bytes: Uint8Array, path: Path, nowMs: number): void {
    const key = helloKey(packet.sourceId, path)
    const known = this.#byHello.get(key)
    if (known !== undefined) return known.receiveEncrypted(packet, bytes, path, nowMs)
    const verdict = this.#admission.encryptedHello(packet, bytes, path, this.#hasRoom, nowMs)
    if (verdict instanceof Uint8Array) this.#send(path, verdict)
    else if (verdict !== undefined) this.#accept(key, packet.sourceId, path, verdict, nowMs).receiveEncrypted(packet, bytes, path, nowMs)
  }

  get #hasRoom(): boolean {
    return this.#accepting && this.#connections.size < this.#limits.connectionsMax
  }

  #accept(key: string, remoteId: number, path: Path, { token, encryption }: Admitted, nowMs: number): Connection {
    const connection = this.#add({ role: 'acceptor', path, localId: this.#freeId(), remoteId, early: token === 'visit', encryption, nowMs })
    this.#byHello.set(key, connection)
    this.#helloKeys.set(connection, key)
    connection.accept(nowMs)
    return connection
  }

  #onEncryptedRetry(packet: Extract<EncryptedPacket, { type: 'RETRY' }>, path: Path, nowMs: number): void {
    const connection = this.#awaitingWelcome(packet.destinationId, path, true)
    if (!(connection?.encryption instanceof InitiatorEncryption) || nextState(connection.state, 'retry') === undefined) return
    const [identity, prekey, token] = [packet.identity.slice(), packet.prekey.slice(), packet.token.slice()]
    if (connection.encryption.setAcceptorKeys({ identity, prekey, prekeyNumber: packet.prekeyNumber }, token)) this.#continueWithToken(connection, token, packet.number, nowMs)
    else connection.onRefused('untrusted', nowMs)
  }

  /**
   * Sends what was written so far at once rather than at the end of the batch: its answer is a whole round trip away.
   */
  #continueWithToken(initiator: Connection | undefined, token: Uint8Array, number: number, nowMs: number): void {
    initiator?.onRetry(token, number, nowMs)
    this.#trains.flush()
  }

  /** Processes a packet from an endpoint that keeps no state for us. */
  #onStateless(packet: Exclude<Packet, { type: 'SHORT' | 'OTHER_VERSION' }>, path: Path, nowMs: number): void {
    if (packet.type === 'VERSIONS') {
      const [takesPlain, takesEncrypted] = [packet.versions.includes(VERSION), packet.versions.includes(ENCRYPTED_VERSION)]
      if (!takesPlain) this.#awaitingWelcome(packet.destinationId, path, false)?.onRefused(takesEncrypted ? 'encrypted-only' : 'no-common-version', nowMs)
      if (!takesEncrypted) this.#awaitingWelcome(packet.destinationId, path, true)?.onRefused(takesPlain ? 'plain-only' : 'no-common-version', nowMs)
      return
    }
    const initiator = this.#awaitingWelcome(packet.destinationId, path, false)
    const [frame] = packet.frames
    if (packet.type === 'RETRY') {
      if (frame?.kind === 'TOKEN') this.#continueWithToken(initiator, frame.token.slice(), packet.number, nowMs)
      return
    }
    if (frame?.kind !== 'CONNECTION_CLOSE') return
    const reason = CLOSE_REASON_OF[CLOSE_CODES[frame.code] ?? 'internal']
    if (packet.destinationId !== 0) return initiator?.onRefused(reason, nowMs)
    const connection = packet.sourceId === 0 ? undefined : this.#withRemoteId(packet.sourceId, path)
    if (connection?.encryption === undefined) connection?.onRefused(reason, nowMs)
  }

  /** The connection that dialed this peer and has heard nothing from it yet, except perhaps RETRY. */
  #awaitingWelcome(localId: number, path: Path, isEncrypted: boolean): Connection | undefined {
    const connection = this.#connections.get(localId)
    const isMeant = connection !== undefined && connection.role === 'initiator' && connection.remoteId === 0 && isSamePeer(path, connection.path)
    return isMeant && (connection.encryption !== undefined) === isEncrypted ? connection : undefined
  }

  /**
   * Finds a connection by the id that the peer chose. Needed only when the peer says that it does not know its own id;
   * it must name that id, which an attacker who does not see the traffic cannot.
   */
  #withRemoteId(remoteId: number, path: Path): Connection | undefined {
    for (const connection of this.#connections.values()) if (connection.remoteId === remoteId && isSamePeer(path, connection.path)) return connection
    return undefined
  }

  #send(path: Path, bytes: Uint8Array): void {
    this.#trains.flush()
    this.outbox.push({ kind: 'send', path, bytes, segmentBytes: bytes.length })
  }

  #add(setup: Omit<ConnectionSetup, 'limits' | 'congestion' | 'host'>): Connection {
    const observe = this.#observe
    const connection: Connection = new Connection({
      ...setup, limits: this.#limits, congestion: this.congestion,
      host: {
        trains: this.#trains,
        random: this.#random,
        sum: this.#sum,
        emit: event => this.outbox.push({ kind: 'event', event: { ...event, connection } }),
        changed: () => this.#changed.add(connection),
        issueToken: (to, atMs) => this.#admission.visitToken(to, atMs),
        resetToken: localId => this.#admission.resetToken(localId),
        observesPackets: () => this.observesPackets,
        observe: observe === undefined ? undefined : (event, atMs) => observe(connection, event, atMs),
      },
    })
    this.#connections.set(setup.localId, connection)
    return connection
  }

  #forget(connection: Connection): void {
    this.#connections.delete(connection.localId)
    const key = this.#helloKeys.get(connection)
    if (key !== undefined) this.#byHello.delete(key)
  }

  #freeId(): number {
    for (;;) {
      const id = uint52(this.#random)
      if (id !== 0 && !this.#connections.has(id)) return id
    }
  }
}

const UNKNOWN = { kind: 'CONNECTION_CLOSE', code: CLOSE_CODES.indexOf('unknown') } as const

/** Only the initiator may change its address. */
function mayArriveOn(path: Path, connection: Connection): boolean {
  return connection.role === 'acceptor' || isSamePeer(path, connection.path)
}

function helloKey(sourceId: number, { peer }: Path): string {
  return `${sourceId} ${formatEndpoint(peer)}`
}
