/** What a connection tells its user, and what it tells those who watch. */
import type { CloseCode } from '../wire/frames.ts'
import type { NumberedPacket } from '../wire/packet.ts'
import type { CongestionName } from './congestion/congestion.ts'
import type { Visit } from './encryption/connection-encryption.ts'
import type { StateName } from './states.ts'
import type { Stream, StreamEvent } from './stream.ts'

/**
 * How a connection ended. `finished`: closed in order, by us or by the peer. `reset-by-peer`: they broke it off. `refused`: nobody
 * accepts there. `plain-only`, `encrypted-only`: they accept no connection of this kind. `untrusted`: they showed another identity
 * than the one that is trusted. `unknown-to-peer`: they lost it, such as by a restart. `connect-timed-out`: no answer. `no-common-version`: the peer
 * speaks others. `idle`: nothing was heard for too long. `exhausted`: packet numbers ran out. `violation`: the peer broke a rule.
 */
export type CloseReason =
  'finished' | 'reset-by-peer' | 'refused' | 'plain-only' | 'encrypted-only' | 'untrusted' | 'unknown-to-peer' | 'connect-timed-out' | 'no-common-version' | 'idle' | 'exhausted' | 'violation'

/** What the peer's CONNECTION_CLOSE or RESET means here. */
export const CLOSE_REASON_OF: Readonly<Record<CloseCode, CloseReason>> = {
  'closed': 'finished', 'refused': 'refused', 'unknown': 'unknown-to-peer', 'idle': 'idle', 'protocol-violation': 'reset-by-peer', 'flow-control': 'reset-by-peer',
  'internal': 'reset-by-peer', 'exhausted': 'exhausted',
}

/** What a connection that we close is to our own user: most codes tell what the peer did. */
export const OUR_CLOSE_REASON_OF: Readonly<Record<CloseCode, CloseReason>> = {
  'closed': 'finished', 'refused': 'finished', 'unknown': 'finished', 'idle': 'idle', 'protocol-violation': 'violation', 'flow-control': 'violation', 'internal': 'finished',
  'exhausted': 'exhausted',
}

export type ConnectionEvent =
  /** Ours: the peer answered, and takes data. */
  | { readonly kind: 'connected' }
  /** A peer's. */
  | { readonly kind: 'accepted' }
  /** The peer of an encrypted connection has shown that it owns this identity. */
  | { readonly kind: 'identified'; readonly identity: Uint8Array }
  /** The peer opened a stream. */
  | { readonly kind: 'stream'; readonly stream: Stream }
  | { readonly kind: 'stream-event'; readonly stream: Stream; readonly event: StreamEvent }
  /** The peer lets us open more streams. */
  | { readonly kind: 'streams-allowed' }
  /** For the next visit to this peer. */
  | ({ readonly kind: 'token' } & Visit)
  /** The last event of a connection. */
  | { readonly kind: 'closed'; readonly reason: CloseReason }

/** How a loss was found: by packets that came later, or because time passed. */
export type LossFound = 'by later packets' | 'by time'

/** The inner life of a connection, for trace, diagrams and lessons. Made only where somebody watches. */
export type TraceEvent =
  | { readonly kind: 'state'; readonly from: StateName; readonly to: StateName }
  | { readonly kind: 'sent' | 'received'; readonly packet: NumberedPacket; readonly sizeBytes: number }
  | { readonly kind: 'lost'; readonly number: number; readonly sizeBytes: number; readonly found: LossFound }
  | { readonly kind: 'retransmitted'; readonly number: number; readonly streamId: number; readonly offset: number; readonly lengthBytes: number }
  /** Lost bytes of the peer were restored by a parity. */
  | { readonly kind: 'restored'; readonly streamId: number; readonly offset: number; readonly lengthBytes: number }
  /** A packet that was given up arrived after all. */
  | { readonly kind: 'spurious'; readonly number: number }
  | { readonly kind: 'probe'; readonly number: number; readonly why: 'probe' | 'duplicate' }
  /** `window_size` and `ssthresh` of congestion control, and the round trip: 0 before the first sample. */
  | {
    readonly kind: 'window'; readonly windowBytes: number; readonly ssthreshBytes: number; readonly flightBytes: number; readonly phase: string
    readonly srttMs: number; readonly minRttMs: number; readonly latestRttMs: number; readonly pacingBytesPerMs: number
  }
  | { readonly kind: 'congestion'; readonly name: CongestionName }
  | { readonly kind: 'datagram-size'; readonly bytes: number }
  | { readonly kind: 'path'; readonly peer: string; readonly step: 'tried' | 'proven' | 'given up' }

/** Figures of a connection, for a person or a test. */
export interface Metrics {
  readonly congestion: CongestionName
  readonly phase: string
  /** cwnd, the original's `window_size`. */
  readonly windowBytes: number
  /** In bytes; Infinity before the first loss. */
  readonly ssthreshBytes: number
  readonly flightBytes: number
  /** Smoothed; 0 before the first sample. */
  readonly rttMs: number
  readonly probeMs: number
  readonly datagramBytes: number
  /** Packets of every type. */
  readonly sent: number
  readonly received: number
  readonly lost: number
  readonly retransmitted: number
  /** Given up too soon. */
  readonly spurious: number
}
