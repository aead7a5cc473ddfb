/** Reno: RFC 5681 with NewReno's one answer a round trip (RFC 6582). A loss halves the window; else it grows by one datagram a round trip. */
import type { AckSample, CongestionFactory } from './congestion.ts'
import { LossBased } from './loss-based.ts'

export const reno: CongestionFactory = (...given) => new Reno(...given)

class Reno extends LossBased {
  readonly name = 'reno'
  /** Acknowledged and not yet counted into the window (RFC 5681 §3.1, appropriate byte counting). */
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
