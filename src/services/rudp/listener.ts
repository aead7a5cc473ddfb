/** Takes RUDP connections: each stream that a peer opens becomes a socket. */
import type { Endpoint } from '../kit/endpoint.ts'
import type { Random } from '../kit/random.ts'
import type { TraceRing } from '../kit/trace.ts'
import type { Clock } from '../kit/node/clock.ts'
import type { Io } from '../kit/node/udp/door.ts'
import type { CongestionName } from './core/congestion/congestion.ts'
import type { Limits } from './core/limits.ts'
import { openHost, type RudpHost } from './host.ts'
import type { Lab } from './lab.ts'
import { RudpSocket } from './socket.ts'
import { SocketTable } from './socket-table.ts'

export interface ListenOptions {
  /** One UDP socket each. */
  readonly addresses: readonly string[]
  /** 0: any free one, the same for all. */
  readonly port: number
  readonly io?: Io
  readonly accept: (socket: RudpSocket) => void
  readonly clock: Clock
  readonly random: Random
  readonly trace: TraceRing
  readonly congestion?: CongestionName
  readonly limits?: Partial<Limits>
  /** In which the connections stand; its congestion control goes before the one that is named here. */
  readonly lab?: Lab
}

export interface RudpListener {
  readonly locals: readonly Endpoint[]
  close(): Promise<void>
}

/** @throws HamletError port-taken, port-not-permitted or address-not-local; then nothing stays open */
export async function listenRudp(options: ListenOptions): Promise<RudpListener> {
  const { accept, clock } = options
  const sockets = new SocketTable()
  const host: RudpHost = await openHost({
    ...options, accepting: true,
    onEvent(event) {
      if (event.kind === 'stream') {
        const socket = new RudpSocket(host, event.connection, event.stream, clock)
        sockets.add(event.connection, event.stream, socket)
        accept(socket)
      } else sockets.hear(event)
    },
  })
  return {
    locals: host.locals,
    async close() {
      await host.close()
      sockets.destroyAll()
    },
  }
}
