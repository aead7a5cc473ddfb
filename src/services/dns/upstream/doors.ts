/** The doors to all upstreams, each opened when it is first needed. */
import type { UpstreamQuery } from '../core/forwarding/flight.ts'
import type { Upstream } from '../core/forwarding/upstream.ts'
import { Connections } from './connections.ts'
import { Datagrams } from './datagrams.ts'
import type { UpstreamDoor, UpstreamDoorOptions } from './door.ts'
import { dialHttps } from './https.ts'
import { dialStream } from './streams.ts'

export interface UpstreamDoorsOptions extends UpstreamDoorOptions {
  /** PEM certificates trusted in addition to the default ones. */
  readonly authorities?: readonly string[]
}

export class UpstreamDoors {
  readonly #doors = new Map<Upstream, UpstreamDoor>()
  /** For answers too large for UDP. */
  readonly #tcpDoors = new Map<Upstream, UpstreamDoor>()
  readonly #options: UpstreamDoorsOptions

  constructor(options: UpstreamDoorsOptions) {
    this.#options = options
  }

  ask(query: UpstreamQuery): void {
    this.#doorFor(query).ask(query)
  }

  flush(): void {
    for (const door of this.#doors.values()) door.flush()
  }

  forget(queries: readonly UpstreamQuery[]): void {
    for (const query of queries) this.#doorFor(query).forget(query)
  }

  async close(): Promise<void> {
    await Promise.all([...this.#doors.values(), ...this.#tcpDoors.values()].map(door => door.close()))
  }

  #doorFor({ upstream, overTcp }: UpstreamQuery): UpstreamDoor {
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
