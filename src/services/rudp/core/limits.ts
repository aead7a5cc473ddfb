/** Every number that bounds a connection or an endpoint. docs/rudp.md §12 lists them with their reasons. */
import type { Parameters } from '../wire/frames.ts'
import { DATAGRAM_BYTES_MAX } from '../wire/packet.ts'

export interface Limits {
  /** What is kept for one stream in each direction: unacknowledged, and unread; at least 16 KiB. */
  readonly streamBufferBytes: number
  /** Unread bytes of all streams of a connection; at least 16 KiB. */
  readonly connectionBufferBytes: number
  /** Streams that a peer may have open at once; at least 16. */
  readonly streamsMax: number
  /** A connection that is not established by then is given up. */
  readonly connectTimeoutMs: number
  /** Nothing heard from the peer for so long ends the connection; a quarter of it without a packet sends a PING, while streams are open. */
  readonly idleTimeoutMs: number
  /** Connections of one endpoint; one more is refused. */
  readonly connectionsMax: number
}

export const DEFAULT_LIMITS: Limits = {
  streamBufferBytes: 4 * 1024 * 1024,
  connectionBufferBytes: 8 * 1024 * 1024,
  streamsMax: 100,
  connectTimeoutMs: 5_000,
  idleTimeoutMs: 30_000,
  connectionsMax: 1024,
}

/** Resolution of the clock that is counted on: RFC 9002's kGranularity. */
export const GRANULARITY_MS = 1
/** An acknowledgement is held back at most so long, in the hope of a packet to ride on. */
export const ACK_DELAY_MAX_MS = 10
/** Bytes sent to an address that has not yet proven itself, for each byte that came from it (RFC 9000 §8.1). */
export const AMPLIFICATION_MAX = 3
/** What may go out at once, before anything is known of the path: RFC 9002 §7.2 allows 10 datagrams, quic-go takes 32. */
export const INITIAL_WINDOW_DATAGRAMS = 32

/** What an end of these limits tells its peer. */
export function parametersOf({ connectionBufferBytes, streamBufferBytes, streamsMax, idleTimeoutMs }: Limits): Parameters {
  return {
    maxDataBytes: connectionBufferBytes, maxStreamDataBytes: streamBufferBytes, maxStreams: streamsMax, idleTimeoutMs,
    datagramBytesMax: DATAGRAM_BYTES_MAX, ackDelayMsMax: ACK_DELAY_MAX_MS,
  }
}

/**
 * What every end takes, told or not: RETRY keeps nothing of an end and so tells nothing of it, and data may leave before WELCOME
 * has come with more.
 */
export const LEAST_PARAMETERS: Parameters = {
  maxDataBytes: 16_384, maxStreamDataBytes: 16_384, maxStreams: 16, idleTimeoutMs: 5_000, datagramBytesMax: 1200, ackDelayMsMax: ACK_DELAY_MAX_MS,
}
