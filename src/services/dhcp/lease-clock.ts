/**
 * The clock for leases. Their expiry times are in the journal, to be read by a later process that goes by the time of
 * day. So this clock follows the system's time of day, by comparing the two now and then:
 *
 * - If the computer slept, the time has really passed, and leases may have ended (kit/node/sleep-clock.ts).
 * - If the time of day was set, no time has passed. The clock follows, and so must all leases, so that each lasts as
 *   long as its client was told.
 */
import type { Clock } from '../kit/node/clock.ts'
import { SleepClock, type SleepClockOptions } from '../kit/node/sleep-clock.ts'

const COMPARE_EVERY_MS = 10_000
/** Smaller differences are ordinary clock drift and its correction. */
const JUMP_MS_MIN = 2_000

export interface LeaseClockOptions extends SleepClockOptions {
  /** The system's time of day, in ms since 1970. */
  readonly wallMs: () => number
  /** The time of day was set by this much; `nowMs` already reflects it. */
  readonly onSet: (byMs: number) => void
}

export class LeaseClock implements Clock {
  readonly #options: LeaseClockOptions
  /** Counts sleep, and is never set. */
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
