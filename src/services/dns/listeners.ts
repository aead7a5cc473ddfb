/**
 * The listening sockets: one for UDP and one for TCP on each address, all on the same port. They never bind a wildcard, so that
 * an answer leaves from the address that was queried, and other servers keep theirs (systemd-resolved on 127.0.0.53). Addresses
 * may come and go while the server runs.
 */
import type { Socket } from 'node:net'
import type { Endpoint, Path } from '../kit/endpoint.ts'
import type { Clock } from '../kit/node/clock.ts'
import { PerAddress } from '../kit/node/per-address.ts'
import { onSamePort } from '../kit/node/same-port.ts'
import { listenStreams } from '../kit/node/streams.ts'
import type { DatagramBatch, DatagramDoor, Io } from '../kit/node/udp/door.ts'
import { openTracedDoor } from '../kit/node/udp/traced-door.ts'
import type { TraceRing } from '../kit/trace.ts'

export interface ListenersOptions {
  readonly addresses: readonly string[]
  /** 0: any port that is free on all addresses. */
  readonly port: number
  readonly io?: Io
  readonly trace: TraceRing
  readonly clock: Clock
  /** Called once for each new address that cannot be opened. */
  readonly log: (text: string) => void
  readonly receive: (batch: DatagramBatch) => void
  readonly accept: (socket: Socket) => void
}

interface Listener {
  readonly address: string
  readonly door: DatagramDoor
  close(): Promise<void>
}

/** @throws HamletError port-taken, port-not-permitted or address-not-local; then nothing stays open */
export async function openListeners(options: ListenersOptions): Promise<Listeners> {
  return onSamePort(options.port, options.addresses[0] ?? '127.0.0.1', async port => {
    const doors = new PerAddress(address => openListener(address, port, options), options.log)
    await doors.openAll(options.addresses)
    return new Listeners(port, doors)
  })
}

export class Listeners {
  readonly port: number
  readonly #doors: PerAddress<Listener>

  /** Use `openListeners`. */
  constructor(port: number, doors: PerAddress<Listener>) {
    this.port = port
    this.#doors = doors
  }

  get locals(): Endpoint[] {
    return [...this.#doors.all].map(({ address }) => ({ address, port: this.port }))
  }

  /** Sends an answer from the path's local address; if that address is gone, the answer is lost, as datagrams may be. */
  send(path: Path, bytes: Uint8Array): void {
    this.#doors.at(path.local.address)?.door.send(path, bytes)
  }

  flush(): void {
    for (const { door } of this.#doors.all) door.flush()
  }

  /** Opens new addresses and closes those that are gone. */
  follow(addresses: readonly string[]): Promise<void> {
    return this.#doors.follow(addresses)
  }

  close(): Promise<void> {
    return this.#doors.close()
  }
}

/** @throws HamletError if the address and port are not available for both transports */
async function openListener(address: string, port: number, { trace, clock, io = 'auto', receive, accept }: ListenersOptions): Promise<Listener> {
  const door = await openTracedDoor({ addresses: [address], port, io, receive }, trace, 'dns', clock)
  try {
    const listener = await listenStreams({ addresses: [address], port, allowHalfOpen: true, accept })
    return {
      address, door,
      async close() {
        await Promise.all([door.close(), listener.close()])
      },
    }
  } catch (error) {
    await door.close()
    throw error
  }
}
