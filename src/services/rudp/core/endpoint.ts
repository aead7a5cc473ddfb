/**
 * All connections of one UDP socket: the machine that the driver runs. It finds the connection of a packet by the half of the id
 * that this end chose, accepts new ones within its limits, and tells strangers that it does not know them.
 */
import type { Path } from '../../kit/endpoint.ts'
import { formatEndpoint } from '../../kit/endpoint.ts'
import { MalformedPacket } from '../../kit/errors.ts'
import type { Effect, Machine } from '../../kit/machine.ts'
import type { Random } from '../../kit/random.ts'
import { decodePacket, type Packet, type ResetReason } from '../wire/packet.ts'
import type { CongestionFactory } from './congestion/congestion.ts'
import { reno } from './congestion/reno.ts'
import type { ConnectionSetup } from './connection-setup.ts'
import { Connection } from './connection.ts'
import type { ConnectionEvent, TraceEvent } from './events.ts'
import { DEFAULT_LIMITS, type Limits } from './limits.ts'
import { buildReset } from './packet-builder.ts'

/** What happened, and to which connection. */
export type RudpEvent = ConnectionEvent & { readonly connection: Connection }

export type Observe = (connection: Connection, event: TraceEvent, nowMs: number) => void

export interface RudpEndpointOptions {
  /** Chooses connection ids: has to be unforeseeable outside of tests. */
  readonly random: Random
  /** Takes connections of others. */
  readonly accepting: boolean
  readonly congestion?: CongestionFactory | undefined
  readonly limits?: Partial<Limits> | undefined
  /** Hears of everything that happens in a connection; without it nothing of that is made. */
  readonly observe?: Observe | undefined
}

const SLAB_BYTES = 64 * 1024

export class RudpEndpoint implements Machine<RudpEvent> {
  readonly outbox: Effect<RudpEvent>[] = []
  readonly #random: Random
  readonly #limits: Limits
  readonly #congestion: CongestionFactory
  readonly #observe: Observe | undefined
  #accepting: boolean
  /** By the half of the connection id that was chosen here. */
  readonly #connections = new Map<number, Connection>()
  /** Accepted ones by what a SYN tells, so that a SYN sent again finds its connection. */
  readonly #bySyn = new Map<string, Connection>()
  /** Not yet proven, oldest first. */
  readonly #halfOpen = new Set<Connection>()
  /** Not later than the first deadline of all connections: exact only after `timeout`. */
  #earliestMs = Infinity
  #malformed = 0
  #slab = new Uint8Array(0)

  constructor({ random, accepting, congestion, limits, observe }: RudpEndpointOptions) {
    this.#random = random
    this.#accepting = accepting
    this.#congestion = congestion ?? reno
    this.#limits = { ...DEFAULT_LIMITS, ...limits }
    this.#observe = observe
  }

  /** Connections in any state but CLOSED. */
  get connectionCount(): number {
    return this.#connections.size
  }

  get halfOpenCount(): number {
    return this.#halfOpen.size
  }

  /** Datagrams that were no packets: damaged, or not RUDP. */
  get malformedCount(): number {
    return this.#malformed
  }

  /** Asks the peer for a connection. `connected` or `closed` will tell. */
  connect(path: Path, nowMs: number): Connection {
    const initiatorId = this.#freeId()
    const connection = this.#add(initiatorId, { role: 'initiator', path, initiatorId, acceptorId: 0, nowMs })
    connection.open(nowMs)
    return connection
  }

  receive(bytes: Uint8Array, path: Path, nowMs: number): void {
    let packet: Packet
    try {
      packet = decodePacket(bytes)
    } catch (error) {
      if (!(error instanceof MalformedPacket)) throw error
      this.#malformed++
      return
    }
    const connection = this.#find(packet, path)
    if (connection !== undefined) connection.receive(packet, bytes.length, nowMs)
    else this.#onStranger(packet, bytes.length, path, nowMs)
  }

  timeout(nowMs: number): void {
    if (nowMs < this.#earliestMs) return
    this.#earliestMs = Infinity
    for (const connection of this.#connections.values()) {
      if (connection.deadlineMs() <= nowMs) connection.timeout(nowMs)
      this.#earliestMs = Math.min(this.#earliestMs, connection.deadlineMs())
    }
  }

  deadlineMs(): number {
    return this.#earliestMs
  }

  /** Accepts no more and resets what is open. */
  close(nowMs: number): void {
    this.#accepting = false
    for (const connection of this.#connections.values()) connection.reset(nowMs)
  }

  #find(packet: Packet, path: Path): Connection | undefined {
    if (packet.type === 'SYN') return this.#bySyn.get(synKey(packet, path))
    const accepted = this.#connections.get(packet.acceptorId)
    if (accepted !== undefined && accepted.role === 'acceptor' && accepted.owns(packet, path)) return accepted
    const initiated = this.#connections.get(packet.initiatorId)
    return initiated !== undefined && initiated.role === 'initiator' && initiated.owns(packet, path) ? initiated : undefined
  }

  /** Answers a packet of no known connection with at most its own size, and a RESET never. */
  #onStranger(packet: Packet, sizeBytes: number, path: Path, nowMs: number): void {
    if (packet.type === 'RESET') return
    if (packet.type !== 'SYN') return this.#refuse(packet, 'unknown', path)
    if (!this.#accepting || this.#connections.size >= this.#limits.openMax) return this.#refuse(packet, 'refused', path)
    if (this.#halfOpen.size >= this.#limits.halfOpenMax) for (const oldest of [...this.#halfOpen].slice(0, 1)) oldest.evict()
    const acceptorId = this.#freeId()
    const connection = this.#add(acceptorId, { role: 'acceptor', path, initiatorId: packet.initiatorId, acceptorId, nowMs })
    this.#bySyn.set(synKey(packet, path), connection)
    this.#halfOpen.add(connection)
    connection.open(nowMs)
    connection.receive(packet, sizeBytes, nowMs)
  }

  #refuse({ initiatorId, acceptorId }: Packet, reason: ResetReason, path: Path): void {
    this.outbox.push({ kind: 'send', path, bytes: buildReset(initiatorId, acceptorId, 0, reason) })
  }

  #add(ownId: number, setup: Pick<ConnectionSetup, 'role' | 'path' | 'initiatorId' | 'acceptorId' | 'nowMs'>): Connection {
    const observe = this.#observe
    const connection: Connection = new Connection({
      ...setup, limits: this.#limits, congestion: this.#congestion,
      host: {
        allocate: sizeBytes => this.#allocate(sizeBytes),
        send: bytes => this.outbox.push({ kind: 'send', path: setup.path, bytes }),
        emit: event => this.#emit(connection, event),
        changed: () => this.#changed(connection),
        observe: observe === undefined ? undefined : (event, nowMs) => observe(connection, event, nowMs),
      },
    })
    this.#connections.set(ownId, connection)
    return connection
  }

  #emit(connection: Connection, event: ConnectionEvent): void {
    if (event.kind === 'accepted') this.#halfOpen.delete(connection)
    this.outbox.push({ kind: 'event', event: { ...event, connection } })
  }

  #changed(connection: Connection): void {
    if (connection.state !== 'CLOSED') {
      this.#earliestMs = Math.min(this.#earliestMs, connection.deadlineMs())
      return
    }
    this.#halfOpen.delete(connection)
    this.#connections.delete(connection.role === 'initiator' ? connection.initiatorId : connection.acceptorId)
    if (connection.role === 'acceptor') this.#bySyn.delete(synKey(connection, connection.path))
  }

  #freeId(): number {
    for (;;) {
      const id = this.#random.uint32()
      if (id !== 0 && !this.#connections.has(id)) return id
    }
  }

  /** Cuts datagrams from slabs, each piece used once: a Uint8Array with memory of its own costs ten times as much. */
  #allocate(sizeBytes: number): Uint8Array {
    if (this.#slab.length < sizeBytes) this.#slab = new Uint8Array(SLAB_BYTES)
    const piece = this.#slab.subarray(0, sizeBytes)
    this.#slab = this.#slab.subarray(sizeBytes)
    return piece
  }
}

function synKey({ initiatorId }: { readonly initiatorId: number }, path: Path): string {
  return `${initiatorId} ${formatEndpoint(path.peer)}`
}
