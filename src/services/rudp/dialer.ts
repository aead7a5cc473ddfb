/**
 * Dials RUDP peers: one connection a peer, and a stream of it for each dial, so the second costs no handshake. Who was visited before is
 * shown the token that it gave then: the first request leaves in the first packet.
 */
import { formatEndpoint, type Endpoint } from '../kit/endpoint.ts'
import { HamletError } from '../kit/errors.ts'
import type { Random } from '../kit/random.ts'
import type { TraceRing } from '../kit/trace.ts'
import type { Clock } from '../kit/node/clock.ts'
import { closeError } from './close-error.ts'
import type { CongestionName } from './core/congestion/congestion.ts'
import type { Connection } from './core/connection.ts'
import type { Observe, RudpEvent } from './core/endpoint.ts'
import { DEFAULT_LIMITS } from './core/limits.ts'
import { openHost, type RudpHost } from './host.ts'
import type { Lab } from './lab.ts'
import { RudpSocket } from './socket.ts'
import { SocketTable } from './socket-table.ts'

export interface DialerOptions {
  readonly clock: Clock
  readonly random: Random
  readonly trace: TraceRing
  readonly congestion?: CongestionName
  /** Hears of everything that happens in the connections. */
  readonly observe?: Observe | undefined
  /** In which the connections stand; its congestion control goes before the one that is named here. */
  readonly lab?: Lab | undefined
  /** How long a dial may take. */
  readonly timeoutMs?: number
  /** A connection without streams is kept so long for the next dial. */
  readonly keepMs?: number
}

export interface DialOptions {
  /** What is written first may leave before the peer has confirmed the connection: say so only for what is safe to do twice. */
  readonly early?: boolean
}

const KEEP_MS = 15_000
/** A stream on which nothing was written by then is announced to the peer. */
const ANNOUNCE_MS = 20
/** Peers whose tokens are remembered; one more takes the place of the oldest. */
const TOKENS_MAX = 256

export class RudpDialer {
  readonly #options: DialerOptions
  readonly #lines = new Map<string, Promise<Line>>()
  readonly #open = new Set<Line>()
  readonly #tokens = new Map<string, Uint8Array>()
  #closed = false

  constructor(options: DialerOptions) {
    this.#options = options
  }

  /** @throws HamletError connection-refused or timed-out */
  async dial(peer: Endpoint, { early = false }: DialOptions = {}): Promise<RudpSocket> {
    const name = formatEndpoint(peer)
    const line = await (this.#lines.get(name) ?? this.#connect(name, peer, early))
    return line.openSocket() ?? (await this.#connect(name, peer, early)).openSocket() ?? refuse(peer)
  }

  /** Closes every connection at once. */
  async close(): Promise<void> {
    this.#closed = true
    await Promise.all([...this.#open].map(line => line.close()))
  }

  #connect(name: string, peer: Endpoint, early: boolean): Promise<Line> {
    const token = early ? this.#tokens.get(name) : undefined
    this.#tokens.delete(name) // a token is taken once
    const connecting = Line.open(peer, this.#options, token, {
      token: given => this.#remember(name, given),
      opened: line => this.#open.add(line),
      closed: line => {
        this.#open.delete(line)
        if (this.#lines.get(name) === connecting) this.#lines.delete(name)
      },
    })
    this.#lines.set(name, connecting)
    connecting.then(line => { if (this.#closed) void line.close() }, () => { if (this.#lines.get(name) === connecting) this.#lines.delete(name) })
    return connecting
  }

  #remember(name: string, token: Uint8Array): void {
    this.#tokens.delete(name)
    this.#tokens.set(name, token)
    for (const oldest of this.#tokens.keys()) {
      if (this.#tokens.size <= TOKENS_MAX) return
      this.#tokens.delete(oldest)
    }
  }
}

/** One socket to one peer: closes itself when its last stream does. */
export async function connectRudp(peer: Endpoint, options: DialerOptions): Promise<RudpSocket> {
  return new RudpDialer({ keepMs: 0, ...options }).dial(peer)
}

interface LineHost {
  token(token: Uint8Array): void
  opened(line: Line): void
  closed(line: Line): void
}

/** A connection to a peer, on a UDP socket of its own. */
class Line {
  readonly #host: RudpHost
  readonly #connection: Connection
  readonly #sockets = new SocketTable()
  readonly #options: DialerOptions
  #cancelClosing = (): void => undefined

  constructor(host: RudpHost, connection: Connection, options: DialerOptions) {
    this.#host = host
    this.#connection = connection
    this.#options = options
  }

  /** @throws HamletError connection-refused or timed-out */
  static async open(peer: Endpoint, options: DialerOptions, token: Uint8Array | undefined, told: LineHost): Promise<Line> {
    const { timeoutMs = DEFAULT_LIMITS.connectTimeoutMs } = options
    let hear: (event: RudpEvent) => void = () => undefined
    const host = await openHost({
      ...options, accepting: false, addresses: [addressTowards(peer)], port: 0, limits: { connectTimeoutMs: timeoutMs }, onEvent: event => hear(event),
    })
    return new Promise((resolve, reject) => {
      let line: Line | undefined
      hear = event => {
        if (event.kind === 'token') told.token(event.token)
        if (event.kind === 'connected') {
          line = new Line(host, event.connection, options)
          told.opened(line)
          resolve(line)
        } else if (event.kind === 'closed') {
          if (line === undefined) reject(new HamletError(closeError(event.reason, peer, timeoutMs)))
          else told.closed(line)
          line?.hear(event)
          void host.close()
        } else line?.hear(event)
      }
      host.use((nowMs, endpoint) => endpoint.connect(host.pathTo(peer), nowMs, token))
    })
  }

  /** @returns undefined where the peer allows no more streams now, or the connection is over */
  openSocket(): RudpSocket | undefined {
    const stream = this.#host.use(() => this.#connection.openStream())
    if (stream === undefined) return undefined
    this.#cancelClosing()
    const { clock } = this.#options
    const socket = new RudpSocket(this.#host, this.#connection, stream, clock)
    this.#sockets.add(this.#connection, stream, socket)
    // A stream comes into being at the peer with its first frame: as a rule the request; else an empty one follows.
    clock.wakeAt(clock.nowMs() + ANNOUNCE_MS, () => this.#host.use(() => stream.announce()))
    return socket
  }

  hear(event: RudpEvent): void {
    this.#sockets.hear(event)
    if (event.kind !== 'stream-event' || event.event.kind !== 'over' || this.#connection.streamCount > 0) return
    const { clock, keepMs = KEEP_MS } = this.#options
    this.#cancelClosing = clock.wakeAt(clock.nowMs() + keepMs, () => this.#host.use(nowMs => this.#connection.close(nowMs)))
  }

  /** Closes the connection, and the sockets on it. */
  async close(): Promise<void> {
    this.#cancelClosing()
    await this.#host.close()
    this.#sockets.destroyAll()
  }
}

function refuse(peer: Endpoint): never {
  throw new HamletError(closeError('refused', peer))
}

/** Loopback stays loopback; else any address of this machine will do. */
function addressTowards({ address }: Endpoint): string {
  if (address.includes(':')) return address === '::1' ? '::1' : '::'
  return address.startsWith('127.') ? '127.0.0.1' : '0.0.0.0'
}
