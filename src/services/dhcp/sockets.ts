/**
 * The server's sockets. For clients on other machines there is one for 0.0.0.0, which hears broadcasts, and one for each served
 * address, which sends: the system picks the interface by the address that a socket is bound to. On 127.0.0.1 there is one socket.
 *
 * The one that hears stays while interfaces come and go, the others go with the addresses. A socket knows the ways that it has seen by
 * their interfaces' names: where one may have got another name, all are opened anew.
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

const ANY = '0.0.0.0'
/** In a crowd, what a question may wait to be read together with others. */
const REST_MS = 1

export class Sockets implements Pick<DatagramDoor, 'send' | 'sendTrain' | 'flush'> {
  readonly port: number
  readonly #doors: PerAddress<DatagramDoor>
  /** The address whose socket hears what is sent to all. */
  readonly #hearing: string

  /**
   * @param addresses served at first
   * @throws HamletError port-taken, port-not-permitted, address-not-local; then no socket stays open
   */
  static async open(options: SocketsOptions, addresses: readonly string[]): Promise<Sockets> {
    const { host, port, io, open, log } = options
    if (isLoopback(host)) {
      const doors = new PerAddress(address => open({ addresses: [address], port }), log)
      await doors.openAll([host])
      return new Sockets(doors, host)
    }
    // Sockets that share a port would share it with another DHCP server too, in silence. So the port is first taken alone.
    const alone = await openDoor({ addresses: [ANY], port, io, receive: () => undefined })
    const taken = alone.locals[0]?.port ?? port
    await alone.close()
    const doors = new PerAddress(address => open({ addresses: [address], port: taken, sharePort: true, broadcast: true, tellInterface: true, restMs: REST_MS }), log)
    await doors.openAll([ANY, ...addresses])
    return new Sockets(doors, ANY)
  }

  private constructor(doors: PerAddress<DatagramDoor>, hearing: string) {
    this.#doors = doors
    this.#hearing = hearing
    this.port = doors.at(hearing)?.locals[0]?.port ?? 0
  }

  /**
   * Other addresses are served from now on: opens and closes what is new and gone.
   * @param anew opens the others anew too
   * @returns those that could not be opened, which the log says once; the next call tries them again
   */
  async follow(addresses: readonly string[], anew: boolean): Promise<string[]> {
    if (this.#hearing !== ANY) return []
    if (anew) await this.#doors.follow([])
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
    return this.#doors.at(local.address) ?? this.#doors.at(this.#hearing)
  }
}
