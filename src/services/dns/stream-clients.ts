/**
 * Clients over TCP (RFC 7766): many queries on one connection, answered in whatever order the answers are found, and zone
 * transfers, which are many messages long. Limits keep one client from starving the others:
 *
 *     connections         in total and per address: a new one replaces the address's own longest idle one
 *     pending queries     per connection, per address and in total: further ones wait in the system's socket buffers
 *     turns               a client with many queries or a transfer yields to the others after every few messages
 *     half-close          after a client's last query its connection is closed once all are answered (RFC 1035 §4.2.2)
 *     timeouts            an incomplete query, an idle connection and unread answers end the connection
 */
import type { Socket } from 'node:net'
import type { Path } from '../kit/endpoint.ts'
import type { Clock } from '../kit/node/clock.ts'
import type { TraceRing } from '../kit/trace.ts'
import { STREAM_IDLE_MS } from './core/answering/response.ts'
import type { TransferEnd } from './core/admin/transfer.ts'
import { encodeFrame, FrameReader } from './wire/frame.ts'

export interface StreamClientsOptions {
  /** Called with each query; its answer comes back through `send` or `stream` with the same path. */
  readonly receive: (query: Uint8Array, path: Path) => void
  readonly trace: TraceRing
  readonly clock: Clock
  readonly limits?: Partial<StreamLimits>
}

export interface StreamLimits {
  readonly connections: number
  readonly connectionsOfAddress: number
  readonly unanswered: number
  readonly unansweredOfAddress: number
  readonly unansweredOfConnection: number
  /** Time without a pending query. */
  readonly idleMs: number
  /** Time for the rest of a query, for its answer, and for the client to read some of what was sent. */
  readonly stalledMs: number
}

const STREAM_LIMITS: StreamLimits = {
  connections: 256, connectionsOfAddress: 64, unanswered: 2048, unansweredOfAddress: 256, unansweredOfConnection: 64, idleMs: STREAM_IDLE_MS, stalledMs: 10_000,
}
/** After this many queries on one connection, or messages of one transfer, the others get their turn. */
const QUERIES_OF_TURN = 16
const MESSAGES_OF_TURN = 4
/** Concurrent zone transfers: each may hold many records in memory. Further ones wait in order. */
const TRANSFERS_MAX = 16
/** With this much unread, a connection's further queries wait, and so does the rest of a transfer. */
const UNREAD_BYTES = 64 * 1024
/** Answers to queries that were already pending may exceed that, up to this; then the client is disconnected. */
const UNREAD_BYTES_MAX = 1024 * 1024
const HEADER_BYTES = 12
const QR_BIT = 0x80
const SWEEP_EVERY_MS = 1000

interface Connection {
  readonly socket: Socket
  readonly path: Path
  readonly client: Client
  readonly frames: FrameReader
  readonly queued: Uint8Array[]
  unanswered: number
  /** The client has closed its side. */
  hasEnded: boolean
  /** When a query last began, was taken up or was answered, or the client last read something. */
  activeAtMs: number
  /** Answers of many messages; the first is being sent. */
  readonly streams: Iterator<Uint8Array, TransferEnd>[]
}

/** Totals over the connections of one address. */
interface Client {
  connections: number
  unanswered: number
}

export class StreamClients {
  /** In order of their last query, the longest idle first. */
  readonly #connections = new Map<Path, Connection>()
  /** The paths of all connections, including closed ones for which an answer may still come. */
  readonly #paths = new WeakSet<Path>()
  readonly #clients = new Map<string, Client>()
  /** Connections with queries not yet taken up, in order of their turns. */
  readonly #backlogged = new Set<Connection>()
  /** Connections with a zone transfer. */
  readonly #transferring = new Set<Connection>()
  #unanswered = 0
  #turnIsDue = false
  #cancelSweep: (() => void) | undefined
  readonly #limits: StreamLimits
  private readonly options: StreamClientsOptions

  constructor(options: StreamClientsOptions) {
    this.options = options
    this.#limits = { ...STREAM_LIMITS, ...options.limits }
  }

  /** @param socket one that stays open when the peer closes its side (allowHalfOpen) */
  accept(socket: Socket): void {
    const path: Path = {
      local: { address: socket.localAddress ?? '', port: socket.localPort ?? 0 }, interfaceName: '',
      peer: { address: socket.remoteAddress ?? '', port: socket.remotePort ?? 0 },
    }
    socket.on('error', () => socket.destroy())
    if (!this.#makeSpace(path.peer.address)) return void socket.destroy()
    const client = this.#clients.get(path.peer.address) ?? { connections: 0, unanswered: 0 }
    this.#clients.set(path.peer.address, client)
    client.connections++
    const connection: Connection = { socket, path, client, frames: new FrameReader(), queued: [], unanswered: 0, hasEnded: false, activeAtMs: this.options.clock.nowMs(), streams: [] }
    this.#connections.set(path, connection)
    this.#paths.add(path)
    socket.on('close', () => this.#forget(connection))
    socket.on('data', chunk => {
      if (!connection.frames.isWithin) connection.activeAtMs = this.options.clock.nowMs()
      connection.queued.push(...connection.frames.push(chunk))
      if (!this.#backlogged.has(connection)) this.#take(connection)
    })
    socket.on('end', () => {
      connection.hasEnded = true
      this.#endIfDone(connection)
    })
    this.#scheduleSweep()
  }

  /** Sends an answer, or drops it if its connection is gone. @returns false if the path never was a connection here */
  send(path: Path, answer: Uint8Array): boolean {
    const connection = this.#connections.get(path)
    if (connection === undefined) return this.#paths.has(path)
    this.#write(connection, answer)
    this.#answered(connection)
    return true
  }

  /**
   * Sends an answer of many messages, each made when the client has read
   * most of those before. If the connection is gone, none is made.
   */
  stream(path: Path, messages: Iterator<Uint8Array, TransferEnd>): void {
    const connection = this.#connections.get(path)
    if (connection === undefined) return
    connection.streams.push(messages)
    this.#transferring.add(connection)
    this.#giveTurns()
  }

  stop(): void {
    this.#cancelSweep?.()
  }

  /** Drops a connection if there are too many: the longest idle of this address, or of the address that has the most. */
  #makeSpace(address: string): boolean {
    const tooManyOwn = (this.#clients.get(address)?.connections ?? 0) >= this.#limits.connectionsOfAddress
    if (!tooManyOwn && this.#connections.size < this.#limits.connections) return true
    const [busiest] = [...this.#clients.values()].sort((one, other) => other.connections - one.connections)
    const from = tooManyOwn ? this.#clients.get(address) : busiest
    const dropped = [...this.#connections.values()].find(({ client, unanswered }) => client === from && unanswered === 0)
    dropped?.socket.destroy()
    if (dropped !== undefined) this.#forget(dropped)
    return dropped !== undefined
  }

  #forget(connection: Connection): void {
    const { path, client, unanswered, streams } = connection
    if (!this.#connections.delete(path)) return
    this.#backlogged.delete(connection)
    this.#transferring.delete(connection)
    this.#unanswered -= unanswered
    client.unanswered -= unanswered
    client.connections--
    if (client.connections === 0) this.#clients.delete(path.peer.address)
    for (const stream of streams.splice(0)) stream.return?.('torn')
    this.#giveTurns()
  }

  /** Takes up the queries for one turn. */
  #take(connection: Connection): void {
    const { socket, path, client, queued } = connection
    for (let taken = 0; taken < QUERIES_OF_TURN && !socket.destroyed && this.#mayTake(connection); taken++) {
      const query = queued.shift()
      if (query === undefined) break
      // Without a header, or itself a response: it would never be answered.
      if (query.length < HEADER_BYTES || ((query[2] ?? 0) & QR_BIT) !== 0) continue
      connection.unanswered++
      client.unanswered++
      this.#unanswered++
      connection.activeAtMs = this.options.clock.nowMs()
      this.#connections.delete(path)
      this.#connections.set(path, connection)
      this.options.trace.packet('in', 'dns', path, query, connection.activeAtMs)
      this.options.receive(query, path)
    }
    this.#backlogged.delete(connection)
    if (queued.length === 0) {
      this.#endIfDone(connection)
      return void socket.resume()
    }
    socket.pause()
    this.#backlogged.add(connection)
    this.#giveTurns()
  }

  #mayTake({ unanswered, client, socket }: Connection): boolean {
    const limits = this.#limits
    return unanswered < limits.unansweredOfConnection && client.unanswered < limits.unansweredOfAddress && this.#unanswered < limits.unanswered
      && socket.writableLength < UNREAD_BYTES
  }

  /** Gives every waiting connection one turn, after the sockets and timers that are due now. */
  #giveTurns(): void {
    if (this.#turnIsDue || this.#backlogged.size + this.#transferring.size === 0) return
    this.#turnIsDue = true
    setImmediate(() => {
      this.#turnIsDue = false
      for (const connection of [...this.#backlogged]) if (this.#mayTake(connection)) this.#take(connection)
      for (const connection of [...this.#transferring].slice(0, TRANSFERS_MAX)) this.#continueTransfer(connection)
    })
  }

  #answered(connection: Connection): void {
    connection.unanswered--
    connection.client.unanswered--
    this.#unanswered--
    connection.activeAtMs = this.options.clock.nowMs()
    this.#endIfDone(connection)
    this.#giveTurns()
  }

  /** What was already written is still sent. */
  #endIfDone({ socket, hasEnded, unanswered, queued }: Connection): void {
    if (hasEnded && unanswered === 0 && queued.length === 0) socket.end()
  }

  #write(connection: Connection, message: Uint8Array): void {
    const { socket, path } = connection
    this.options.trace.packet('out', 'dns', path, message, this.options.clock.nowMs())
    socket.write(encodeFrame(message), () => {
      connection.activeAtMs = this.options.clock.nowMs()
      // If the system takes everything at once, this runs within the same turn; what comes next waits for another.
      this.#giveTurns()
    })
    if (socket.writableLength > UNREAD_BYTES_MAX) socket.destroy()
  }

  /** Makes and sends the next messages of a transfer, as fast as the client reads. */
  #continueTransfer(connection: Connection): void {
    const { socket, streams } = connection
    for (let made = 0; made < MESSAGES_OF_TURN && socket.writableLength < UNREAD_BYTES && !socket.destroyed; made++) {
      const next = streams[0]?.next()
      if (next === undefined) return void this.#transferring.delete(connection)
      if (next.done === true) {
        // An incomplete transfer is useless: the secondary discards it when the connection closes, and retries.
        if (next.value === 'torn') return void socket.destroy()
        streams.shift()
        this.#answered(connection)
      } else this.#write(connection, next.value)
    }
  }

  #scheduleSweep(): void {
    if (this.#connections.size === 0) return
    this.#cancelSweep ??= this.options.clock.wakeAt(this.options.clock.nowMs() + SWEEP_EVERY_MS, () => {
      this.#cancelSweep = undefined
      const nowMs = this.options.clock.nowMs()
      for (const { socket, frames, queued, unanswered, activeAtMs } of [...this.#connections.values()]) {
        const isIdle = unanswered === 0 && queued.length === 0 && socket.writableLength === 0 && !frames.isWithin
        if (nowMs - activeAtMs > (isIdle ? this.#limits.idleMs : this.#limits.stalledMs)) socket.destroy()
      }
      this.#scheduleSweep()
    })
  }
}
