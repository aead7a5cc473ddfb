/**
 * The server's sockets. To serve other machines it has one bound to 0.0.0.0, which receives broadcasts, and one bound
 * to each served address, which sends: the system picks the interface by the address that a socket is bound to. On
 * 127.0.0.1 there is a single socket.
 *
 * The receiving socket stays open while interfaces come and go; the others come and go with their addresses. A socket
 * remembers paths by interface name, so if an interface may have been renamed, all of them are reopened.
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
  readonly open: (options: Pick<DoorOptions, 'addresses' | 'port' | 'sharePort' | 'broadcast' | 'packetInfo' | 'pauseMs'>) => Promise<DatagramDoor>
  log(text: string): void
}

const ANY = '0.0.0.0'
/** Under load, how long a message may wait to be read together with others. */
const REST_MS = 1

export class Sockets implements Pick<DatagramDoor, 'send' | 'sendTrain' | 'flush'> {
  readonly port: number
  readonly #doors: PerAddress<DatagramDoor>
  /** The address whose socket receives broadcasts. */
  readonly #receiving: string

  /**
   * @param addresses the addresses to serve
   * @throws HamletError port-taken, port-not-permitted, address-not-local; in that case all sockets are closed
   */
  static async open(options: SocketsOptions, addresses: readonly string[]): Promise<Sockets> {
    const { host, port, io, open, log } = options
    if (isLoopback(host)) {
      const doors = new PerAddress(address => open({ addresses: [address], port }), log)
      await doors.openAll([host])
      return new Sockets(doors, host)
    }
    // Sockets that share a port would silently share it with another DHCP server too. So bind it exclusively first, to
    // see whether it is free.
    const alone = await openDoor({ addresses: [ANY], port, io, receive: () => undefined })
    const taken = alone.locals[0]?.port ?? port
    await alone.close()
    const doors = new PerAddress(address => open({ addresses: [address], port: taken, sharePort: true, broadcast: true, packetInfo: true, pauseMs: REST_MS }), log)
    await doors.openAll([ANY, ...addresses])
    return new Sockets(doors, ANY)
  }

  private constructor(doors: PerAddress<DatagramDoor>, receiving: string) {
    this.#doors = doors
    this.#receiving = receiving
    this.port = doors.at(receiving)?.locals[0]?.port ?? 0
  }

  /**
   * Serves these addresses from now on: opens sockets for new ones, and closes those of others.
   * @param reopenAll closes and reopens all sockets
   * @returns the addresses that could not be opened, each logged once; the next call retries them
   */
  async follow(addresses: readonly string[], reopenAll: boolean): Promise<string[]> {
    if (this.#receiving !== ANY) return []
    if (reopenAll) await this.#doors.follow([])
    const wanted = [ANY, ...addresses]
    await this.#doors.follow(wanted)
    return wanted.filter(address => this.#doors.at(address) === undefined)
  }

  send(path: Path, bytes: Uint8Array): void {
    this.#towards(path)?.send(path, bytes)
  }

  sendTrain(path: Path, bytes: Uint8Array, segmentBytes: number): void {
    this.#towards(path)?.sendTrain(path, bytes, segmentBytes)
  }

  flush(): boolean {
    let isSent = true
    for (const door of this.#doors.all) isSent = door.flush() && isSent
    return isSent
  }

  close(): Promise<void> {
    return this.#doors.close()
  }

  #towards({ local }: Path): DatagramDoor | undefined {
    return this.#doors.at(local.address) ?? this.#doors.at(this.#receiving)
  }
}
