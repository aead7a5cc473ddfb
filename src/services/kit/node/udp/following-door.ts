/** A door on all addresses of this machine, one socket each, which opens and closes sockets as addresses come and go. */
import type { Endpoint, Path } from '../../endpoint.ts'
import { PerAddress } from '../per-address.ts'
import type { DatagramDoor, DoorOptions } from './door.ts'

export class FollowingDoor implements DatagramDoor {
  readonly #doors: PerAddress<DatagramDoor>

  /** Use `openFollowingDoor`. */
  constructor(doors: PerAddress<DatagramDoor>) {
    this.#doors = doors
  }

  get locals(): readonly Endpoint[] {
    return [...this.#doors.all].flatMap(({ locals }) => locals)
  }

  /** A datagram from an address that is gone is lost, as datagrams are. */
  send(path: Path, bytes: Uint8Array): void {
    this.#doors.at(path.local.address)?.send(path, bytes)
  }

  sendTrain(path: Path, bytes: Uint8Array, segmentBytes: number): void {
    this.#doors.at(path.local.address)?.sendTrain(path, bytes, segmentBytes)
  }

  flush(): boolean {
    let allReusable = true
    for (const door of this.#doors.all) allReusable = door.flush() && allReusable
    return allReusable
  }

  pathTo(peer: Endpoint, localAddress = this.locals[0]?.address ?? ''): Path {
    const door = this.#doors.at(localAddress)
    if (door === undefined) throw new Error(`no socket is bound to "${localAddress}"`)
    return door.pathTo(peer, localAddress)
  }

  /** Opens sockets for new addresses and closes those of addresses that are gone. */
  follow(addresses: readonly string[]): Promise<void> {
    return this.#doors.follow(addresses)
  }

  close(): Promise<void> {
    return this.#doors.close()
  }
}

/**
 * @param open opens the door of one address
 * @param log called once for each new address that cannot be opened
 * @throws as `open`, leaving no socket open
 */
export async function openFollowingDoor(options: DoorOptions, open: (options: DoorOptions) => Promise<DatagramDoor>, log: (text: string) => void): Promise<FollowingDoor> {
  let { port } = options
  const doors = new PerAddress(async address => {
    const door = await open({ ...options, addresses: [address], port })
    port = door.locals[0]?.port ?? port
    return door
  }, log)
  await doors.openAll(options.addresses)
  return new FollowingDoor(doors)
}
