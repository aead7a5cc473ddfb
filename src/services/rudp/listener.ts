/** Takes RUDP connections: each stream that a peer opens becomes a socket. */
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
  /** 32 bytes, of this listener alone: what it proves itself by. */
  readonly identitySecret: Uint8Array
  /** Readable connections are taken as well. */
  readonly acceptsPlain: boolean
}

export interface ListenOptions {
  /** One UDP socket each. */
  readonly addresses: readonly string[]
  /** 0: any free one, the same for all. */
  readonly port: number
  readonly io?: Io
  readonly accept: (socket: RudpSocket) => void
  /** Takes encrypted connections; undefined: readable ones alone. */
  readonly encryption?: AcceptedEncryption | undefined
  readonly clock: Clock
  readonly random: Random
  readonly trace: TraceRing
  readonly congestion?: CongestionName
  readonly limits?: Partial<Limits>
  /** In which the connections stand; its congestion control goes before the one that is named here. */
  readonly lab?: Lab
  /** Told once of each new address that cannot be listened on. */
  readonly log?: (text: string) => void
}

export interface RudpListener {
  readonly locals: readonly Endpoint[]
  /** What encrypted visitors know it by, as people compare it. */
  readonly identity: string | undefined
  /** Listens on what is new among these addresses, and no longer on what is gone. */
  follow(addresses: readonly string[]): Promise<void>
  close(): Promise<void>
}

/** @throws HamletError port-taken, port-not-permitted or address-not-local; then nothing stays open */
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
      } else sockets.hear(event)
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
