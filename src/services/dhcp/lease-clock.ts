/**
 * Time for leases. The service's own clock never jumps, so a wall clock that is set wrong and right again moves no lease. But it
 * stands still while the machine sleeps, and what is written in the journal is read by a process that starts with the wall clock
 * as it is then. So the two are compared now and then:
 *
 * - The machine has slept: the time has really passed, and leases have really ended. The clock is put forward, and what was to be
 *   done meanwhile is done now: timers, too, stand still in a sleep.
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

/** A wake that is to come. */
interface Alarm {
  /** By the clock that never jumps. */
  atMs: number
  readonly ring: () => void
  cancel: () => void
}

export class LeaseClock implements Clock {
  readonly #options: LeaseClockOptions
  /** What this clock is ahead of the one that it is made from. */
  #aheadMs = 0
  #sleptMs = 0
  readonly #startedAtMs: number
  readonly #uptimeAtStartMs: number
  readonly #alarms = new Set<Alarm>()
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
    const ring = () => {
      this.#alarms.delete(alarm)
      wake()
    }
    const alarm: Alarm = { atMs: atMs - this.#aheadMs, ring, cancel: () => {} }
    this.#alarms.add(alarm)
    this.#set(alarm)
    return () => {
      this.#alarms.delete(alarm)
      alarm.cancel()
    }
  }

  stop(): void {
    this.#cancel()
  }

  #set(alarm: Alarm): void {
    alarm.cancel = this.#options.clock.wakeAt(alarm.atMs, alarm.ring)
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
    for (const alarm of this.#alarms) {
      alarm.cancel()
      alarm.atMs -= sleptMs
      this.#set(alarm)
    }
    const setByMs = behindMs - sleptMs
    if (Math.abs(setByMs) >= JUMP_MS_MIN) onSet(setByMs)
  }
}
