/**
 * A clock that includes the time the machine is suspended. The service's own clock never jumps, but it stops during sleep, and so do its
 * timers. The system's uptime counts sleep, and nobody sets it. So the two are compared periodically: after a sleep the clock is advanced,
 * and timers that came due meanwhile fire. Setting the time of day has no effect here.
 */
import { uptime } from 'node:os'
import type { Clock } from './clock.ts'

const LOOK_EVERY_MS = 10_000
/** Smaller differences come from reading two clocks one after the other. */
const SLEEP_MS_MIN = 2_000

export interface SleepClockOptions {
  /** A monotonic clock, which stops during sleep. */
  readonly clock: Clock
  /** ms since the system booted, including sleep; by default the system's uptime. */
  readonly uptimeMs?: () => number
}

/** A pending call. */
interface Alarm {
  /** On the clock that stops during sleep. */
  atMs: number
  readonly ring: () => void
  cancel: () => void
}

export class SleepClock implements Clock {
  readonly #clock: Clock
  readonly #uptimeMs: () => number
  /** The initial difference between the system's uptime and the clock. */
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

  /** Detects a sleep that has ended. Without a call, that takes up to ten seconds. */
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
