/**
 * Clients that ask over TCP (RFC 7766): many queries on one connection, answered in the order in which answers are found, and
 * zones, which are many messages long. What one client can take is limited, so that the others get theirs:
 *
 *     connections         all together, and of one address: the newest replaces the address's own longest silent one
 *     queries under way   of a connection, of an address, and all together: the next ones wait in the system's buffers
 *     turns               who has sent many queries at once, or takes a zone, waits after each few messages until others had theirs
 *     the end             of a client's queries ends its connection when all are answered (RFC 1035 §4.2.2)
 *     time                half a query, no query, and answers that are not read end the connection
 */
import type { Socket } from 'node:net'
import type { Path } from '../kit/endpoint.ts'
import type { Clock } from '../kit/node/clock.ts'
import type { TraceRing } from '../kit/trace.ts'
import { STREAM_IDLE_MS } from './core/answering/response.ts'
import type { TransferEnd } from './core/admin/transfer.ts'
import { encodeFrame, FrameReader } from './wire/frame.ts'

export interface StreamClientsOptions {
  /** Takes each query; its answer comes back by `send` or `stream` with the same path. */
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
  /** Without a query under way. */
  readonly idleMs: number
  /** For the rest of a query that has begun, for its answer, and for some of what was sent to be read. */
  readonly stalledMs: number
}

const STREAM_LIMITS: StreamLimits = {
  connections: 256, connectionsOfAddress: 64, unanswered: 2048, unansweredOfAddress: 256, unansweredOfConnection: 64, idleMs: STREAM_IDLE_MS, stalledMs: 10_000,
}
/** After as many queries of one connection, or messages of one zone, the others have their turn. */
const QUERIES_OF_TURN = 16
const MESSAGES_OF_TURN = 4
/** Zones that are sent at a time: each may hold many records. The next ones wait, in the order in which they were asked for. */
const POURING_MAX = 16
/** With as much unread a connection's next queries wait, and so does the rest of a zone. */
const UNREAD_BYTES = 64 * 1024
/** What the queries under way may add to that. A client that reads nothing of it is cut off. */
const UNREAD_BYTES_MAX = 1024 * 1024
const HEADER_BYTES = 12
const QR_BIT = 0x80
const LOOK_EVERY_MS = 1000

interface Connection {
  readonly socket: Socket
  readonly path: Path
  readonly client: Client
  readonly frames: FrameReader
  readonly waiting: Uint8Array[]
  unanswered: number
  /** The client has no more queries. */
  hasEnded: boolean
  /** When it last began a query, had one taken up or answered, or read something. */
  movedAtMs: number
  /** Answers of many messages, the first of which is under way. */
  readonly streams: Iterator<Uint8Array, TransferEnd>[]
}

/** What the connections of one address take together. */
interface Client {
  connections: number
  unanswered: number
}

export class StreamClients {
  /** In order of their last query, the longest silent first. */
  readonly #connections = new Map<Path, Connection>()
  /** Every connection's path, for as long as an answer may still come for it. */
  readonly #paths = new WeakSet<Path>()
  readonly #clients = new Map<string, Client>()
  /** Those with queries that nobody has taken up yet, in order of their turns. */
  readonly #eager = new Set<Connection>()
  /** Those that take a zone. */
  readonly #pouring = new Set<Connection>()
  #unanswered = 0
  #turnIsDue = false
  #cancelLook: (() => void) | undefined
  readonly #limits: StreamLimits
  private readonly options: StreamClientsOptions

  constructor(options: StreamClientsOptions) {
    this.options = options
    this.#limits = { ...STREAM_LIMITS, ...options.limits }
  }

  /** @param socket stays open when its peer has ended (allowHalfOpen) */
  accept(socket: Socket): void {
    const path: Path = {
      local: { address: socket.localAddress ?? '', port: socket.localPort ?? 0 }, interfaceName: '',
      peer: { address: socket.remoteAddress ?? '', port: socket.remotePort ?? 0 },
    }
    socket.on('error', () => socket.destroy())
    if (!this.#makeRoom(path.peer.address)) return void socket.destroy()
    const client = this.#clients.get(path.peer.address) ?? { connections: 0, unanswered: 0 }
    this.#clients.set(path.peer.address, client)
    client.connections++
    const connection: Connection = { socket, path, client, frames: new FrameReader(), waiting: [], unanswered: 0, hasEnded: false, movedAtMs: this.options.clock.nowMs(), streams: [] }
    this.#connections.set(path, connection)
    this.#paths.add(path)
    socket.on('close', () => this.#forget(connection))
    socket.on('data', chunk => {
      if (!connection.frames.isWithin) connection.movedAtMs = this.options.clock.nowMs()
      connection.waiting.push(...connection.frames.push(chunk))
      if (!this.#eager.has(connection)) this.#take(connection)
    })
    socket.on('end', () => {
      connection.hasEnded = true
      this.#endIfDone(connection)
    })
    this.#lookLater()
  }

  /** Sends an answer; where its connection is gone, it is lost. @returns false for a path that is no connection's */
  send(path: Path, answer: Uint8Array): boolean {
    const connection = this.#connections.get(path)
    if (connection === undefined) return this.#paths.has(path)
    this.#write(connection, answer)
    this.#answered(connection)
    return true
  }

  /** Sends an answer of many messages, each made when the client has read most of those before. Where the connection is gone, none is made. */
  stream(path: Path, messages: Iterator<Uint8Array, TransferEnd>): void {
    const connection = this.#connections.get(path)
    if (connection === undefined) return
    connection.streams.push(messages)
    this.#pouring.add(connection)
    this.#giveTurns()
  }

  stop(): void {
    this.#cancelLook?.()
  }

  /** Drops a connection where there are too many: the longest silent of the address itself, or of the address that has most. */
  #makeRoom(address: string): boolean {
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
    this.#eager.delete(connection)
    this.#pouring.delete(connection)
    this.#unanswered -= unanswered
    client.unanswered -= unanswered
    client.connections--
    if (client.connections === 0) this.#clients.delete(path.peer.address)
    for (const stream of streams.splice(0)) stream.return?.('torn')
    this.#giveTurns()
  }

  /** Takes up the queries of one turn. */
  #take(connection: Connection): void {
    const { socket, path, client, waiting } = connection
    for (let taken = 0; taken < QUERIES_OF_TURN && !socket.destroyed && this.#mayTake(connection); taken++) {
      const query = waiting.shift()
      if (query === undefined) break
      // Without a header, or itself a response: it would wait for an answer for ever.
      if (query.length < HEADER_BYTES || ((query[2] ?? 0) & QR_BIT) !== 0) continue
      connection.unanswered++
      client.unanswered++
      this.#unanswered++
      connection.movedAtMs = this.options.clock.nowMs()
      this.#connections.delete(path)
      this.#connections.set(path, connection)
      this.options.trace.packet('in', 'dns', path, query, connection.movedAtMs)
      this.options.receive(query, path)
    }
    this.#eager.delete(connection)
    if (waiting.length === 0) {
      this.#endIfDone(connection)
      return void socket.resume()
    }
    socket.pause()
    this.#eager.add(connection)
    this.#giveTurns()
  }

  #mayTake({ unanswered, client, socket }: Connection): boolean {
    const limits = this.#limits
    return unanswered < limits.unansweredOfConnection && client.unanswered < limits.unansweredOfAddress && this.#unanswered < limits.unanswered
      && socket.writableLength < UNREAD_BYTES
  }

  /** Lets the sockets and timers of all others go first, then gives each that waits one turn. */
  #giveTurns(): void {
    if (this.#turnIsDue || this.#eager.size + this.#pouring.size === 0) return
    this.#turnIsDue = true
    setImmediate(() => {
      this.#turnIsDue = false
      for (const connection of [...this.#eager]) if (this.#mayTake(connection)) this.#take(connection)
      for (const connection of [...this.#pouring].slice(0, POURING_MAX)) this.#pour(connection)
    })
  }

  #answered(connection: Connection): void {
    connection.unanswered--
    connection.client.unanswered--
    this.#unanswered--
    connection.movedAtMs = this.options.clock.nowMs()
    this.#endIfDone(connection)
    this.#giveTurns()
  }

  /** What was written before leaves first. */
  #endIfDone({ socket, hasEnded, unanswered, waiting }: Connection): void {
    if (hasEnded && unanswered === 0 && waiting.length === 0) socket.end()
  }

  #write(connection: Connection, message: Uint8Array): void {
    const { socket, path } = connection
    this.options.trace.packet('out', 'dns', path, message, this.options.clock.nowMs())
    socket.write(encodeFrame(message), () => {
      connection.movedAtMs = this.options.clock.nowMs()
      // Where the system takes everything at once, this is called within the same turn: what is next waits for another.
      this.#giveTurns()
    })
    if (socket.writableLength > UNREAD_BYTES_MAX) socket.destroy()
  }

  /** Makes and sends the next messages of a zone, as far as the client reads. */
  #pour(connection: Connection): void {
    const { socket, streams } = connection
    for (let made = 0; made < MESSAGES_OF_TURN && socket.writableLength < UNREAD_BYTES && !socket.destroyed; made++) {
      const next = streams[0]?.next()
      if (next === undefined) return void this.#pouring.delete(connection)
      if (next.done === true) {
        // Half a zone is none: the secondary drops it with its connection, and comes again.
        if (next.value === 'torn') return void socket.destroy()
        streams.shift()
        this.#answered(connection)
      } else this.#write(connection, next.value)
    }
  }

  #lookLater(): void {
    if (this.#connections.size === 0) return
    this.#cancelLook ??= this.options.clock.wakeAt(this.options.clock.nowMs() + LOOK_EVERY_MS, () => {
      this.#cancelLook = undefined
      const nowMs = this.options.clock.nowMs()
      for (const { socket, frames, waiting, unanswered, movedAtMs } of [...this.#connections.values()]) {
        const isIdle = unanswered === 0 && waiting.length === 0 && socket.writableLength === 0 && !frames.isWithin
        if (nowMs - movedAtMs > (isIdle ? this.#limits.idleMs : this.#limits.stalledMs)) socket.destroy()
      }
      this.#lookLater()
    })
  }
}
