/** The connections that are open: who they are, what the panel's table says of them, and when their patience ends. */
import type { Duplex } from 'node:stream'
import { formatBytes } from '../kit/amounts.ts'
import type { RowOf } from '../kit/contract.ts'
import { formatEndpoint } from '../kit/endpoint.ts'
import type { Clock } from '../kit/node/clock.ts'
import { endInOrder } from '../kit/node/half-open-http.ts'
import type { appServer } from './contract.ts'
import type { Limits } from './limits.ts'
import type { HttpResponse, Transport } from './message.ts'

/** A net.Socket or a RudpSocket. */
export interface PeerSocket extends Duplex {
  readonly localAddress?: string | undefined
  readonly remoteAddress?: string | undefined
  readonly remotePort?: number | undefined
  readonly bytesRead: number
  /** What is read first came before the peer had confirmed the connection: RUDP on a return visit. */
  readonly early?: boolean
}

export interface Connection {
  readonly number: number
  readonly transport: Transport
  readonly peer: string
  readonly socket: PeerSocket
  requests: number
  /** How many of them a lamp of this machine has asked for. */
  probes: number
  sentBytes: number
  /** Responses that are not finished. */
  active: number
  /** Answers the request whose body is on its way before that has come; undefined where none is. */
  refuseBody: ((refusal: HttpResponse) => void) | undefined
  state: 'reading' | 'answering' | 'idle' | 'closing'
  /** When the peer must have done what the state waits for. */
  deadlineAtMs: number
  /** When the head that is being read began. */
  headSinceMs: number
  /**
   * How much had come when the last response was finished: more means that the next request has begun. One that began in the
   * bytes of the last is not seen, and has the time of an idle connection.
   */
  seenBytes: number
}

const CLOSED_ROWS_MAX = 20
/** A request that leaves the peer just before the time that Keep-Alive told it still finds the connection. */
const IDLE_GRACE_MS = 1000

export class Connections {
  readonly #open = new Map<Duplex, Connection>()
  readonly #closedKeys: string[] = []
  readonly #sweeper: NodeJS.Timeout
  #count = 0
  private readonly options: {
    readonly limits: Limits
    readonly clock: Clock
    readonly setRow: (key: string, row: RowOf<typeof appServer> | undefined) => void
    /** The connection's deadline has passed while it was reading a request. */
    readonly onSlow: (connection: Connection) => void
  }

  constructor(options: {
    readonly limits: Limits
    readonly clock: Clock
    readonly setRow: (key: string, row: RowOf<typeof appServer> | undefined) => void
    /** The connection's deadline has passed while it was reading a request. */
    readonly onSlow: (connection: Connection) => void
  }) {
    this.options = options
    this.#sweeper = setInterval(() => this.#sweep(), Math.min(1000, options.limits.headersTimeoutMs / 5))
    this.#sweeper.unref()
  }

  /** @returns undefined where the server is full */
  open(socket: PeerSocket, transport: Transport): Connection | undefined {
    if (this.#open.size >= this.options.limits.connectionsMax) return undefined
    const nowMs = this.options.clock.nowMs()
    const connection: Connection = {
      number: ++this.#count, transport, peer: formatEndpoint({ address: socket.remoteAddress ?? '', port: socket.remotePort ?? 0 }), socket,
      requests: 0, probes: 0, sentBytes: 0, active: 0, refuseBody: undefined, state: 'reading', headSinceMs: nowMs, deadlineAtMs: nowMs + this.options.limits.headersTimeoutMs, seenBytes: 0,
    }
    this.#open.set(socket, connection)
    socket.once('close', () => this.#closed(connection))
    this.#show(connection, 'open')
    return connection
  }

  of(socket: Duplex): Connection | undefined {
    return this.#open.get(socket)
  }

  /** A request's head has come; its body may still be on the way. */
  requestBegan(connection: Connection, isProbe = false): void {
    connection.requests++
    if (isProbe) connection.probes++
    connection.active++
    if (connection.state !== 'reading') connection.headSinceMs = this.options.clock.nowMs() // since the last look, or it had been seen
    connection.state = 'reading'
    connection.deadlineAtMs = connection.headSinceMs + this.options.limits.requestTimeoutMs
  }

  /** The request is whole: from here on the server is the slow one. */
  requestCame(connection: Connection): void {
    if (connection.state !== 'reading') return
    connection.state = 'answering'
    connection.deadlineAtMs = Infinity
    this.#show(connection, 'answering')
  }

  responseEnded(connection: Connection, sentBytes: number): void {
    connection.active--
    connection.sentBytes += sentBytes
    if (connection.active > 0 || !this.#open.has(connection.socket)) return
    if (connection.state === 'closing') return this.closing(connection)
    connection.state = 'idle'
    connection.deadlineAtMs = this.options.clock.nowMs() + this.options.limits.keepAliveTimeoutMs + IDLE_GRACE_MS
    connection.seenBytes = connection.socket.bytesRead
    this.#show(connection, 'waiting')
  }

  /** No request is taken any more: the connection ends when its answers are out. */
  closing(connection: Connection): void {
    const { clock, limits: { closingMs } } = this.options
    connection.state = 'closing'
    connection.deadlineAtMs = Infinity
    if (connection.active === 0) endInOrder(connection.socket, { clock, closingMs })
  }

  close(): void {
    clearInterval(this.#sweeper)
    for (const { socket } of this.#open.values()) socket.destroy()
  }

  /** One look at all connections a second is cheaper than a timer for each, and headers that never end cannot hide from it. */
  #sweep(): void {
    const nowMs = this.options.clock.nowMs()
    for (const connection of this.#open.values()) {
      if (connection.state === 'idle' && connection.socket.bytesRead > connection.seenBytes) {
        connection.state = 'reading'
        connection.headSinceMs = nowMs
        connection.deadlineAtMs = nowMs + this.options.limits.headersTimeoutMs
      }
      if (nowMs < connection.deadlineAtMs) continue
      if (connection.state === 'reading') this.options.onSlow(connection)
      else connection.socket.destroy()
    }
  }

  #closed(connection: Connection): void {
    this.#open.delete(connection.socket)
    const key = this.#show(connection, 'closed')
    if (isLampsOwn(connection)) return
    this.#closedKeys.push(key)
    if (this.#closedKeys.length > CLOSED_ROWS_MAX) this.options.setRow(this.#closedKeys.shift() ?? key, undefined)
  }

  #show(connection: Connection, state: string): string {
    const { number, peer, transport, requests, probes, sentBytes } = connection
    const key = String(number)
    const row = { peer, transport: transport.toUpperCase(), state, requests: String(requests - probes), sent: formatBytes(sentBytes) }
    this.options.setRow(key, isLampsOwn(connection) ? undefined : row)
    return key
  }
}

/** Nothing but lamps has asked there: it is no visitor's. */
const isLampsOwn = ({ requests, probes }: Connection) => requests > 0 && requests === probes
