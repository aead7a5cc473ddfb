/**
 * All connections of one UDP socket: the machine that the driver runs. It finds the connection of a packet by the id that this end
 * chose, so a connection outlives a change of address. Of a stranger it keeps nothing: a HELLO is answered by a token (RETRY), and
 * only who shows that token, and so is where it says, becomes a connection.
 */
import { crc32, type Crc32 } from '../../kit/crc32.ts'
import type { Path } from '../../kit/endpoint.ts'
import { formatEndpoint } from '../../kit/endpoint.ts'
import { MalformedPacket } from '../../kit/errors.ts'
import type { Effect, Machine } from '../../kit/machine.ts'
import type { Random } from '../../kit/random.ts'
import { CLOSE_CODES, type CloseCode } from '../wire/frames.ts'
import { decodePacket, encodePacket, VERSION, type NumberedPacket, type Packet } from '../wire/packet.ts'
import type { CongestionName } from './congestion/congestion.ts'
import { DEFAULT_CONGESTION } from './congestion/controllers.ts'
import { Connection } from './connection.ts'
import { CLOSE_REASON_OF, type ConnectionEvent, type TraceEvent } from './events.ts'
import { DEFAULT_LIMITS, type Limits } from './limits.ts'
import { isSamePeer } from './path-validation.ts'
import { TokenMint, type TokenKind } from './token.ts'
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
  readonly #tokens: TokenMint
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

  constructor({ random, sum = crc32, accepting, congestion, limits, observe, observesPackets = true }: RudpEndpointOptions) {
    this.#random = random
    this.#sum = sum
    this.#accepting = accepting
    this.congestion = congestion ?? DEFAULT_CONGESTION
    this.#limits = { ...DEFAULT_LIMITS, ...limits }
    this.#observe = observe
    this.observesPackets = observesPackets
    this.#tokens = new TokenMint(random)
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
   * @param token of an earlier visit: what is sent at once is taken at once. Only what may be done twice should be (RFC 8470).
   */
  connect(path: Path, nowMs: number, token?: Uint8Array): Connection {
    const connection = this.#add('initiator', path, 0, false, nowMs)
    connection.connect(nowMs, token)
    return connection
  }

  receive(bytes: Uint8Array, path: Path, nowMs: number): void {
    let packet: Packet
    try {
      packet = decodePacket(bytes, this.#sum)
    } catch (error) {
      if (!(error instanceof MalformedPacket)) throw error
      this.#malformed++
      return
    }
    switch (packet.type) {
      case 'SHORT': case 'WELCOME': {
        const connection = this.#connections.get(packet.destinationId)
        if (connection !== undefined) {
          // Only who dialled may change its address.
          if (connection.role === 'acceptor' || isSamePeer(path, connection.path)) connection.receive(packet, path, bytes.length, nowMs)
        } else if (packet.type === 'SHORT') this.#answer(path, { type: 'RESET', destinationId: 0, sourceId: packet.destinationId, number: 0, frames: [closing('unknown')] })
        return
      }
      case 'HELLO': return this.#onHello(packet, path, bytes.length, nowMs)
      case 'FOREIGN':
        if (this.#accepting) this.#answer(path, { type: 'VERSIONS', destinationId: packet.sourceId, sourceId: packet.destinationId, versions: [VERSION] })
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
  settle(nowMs: number): void {
    for (const connection of this.#changed) {
      connection.transmit(nowMs)
      if (connection.state === 'CLOSED') this.#forget(connection)
      else this.#earliestMs = Math.min(this.#earliestMs, connection.deadlineMs())
    }
    this.#changed.clear()
    this.#trains.flush()
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

  #onHello(packet: Extract<NumberedPacket, { sourceId: number }>, path: Path, sizeBytes: number, nowMs: number): void {
    const known = this.#byHello.get(helloKey(packet.sourceId, path))
    if (known !== undefined) return known.receive(packet, path, sizeBytes, nowMs)
    const token = packet.frames.reduce<Uint8Array | undefined>((found, frame) => frame.kind === 'TOKEN' ? frame.token : found, undefined)
    const answer = { destinationId: packet.sourceId, sourceId: 0, number: packet.number }
    if (!this.#accepting || this.#connections.size >= this.#limits.connectionsMax) return this.#answer(path, { ...answer, type: 'RESET', frames: [closing('refused')] })
    const shown = token === undefined ? undefined : this.#tokens.take(token, path.peer, packet.sourceId, nowMs)
    if (shown === undefined) {
      return this.#answer(path, { ...answer, type: 'RETRY', frames: [{ kind: 'TOKEN', token: this.#tokens.give('retry', path.peer, packet.sourceId, nowMs) }] })
    }
    this.#accept(packet, path, shown, sizeBytes, nowMs)
  }

  #accept(packet: Extract<NumberedPacket, { sourceId: number }>, path: Path, shown: TokenKind, sizeBytes: number, nowMs: number): void {
    const connection = this.#add('acceptor', path, packet.sourceId, shown === 'visit', nowMs)
    this.#byHello.set(helloKey(packet.sourceId, path), connection)
    this.#helloKeys.set(connection, helloKey(packet.sourceId, path))
    connection.accept(nowMs)
    connection.receive(packet, path, sizeBytes, nowMs)
  }

  /** What an endpoint says that keeps nothing of us. */
  #onStateless(packet: Exclude<Packet, { type: 'SHORT' | 'FOREIGN' }>, path: Path, nowMs: number): void {
    const asked = this.#connections.get(packet.destinationId)
    const initiator = asked !== undefined && asked.role === 'initiator' && asked.remoteId === 0 && isSamePeer(path, asked.path) ? asked : undefined
    if (packet.type === 'VERSIONS') {
      if (!packet.versions.includes(VERSION)) initiator?.onRefused('no-common-version', nowMs)
      return
    }
    const [frame] = packet.frames
    if (packet.type === 'RETRY') {
      if (frame?.kind === 'TOKEN') initiator?.onRetry(frame.token.slice(), packet.number, nowMs)
      return
    }
    if (frame?.kind !== 'CONNECTION_CLOSE') return
    const reason = CLOSE_REASON_OF[CLOSE_CODES[frame.code] ?? 'internal']
    if (packet.destinationId !== 0) initiator?.onRefused(reason, nowMs)
    else if (packet.sourceId !== 0) this.#withRemoteId(packet.sourceId, path)?.onRefused(reason, nowMs)
  }

  /** Rare: the peer says that it does not know its own id. It has to name it, which nobody can who does not see the traffic. */
  #withRemoteId(remoteId: number, path: Path): Connection | undefined {
    for (const connection of this.#connections.values()) if (connection.remoteId === remoteId && isSamePeer(path, connection.path)) return connection
    return undefined
  }

  #answer(path: Path, packet: Packet): void {
    this.#trains.flush()
    const bytes = encodePacket(packet)
    this.outbox.push({ kind: 'send', path, bytes, segmentBytes: bytes.length })
  }

  #add(role: 'initiator' | 'acceptor', path: Path, remoteId: number, early: boolean, nowMs: number): Connection {
    const observe = this.#observe
    const localId = this.#freeId()
    const connection: Connection = new Connection({
      role, path, localId, remoteId, early, nowMs, limits: this.#limits, congestion: this.congestion,
      host: {
        trains: this.#trains,
        random: this.#random,
        sum: this.#sum,
        emit: event => this.outbox.push({ kind: 'event', event: { ...event, connection } }),
        changed: () => this.#changed.add(connection),
        giveToken: (to, atMs) => this.#tokens.give('visit', to.peer, 0, atMs),
        observesPackets: () => this.observesPackets,
        observe: observe === undefined ? undefined : (event, atMs) => observe(connection, event, atMs),
      },
    })
    this.#connections.set(localId, connection)
    return connection
  }

  #forget(connection: Connection): void {
    this.#connections.delete(connection.localId)
    const key = this.#helloKeys.get(connection)
    if (key !== undefined) this.#byHello.delete(key)
  }

  #freeId(): number {
    for (;;) {
      const id = (this.#random.uint32() & 0xfffff) * 0x100000000 + this.#random.uint32()
      if (id !== 0 && !this.#connections.has(id)) return id
    }
  }
}

function closing(code: CloseCode) {
  return { kind: 'CONNECTION_CLOSE', code: CLOSE_CODES.indexOf(code) } as const
}

function helloKey(sourceId: number, { peer }: Path): string {
  return `${sourceId} ${formatEndpoint(peer)}`
}
