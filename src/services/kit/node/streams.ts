/** The one door for byte streams: TCP, listened to and dialled, and TLS, dialled. */
import { connect, createServer, isIP, type Socket } from 'node:net'
import { checkServerIdentity, connect as connectTls, rootCertificates, type TLSSocket } from 'node:tls'
import { formatEndpoint, type Endpoint } from '../endpoint.ts'
import { HamletError } from '../errors.ts'
import { bindError } from './bind-error.ts'
import { PerAddress } from './per-address.ts'

export interface StreamListener {
  /** One a socket; all have the same port. */
  readonly locals: readonly Endpoint[]
  /** Listens on what is new among these addresses, and no longer on what is gone; connections stay. */
  follow(addresses: readonly string[]): Promise<void>
  /** Stops listening and ends the connections that are still open. */
  close(): Promise<void>
}

export interface StreamListenerOptions {
  readonly addresses: readonly string[]
  /** 0: any free one, the same for all. */
  readonly port: number
  /** A peer that ends its half may still read: the taker ends the other one. Else the end of one is the end of both. */
  readonly allowHalfOpen?: boolean
  /** Takes each connection; errors of the connection are the taker's. */
  readonly accept: (socket: Socket) => void
  /** Told once of each new address that cannot be listened on. */
  readonly log?: (text: string) => void
}

/**
 * Listens on each address.
 * @throws HamletError port-taken, port-not-permitted or address-not-local; then nothing stays open
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

/** `close` stops listening, and does not wait for the connections. */
async function listen({ address, port }: Endpoint, accept: (socket: Socket) => void, allowHalfOpen: boolean): Promise<{ local: Endpoint; close: () => Promise<void> }> {
  const server = createServer({ noDelay: true, allowHalfOpen }, accept)
  await new Promise<void>((resolve, reject) => {
    server.once('error', error => reject(bindError(error, 'tcp', { address, port })))
    server.listen({ port, host: address, ipv6Only: isIP(address) === 6, backlog: 1024 }, resolve)
  })
  server.removeAllListeners('error')
  server.on('error', () => undefined) // accept() failed for one connection (too many files): the listener lives on
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
  /** Whom the peer's certificate has to name: a host name, which the peer is also told (SNI), or an IP address. */
  readonly serverName: string
  /** PEM certificates that are trusted beside the usual ones. */
  readonly authorities: readonly string[]
  /** What is spoken inside (ALPN). */
  readonly protocols: readonly string[]
}

/**
 * Dials TLS; open when the peer has proven who it is.
 * @throws HamletError connection-refused or timed-out; its cause tells what is wrong with a certificate
 */
export function connectSecureStream(peer: Endpoint, timeoutMs: number, { serverName, authorities, protocols }: SecureOptions): Promise<TLSSocket> {
  const socket = connectTls({
    host: peer.address, port: peer.port, minVersion: 'TLSv1.2', ALPNProtocols: [...protocols],
    ...(isIP(serverName) === 0 ? { servername: serverName } : {}),
    ...(authorities.length === 0 ? {} : { ca: [...rootCertificates, ...authorities] }),
    checkServerIdentity: (_host, certificate) => checkServerIdentity(serverName, certificate),
  })
  return whenOpen(socket, 'secureConnect', 'no TLS connection came about', peer, timeoutMs)
}

/** @param why the reason where the system names another trouble than silence */
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
