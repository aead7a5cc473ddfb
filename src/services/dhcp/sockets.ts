/**
 * The server's sockets. For clients on other machines there is one for 0.0.0.0, which hears broadcasts, and one for each served
 * address, which sends: the system picks the interface by the address that a socket is bound to. On 127.0.0.1 there is one socket.
 *
 * The one that hears stays as long as the server runs, whatever interfaces come and go. The others go with the addresses.
 */
import { isLoopback } from '../kit/ip-address.ts'
import type { Path } from '../kit/endpoint.ts'
import { PerAddress } from '../kit/node/per-address.ts'
import type { DatagramDoor, DoorOptions, Io } from '../kit/node/udp/door.ts'
import { openDoor } from '../kit/node/udp/open-door.ts'

export interface SocketsOptions {
  /** `--host` */
  readonly host: string
  readonly port: number
  readonly io: Io
  /** Opens one socket with these options. */
  readonly open: (options: Pick<DoorOptions, 'addresses' | 'port' | 'sharePort' | 'broadcast' | 'tellInterface' | 'restMs'>) => Promise<DatagramDoor>
  log(text: string): void
}

/** In a crowd, what a question may wait to be read together with others. */
const REST_MS = 1

export class Sockets implements Pick<DatagramDoor, 'send' | 'sendTrain' | 'flush'> {
  readonly port: number
  readonly #hearing: DatagramDoor
  /** Undefined on loopback. */
  readonly #sending: PerAddress<DatagramDoor> | undefined

  /**
   * @param addresses served at first
   * @throws HamletError port-taken, port-not-permitted, address-not-local; then no socket stays open
   */
  static async open(options: SocketsOptions, addresses: readonly string[]): Promise<Sockets> {
    const { host, port, io, open, log } = options
    if (isLoopback(host)) return new Sockets(await open({ addresses: [host], port }), undefined)
    // Sockets that share a port would share it with another DHCP server too, in silence. So the port is first taken alone.
    const alone = await openDoor({ addresses: ['0.0.0.0'], port, io, receive: () => undefined })
    const taken = alone.locals[0]?.port ?? port
    await alone.close()
    const openShared = (address: string) => open({ addresses: [address], port: taken, sharePort: true, broadcast: true, tellInterface: true, restMs: REST_MS })
    const hearing = await openShared('0.0.0.0')
    const sending = new PerAddress(openShared, log)
    try {
      await sending.openAll(addresses)
    } catch (error) {
      await hearing.close()
      throw error
    }
    return new Sockets(hearing, sending)
  }

  private constructor(hearing: DatagramDoor, sending: PerAddress<DatagramDoor> | undefined) {
    this.#hearing = hearing
    this.#sending = sending
    this.port = hearing.locals[0]?.port ?? 0
  }

  /**
   * Other addresses are served from now on: opens and closes what is new and gone.
   * @returns those that could not be opened, which the log says once; the next call tries them again
   */
  async follow(addresses: readonly string[]): Promise<string[]> {
    const sending = this.#sending
    if (sending === undefined) return []
    await sending.follow(addresses)
    return addresses.filter(address => sending.at(address) === undefined)
  }

  send(path: Path, bytes: Uint8Array): void {
    this.#towards(path).send(path, bytes)
  }

  sendTrain(path: Path, bytes: Uint8Array, segmentBytes: number): void {
    this.#towards(path).sendTrain(path, bytes, segmentBytes)
  }

  flush(): boolean {
    let isSent = this.#hearing.flush()
    for (const door of this.#sending?.all ?? []) isSent = door.flush() && isSent
    return isSent
  }

  async close(): Promise<void> {
    await this.#sending?.close()
    await this.#hearing.close()
  }

  #towards({ local }: Path): DatagramDoor {
    return this.#sending?.at(local.address) ?? this.#hearing
  }
}
