/**
 * The sockets that clients ask: one for UDP and one for TCP on each address, all with the same port. Never a wildcard, so that an
 * answer leaves from the address that was asked, and others keep theirs (systemd-resolved on 127.0.0.53). Addresses may come and
 * go while the server runs.
 */
import type { Socket } from 'node:net'
import type { Endpoint, Path } from '../kit/endpoint.ts'
import { oneLine } from '../kit/errors.ts'
import type { Clock } from '../kit/node/clock.ts'
import { onSamePort } from '../kit/node/same-port.ts'
import { listenStreams, type StreamListener } from '../kit/node/streams.ts'
import type { DatagramBatch, DatagramDoor, Io } from '../kit/node/udp/door.ts'
import { openTracedDoor } from '../kit/node/udp/traced-door.ts'
import type { TraceRing } from '../kit/trace.ts'

export interface FrontDoorsOptions {
  readonly addresses: readonly string[]
  /** 0: any that is free for all. */
  readonly port: number
  readonly io?: Io
  readonly trace: TraceRing
  readonly clock: Clock
  readonly log: (text: string) => void
  readonly receive: (batch: DatagramBatch) => void
  readonly accept: (socket: Socket) => void
}

interface FrontDoor {
  readonly door: DatagramDoor
  readonly listener: StreamListener
}

/** @throws HamletError port-taken, port-not-permitted or address-not-local; then nothing stays open */
export async function openFrontDoors(options: FrontDoorsOptions): Promise<FrontDoors> {
  return onSamePort(options.port, options.addresses[0] ?? '127.0.0.1', async port => {
    const doors = new FrontDoors(options, port)
    try {
      for (const address of options.addresses) await doors.open(address)
      return doors
    } catch (error) {
      await doors.close()
      throw error
    }
  })
}

export class FrontDoors {
  readonly port: number
  readonly #doors = new Map<string, FrontDoor>()
  /** New addresses that could not be opened yet. */
  readonly #refused = new Set<string>()
  #changing: Promise<void> = Promise.resolve()
  #closed = false
  private readonly options: FrontDoorsOptions

  constructor(options: FrontDoorsOptions, port: number) {
    this.options = options
    this.port = port
  }

  get locals(): Endpoint[] {
    return [...this.#doors.keys()].map(address => ({ address, port: this.port }))
  }

  /** @throws HamletError where the address or its port cannot be had for both transports */
  async open(address: string): Promise<void> {
    const { trace, clock, io = 'auto', receive, accept } = this.options
    const door = await openTracedDoor({ addresses: [address], port: this.port, io, receive }, trace, 'dns', clock)
    try {
      this.#doors.set(address, { door, listener: await listenStreams({ addresses: [address], port: this.port, accept }) })
    } catch (error) {
      await door.close()
      throw error
    }
  }

  /** An address that is gone takes its answers with it: they are lost, as datagrams are. */
  send(path: Path, bytes: Uint8Array): void {
    this.#doors.get(path.local.address)?.door.send(path, bytes)
  }

  flush(): void {
    for (const { door } of this.#doors.values()) door.flush()
  }

  /** Opens what is new and closes what is gone. What cannot be opened is said once, and tried again with the next call. */
  follow(addresses: readonly string[]): Promise<void> {
    return this.#changing = this.#changing.then(async () => {
      const gone = [...this.#doors.keys(), ...this.#refused].filter(address => !addresses.includes(address))
      for (const address of gone) await this.#closeDoor(address)
      for (const address of addresses) if (!this.#closed && !this.#doors.has(address)) await this.#openNew(address)
    })
  }

  async #openNew(address: string): Promise<void> {
    try {
      await this.open(address)
      this.#refused.delete(address)
      this.options.log(`${address} is new on this machine and is answered on too`)
    } catch (error) {
      if (!this.#refused.has(address)) this.options.log(oneLine(error))
      this.#refused.add(address)
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#changing
    for (const address of [...this.#doors.keys()]) await this.#closeDoor(address)
  }

  async #closeDoor(address: string): Promise<void> {
    const { door, listener } = this.#doors.get(address) ?? {}
    this.#doors.delete(address)
    this.#refused.delete(address)
    await Promise.all([door?.close(), listener?.close()])
  }
}
