/**
 * Runs a RUDP endpoint on real UDP sockets. Once per iteration of the event loop, after all datagrams of that iteration
 * have been processed, its events are delivered, and then what it wants to send leaves. So a reader gets what arrived
 * together in one piece, no user code runs inside the machine, and acknowledgments leave together with the window
 * updates that reading caused, or with the response.
 */
import type { Endpoint, Path } from '../kit/endpoint.ts'
import type { Random } from '../kit/random.ts'
import type { TraceRing } from '../kit/trace.ts'
import type { Clock } from '../kit/node/clock.ts'
import { drive, type Driver } from '../kit/node/drive.ts'
import { nativeCrc32 } from '../kit/node/native-crc32.ts'
import type { DatagramDoor, DoorOptions, Io } from '../kit/node/udp/door.ts'
import { openFollowingDoor, type FollowingDoor } from '../kit/node/udp/following-door.ts'
import { openTracedDoor } from '../kit/node/udp/traced-door.ts'
import type { CongestionName } from './core/congestion/congestion.ts'
import type { EncryptionOptions } from './core/encryption/encryption-options.ts'
import { RudpEndpoint, type Observe, type RudpEvent } from './core/endpoint.ts'
import type { Limits } from './core/limits.ts'
import { EventTrace } from './event-trace.ts'
import type { Lab } from './lab.ts'

export interface HostOptions {
  readonly addresses: readonly string[]
  readonly port: number
  readonly io?: Io | undefined
  /** Accepts connections. Only then are address changes followed. */
  readonly accepting: boolean
  /** Undefined if nothing is encrypted. */
  readonly encryption?: EncryptionOptions | undefined
  readonly clock: Clock
  readonly random: Random
  readonly trace: TraceRing
  readonly congestion?: CongestionName | undefined
  readonly limits?: Partial<Limits> | undefined
  /** Receives every packet and everything else that happens, in addition to the trace. */
  readonly observe?: Observe | undefined
  /** Conditions the links, chooses the congestion control and records. */
  readonly lab?: Lab | undefined
  readonly onEvent: (event: RudpEvent) => void
  /** Logs each new address that cannot be opened, once. */
  readonly log?: (text: string) => void
}

export class RudpHost {
  readonly #clock: Clock
  readonly #endpoint: RudpEndpoint
  readonly #door: DatagramDoor
  readonly #following: FollowingDoor | undefined
  readonly #driver: Driver
  readonly #turn: Turn
  readonly #lab: Lab | undefined
  #closing: Promise<void> | undefined

  /** Use `openHost`. */
  constructor(clock: Clock, endpoint: RudpEndpoint, { door, following }: OpenDoor, driver: Driver, turn: Turn, lab: Lab | undefined) {
    this.#clock = clock
    this.#endpoint = endpoint
    this.#door = door
    this.#following = following
    this.#driver = driver
    this.#turn = turn
    this.#lab = lab
    lab?.add(this)
  }

  get locals(): readonly Endpoint[] {
    return this.#door.locals
  }

  pathTo(peer: Endpoint): Path {
    return this.#door.pathTo(peer)
  }

  /** Calls the machine and sends what results: at once, or at the end of the current turn. */
  use<T>(verb: (nowMs: number, endpoint: RudpEndpoint) => T): T {
    const result = verb(this.#clock.nowMs(), this.#endpoint)
    if (!this.#turn.isRunning) this.#driver.drain()
    return result
  }

  /** Starts accepting connections on new addresses in the list, and stops on those that are gone. */
  async follow(addresses: readonly string[]): Promise<void> {
    await this.#following?.follow(addresses)
  }

  /** Closes all connections and the sockets. */
  close(): Promise<void> {
    if (this.#closing !== undefined) return this.#closing
    this.use((nowMs, endpoint) => endpoint.close(nowMs))
    this.#driver.drain()
    this.#driver.stop()
    this.#lab?.remove(this)
    this.#closing = this.#door.close()
    return this.#closing
  }
}

/** @throws HamletError port-taken, port-not-permitted or address-not-local; no socket stays open then */
export async function openHost(options: HostOptions): Promise<RudpHost> {
  const { clock, random, trace, accepting, encryption, limits, lab, onEvent, log = () => undefined } = options
  const congestion = lab?.congestion ?? options.congestion
  const observe = both(both(new EventTrace(trace).observe, options.observe), lab?.observe)
  const endpoint = new RudpEndpoint({ random, sum: nativeCrc32, accepting, encryption, congestion, limits, observe, observesPackets: options.observe !== undefined })
  const turn = new Turn(onEvent, () => driver.drain())
  let door = NO_DOOR
  const driver = drive<RudpEvent, never>({
    machine: endpoint,
    door: () => door,
    clock,
    onEvent: event => turn.add(event),
  })
  const receive: Driver['receive'] = batch => {
    driver.take(batch)
    turn.soon()
  }
  // An error of the socket is a datagram that did not get through, such as ECONNREFUSED. Retransmission or a timeout
  // will handle it.
  const wanted = { addresses: options.addresses, port: options.port, io: options.io ?? 'auto', coalesce: true, receive, onError: () => undefined }
  // The conditioner is above the trace, so that the trace shows what a capture would.
  const openTraced = (asked: DoorOptions) => openTracedDoor(asked, trace, 'rudp', clock)
  let following: FollowingDoor | undefined
  const open = async (asked: DoorOptions) => accepting ? following = await openFollowingDoor(asked, openTraced, log) : openTraced(asked)
  door = await (lab === undefined ? open(wanted) : lab.conditioner.open(wanted, clock, open))
  return new RudpHost(clock, endpoint, { door, following }, driver, turn, lab)
}

interface OpenDoor {
  readonly door: DatagramDoor
  /** The door below the link conditioner, if addresses are followed. */
  readonly following: FollowingDoor | undefined
}

/**
 * Once per iteration of the event loop, delivers events, and then sends what the machine and the listeners produced.
 */
class Turn {
  isRunning = false
  readonly #onEvent: (event: RudpEvent) => void
  readonly #drain: () => void
  readonly #waiting: RudpEvent[] = []
  #isDue = false

  constructor(onEvent: (event: RudpEvent) => void, drain: () => void) {
    this.#onEvent = onEvent
    this.#drain = drain
  }

  add(event: RudpEvent): void {
    this.#waiting.push(event)
    this.soon()
  }

  soon(): void {
    if (this.#isDue) return
    this.#isDue = true
    setImmediate(() => this.#run())
  }

  #run(): void {
    this.#isDue = false
    this.isRunning = true
    try {
      this.#waiting.splice(0).forEach(this.#onEvent)
    } finally {
      // Node's streams deliver data in a later tick: a server reads its request then, and its response should carry the
      // acknowledgment.
      process.nextTick(() => this.#end())
    }
  }

  #end(): void {
    this.isRunning = false
    this.#drain()
  }
}

/**
 * Used until the sockets are open, when nothing can be sent. The sender of a datagram that arrives this early will
 * repeat it.
 */
const NO_DOOR: DatagramDoor = {
  locals: [],
  send: () => undefined,
  sendTrain: () => undefined,
  flush: () => true,
  pathTo: peer => ({ local: { address: '0.0.0.0', port: 0 }, interfaceName: '', peer }),
  close: () => Promise.resolve(),
}

function both(one: Observe, other: Observe | undefined): Observe {
  if (other === undefined) return one
  return (connection, event, nowMs) => {
    one(connection, event, nowMs)
    other(connection, event, nowMs)
  }
}
