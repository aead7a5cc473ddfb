/**
 * Opens RUDP connections: one for each peer, with one stream for each dial, so that the second dial needs no handshake.
 * As with Node's sockets, what is written before the peer has answered is queued and leaves first. A peer that was
 * visited before is sent the token that it issued then, so the first request leaves in the first packet. All
 * connections share one UDP socket for each local address (dialing-host.ts), so the second dial finds it open.
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
  /**
   * Encrypts every connection, and checks the identity of each server against the known one. Undefined: no connection
   * is encrypted.
   */
  readonly encryption?: KnownServers | undefined
  /** The implementation of cryptography; by default node:crypto. */
  readonly cryptography?: Cryptography | undefined
  /** Receives everything that happens in the connections. */
  readonly observe?: Observe | undefined
  /** The lab that shows the connections. Its congestion control takes precedence over the one given here. */
  readonly lab?: Lab | undefined
  /** The time limit for a dial. */
  readonly timeoutMs?: number
  /** How long a connection without streams, and then a socket without connections, is kept for the next dial. */
  readonly keepMs?: number
}

export interface DialOptions {
  /**
   * What is written first may leave before the peer has confirmed the connection. Set it only for what is safe to
   * repeat.
   */
  readonly early?: boolean
  /** The name by which the server is known, as the user typed it; by default its address and port. */
  readonly name?: string
}

const KEEP_MS = 15_000
/** A stream on which nothing has been written after this time is announced to the peer. */
const ANNOUNCE_MS = 20
/** The number of servers whose tokens are remembered; one more replaces the oldest. */
const TOKENS_MAX = 256

export class RudpDialer {
  readonly #options: DialerOptions
  /** The UDP sockets by local address; a promise while one is opening. */
  readonly #hosts = new Map<string, DialingHost | Promise<DialingHost>>()
  /** The connection to each server from which the next dial takes a stream. */
  readonly #connections = new Map<string, Promise<ServerConnection>>()
  /** All open connections: these, and those on which the server allows no more streams. */
  readonly #open = new Set<ServerConnection>()
  readonly #visits = new Map<string, Visit>()
  /** Resolves once all newly met servers have been stored. */
  #storing: Promise<unknown> = Promise.resolve()
  #closed = false

  constructor(options: DialerOptions) {
    this.#options = options
  }

  /**
   * Dials, and waits for the answer of the peer.
   * @throws HamletError as `connect`, or as its socket would report: connection-refused, refused, timed-out,
   * identity-changed
   */
  async dial(peer: Endpoint, options: DialOptions = {}): Promise<RudpSocket> {
    const socket = await this.connect(peer, options)
    if (socket.connecting) await once(socket, 'connect')
    return socket
  }

  /**
   * Dials without waiting for the peer. If the UDP socket is open, the first packet leaves before this returns. The
   * returned socket may still be `connecting`.
   * @throws HamletError connection-lost if the dialer is closed; disk-failed or file-damaged for the file of known
   * servers
   */
  async connect(peer: Endpoint, { early = false, name = formatEndpoint(peer) }: DialOptions = {}): Promise<RudpSocket> {
    const server = { peer, name }
    const key = keyOf(server)
    for (;;) {
      const known = this.#connections.get(key)
      const connection = await (known ?? this.#openConnection(server, early))
      // What is written on a resuming connection is early data, which a server may refuse. Other data uses a connection
      // that waits for the server.
      const socket = connection.isResuming && !early ? undefined : connection.openSocket()
      if (socket !== undefined) return socket
      if (known === undefined) throw new HamletError(closeError('refused', peer))
      // Replaces the connection once: all dials that cannot use it find the new one.
      if (this.#connections.get(key) === known) this.#connections.delete(key)
    }
  }

  /** Closes all connections at once. Resolves when that is done and newly met servers are on disk. */
  async close(): Promise<void> {
    this.#closed = true
    await Promise.all([this.#storing, ...[...this.#hosts.values()].map(async opening => (await Promise.resolve(opening).catch(() => undefined))?.close())])
    for (const connection of this.#open) connection.destroySockets()
  }

  #openConnection(server: Server, early: boolean): Promise<ServerConnection> {
    const key = keyOf(server)
    const visit = early ? this.#visits.get(key) : undefined
    this.#visits.delete(key) // a token can be used only once
    const connecting = ServerConnection.open(server, this.#options, visit, {
      host: () => this.#hostTowards(server.peer),
      visit: given => this.#remember(key, given),
      identified: identity => { this.#storing = this.#storing.then(() => this.#options.encryption?.add(server.name, formatIdentity(identity))) },
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
    const address = sourceAddressFor(peer)
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

/** Two names at one address are two servers, each with an identity of its own. */
function keyOf({ peer, name }: Server): string {
  return `${name} ${formatEndpoint(peer)}`
}

/** What a connection needs from the dialer, and reports to it. */
interface ServerConnectionHost {
  /** The UDP socket to dial from. */
  host(): DialingHost | Promise<DialingHost>
  visit(visit: Visit): void
  /** A server met for the first time has proven its identity. */
  identified(identity: Uint8Array): void
  opened(connection: ServerConnection): void
  closed(connection: ServerConnection): void
}

/** A connection to a server, with the sockets that are its streams. It closes after a while without any. */
class ServerConnection {
  readonly #dialled: Dialled
  readonly #sockets = new SocketTable()
  readonly #options: DialerOptions
  /** The error for each way in which the connection can end, except a normal close. */
  readonly #failure: (reason: CloseReason) => HamletError
  #isConnected = false
  #cancelClosing = (): void => undefined

  private constructor(dialled: Dialled, options: DialerOptions, failure: (reason: CloseReason) => HamletError) {
    this.#dialled = dialled
    this.#options = options
    this.#failure = failure
  }

  /** Waits only for what is not available yet. @throws as opening the host and reading the known servers do */
  static async open({ peer, name }: Server, options: DialerOptions, visit: Visit | undefined, callbacks: ServerConnectionHost): Promise<ServerConnection> {
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
    const opening = callbacks.host()
    const dialing = opening instanceof DialingHost ? opening : await opening
    const dialled = dialing.connect(peer, { visit, trusts: servers && trusts }, event => {
      if (event.kind === 'token') callbacks.visit(event)
      if (event.kind === 'identified' && known === undefined) callbacks.identified(event.identity)
      if (event.kind === 'closed') callbacks.closed(connection)
      connection.#onEvent(event)
    })
    const connection = new ServerConnection(dialled, options, failure)
    callbacks.opened(connection)
    return connection
  }

  /** The handshake uses a token from an earlier visit, and the server has not answered yet. */
  get isResuming(): boolean {
    return this.#dialled.connection.state === 'RESUMING'
  }

  /** @returns undefined if the peer allows no more streams now, or the connection is over */
  openSocket(): RudpSocket | undefined {
    const { host, connection } = this.#dialled
    const stream = host.use(() => connection.openStream())
    if (stream === undefined) return undefined
    this.#cancelClosing()
    const { clock } = this.#options
    const socket = new RudpSocket(host, connection, stream, clock)
    this.#sockets.add(connection, stream, socket)
    // A stream begins to exist at the peer with its first frame: usually the request, otherwise this empty one.
    clock.wakeAt(clock.nowMs() + ANNOUNCE_MS, () => host.use(() => stream.announce()))
    return socket
  }

  /** Destroys the sockets that are still open after the connection has ended. */
  destroySockets(): void {
    this.#cancelClosing()
    this.#sockets.destroyAll(this.#isConnected ? undefined : this.#failure('finished'))
  }

  #onEvent(event: RudpEvent): void {
    if (event.kind === 'connected') this.#isConnected = true
    if (event.kind === 'closed' && !(this.#isConnected && event.reason === 'finished')) return this.#sockets.destroyAll(this.#failure(event.reason))
    this.#sockets.dispatch(event)
    const { host, connection } = this.#dialled
    if (event.kind !== 'stream-event' || event.event.kind !== 'over' || connection.streamCount > 0) return
    const { clock, keepMs = KEEP_MS } = this.#options
    this.#cancelClosing() // when several streams end in one turn, each event comes after the last has ended
    this.#cancelClosing = clock.wakeAt(clock.nowMs() + keepMs, () => host.use(nowMs => connection.close(nowMs)))
  }
}

/** The local address to bind: loopback for a loopback peer, otherwise the wildcard. */
function sourceAddressFor({ address }: Endpoint): string {
  if (address.includes(':')) return address === '::1' ? '::1' : '::'
  return address.startsWith('127.') ? '127.0.0.1' : '0.0.0.0'
}
