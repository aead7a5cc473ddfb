/**
 * Tahoe: congestion control as it began (Jacobson, "Congestion Avoidance and Control", 1988). A loss halves ssthresh and throws the
 * window back to one datagram, from where slow start climbs again: beside Reno it shows what fast recovery is for.
 */
import type { AckSample, CongestionFactory } from './congestion.ts'
import { LossBased } from './loss-based.ts'

export const tahoe: CongestionFactory = (...given) => new Tahoe(...given)

class Tahoe extends LossBased {
  readonly name = 'tahoe'

  /** A datagram's share for each that arrived: one datagram a round trip. */
  protected avoid({ ackedBytes }: AckSample): void {
    this.windowBytes += this.datagramBytes * ackedBytes / this.windowBytes
  }

  protected reduced(): number {
    return this.windowBytes / 2
  }

  protected override windowAfterLoss(): number {
    return this.datagramBytes
  }
}
