/** What a connection asks of congestion control. The original system's words are `window_size` and `ssthresh`; both are in bytes here. */

export interface Congestion {
  readonly name: string
  /** cwnd, the `window_size`: how many bytes of datagrams may be in flight. */
  readonly windowBytes: number
  /** Below it slow start, from it on congestion avoidance; Infinity before the first loss. */
  readonly ssthreshBytes: number
  /**
   * A packet arrived.
   * @param flightBytes in flight before this acknowledgement came
   */
  onAcked(sizeBytes: number, sentAtMs: number, flightBytes: number): void
  /** A packet was lost, found so by later ones that arrived. */
  onLost(sentAtMs: number, nowMs: number): void
  /**
   * The retransmission time-out passed.
   * @param flightBytes in flight when it did
   * @param first of a row of them
   */
  onTimeout(flightBytes: number, first: boolean, nowMs: number): void
}

/** Makes the control of one new connection. */
export type CongestionFactory = (datagramBytes: number) => Congestion
