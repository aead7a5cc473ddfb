/**
 * Time for leases. The service's own clock never jumps, so a wall clock that is set wrong and right again moves no lease. But it
 * stands still while the machine sleeps, and what is written in the journal is read by a process that starts with the wall clock
 * as it is then. So the two are compared now and then:
 *
 * - The machine has slept: the time has really passed, and leases have really ended. The clock is put forward.
 * - The wall clock was set: no time has passed. The clock goes with it, and all leases too, so that each lasts as long as
 *   its client was told.
 *
 * The system's uptime, which counts sleep, tells one from the other.
 */
import type { Clock } from '../kit/node/clock.ts'

const COMPARE_EVERY_MS = 10_000
/** Less is the drift of clocks that are being kept right. */
const JUMP_MS_MIN = 2_000

export interface LeaseClockOptions {
  /** Never jumps. */
  readonly clock: Clock
  /** ms since 1970, as the system says it is. */
  readonly wallMs: () => number
  /** ms since the system began, sleep included. */
  readonly uptimeMs: () => number
  /** The wall clock was set by so much; `nowMs` has it already. */
  readonly onSet: (byMs: number) => void
}

export class LeaseClock implements Clock {
  readonly #options: LeaseClockOptions
  /** What this clock is ahead of the one that it is made from. */
  #aheadMs = 0
  #sleptMs = 0
  readonly #startedAtMs: number
  readonly #uptimeAtStartMs: number
  #cancel = () => {}

  constructor(options: LeaseClockOptions) {
    this.#options = options
    this.#startedAtMs = options.clock.nowMs()
    this.#uptimeAtStartMs = options.uptimeMs()
    this.#compareLater()
  }

  nowMs(): number {
    return this.#options.clock.nowMs() + this.#aheadMs
  }

  wakeAt(atMs: number, wake: () => void): () => void {
    return this.#options.clock.wakeAt(atMs - this.#aheadMs, wake)
  }

  stop(): void {
    this.#cancel()
  }

  #compareLater(): void {
    const { clock } = this.#options
    this.#cancel = clock.wakeAt(clock.nowMs() + COMPARE_EVERY_MS, () => {
      this.#compare()
      this.#compareLater()
    })
  }

  #compare(): void {
    const { clock, wallMs, uptimeMs, onSet } = this.#options
    const behindMs = wallMs() - this.nowMs()
    if (Math.abs(behindMs) < JUMP_MS_MIN) return
    const sleptMs = Math.max(0, uptimeMs() - this.#uptimeAtStartMs - (clock.nowMs() - this.#startedAtMs)) - this.#sleptMs
    this.#aheadMs += behindMs
    this.#sleptMs += sleptMs
    const setByMs = behindMs - sleptMs
    if (Math.abs(setByMs) >= JUMP_MS_MIN) onSet(setByMs)
  }
}
