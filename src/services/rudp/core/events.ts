/** What a connection reports to its user and to observers. */
import type { CloseCode } from '../wire/frames.ts'
import type { NumberedPacket } from '../wire/packet.ts'
import type { CongestionName } from './congestion/congestion.ts'
import type { Visit } from './encryption/connection-encryption.ts'
import type { StateName } from './states.ts'
import type { Stream, StreamEvent } from './stream.ts'

/**
 * Why a connection ended.
 *
 * - `finished`: closed normally, by us or by the peer.
 * - `reset-by-peer`: the peer aborted it.
 * - `refused`: the peer accepts no connections.
 * - `plain-only`, `encrypted-only`: the peer accepts no connections of this kind.
 * - `untrusted`: the peer presented another identity than the trusted one.
 * - `unknown-to-peer`: the peer lost the connection, for example in a restart.
 * - `connect-timed-out`: no answer.
 * - `no-common-version`: the peer speaks only other versions.
 * - `idle`: nothing was received for too long.
 * - `exhausted`: packet numbers, or what one key may encrypt, ran out.
 * - `violation`: the peer violated the protocol.
 */
export type CloseReason =
  'finished' | 'reset-by-peer' | 'refused' | 'plain-only' | 'encrypted-only' | 'untrusted' | 'unknown-to-peer' | 'connect-timed-out' | 'no-common-version' | 'idle' | 'exhausted' | 'violation'

/** What a CONNECTION_CLOSE or RESET from the peer means to our user. */
export const CLOSE_REASON_OF: Readonly<Record<CloseCode, CloseReason>> = {
  'closed': 'finished', 'refused': 'refused', 'unknown': 'unknown-to-peer', 'idle': 'idle', 'protocol-violation': 'reset-by-peer', 'flow-control': 'reset-by-peer',
  'internal': 'reset-by-peer', 'exhausted': 'exhausted',
}

/** What closing a connection with each code means to our own user: most codes describe what the peer did. */
export const OUR_CLOSE_REASON_OF: Readonly<Record<CloseCode, CloseReason>> = {
  'closed': 'finished', 'refused': 'finished', 'unknown': 'finished', 'idle': 'idle', 'protocol-violation': 'violation', 'flow-control': 'violation', 'internal': 'finished',
  'exhausted': 'exhausted',
}

export type ConnectionEvent =
  /** A connection that we opened: the peer has answered and accepts data. */
  | { readonly kind: 'connected' }
  /** A connection that a peer opened. */
  | { readonly kind: 'accepted' }
  /** The peer of an encrypted connection has proven that it owns this identity. */
  | { readonly kind: 'identified'; readonly identity: Uint8Array }
  /** The peer opened a stream. */
  | { readonly kind: 'stream'; readonly stream: Stream }
  | { readonly kind: 'stream-event'; readonly stream: Stream; readonly event: StreamEvent }
  /** The peer allows us to open more streams. */
  | { readonly kind: 'streams-allowed' }
  /** What to present on the next visit to this peer. */
  | ({ readonly kind: 'token' } & Visit)
  /** The last event of a connection. */
  | { readonly kind: 'closed'; readonly reason: CloseReason }

/** What detected a loss (RFC 9002 §6.1): enough later packets were acknowledged, or enough time passed. */
export type LossFound = 'packet threshold' | 'time threshold'

/** What happens inside a connection, for the trace, diagrams and lessons. Created only if there is an observer. */
export type TraceEvent =
  | { readonly kind: 'state'; readonly from: StateName; readonly to: StateName }
  | { readonly kind: 'sent' | 'received'; readonly packet: NumberedPacket; readonly sizeBytes: number }
  | { readonly kind: 'lost'; readonly number: number; readonly sizeBytes: number; readonly found: LossFound }
  | { readonly kind: 'retransmitted'; readonly number: number; readonly streamId: number; readonly offset: number; readonly lengthBytes: number }
  /** A parity restored lost bytes of the peer. */
  | { readonly kind: 'restored'; readonly streamId: number; readonly offset: number; readonly lengthBytes: number }
  /** A packet that had been declared lost arrived after all. */
  | { readonly kind: 'spurious'; readonly number: number }
  | { readonly kind: 'probe'; readonly number: number; readonly why: 'probe' | 'duplicate' }
  /** `window_size` and `ssthresh` of congestion control, and the round trip, which is 0 before the first sample. */
  | {
    readonly kind: 'window'; readonly windowBytes: number; readonly ssthreshBytes: number; readonly flightBytes: number; readonly phase: string
    readonly srttMs: number; readonly minRttMs: number; readonly latestRttMs: number; readonly pacingBytesPerMs: number
  }
  | { readonly kind: 'congestion'; readonly name: CongestionName }
  | { readonly kind: 'datagram-size'; readonly bytes: number }
  | { readonly kind: 'path'; readonly peer: string; readonly step: 'tried' | 'proven' | 'given up' }

/** Figures of a connection, for display or tests. */
export interface Metrics {
  readonly congestion: CongestionName
  readonly phase: string
  /** cwnd, the original's `window_size`. */
  readonly windowBytes: number
  /** In bytes; Infinity before the first loss. */
  readonly ssthreshBytes: number
  readonly flightBytes: number
  /** Smoothed round trip; 0 before the first sample. */
  readonly rttMs: number
  readonly probeMs: number
  readonly datagramBytes: number
  /** Packets of all types. */
  readonly sent: number
  readonly received: number
  readonly lost: number
  readonly retransmitted: number
  /** Packets declared lost that arrived after all. */
  readonly spurious: number
}
