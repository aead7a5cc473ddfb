/**
 * All connections of one UDP socket: the machine that the driver runs. It finds the connection of a packet by the id that this end
 * chose, so a connection outlives a change of address. Of a stranger it keeps nothing: a HELLO is answered by a token (RETRY), and
 * only who shows that token, and so is where it says, becomes a connection.
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

/** What happened, and to which connection. */
export type RudpEvent = ConnectionEvent & { readonly connection: Connection }

export type Observe = (connection: Connection, event: TraceEvent, nowMs: number) => void

export interface RudpEndpointOptions {
  /** Chooses connection ids and the key of tokens: has to be unforeseeable outside of tests. */
  readonly random: Random
  /** How checksums are found; the system may have a faster way than the pure one. */
  readonly sum?: Crc32 | undefined
  /** Takes connections of others. */
  readonly accepting: boolean
  /** Undefined: everything is readable. */
  readonly encryption?: EncryptionOptions | undefined
  readonly congestion?: CongestionName | undefined
  readonly limits?: Partial<Limits> | undefined
  /** Hears of everything that happens in a connection; without it nothing of that is made. */
  readonly observe?: Observe | undefined
  /** False: of everything but the packets themselves, which a door traces more cheaply. */
  readonly observesPackets?: boolean | undefined
}

export class RudpEndpoint implements Machine<RudpEvent> {
  readonly outbox: Effect<RudpEvent>[] = []
  /** Of connections to come; may be changed at any time. */
  congestion: CongestionName
  /** Whether packets, too, are told to the observer; may be changed at any time. */
  observesPackets: boolean
  readonly #random: Random
  readonly #sum: Crc32
  readonly #limits: Limits
  readonly #observe: Observe | undefined
  readonly #encryption: EncryptionOptions | undefined
  readonly #admission: Admission
  readonly #trains = new Trains((path, bytes, segmentBytes) => this.outbox.push({ kind: 'send', path, bytes, segmentBytes }))
  #accepting: boolean
  /** By the id that was chosen here. */
  readonly #connections = new Map<number, Connection>()
  /** Accepted ones by the peer's id and address, so that a HELLO sent again finds its connection. */
  readonly #byHello = new Map<string, Connection>()
  readonly #helloKeys = new WeakMap<Connection, string>()
  /** Connections that have something to do when the inputs are done. */
  readonly #changed = new Set<Connection>()
  /** Not later than the first deadline of all connections: exact only after `timeout`. */
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

  /** Connections in any state but CLOSED. */
  get connectionCount(): number {
    return this.#connections.size
  }

  /** Those connections, oldest first. */
  connections(): Iterable<Connection> {
    return this.#connections.values()
  }

  /** Datagrams that were no packets: damaged, or not RUDP. */
  get malformedCount(): number {
    return this.#malformed
  }

  /**
   * Asks the peer for a connection. `connected` or `closed` will tell.
   * @param visit what an earlier connection to the peer gave: what is sent at once is taken at once. Only what may be done twice should be (RFC 8470).
   * @param trusts the connection is encrypted, to whom this is true of; the endpoint has to have cryptography. Undefined: it is readable.
   */
  connect(path: Path, nowMs: number, { visit, trusts }: { readonly visit?: Visit | undefined; readonly trusts?: Trusts | undefined } = {}): Connection {
    const localId = this.#freeId()
    const cryptography = this.#encryption?.cryptography
    assert(trusts === undefined || cryptography !== undefined, 'who is to be trusted needs cryptography')
    const encryption = cryptography && trusts && new InitiatorEncryption(cryptography, trusts, localId, drawSecret(this.#random))
    const isReturn = visit !== undefined && (encryption === undefined || (visit.keys !== undefined && encryption.learn(visit.keys, visit.token)))
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
          if (mayComeBy(path, connection)) connection.receive(packet, path, bytes.length, nowMs)
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

  /** All inputs of a batch were taken: what came of them leaves. */
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

  /** Accepts no more and closes what is open. */
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
          if (mayComeBy(path, connection)) connection.receiveEncrypted(packet, bytes, path, nowMs)
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
        if (packet.destinationId !== 0) return this.#unanswered(packet.destinationId, path, true)?.onRefused(reason, nowMs)
        const connection = this.#withRemoteId(packet.sourceId, path)
        if (connection?.encryption?.resetToken?.every((byte, at) => byte === packet.resetToken[at]) === true) connection.onRefused(reason, nowMs)
      }
    }
  }

  /** @returns undefined for what is no packet: it is counted, and that is all */
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
    const connection = this.#unanswered(packet.destinationId, path, true)
    if (!(connection?.encryption instanceof InitiatorEncryption) || nextState(connection.state, 'retry') === undefined) return
    const [identity, prekey, token] = [packet.identity.slice(), packet.prekey.slice(), packet.token.slice()]
    if (connection.encryption.learn({ identity, prekey, prekeyNumber: packet.prekeyNumber }, token)) this.#goOn(connection, token, packet.number, nowMs)
    else connection.onRefused('untrusted', nowMs)
  }

  /** RETRY came: what was written meanwhile leaves at once, and not when the batch was taken, for its answer is a round trip away. */
  #goOn(initiator: Connection | undefined, token: Uint8Array, number: number, nowMs: number): void {
    initiator?.onRetry(token, number, nowMs)
    this.#trains.flush()
  }

  /** What an endpoint says that keeps nothing of us. */
  #onStateless(packet: Exclude<Packet, { type: 'SHORT' | 'OTHER_VERSION' }>, path: Path, nowMs: number): void {
    if (packet.type === 'VERSIONS') {
      const [takesPlain, takesEncrypted] = [packet.versions.includes(VERSION), packet.versions.includes(ENCRYPTED_VERSION)]
      if (!takesPlain) this.#unanswered(packet.destinationId, path, false)?.onRefused(takesEncrypted ? 'encrypted-only' : 'no-common-version', nowMs)
      if (!takesEncrypted) this.#unanswered(packet.destinationId, path, true)?.onRefused(takesPlain ? 'plain-only' : 'no-common-version', nowMs)
      return
    }
    const initiator = this.#unanswered(packet.destinationId, path, false)
    const [frame] = packet.frames
    if (packet.type === 'RETRY') {
      if (frame?.kind === 'TOKEN') this.#goOn(initiator, frame.token.slice(), packet.number, nowMs)
      return
    }
    if (frame?.kind !== 'CONNECTION_CLOSE') return
    const reason = CLOSE_REASON_OF[CLOSE_CODES[frame.code] ?? 'internal']
    if (packet.destinationId !== 0) return initiator?.onRefused(reason, nowMs)
    const connection = packet.sourceId === 0 ? undefined : this.#withRemoteId(packet.sourceId, path)
    if (connection?.encryption === undefined) connection?.onRefused(reason, nowMs)
  }

  /** The connection that was dialled to this peer and has not heard of it yet, but for a RETRY. */
  #unanswered(localId: number, path: Path, isEncrypted: boolean): Connection | undefined {
    const asked = this.#connections.get(localId)
    const isMeant = asked !== undefined && asked.role === 'initiator' && asked.remoteId === 0 && isSamePeer(path, asked.path)
    return isMeant && (asked.encryption !== undefined) === isEncrypted ? asked : undefined
  }

  /** Rare: the peer says that it does not know its own id. It has to name it, which nobody can who does not see the traffic. */
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
        giveToken: (to, atMs) => this.#admission.visitToken(to, atMs),
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

/** Only who dialled may change its address. */
function mayComeBy(path: Path, connection: Connection): boolean {
  return connection.role === 'acceptor' || isSamePeer(path, connection.path)
}

function helloKey(sourceId: number, { peer }: Path): string {
  return `${sourceId} ${formatEndpoint(peer)}`
}
