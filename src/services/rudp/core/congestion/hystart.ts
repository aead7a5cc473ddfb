/**
 * HyStart++ (RFC 9406): ends slow start before packets are lost, when growing round trips show that the queue has begun
 * to fill. It first continues slowly for some rounds (conservative slow start), in case the growth was chance.
 */
import type { AckSample } from './congestion.ts'

/** RFC 9406 §4.3. */
const RTT_THRESH_MIN_MS = 4
const RTT_THRESH_MAX_MS = 16
const RTT_DIVISOR = 8
const SAMPLES_MIN = 8
const CSS_GROWTH_DIVISOR = 4
const CSS_ROUNDS = 5

export class HyStart {
  #roundEndsAtBytes = 0
  #lastRoundMinMs = Infinity
  #roundMinMs = Infinity
  #samples = 0
  /** The round trip when conservative slow start began; undefined outside of it. */
  #cssBaselineMs: number | undefined
  #cssRounds = 0

  /** @returns the fraction of the acknowledged bytes by which to grow the window; 0 if slow start is over */
  growth({ deliveredBytes, priorDeliveredBytes, rttMs }: AckSample): number {
    if (priorDeliveredBytes >= this.#roundEndsAtBytes) {
      this.#roundEndsAtBytes = deliveredBytes
      if (this.#cssBaselineMs !== undefined && ++this.#cssRounds >= CSS_ROUNDS) return 0
      this.#lastRoundMinMs = this.#roundMinMs
      this.#roundMinMs = Infinity
      this.#samples = 0
    }
    this.#roundMinMs = Math.min(this.#roundMinMs, rttMs)
    this.#samples++
    if (this.#samples < SAMPLES_MIN) return this.#cssBaselineMs === undefined ? 1 : 1 / CSS_GROWTH_DIVISOR
    if (this.#cssBaselineMs !== undefined) {
      if (this.#roundMinMs >= this.#cssBaselineMs) return 1 / CSS_GROWTH_DIVISOR
      this.#cssBaselineMs = undefined // the growth was chance
      return 1
    }
    const threshMs = Math.max(RTT_THRESH_MIN_MS, Math.min(this.#lastRoundMinMs / RTT_DIVISOR, RTT_THRESH_MAX_MS))
    if (this.#lastRoundMinMs === Infinity || this.#roundMinMs < this.#lastRoundMinMs + threshMs) return 1
    this.#cssBaselineMs = this.#roundMinMs
    this.#cssRounds = 0
    return 1 / CSS_GROWTH_DIVISOR
  }
}
