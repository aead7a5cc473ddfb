/**
 * Takes datagrams from the sockets as soon as they arrive, and has them answered in turns. Under load they wait in a
 * RequestQueue, which drops the least important ones, and not in the socket's receive buffer, which drops the newest.
 * While too many leases wait for the disk, nothing is answered.
 */
import { BytePool } from '../kit/byte-pool.ts'
import type { Path } from '../kit/endpoint.ts'
import type { Clock } from '../kit/node/clock.ts'
import type { DatagramBatch } from '../kit/node/udp/door.ts'
import { RequestQueue } from './core/request-queue.ts'

/** How many messages to answer in one turn. The sockets are read between turns. */
const TURN_MAX = 64
/** How many leases may wait for the disk. */
const PENDING_WRITES_MAX = 2048
const LOG_DROPS_EVERY_MS = 10_000

export interface IntakeOptions {
  /** Answers one message. */
  readonly receive: (bytes: Uint8Array, path: Path, nowMs: number) => void
  /** Sends the replies. */
  readonly drain: () => void
  /** How many leases wait for the disk. */
  readonly pendingWrites: () => number
  readonly clock: Clock
  log(text: string): void
}

export class Intake {
  readonly #options: IntakeOptions
  readonly #queue = new RequestQueue()
  readonly #pool = new BytePool()
  #turn: NodeJS.Immediate | undefined
  #dropped = 0
  #logDropsAtMs = 0

  constructor(options: IntakeOptions) {
    this.#options = options
  }

  /** The receiver to pass to a door. */
  readonly take = (batch: DatagramBatch): void => {
    for (let index = 0; index < batch.count; index++) {
      const offset = batch.offsets[index] ?? 0
      const length = batch.lengths[index] ?? 0
      const bytes = this.#pool.take(length) // not a Buffer, whose slice() does not copy
      bytes.set(batch.slab.subarray(offset, offset + length))
      if (!this.#queue.push({ bytes, path: batch.path(index) })) this.#dropped++
    }
    this.wake()
  }

  /** Continues if messages are queued and the disk keeps up. */
  wake(): void {
    if (this.#queue.length > 0 && this.#options.pendingWrites() < PENDING_WRITES_MAX) this.#turn ??= setImmediate(() => this.#run())
  }

  stop(): void {
    if (this.#turn !== undefined) clearImmediate(this.#turn)
  }

  #run(): void {
    this.#turn = undefined
    const { receive, drain, clock } = this.#options
    const nowMs = clock.nowMs()
    for (let count = 0; count < TURN_MAX; count++) {
      const request = this.#queue.shift()
      if (request === undefined) break
      receive(request.bytes, request.path, nowMs)
    }
    drain()
    if (this.#dropped > 0 && nowMs >= this.#logDropsAtMs) this.#logDrops(nowMs)
    this.wake()
  }

  #logDrops(nowMs: number): void {
    this.#options.log(`overloaded: ${this.#dropped} messages were dropped, DISCOVERs first; their clients will retry`)
    this.#dropped = 0
    this.#logDropsAtMs = nowMs + LOG_DROPS_EVERY_MS
  }
}
