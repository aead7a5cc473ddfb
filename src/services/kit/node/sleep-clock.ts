/**
 * Time that goes on while the machine sleeps. The service's own clock never jumps, but it stands still in a sleep, and its timers too.
 * The system's uptime counts sleep, and nobody sets it: the two are compared now and then, and where the machine has slept the clock is
 * put forward, and what was to be done meanwhile is done. Setting the time of day moves nothing here.
 */
import { uptime } from 'node:os'
import type { Clock } from './clock.ts'

const LOOK_EVERY_MS = 10_000
/** Less is what two clocks read one after the other differ by. */
const SLEEP_MS_MIN = 2_000

export interface SleepClockOptions {
  /** Never jumps. */
  readonly clock: Clock
  /** ms since the system began, sleep included; without: the system's. */
  readonly uptimeMs?: () => number
}

/** A wake that is to come. */
interface Alarm {
  /** By the clock that stands still in a sleep. */
  atMs: number
  readonly ring: () => void
  cancel: () => void
}

export class SleepClock implements Clock {
  readonly #clock: Clock
  readonly #uptimeMs: () => number
  /** What the system's uptime was ahead of the clock at first. */
  readonly #aheadAtStartMs: number
  #sleptMs = 0
  readonly #alarms = new Set<Alarm>()
  #cancel = () => {}

  constructor({ clock, uptimeMs = () => uptime() * 1000 }: SleepClockOptions) {
    this.#clock = clock
    this.#uptimeMs = uptimeMs
    this.#aheadAtStartMs = uptimeMs() - clock.nowMs()
    this.#lookLater()
  }

  nowMs(): number {
    return this.#clock.nowMs() + this.#sleptMs
  }

  wakeAt(atMs: number, wake: () => void): () => void {
    const ring = () => {
      this.#alarms.delete(alarm)
      wake()
    }
    const alarm: Alarm = { atMs: atMs - this.#sleptMs, ring, cancel: () => {} }
    this.#alarms.add(alarm)
    this.#set(alarm)
    return () => {
      this.#alarms.delete(alarm)
      alarm.cancel()
    }
  }

  /** Notices a sleep that is over; else that takes up to ten seconds. */
  look(): void {
    const sleptMs = this.#uptimeMs() - this.#clock.nowMs() - this.#aheadAtStartMs - this.#sleptMs
    if (sleptMs < SLEEP_MS_MIN) return
    this.#sleptMs += sleptMs
    for (const alarm of this.#alarms) {
      alarm.cancel()
      alarm.atMs -= sleptMs
      this.#set(alarm)
    }
  }

  stop(): void {
    this.#cancel()
  }

  #set(alarm: Alarm): void {
    alarm.cancel = this.#clock.wakeAt(alarm.atMs, alarm.ring)
  }

  #lookLater(): void {
    this.#cancel = this.#clock.wakeAt(this.#clock.nowMs() + LOOK_EVERY_MS, () => {
      this.look()
      this.#lookLater()
    })
  }
}
