/** The open connections: their peers, their rows in the panel's table, and their timeouts. */
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
  /** The first bytes are early data: over RUDP, a returning client sends them before the handshake is complete. */
  readonly early?: boolean
}

export interface Connection {
  readonly number: number
  readonly transport: Transport
  readonly peer: string
  readonly socket: PeerSocket
  requests: number
  /** How many of them were health probes of a lamp on this machine. */
  probes: number
  sentBytes: number
  /** Responses in progress. */
  active: number
  /** Answers the request whose body is still arriving; undefined if there is none. */
  refuseBody: ((refusal: HttpResponse) => void) | undefined
  state: 'reading' | 'answering' | 'idle' | 'closing'
  /** When to give up on what the state waits for. */
  deadlineAtMs: number
  /** When the current request head began to arrive. */
  headSinceMs: number
  /**
   * Bytes read when the last response ended: more than that means that the next request has begun. A request that began
   * within those bytes goes unnoticed and gets the timeout of an idle connection.
   */
  seenBytes: number
}

const CLOSED_ROWS_MAX = 20
/** Lets a request through that the client sends just before the timeout announced in Keep-Alive. */
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
    /** The connection's deadline has passed while a request was being read. */
    readonly onSlow: (connection: Connection) => void
  }

  constructor(options: {
    readonly limits: Limits
    readonly clock: Clock
    readonly setRow: (key: string, row: RowOf<typeof appServer> | undefined) => void
    /** The connection's deadline has passed while a request was being read. */
    readonly onSlow: (connection: Connection) => void
  }) {
    this.options = options
    this.#sweeper = setInterval(() => this.#sweep(), Math.min(1000, options.limits.headersTimeoutMs / 5))
    this.#sweeper.unref()
  }

  /** @returns undefined if the server is full */
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

  /** A request head is complete; its body may still be arriving. */
  requestBegan(connection: Connection, isProbe = false): void {
    connection.requests++
    if (isProbe) connection.probes++
    connection.active++
    if (connection.state !== 'reading') connection.headSinceMs = this.options.clock.nowMs() // it began after the last sweep, which would have noticed it
    connection.state = 'reading'
    connection.deadlineAtMs = connection.headSinceMs + this.options.limits.requestTimeoutMs
  }

  /** The request is complete: from here on, the peer waits for the server. */
  requestReceived(connection: Connection): void {
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

  /** Accepts no more requests; the connection ends once its responses are sent. */
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

  /** One sweep over all connections each second is cheaper than a timer for each. An endless request head cannot evade it. */
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
    if (isProbeOnly(connection)) return
    this.#closedKeys.push(key)
    if (this.#closedKeys.length > CLOSED_ROWS_MAX) this.options.setRow(this.#closedKeys.shift() ?? key, undefined)
  }

  #show(connection: Connection, state: string): string {
    const { number, peer, transport, requests, probes, sentBytes } = connection
    const key = String(number)
    const row = { peer, transport: transport.toUpperCase(), state, requests: String(requests - probes), sent: formatBytes(sentBytes) }
    this.options.setRow(key, isProbeOnly(connection) ? undefined : row)
    return key
  }
}

/** Only lamps have used it, so it is not a visitor's connection. */
const isProbeOnly = ({ requests, probes }: Connection) => requests > 0 && requests === probes
