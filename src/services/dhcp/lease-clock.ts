/**
 * Time for the server's leases. They are written in a journal, and read by a process that starts with the time of day as it is then.
 * So this clock goes with the system's time of day, compared now and then:
 *
 * - The machine has slept: the time has really passed, and leases have really ended (kit/node/sleep-clock.ts).
 * - The time of day was set: no time has passed. The clock goes with it, and all leases too, so that each lasts as long as
 *   its client was told.
 */
import type { Clock } from '../kit/node/clock.ts'
import { SleepClock, type SleepClockOptions } from '../kit/node/sleep-clock.ts'

const COMPARE_EVERY_MS = 10_000
/** Less is the drift of clocks that are being kept right. */
const JUMP_MS_MIN = 2_000

export interface LeaseClockOptions extends SleepClockOptions {
  /** ms since 1970, as the system says it is. */
  readonly wallMs: () => number
  /** The time of day was set by so much; `nowMs` has it already. */
  readonly onSet: (byMs: number) => void
}

export class LeaseClock implements Clock {
  readonly #options: LeaseClockOptions
  /** Goes on in a sleep, and is never set. */
  readonly #awake: SleepClock
  #setByMs = 0
  #cancel = () => {}

  constructor(options: LeaseClockOptions) {
    this.#options = options
    this.#awake = new SleepClock(options)
    this.#compareLater()
  }

  nowMs(): number {
    return this.#awake.nowMs() + this.#setByMs
  }

  wakeAt(atMs: number, wake: () => void): () => void {
    return this.#awake.wakeAt(atMs - this.#setByMs, wake)
  }

  stop(): void {
    this.#cancel()
    this.#awake.stop()
  }

  #compareLater(): void {
    const { clock } = this.#options
    this.#cancel = clock.wakeAt(clock.nowMs() + COMPARE_EVERY_MS, () => {
      this.#compare()
      this.#compareLater()
    })
  }

  #compare(): void {
    const { wallMs, onSet } = this.#options
    this.#awake.look()
    const byMs = wallMs() - this.nowMs()
    if (Math.abs(byMs) < JUMP_MS_MIN) return
    this.#setByMs += byMs
    onSet(byMs)
  }
}
