/**
 * Dials RUDP peers: one connection a peer, and a stream of it for each dial, so the second costs no handshake. As with Node's sockets,
 * what is written before the peer has answered waits and then leaves first. Who was visited before is shown the token that it gave
 * then: the first request leaves in the first packet. All connections share a UDP socket (dialing-host.ts), which is open when the second
 * one is dialled.
 */
import { once } from 'node:events'
import { formatEndpoint, type Endpoint } from '../kit/endpoint.ts'
import { HamletError } from '../kit/errors.ts'
import type { Random } from '../kit/random.ts'
import type { TraceRing } from '../kit/trace.ts'
import type { Clock } from '../kit/node/clock.ts'
import { closeError } from './close-error.ts'
import type { CongestionName } from './core/congestion/congestion.ts'
import type { Visit } from './core/encryption/connection-encryption.ts'
import type { Cryptography } from './core/encryption/cryptography.ts'
import type { Observe, RudpEvent } from './core/endpoint.ts'
import type { CloseReason } from './core/events.ts'
import { DEFAULT_LIMITS } from './core/limits.ts'
import { DialingHost, type Dialled } from './dialing-host.ts'
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
  /** What encrypts; node:crypto, if nothing else is said. */
  readonly cryptography?: Cryptography | undefined
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
  /** The UDP sockets by local address; a promise until it is open. */
  readonly #hosts = new Map<string, DialingHost | Promise<DialingHost>>()
  /** The connection by server that the next dial takes a stream of. */
  readonly #connections = new Map<string, Promise<ServerConnection>>()
  /** These, and those whose server let us have no more streams. */
  readonly #open = new Set<ServerConnection>()
  readonly #visits = new Map<string, Visit>()
  /** Settles when the servers that were met are known. */
  #meeting: Promise<unknown> = Promise.resolve()
  #closed = false

  constructor(options: DialerOptions) {
    this.#options = options
  }

  /**
   * Dials, and waits for the peer's answer.
   * @throws HamletError as `connect`, or what its socket would tell: connection-refused, refused, timed-out, identity-changed
   */
  async dial(peer: Endpoint, options: DialOptions = {}): Promise<RudpSocket> {
    const socket = await this.connect(peer, options)
    if (socket.connecting) await once(socket, 'connect')
    return socket
  }

  /**
   * Dials, and waits for nothing that is at hand: where the UDP socket is open, the first packet leaves before this returns. The socket may be
   * `connecting` still.
   * @throws HamletError connection-lost where the dialer was closed; of the file of known servers disk-failed or file-damaged
   */
  async connect(peer: Endpoint, { early = false, name = formatEndpoint(peer) }: DialOptions = {}): Promise<RudpSocket> {
    const server = { peer, name }
    const key = keyOf(server)
    for (;;) {
      const known = this.#connections.get(key)
      const connection = await (known ?? this.#openConnection(server, early))
      // What is written on a connection that resumes is early data, which a server may refuse: another one waits for the server's answer.
      const socket = connection.isResuming && !early ? undefined : connection.openSocket()
      if (socket !== undefined) return socket
      if (known === undefined) throw new HamletError(closeError('refused', peer))
      // It makes room for the next, once: all that cannot use it find that one.
      if (this.#connections.get(key) === known) this.#connections.delete(key)
    }
  }

  /** Closes every connection at once. Returns when that is done, and what was learnt of servers is on disk. */
  async close(): Promise<void> {
    this.#closed = true
    await Promise.all([this.#meeting, ...[...this.#hosts.values()].map(async opening => (await Promise.resolve(opening).catch(() => undefined))?.close())])
    for (const connection of this.#open) connection.destroySockets()
  }

  #openConnection(server: Server, early: boolean): Promise<ServerConnection> {
    const key = keyOf(server)
    const visit = early ? this.#visits.get(key) : undefined
    this.#visits.delete(key) // a token is taken once
    const connecting = ServerConnection.open(server, this.#options, visit, {
      host: () => this.#hostTowards(server.peer),
      visit: given => this.#remember(key, given),
      met: identity => { this.#meeting = this.#meeting.then(() => this.#options.encryption?.add(server.name, formatIdentity(identity))) },
      opened: connection => this.#open.add(connection),
      closed: connection => {
        this.#open.delete(connection)
        if (this.#connections.get(key) === connecting) this.#connections.delete(key)
      },
    })
    this.#connections.set(key, connecting)
    connecting.catch(() => { if (this.#connections.get(key) === connecting) this.#connections.delete(key) })
    return connecting
  }

  #hostTowards(peer: Endpoint): DialingHost | Promise<DialingHost> {
    const address = addressTowards(peer)
    const known = this.#hosts.get(address)
    if (known !== undefined) return known
    if (this.#closed) throw new HamletError(closeError('finished', peer))
    const { timeoutMs = DEFAULT_LIMITS.connectTimeoutMs, keepMs = KEEP_MS, encryption, cryptography = nodeCryptography } = this.#options
    const opening = DialingHost.open({
      ...this.#options, addresses: [address], limits: { connectTimeoutMs: timeoutMs }, encryption: encryption && { cryptography }, keepMs,
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

/** What a connection needs of the dialer, and tells it. */
interface ServerConnectionHost {
  /** The UDP socket to dial from. */
  host(): DialingHost | Promise<DialingHost>
  visit(visit: Visit): void
  /** A server that was not known has proven its identity. */
  met(identity: Uint8Array): void
  opened(connection: ServerConnection): void
  closed(connection: ServerConnection): void
}

/** A connection to a server, and the sockets that are its streams. It is closed when it had none for a while. */
class ServerConnection {
  readonly #dialled: Dialled
  readonly #sockets = new SocketTable()
  readonly #options: DialerOptions
  /** What its end is called, but for one in order. */
  readonly #failure: (reason: CloseReason) => HamletError
  #isConnected = false
  #cancelClosing = (): void => undefined

  private constructor(dialled: Dialled, options: DialerOptions, failure: (reason: CloseReason) => HamletError) {
    this.#dialled = dialled
    this.#options = options
    this.#failure = failure
  }

  /** Waits for nothing that is at hand. @throws what the host's opening throws, and the file of known servers */
  static async open({ peer, name }: Server, options: DialerOptions, visit: Visit | undefined, told: ServerConnectionHost): Promise<ServerConnection> {
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
    const dialled = dialing.connect(peer, { visit, trusts: servers && trusts }, event => {
      if (event.kind === 'token') told.visit(event)
      if (event.kind === 'identified' && known === undefined) told.met(event.identity)
      if (event.kind === 'closed') told.closed(connection)
      connection.#hear(event)
    })
    const connection = new ServerConnection(dialled, options, failure)
    told.opened(connection)
    return connection
  }

  /** It leaves with the token of an earlier visit, and the server has not answered yet. */
  get isResuming(): boolean {
    return this.#dialled.connection.state === 'RESUMING'
  }

  /** @returns undefined where the peer allows no more streams now, or the connection is over */
  openSocket(): RudpSocket | undefined {
    const { host, connection } = this.#dialled
    const stream = host.use(() => connection.openStream())
    if (stream === undefined) return undefined
    this.#cancelClosing()
    const { clock } = this.#options
    const socket = new RudpSocket(host, connection, stream, clock)
    this.#sockets.add(connection, stream, socket)
    // A stream comes into being at the peer with its first frame: as a rule the request; else an empty one follows.
    clock.wakeAt(clock.nowMs() + ANNOUNCE_MS, () => host.use(() => stream.announce()))
    return socket
  }

  /** What its connection's end did not end. */
  destroySockets(): void {
    this.#cancelClosing()
    this.#sockets.destroyAll(this.#isConnected ? undefined : this.#failure('finished'))
  }

  #hear(event: RudpEvent): void {
    if (event.kind === 'connected') this.#isConnected = true
    if (event.kind === 'closed' && !(this.#isConnected && event.reason === 'finished')) return this.#sockets.destroyAll(this.#failure(event.reason))
    this.#sockets.hear(event)
    const { host, connection } = this.#dialled
    if (event.kind !== 'stream-event' || event.event.kind !== 'over' || connection.streamCount > 0) return
    const { clock, keepMs = KEEP_MS } = this.#options
    this.#cancelClosing() // Streams that end in one turn are all told of after the last.
    this.#cancelClosing = clock.wakeAt(clock.nowMs() + keepMs, () => host.use(nowMs => connection.close(nowMs)))
  }
}

/** Loopback stays loopback; else any address of this machine will do. */
function addressTowards({ address }: Endpoint): string {
  if (address.includes(':')) return address === '::1' ? '::1' : '::'
  return address.startsWith('127.') ? '127.0.0.1' : '0.0.0.0'
}
