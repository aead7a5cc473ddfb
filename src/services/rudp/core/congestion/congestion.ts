/**
 * The interface between a connection and its congestion controller. The original system calls the two main quantities
 * `window_size` and `ssthresh`; both are in bytes here, and visible for every controller.
 */

/** What an ACK revealed. All sizes are of datagrams. */
export interface AckSample {
  readonly nowMs: number
  /** Newly acknowledged. */
  readonly ackedBytes: number
  /** In flight after it. */
  readonly flightBytes: number
  /** When the newest of the acknowledged packets was sent. */
  readonly newestSentAtMs: number
  /** The latest round trip, the smoothed one, and the minimum measured. */
  readonly rttMs: number
  readonly srttMs: number
  readonly minRttMs: number
  /** Bytes delivered since the connection began: now, and when the newest of the packets was sent. */
  readonly deliveredBytes: number
  readonly priorDeliveredBytes: number
  /** The delivery rate; 0 if the sample is too short to measure. */
  readonly bytesPerMs: number
  /** The sender had run out of data when the newest of the packets left: the rate is a lower bound. */
  readonly isAppLimited: boolean
  /**
   * Window or pacing, rather than a lack of data, holds the sender back now. A window that is not used proves nothing
   * (RFC 9002 §7.8).
   */
  readonly isHeldBack: boolean
}

/** Packets were declared lost. */
export interface LossSample {
  readonly nowMs: number
  readonly lostBytes: number
  /** When the newest of them was sent. */
  readonly newestSentAtMs: number
  readonly rttMs: number
  readonly minRttMs: number
  /**
   * Persistent congestion (RFC 9002 §7.6): nothing got through for so long that the path must have changed. TCP would
   * have had a retransmission timeout.
   */
  readonly isPersistent: boolean
}

export interface Congestion {
  readonly name: CongestionName
  /** cwnd, the original's `window_size`: how many bytes of datagrams may be in flight. */
  readonly windowBytes: number
  /**
   * Below it the controller is in slow start, from it on in congestion avoidance; Infinity before the first loss. For
   * `bbr`, the bound set by loss.
   */
  readonly ssthreshBytes: number
  /** The pacing rate; Infinity: as fast as the window allows. */
  pacingBytesPerMs(srttMs: number | undefined): number
  /** The current phase, for display: `slow start`, `probe up`. */
  readonly phase: string
  onAcked(sample: AckSample): void
  onLost(sample: LossSample): void
  /** All packets of the latest congestion event have arrived after all. */
  onSpurious(): void
  /** The datagram size of the path has changed. */
  setDatagramBytes(datagramBytes: number): void
}

export const CONGESTION_NAMES = ['tahoe', 'reno', 'cubic', 'bbr'] as const
export type CongestionName = (typeof CONGESTION_NAMES)[number]

/**
 * Creates the controller of one connection.
 * @param datagramBytes the largest datagram: SMSS in RFC 5681
 * @param windowBytes the initial window
 * @param ssthreshBytes of the controller that it takes over from; if that one had found a threshold, slow start is over
 */
export type CongestionFactory = (datagramBytes: number, windowBytes: number, ssthreshBytes?: number) => Congestion
