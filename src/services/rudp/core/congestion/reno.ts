/**
 * Reno (RFC 5681), with one reduction per round trip as in NewReno (RFC 6582). A loss halves the window; otherwise it
 * grows by one datagram per round trip.
 */
import type { AckSample, CongestionFactory } from './congestion.ts'
import { LossBased } from './loss-based.ts'

export const reno: CongestionFactory = (...given) => new Reno(...given)

class Reno extends LossBased {
  readonly name = 'reno'
  /** Acknowledged but not yet counted toward the window (RFC 5681 §3.1, appropriate byte counting). */
  #countedBytes = 0

  protected avoid({ ackedBytes }: AckSample): void {
    this.#countedBytes += ackedBytes
    if (this.#countedBytes < this.windowBytes) return
    this.#countedBytes -= this.windowBytes
    this.windowBytes += this.datagramBytes
  }

  protected reduced(): number {
    this.#countedBytes = 0
    return this.windowBytes / 2
  }
}
