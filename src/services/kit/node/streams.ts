/** The one door for byte streams: TCP, listened to and dialled. */
import { connect, createServer, isIP, type Socket } from 'node:net'
import { formatEndpoint, type Endpoint } from '../endpoint.ts'
import { HamletError } from '../errors.ts'
import { bindError } from './bind-error.ts'

export interface StreamListener {
  /** One a socket; all have the same port. */
  readonly locals: readonly Endpoint[]
  /** Stops listening and ends the connections that are still open. */
  close(): Promise<void>
}

/**
 * Listens on each address.
 * @param port 0: any free one, the same for all
 * @param accept takes each connection; errors of the connection are the taker's
 * @throws HamletError port-taken, port-not-permitted or address-not-local; then nothing stays open
 */
export async function listenStreams(options: { addresses: readonly string[]; port: number; accept: (socket: Socket) => void }): Promise<StreamListener> {
  const open = new Set<Socket>()
  const servers: { local: Endpoint; close: () => Promise<void> }[] = []
  let port = options.port
  const close = async () => {
    for (const socket of open) socket.destroy()
    await Promise.all(servers.map(server => server.close()))
  }
  try {
    for (const address of options.addresses) {
      const server = createServer({ noDelay: true }, socket => {
        open.add(socket)
        socket.once('close', () => open.delete(socket))
        options.accept(socket)
      })
      await new Promise<void>((resolve, reject) => {
        server.once('error', error => reject(bindError(error, 'tcp', { address, port })))
        server.listen({ port, host: address, ipv6Only: isIP(address) === 6, backlog: 1024 }, resolve)
      })
      server.removeAllListeners('error')
      server.on('error', () => undefined) // accept() failed for one connection (too many files): the listener lives on
      const bound = server.address()
      if (typeof bound === 'object' && bound !== null) port = bound.port
      servers.push({ local: { address, port }, close: () => new Promise(resolve => server.close(() => resolve())) })
    }
  } catch (error) {
    await close()
    throw error
  }
  return { locals: servers.map(({ local }) => local), close }
}

/**
 * Dials a TCP connection.
 * @throws HamletError connection-refused or timed-out
 */
export function connectStream(peer: Endpoint, timeoutMs: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: peer.address, port: peer.port })
    socket.setNoDelay(true)
    const timer = setTimeout(() => socket.destroy(dialError(peer, 'timed-out', `no answer within ${timeoutMs} ms`)), timeoutMs)
    const failed = (error: Error) => {
      clearTimeout(timer)
      reject(error instanceof HamletError ? error : dialError(peer, 'connection-refused', 'nothing accepts connections there', error))
    }
    socket.once('error', failed)
    socket.once('connect', () => {
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
