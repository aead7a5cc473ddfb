/**
 * Dials RUDP peers: one connection a peer, and a stream of it for each dial, so the second costs no handshake. Who was visited before is
 * shown the token that it gave then: the first request leaves in the first packet. All connections share a UDP socket, which is open
 * when the second one is dialled; packets name the connection that they are for.
 */
import { formatEndpoint, type Endpoint } from '../kit/endpoint.ts'
import { HamletError } from '../kit/errors.ts'
import type { Random } from '../kit/random.ts'
import type { TraceRing } from '../kit/trace.ts'
import type { Clock } from '../kit/node/clock.ts'
import { closeError } from './close-error.ts'
import type { CongestionName } from './core/congestion/congestion.ts'
import type { Visit } from './core/encryption/connection-encryption.ts'
import type { Connection } from './core/connection.ts'
import type { Observe, RudpEvent } from './core/endpoint.ts'
import type { CloseReason } from './core/events.ts'
import { DEFAULT_LIMITS } from './core/limits.ts'
import { DialingHost } from './dialing-host.ts'
import type { RudpHost } from './host.ts'
import { formatIdentity, type KnownServers } from './known-servers.ts'
import type { Lab } from './lab.ts'
import { nodeCryptography } from './node-cryptography.ts'
import { RudpSocket } from './socket.ts'
import { SocketTable } from './socket-table.ts'

export interface DialerOptions {
  readonly clock: Clock
  readonly random: Random
  readonly trace: TraceRing
  readonly congestion?: CongestionName
  /** Every connection is encrypted, to servers that show the identity which they are known by; undefined: none is. */
  readonly encryption?: KnownServers | undefined
  /** Hears of everything that happens in the connections. */
  readonly observe?: Observe | undefined
  /** In which the connections stand; its congestion control goes before the one that is named here. */
  readonly lab?: Lab | undefined
  /** How long a dial may take. */
  readonly timeoutMs?: number
  /** A connection without streams is kept so long for the next dial, and as long a socket without connections. */
  readonly keepMs?: number
}

export interface DialOptions {
  /** What is written first may leave before the peer has confirmed the connection: say so only for what is safe to do twice. */
  readonly early?: boolean
  /** What the server is known by, as a person named it; without it its address and port. */
  readonly name?: string
}

const KEEP_MS = 15_000
/** A stream on which nothing was written by then is announced to the peer. */
const ANNOUNCE_MS = 20
/** Servers whose tokens are remembered; one more takes the place of the oldest. */
const TOKENS_MAX = 256

export class RudpDialer {
  readonly #options: DialerOptions
  /** By local address; a promise until its socket is open. */
  readonly #hosts = new Map<string, DialingHost | Promise<DialingHost>>()
  /** By server. */
  readonly #lines = new Map<string, Promise<Line>>()
  readonly #open = new Set<Line>()
  readonly #visits = new Map<string, Visit>()
  /** Settles when the servers that were met are known. */
  #meeting: Promise<unknown> = Promise.resolve()
  #closed = false

  constructor(options: DialerOptions) {
    this.#options = options
  }

  /** @throws HamletError connection-refused, refused, timed-out, identity-changed, or connection-lost where it was closed; of the file of known servers disk-failed or file-damaged */
  async dial(peer: Endpoint, { early = false, name = formatEndpoint(peer) }: DialOptions = {}): Promise<RudpSocket> {
    const server = { peer, name }
    const line = await (this.#lines.get(keyOf(server)) ?? this.#connect(server, early))
    return line.openSocket() ?? (await this.#connect(server, early)).openSocket() ?? refuse(peer)
  }

  /** Closes every connection at once. Returns when that is done, and what was learnt of servers is on disk. */
  async close(): Promise<void> {
    this.#closed = true
    await Promise.all([this.#meeting, ...[...this.#hosts.values()].map(async opening => (await Promise.resolve(opening).catch(() => undefined))?.close())])
    for (const line of this.#open) line.destroySockets()
  }

  #connect(server: Server, early: boolean): Promise<Line> {
    const key = keyOf(server)
    const visit = early ? this.#visits.get(key) : undefined
    this.#visits.delete(key) // a token is taken once
    const connecting = Line.open(server, this.#options, visit, {
      host: () => this.#hostTowards(server.peer),
      visit: given => this.#remember(key, given),
      met: identity => { this.#meeting = this.#meeting.then(() => this.#options.encryption?.add(server.name, formatIdentity(identity))) },
      opened: line => this.#open.add(line),
      closed: line => {
        this.#open.delete(line)
        if (this.#lines.get(key) === connecting) this.#lines.delete(key)
      },
    })
    this.#lines.set(key, connecting)
    connecting.catch(() => { if (this.#lines.get(key) === connecting) this.#lines.delete(key) })
    return connecting
  }

  #hostTowards(peer: Endpoint): DialingHost | Promise<DialingHost> {
    const address = addressTowards(peer)
    const known = this.#hosts.get(address)
    if (known !== undefined) return known
    if (this.#closed) throw new HamletError(closeError('finished', peer))
    const { timeoutMs = DEFAULT_LIMITS.connectTimeoutMs, keepMs = KEEP_MS, encryption } = this.#options
    const opening = DialingHost.open({
      ...this.#options, addresses: [address], limits: { connectTimeoutMs: timeoutMs }, encryption: encryption && { cryptography: nodeCryptography }, keepMs,
      onClosing: () => this.#hosts.delete(address),
    })
    this.#hosts.set(address, opening)
    opening.then(host => this.#hosts.set(address, host), () => this.#hosts.delete(address))
    return opening
  }

  #remember(key: string, visit: Visit): void {
    this.#visits.delete(key)
    this.#visits.set(key, visit)
    for (const oldest of this.#visits.keys()) {
      if (this.#visits.size <= TOKENS_MAX) return
      this.#visits.delete(oldest)
    }
  }
}

interface Server {
  readonly peer: Endpoint
  readonly name: string
}

/** Two names at one address are two servers: each is known by an identity of its own. */
function keyOf({ peer, name }: Server): string {
  return `${name} ${formatEndpoint(peer)}`
}

interface LineHost {
  /** The socket to dial from. */
  host(): DialingHost | Promise<DialingHost>
  visit(visit: Visit): void
  /** A server that was not known has proven its identity. */
  met(identity: Uint8Array): void
  opened(line: Line): void
  closed(line: Line): void
}

/** A connection to a peer. */
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

  /**
   * Waits for nothing that is at hand: the first packet leaves before this returns, and a server that was visited before is open then.
   * @throws HamletError connection-refused or timed-out
   */
  static async open({ peer, name }: Server, options: DialerOptions, visit: Visit | undefined, told: LineHost): Promise<Line> {
    const { timeoutMs = DEFAULT_LIMITS.connectTimeoutMs, encryption: servers } = options
    const known = servers && await servers.find(name)
    let shown = ''
    const trusts = (identity: Uint8Array): boolean => {
      shown = formatIdentity(identity)
      return known === undefined || known === shown
    }
    const failure = (reason: CloseReason): HamletError => {
      return servers !== undefined && known !== undefined && reason === 'untrusted' ? servers.changed(name, known, shown) : new HamletError(closeError(reason, peer, timeoutMs))
    }
    const opening = told.host()
    const dialing = opening instanceof DialingHost ? opening : await opening
    return new Promise((resolve, reject) => {
      let line: Line | undefined
      const { host, connection } = dialing.connect(peer, { visit, trusts: servers && trusts }, event => {
        if (event.kind === 'token') told.visit(event)
        if (event.kind === 'identified' && known === undefined) told.met(event.identity)
        if (event.kind === 'connected') opened()
        else if (event.kind === 'closed' && line === undefined) reject(failure(event.reason))
        else if (event.kind === 'closed' && line !== undefined) told.closed(line)
        line?.hear(event)
      })
      const opened = (): void => {
        if (line !== undefined) return
        line = new Line(host, connection, options)
        told.opened(line)
        resolve(line)
      }
      if (connection.state === 'RESUMING') opened()
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
    this.#cancelClosing() // Streams that end in one turn are all told of after the last.
    this.#cancelClosing = clock.wakeAt(clock.nowMs() + keepMs, () => this.#host.use(nowMs => this.#connection.close(nowMs)))
  }

  /** What its connection's end did not end. */
  destroySockets(): void {
    this.#cancelClosing()
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
