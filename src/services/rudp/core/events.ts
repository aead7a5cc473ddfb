/** What a connection tells its user, and what it tells those who watch. */
import type { PacketType, ResetReason } from '../wire/packet.ts'
import type { StateName } from './states.ts'

/**
 * How a connection ended. `finished`: both ends said all and it arrived. `reset`: we broke it off. `reset-by-peer`: they did.
 * `refused`: nobody accepts there. `unknown-to-peer`: they lost it, such as by a restart. `connect-timed-out`: no answer to SYN.
 * `idle`: nothing was heard for too long. `exhausted`: packet numbers ran out. `evicted`: half open, and newer ones came.
 */
export type CloseReason =
  'finished' | 'reset' | 'reset-by-peer' | 'refused' | 'unknown-to-peer' | 'connect-timed-out' | 'idle' | 'exhausted' | 'evicted'

/** What a peer's RESET means here. */
export const CLOSE_REASON_OF: Readonly<Record<ResetReason, CloseReason>> = {
  closed: 'reset-by-peer', refused: 'refused', unknown: 'unknown-to-peer', idle: 'idle',
}

export type ConnectionEvent =
  /** Established: ours. */
  | { readonly kind: 'connected' }
  /** Established: a peer's. */
  | { readonly kind: 'accepted' }
  /** There are bytes to read. Comes once until `read` was used. */
  | { readonly kind: 'readable' }
  /** There is room again after a write that was not taken whole. */
  | { readonly kind: 'writable' }
  /** The peer's last byte and its end have arrived. */
  | { readonly kind: 'finished' }
  /** Our last byte and our end have arrived at the peer. */
  | { readonly kind: 'delivered' }
  /** The last event of a connection. */
  | { readonly kind: 'closed'; readonly reason: CloseReason }

/** The inner life of a connection, for trace, diagrams and lessons. Made only where somebody watches. */
export type TraceEvent =
  | { readonly kind: 'state'; readonly from: StateName; readonly to: StateName }
  | { readonly kind: 'sent' | 'received'; readonly type: PacketType; readonly number: number; readonly offset: number; readonly lengthBytes: number }
  | { readonly kind: 'lost'; readonly number: number; readonly offset: number; readonly lengthBytes: number; readonly found: 'by later packets' | 'by time-out' }
  | { readonly kind: 'retransmitted'; readonly number: number; readonly offset: number; readonly lengthBytes: number }
  /** `window_size` and `ssthresh` of congestion control, and the round trip. */
  | {
    readonly kind: 'window'; readonly windowBytes: number; readonly ssthreshBytes: number; readonly flightBytes: number
    readonly srttMs: number; readonly rtoMs: number
  }

/** Figures of a connection, for a person or a test. */
export interface Metrics {
  readonly congestion: string
  /** cwnd, the original's `window_size`. */
  readonly windowBytes: number
  /** In bytes; Infinity before the first loss. */
  readonly ssthresh: number
  readonly flightBytes: number
  /** Smoothed; 0 before the first sample. */
  readonly rttMs: number
  readonly rtoMs: number
  /** Packets of every type. */
  readonly sent: number
  readonly received: number
  readonly lost: number
  readonly retransmitted: number
}
