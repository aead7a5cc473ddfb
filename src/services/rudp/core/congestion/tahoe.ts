/**
 * Tahoe: congestion control as it began (Jacobson, "Congestion Avoidance and Control", 1988). A loss halves ssthresh
 * and resets the window to one datagram, from which slow start climbs again. Next to Reno, it shows what fast recovery
 * is for.
 */
import type { AckSample, CongestionFactory } from './congestion.ts'
import { LossBased } from './loss-based.ts'

export const tahoe: CongestionFactory = (...given) => new Tahoe(...given)

class Tahoe extends LossBased {
  readonly name = 'tahoe'

  /** Grows by a share for each datagram acknowledged: one datagram per round trip. */
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
