/** Accepts RUDP connections: each stream that a peer opens becomes a socket. */
import type { Endpoint } from '../kit/endpoint.ts'
import type { Random } from '../kit/random.ts'
import type { TraceRing } from '../kit/trace.ts'
import type { Clock } from '../kit/node/clock.ts'
import type { Io } from '../kit/node/udp/door.ts'
import type { CongestionName } from './core/congestion/congestion.ts'
import type { Limits } from './core/limits.ts'
import { openHost, type RudpHost } from './host.ts'
import { formatIdentity } from './known-servers.ts'
import type { Lab } from './lab.ts'
import { nodeCryptography } from './node-cryptography.ts'
import { RudpSocket } from './socket.ts'
import { SocketTable } from './socket-table.ts'

export interface AcceptedEncryption {
  /** 32 bytes, unique to this listener: the secret of its identity. */
  readonly identitySecret: Uint8Array
  /** Unencrypted connections are accepted too. */
  readonly acceptsPlain: boolean
}

export interface ListenOptions {
  /** One UDP socket each. */
  readonly addresses: readonly string[]
  /** 0 for any free port, the same for all addresses. */
  readonly port: number
  readonly io?: Io
  readonly accept: (socket: RudpSocket) => void
  /** Accepts encrypted connections. Undefined: unencrypted ones only. */
  readonly encryption?: AcceptedEncryption | undefined
  readonly clock: Clock
  readonly random: Random
  readonly trace: TraceRing
  readonly congestion?: CongestionName
  readonly limits?: Partial<Limits>
  /** The lab that shows the connections. Its congestion control takes precedence over the one given here. */
  readonly lab?: Lab
  /** Logs each new address that cannot be listened on, once. */
  readonly log?: (text: string) => void
}

export interface RudpListener {
  readonly locals: readonly Endpoint[]
  /** The identity by which encrypting clients know the listener, in the form in which users compare it. */
  readonly identity: string | undefined
  /** Starts listening on new addresses in the list, and stops on those that are gone. */
  follow(addresses: readonly string[]): Promise<void>
  close(): Promise<void>
}

/** @throws HamletError port-taken, port-not-permitted or address-not-local; nothing stays open then */
export async function listenRudp(options: ListenOptions): Promise<RudpListener> {
  const { accept, clock, encryption } = options
  const sockets = new SocketTable()
  const host: RudpHost = await openHost({
    ...options, accepting: true, encryption: encryption && { cryptography: nodeCryptography, acceptor: encryption },
    onEvent(event) {
      if (event.kind === 'stream') {
        const socket = new RudpSocket(host, event.connection, event.stream, clock)
        sockets.add(event.connection, event.stream, socket)
        accept(socket)
      } else sockets.dispatch(event)
    },
  })
  return {
    get locals() {
      return host.locals
    },
    follow: addresses => host.follow(addresses),
    identity: encryption && formatIdentity(nodeCryptography.keyPair(encryption.identitySecret).publicKey),
    async close() {
      await host.close()
      sockets.destroyAll()
    },
  }
}
