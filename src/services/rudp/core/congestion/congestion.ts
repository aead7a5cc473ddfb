/**
 * What a connection asks of congestion control, and what it tells it. The original system's words are `window_size` and
 * `ssthresh`; both are in bytes here and visible for every controller.
 */

/** What an acknowledgment meant. All sizes are of datagrams. */
export interface AckSample {
  readonly nowMs: number
  /** Newly acknowledged. */
  readonly ackedBytes: number
  /** In flight after it. */
  readonly flightBytes: number
  /** When the newest of the acknowledged packets was sent. */
  readonly newestSentAtMs: number
  /** The latest round trip, the smoothed one, and the least that was measured. */
  readonly rttMs: number
  readonly srttMs: number
  readonly minRttMs: number
  /** Delivered since the connection began; and when the newest of the packets was sent. */
  readonly deliveredBytes: number
  readonly priorDeliveredBytes: number
  /** The delivery rate; 0: the sample is too short to tell. */
  readonly bytesPerMs: number
  /** The sender had nothing to send when the newest of the packets left: the rate is a lower bound. */
  readonly isAppLimited: boolean
  /** Window or pace, and not the want of something to send, hold the sender back now: a window that is not used proves nothing (RFC 9002 §7.8). */
  readonly isHeldBack: boolean
}

/** Packets were given up. */
export interface LossSample {
  readonly nowMs: number
  readonly lostBytes: number
  /** When the newest of them was sent. */
  readonly newestSentAtMs: number
  readonly rttMs: number
  readonly minRttMs: number
  /** Nothing got through for so long that the path must be another (RFC 9002 §7.6): the retransmission time-out of old. */
  readonly isPersistent: boolean
}

export interface Congestion {
  readonly name: CongestionName
  /** cwnd, the `window_size`: how many bytes of datagrams may be in flight. */
  readonly windowBytes: number
  /** Below it slow start, from it on congestion avoidance; Infinity before the first loss. For `bbr`: the bound that loss has set. */
  readonly ssthreshBytes: number
  /** How fast packets may leave; Infinity: as fast as the window lets them. */
  pacingBytesPerMs(srttMs: number | undefined): number
  /** What phase it is in, for a person: `slow start`, `probe up`. */
  readonly phase: string
  onAcked(sample: AckSample): void
  onLost(sample: LossSample): void
  /** Everything that the latest loss stood for has arrived after all. */
  onSpurious(): void
  /** The path takes datagrams of another size now. */
  setDatagramBytes(datagramBytes: number): void
}

export const CONGESTION_NAMES = ['tahoe', 'reno', 'cubic', 'bbr'] as const
export type CongestionName = (typeof CONGESTION_NAMES)[number]

/**
 * Makes the control of one connection.
 * @param datagramBytes the largest datagram: RFC 5681's SMSS
 * @param windowBytes to begin with
 * @param ssthreshBytes of the control that it takes over from: where that one had found a threshold, slow start is over
 */
export type CongestionFactory = (datagramBytes: number, windowBytes: number, ssthreshBytes?: number) => Congestion
