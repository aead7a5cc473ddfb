/** A clock for tests, which stands still until the test lets time pass. */
import type { Clock } from '../clock.ts'

export class ManualClock implements Clock {
  #nowMs: number
  #wakes: { atMs: number; wake: () => void }[] = []

  constructor(nowMs: number) {
    this.#nowMs = nowMs
  }

  nowMs(): number {
    return this.#nowMs
  }

  wakeAt(atMs: number, wake: () => void): () => void {
    const entry = { atMs, wake }
    this.#wakes.push(entry)
    return () => { this.#wakes = this.#wakes.filter(one => one !== entry) }
  }

  /** Advances the time, then fires all timers that have come due. */
  pass(ms: number): void {
    this.#nowMs += ms
    const due = this.#wakes.filter(({ atMs }) => atMs <= this.#nowMs)
    this.#wakes = this.#wakes.filter(one => !due.includes(one))
    for (const { wake } of due) wake()
  }
}
