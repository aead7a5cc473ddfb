/**
 * Two endpoints and a simulated link between them, without sockets or a clock: time jumps from one event to the next.
 * Tests run minutes of a bad network in milliseconds, and a lesson can step through it packet by packet.
 */
import type { Path } from '../../kit/endpoint.ts'
import { assert } from '../../kit/errors.ts'
import { Link, type LinkConditions } from '../../kit/link.ts'
import { fraction, seededRandom, type Random } from '../../kit/random.ts'
import type { CongestionName } from '../core/congestion/congestion.ts'
import type { Trusts, Visit } from '../core/encryption/connection-encryption.ts'
import type { Connection } from '../core/connection.ts'
import { RudpEndpoint, type Observe, type RudpEvent } from '../core/endpoint.ts'
import type { EncryptionOptions } from '../core/encryption/encryption-options.ts'
import type { Limits } from '../core/limits.ts'

export type SideName = 'client' | 'server'

export interface PairOptions {
  readonly seed: number
  /** The conditions in both directions. */
  readonly link?: Partial<LinkConditions>
  readonly limits?: Partial<Limits>
  readonly congestion?: CongestionName
  /** `trusts`: the client encrypts, and trusts the identities for which this returns true. */
  readonly encryption?: Partial<Record<SideName, EncryptionOptions>> & { readonly trusts?: Trusts }
  readonly observe?: Observe
  /** Both ends are on one machine, where datagrams may have 60 KB. */
  readonly isOneMachine?: boolean
  /**
   * Both programs pause now and then, independently, as on a busy machine; what arrives meanwhile waits. The values are
   * averages.
   */
  readonly pauses?: { readonly everyMs: number; readonly lengthMs: number } | undefined
  /** Receives every event of an endpoint, after it was recorded. */
  readonly onEvent?: (side: SideName, event: RudpEvent) => void
  /** Receives every datagram that is put on the link; returning false drops it. */
  readonly tap?: (from: SideName, bytes: Uint8Array, nowMs: number) => boolean | void
}

interface Side {
  readonly endpoint: RudpEndpoint
  /** The path on which datagrams arrive. Changing it moves the peer. */
  path: Path
  /** The link that leads away from this side. */
  readonly link: Link
  readonly pauses: Pauses
  readonly events: RudpEvent[]
}

const CLIENT_PORT = 50_000
const SERVER_PORT = 8080

export class Pair {
  nowMs = 0
  /** The number of steps: arrivals and deadlines. */
  steps = 0
  readonly client: Side
  readonly server: Side
  readonly #options: PairOptions

  constructor(options: PairOptions) {
    this.#options = options
    const { seed, limits, congestion, encryption, observe, pauses, link = {}, isOneMachine = false } = options
    const client = { address: isOneMachine ? '127.0.0.1' : '192.0.2.1', port: CLIENT_PORT }
    const server = { address: isOneMachine ? '127.0.0.1' : '192.0.2.2', port: SERVER_PORT }
    const side = (salt: number, accepting: boolean, path: Path): Side => ({
      endpoint: new RudpEndpoint({ random: seededRandom(seed + salt), accepting, encryption: encryption?.[accepting ? 'server' : 'client'], limits, congestion, observe }),
      path, link: new Link(link, seededRandom(seed ^ (salt * 0x9e3779b9))),
      pauses: new Pauses(pauses, seededRandom(seed ^ (salt * 0x85ebca6b))), events: [],
    })
    this.client = side(1, false, { local: client, interfaceName: '', peer: server })
    this.server = side(2, true, { local: server, interfaceName: '', peer: client })
  }

  /** Opens a connection from the client. @param visit what an earlier one left behind */
  connect(visit?: Visit): Connection {
    const connection = this.client.endpoint.connect(this.client.path, this.nowMs, { visit, trusts: this.#options.encryption?.trusts })
    this.drain()
    return connection
  }

  /** Opens a connection and waits until both ends are established, whatever the link. */
  connected(): { client: Connection; server: Connection } {
    const client = this.connect()
    this.run(() => this.accepted !== undefined && client.state === 'ESTABLISHED', 200_000)
    const server = this.accepted
    assert(server !== undefined, 'the handshake completed')
    return { client, server }
  }

  /** The first connection that the server accepted. */
  get accepted(): Connection | undefined {
    return this.server.events.find(({ kind }) => kind === 'accepted')?.connection
  }

  /** Processes the outboxes of both endpoints; call it after using a connection. */
  drain(): void {
    for (let again = true; again;) again = [this.#drainSide('client'), this.#drainSide('server')].includes(true)
  }

  /** When the next event happens; Infinity if none will. */
  nextMs(): number {
    const { client, server } = this
    return Math.min(
      client.pauses.endMs(Math.min(server.link.deadlineMs(), client.endpoint.deadlineMs())),
      server.pauses.endMs(Math.min(client.link.deadlineMs(), server.endpoint.deadlineMs())),
    )
  }

  /** Advances to the next event. @returns false if there is none */
  step(): boolean {
    const { client, server } = this
    const nextMs = this.nextMs()
    if (nextMs === Infinity) return false
    this.nowMs = Math.max(this.nowMs, nextMs)
    this.steps++
    const arrived = this.#arriveAt(server, client.link) || this.#arriveAt(client, server.link)
    if (!arrived) for (const { endpoint, pauses } of [client, server]) if (pauses.endMs(this.nowMs) <= this.nowMs) endpoint.timeout(this.nowMs)
    this.drain()
    return true
  }

  /** Delivers everything that has reached a side by now as one batch. @returns whether there was anything */
  #arriveAt({ endpoint, path, pauses }: Side, link: Link): boolean {
    if (pauses.endMs(this.nowMs) > this.nowMs) return false
    let arrived = link.receive(this.nowMs)
    if (arrived === undefined) return false
    for (; arrived !== undefined; arrived = link.receive(this.nowMs)) endpoint.receive(arrived.bytes, path, this.nowMs)
    return true
  }

  /** Steps until `done`, until nothing more happens, or for `stepsMax` steps. @returns whether it was done */
  run(done: () => boolean, stepsMax: number): boolean {
    for (let left = stepsMax; !done(); left--) if (left === 0 || !this.step()) return false
    return true
  }

  /** Advances by exactly this much time. */
  wait(ms: number): void {
    const untilMs = this.nowMs + ms
    while (this.nextMs() <= untilMs) this.step()
    this.nowMs = untilMs
  }

  #drainSide(name: SideName): boolean {
    const { endpoint, events } = this[name]
    endpoint.settle(this.nowMs)
    const effects = endpoint.outbox.splice(0)
    for (const effect of effects) {
      if (effect.kind === 'send') this.#sendTrain(name, effect.bytes, effect.segmentBytes ?? effect.bytes.length)
      if (effect.kind !== 'event') continue
      events.push(effect.event)
      this.#options.onEvent?.(name, effect.event)
    }
    return effects.length > 0
  }

  #sendTrain(name: SideName, bytes: Uint8Array, segmentBytes: number): void {
    for (let at = 0; at < bytes.length; at += segmentBytes) {
      const datagram = bytes.subarray(at, at + segmentBytes)
      if (this.#options.tap?.(name, datagram, this.nowMs) !== false) this[name].link.send(datagram, undefined, this.nowMs)
    }
  }
}

/** The random pauses of a program, drawn as needed. */
class Pauses {
  readonly #options: PairOptions['pauses']
  readonly #random: Random
  #fromMs = Infinity
  #toMs = -Infinity

  constructor(options: PairOptions['pauses'], random: Random) {
    this.#options = options
    this.#random = random
    if (options !== undefined) this.#next(0, options)
  }

  /** When a program that should act at `atMs` actually runs. */
  endMs(atMs: number): number {
    while (this.#options !== undefined && atMs !== Infinity && atMs > this.#toMs) this.#next(this.#toMs, this.#options)
    return atMs >= this.#fromMs ? Math.max(atMs, this.#toMs) : atMs
  }

  #next(afterMs: number, { everyMs, lengthMs }: NonNullable<PairOptions['pauses']>): void {
    this.#fromMs = afterMs + 2 * everyMs * fraction(this.#random)
    this.#toMs = this.#fromMs + 2 * lengthMs * fraction(this.#random)
  }
}
