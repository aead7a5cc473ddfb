/** Time for services: one clock that never jumps, counted in ms since 1970 as it was when the process started. */
import { performance } from 'node:perf_hooks'

export interface Clock {
  nowMs(): number
  /** Calls `wake` once at `atMs` (soon, where that is past). The returned function calls it off. Does not keep the process alive. */
  wakeAt(atMs: number, wake: () => void): () => void
}

/** Read once: the getter costs more than the clock. */
const { timeOrigin } = performance
const LONGEST_TIMER_MS = 0x7fffffff

export const systemClock: Clock = {
  nowMs: () => timeOrigin + performance.now(),
  wakeAt(atMs, wake) {
    if (atMs === Infinity) return () => undefined
    const waitMs = Math.ceil(atMs - this.nowMs())
    // A wait beyond what a timer can count wakes early; every machine looks at the time itself.
    const timer = setTimeout(wake, Math.min(Math.max(0, waitMs), LONGEST_TIMER_MS))
    timer.unref()
    return () => clearTimeout(timer)
  },
}
