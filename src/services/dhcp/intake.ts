/**
 * Takes datagrams from the sockets at once and has them answered in turns, so that what waits, waits here, where it is known
 * what is worth waiting for; in the socket's buffer the newest would be lost. While too many leases wait for the disk, no
 * question is answered.
 */
import { BytePool } from '../kit/byte-pool.ts'
import type { Path } from '../kit/endpoint.ts'
import type { Clock } from '../kit/node/clock.ts'
import type { DatagramBatch } from '../kit/node/udp/door.ts'
import { RequestQueue } from './core/request-queue.ts'

/** Questions of one turn; between turns the sockets are read. */
const TURN_MAX = 64
/** Leases that may wait for the disk. */
const UNSAFE_MAX = 2048
const TELL_DROPS_EVERY_MS = 10_000

export interface IntakeOptions {
  /** Answers one question. */
  readonly receive: (bytes: Uint8Array, path: Path, nowMs: number) => void
  /** Sends the answers. */
  readonly drain: () => void
  /** How many leases wait for the disk. */
  readonly unsafe: () => number
  readonly clock: Clock
  log(text: string): void
}

export class Intake {
  readonly #options: IntakeOptions
  readonly #line = new RequestQueue()
  readonly #pool = new BytePool()
  #turn: NodeJS.Immediate | undefined
  #dropped = 0
  #tellDropsAtMs = 0

  constructor(options: IntakeOptions) {
    this.#options = options
  }

  /** To be given to the door as its receiver. */
  readonly take = (batch: DatagramBatch): void => {
    for (let index = 0; index < batch.count; index++) {
      const offset = batch.offsets[index] ?? 0
      const length = batch.lengths[index] ?? 0
      const bytes = this.#pool.take(length) // not a Buffer: slices of one are no copies
      bytes.set(batch.slab.subarray(offset, offset + length))
      if (!this.#line.push({ bytes, path: batch.path(index) })) this.#dropped++
    }
    this.wake()
  }

  /** There is room again on the way to the disk. */
  wake(): void {
    if (this.#line.length > 0 && this.#options.unsafe() < UNSAFE_MAX) this.#turn ??= setImmediate(() => this.#run())
  }

  stop(): void {
    if (this.#turn !== undefined) clearImmediate(this.#turn)
  }

  #run(): void {
    this.#turn = undefined
    const { receive, drain, clock } = this.#options
    const nowMs = clock.nowMs()
    for (let count = 0; count < TURN_MAX; count++) {
      const waiting = this.#line.shift()
      if (waiting === undefined) break
      receive(waiting.bytes, waiting.path, nowMs)
    }
    drain()
    if (this.#dropped > 0 && nowMs >= this.#tellDropsAtMs) this.#tellDrops(nowMs)
    this.wake()
  }

  #tellDrops(nowMs: number): void {
    this.#options.log(`more is asked than can be answered: ${this.#dropped} questions were dropped, those first whose clients ask again`)
    this.#dropped = 0
    this.#tellDropsAtMs = nowMs + TELL_DROPS_EVERY_MS
  }
}
