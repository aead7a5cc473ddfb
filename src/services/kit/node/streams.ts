/** The door through which all byte streams pass: TCP, listening and dialing, and TLS, dialing. */
import { connect, createServer, isIP, type Socket } from 'node:net'
import { checkServerIdentity, connect as connectTls, rootCertificates, type TLSSocket } from 'node:tls'
import { formatEndpoint, type Endpoint } from '../endpoint.ts'
import { HamletError } from '../errors.ts'
import { bindError } from './bind-error.ts'
import { PerAddress } from './per-address.ts'

export interface StreamListener {
  /** One per socket; all have the same port. */
  readonly locals: readonly Endpoint[]
  /** Starts listening on new addresses and stops on those that are gone; connections stay. */
  follow(addresses: readonly string[]): Promise<void>
  /** Stops listening and closes the connections that are still open. */
  close(): Promise<void>
}

export interface StreamListenerOptions {
  readonly addresses: readonly string[]
  /** 0 for any free port, the same for all addresses. */
  readonly port: number
  /** A peer that closes its half may still read, and `accept` must close the other half. Otherwise closing one half closes both. */
  readonly allowHalfOpen?: boolean
  /** Takes over each connection, including its errors. */
  readonly accept: (socket: Socket) => void
  /** Called once for each new address that cannot be listened on. */
  readonly log?: (text: string) => void
}

/**
 * Listens on each address.
 * @throws HamletError port-taken, port-not-permitted or address-not-local, leaving nothing open
 */
export async function listenStreams(options: StreamListenerOptions): Promise<StreamListener> {
  const open = new Set<Socket>()
  let { port } = options
  const accept = (socket: Socket): void => {
    open.add(socket)
    socket.once('close', () => open.delete(socket))
    options.accept(socket)
  }
  const servers = new PerAddress(async address => {
    const server = await listen({ address, port }, accept, options.allowHalfOpen === true)
    port = server.local.port
    return server
  }, options.log ?? (() => undefined))
  await servers.openAll(options.addresses)
  return {
    get locals() {
      return [...servers.all].map(({ local }) => local)
    },
    follow: addresses => servers.follow(addresses),
    async close() {
      await servers.close()
      await Promise.all([...open].map(socket => new Promise<void>(resolve => socket.once('close', () => resolve()).destroy())))
    },
  }
}

/** The returned `close` stops listening and does not wait for connections. */
async function listen({ address, port }: Endpoint, accept: (socket: Socket) => void, allowHalfOpen: boolean): Promise<{ local: Endpoint; close: () => Promise<void> }> {
  const server = createServer({ noDelay: true, allowHalfOpen }, accept)
  await new Promise<void>((resolve, reject) => {
    server.once('error', error => reject(bindError(error, 'tcp', { address, port })))
    server.listen({ port, host: address, ipv6Only: isIP(address) === 6, backlog: 1024 }, resolve)
  })
  server.removeAllListeners('error')
  server.on('error', () => undefined) // accept() failed for one connection (too many open files); the listener keeps working
  const bound = server.address()
  return {
    local: { address, port: typeof bound === 'object' && bound !== null ? bound.port : port },
    close: () => {
      server.close()
      return Promise.resolve()
    },
  }
}

/**
 * Dials a TCP connection.
 * @param allowHalfOpen as in StreamListenerOptions
 * @throws HamletError connection-refused or timed-out
 */
export function connectStream(peer: Endpoint, timeoutMs: number, { allowHalfOpen = false } = {}): Promise<Socket> {
  return whenOpen(connect({ host: peer.address, port: peer.port, allowHalfOpen }), 'connect', 'nothing accepts connections there', peer, timeoutMs)
}

export interface SecureOptions {
  /** What the peer's certificate must name: a host name, which is also sent to the peer (SNI), or an IP address. */
  readonly serverName: string
  /** PEM certificates to trust in addition to the usual ones. */
  readonly authorities: readonly string[]
  /** The protocols inside (ALPN). */
  readonly protocols: readonly string[]
}

/**
 * Dials a TLS connection, which is open once the peer's certificate has been verified.
 * @throws HamletError connection-refused or timed-out; its cause says what is wrong with a certificate
 */
export function connectSecureStream(peer: Endpoint, timeoutMs: number, { serverName, authorities, protocols }: SecureOptions): Promise<TLSSocket> {
  const socket = connectTls({
    host: peer.address, port: peer.port, minVersion: 'TLSv1.2', ALPNProtocols: [...protocols],
    ...(isIP(serverName) === 0 ? { servername: serverName } : {}),
    ...(authorities.length === 0 ? {} : { ca: [...rootCertificates, ...authorities] }),
    checkServerIdentity: (_host, certificate) => checkServerIdentity(serverName, certificate),
  })
  return whenOpen(socket, 'secureConnect', 'no TLS connection could be established', peer, timeoutMs)
}

/** @param why the reason to give for any error but a timeout */
function whenOpen<S extends Socket>(socket: S, opened: string, why: string, peer: Endpoint, timeoutMs: number): Promise<S> {
  return new Promise((resolve, reject) => {
    socket.setNoDelay(true)
    const timer = setTimeout(() => socket.destroy(dialError(peer, 'timed-out', `no answer within ${timeoutMs} ms`)), timeoutMs)
    const failed = (error: Error) => {
      clearTimeout(timer)
      reject(error instanceof HamletError ? error : dialError(peer, 'connection-refused', why, error))
    }
    socket.once('error', failed)
    socket.once(opened, () => {
      clearTimeout(timer)
      socket.off('error', failed)
      resolve(socket)
    })
  })
}

function dialError(peer: Endpoint, code: 'timed-out' | 'connection-refused', why: string, cause?: NodeJS.ErrnoException): HamletError {
  const proof = `${cause?.code ?? 'ETIMEDOUT'} at connect ${formatEndpoint(peer)}`
  return new HamletError({ code, what: `${formatEndpoint(peer)} could not be reached by TCP`, why, remedy: 'check that the server runs and listens on that port', proof }, { cause })
}
