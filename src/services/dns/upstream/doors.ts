/** The ways to all upstreams: one door each, opened when it is first needed. */
import type { Asking } from '../core/forwarding/flight.ts'
import type { Upstream } from '../core/forwarding/upstream.ts'
import { Connections } from './connections.ts'
import { Datagrams } from './datagrams.ts'
import type { UpstreamDoor, UpstreamDoorOptions } from './door.ts'
import { dialHttps } from './https.ts'
import { dialStream } from './streams.ts'

export interface UpstreamDoorsOptions extends UpstreamDoorOptions {
  /** PEM certificates that are trusted beside the usual ones. */
  readonly authorities?: readonly string[]
}

export class UpstreamDoors {
  readonly #doors = new Map<Upstream, UpstreamDoor>()
  /** For what is too large for UDP. */
  readonly #tcpDoors = new Map<Upstream, UpstreamDoor>()
  readonly #options: UpstreamDoorsOptions

  constructor(options: UpstreamDoorsOptions) {
    this.#options = options
  }

  ask(asking: Asking): void {
    this.#doorFor(asking).ask(asking)
  }

  flush(): void {
    for (const door of this.#doors.values()) door.flush()
  }

  forget(askings: readonly Asking[]): void {
    for (const asking of askings) this.#doorFor(asking).forget(asking)
  }

  async close(): Promise<void> {
    await Promise.all([...this.#doors.values(), ...this.#tcpDoors.values()].map(door => door.close()))
  }

  #doorFor({ upstream, overTcp }: Asking): UpstreamDoor {
    const doors = overTcp ? this.#tcpDoors : this.#doors
    const known = doors.get(upstream)
    if (known !== undefined) return known
    const door = overTcp ? new Connections(dialStream(upstream, [], this.#options), this.#options) : this.#open(upstream)
    doors.set(upstream, door)
    return door
  }

  #open(upstream: Upstream): UpstreamDoor {
    const { authorities = [] } = this.#options
    switch (upstream.transport) {
      case 'udp': return new Datagrams(upstream, this.#options)
      case 'tls': return new Connections(dialStream(upstream, authorities, this.#options), this.#options)
      case 'https': return new Connections(dialHttps(upstream, authorities, this.#options), this.#options)
    }
  }
}
