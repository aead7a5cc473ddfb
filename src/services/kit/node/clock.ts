/** The clock of a service: monotonic, in ms since 1970 according to the system time when the process started. */
import { performance } from 'node:perf_hooks'

export interface Clock {
  nowMs(): number
  /** Calls `wake` once at `atMs`, or soon if that is past. The returned function cancels it. Does not keep the process alive. */
  wakeAt(atMs: number, wake: () => void): () => void
}

/** Read once: the getter costs more than reading the clock. */
const { timeOrigin } = performance
const LONGEST_TIMER_MS = 0x7fffffff

export const systemClock: Clock = {
  nowMs: () => timeOrigin + performance.now(),
  wakeAt(atMs, wake) {
    if (atMs === Infinity) return () => undefined
    const waitMs = Math.ceil(atMs - this.nowMs())
    // A wait longer than a timer can count wakes early, which is harmless: every machine checks the time itself.
    const timer = setTimeout(wake, Math.min(Math.max(0, waitMs), LONGEST_TIMER_MS))
    timer.unref()
    return () => clearTimeout(timer)
  },
}
