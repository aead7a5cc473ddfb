/** The limits of a connection and of an endpoint. docs/rudp.md §12 lists them with their reasons. */
import type { Parameters } from '../wire/frames.ts'
import { DATAGRAM_BYTES_MAX } from '../wire/packet.ts'

export interface Limits {
  /** Buffer of one stream in each direction: bytes not acknowledged, and bytes not read. At least 16 KiB. */
  readonly streamBufferBytes: number
  /** Unread bytes on all streams of a connection together. At least 16 KiB. */
  readonly connectionBufferBytes: number
  /** Streams that a peer may have open at once. At least 16. */
  readonly streamsMax: number
  /** A connection not established within this time is given up. */
  readonly connectTimeoutMs: number
  /**
   * A connection ends after this much silence from the peer. While streams are open, a quarter of it without a packet
   * triggers a PING.
   */
  readonly idleTimeoutMs: number
  /** Connections of one endpoint; any more are refused. */
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

/** The assumed resolution of the clock: kGranularity of RFC 9002. */
export const GRANULARITY_MS = 1
/** The longest delay of an acknowledgment, in the hope that another packet can carry it. */
export const ACK_DELAY_MAX_MS = 10
/** Bytes that may be sent to an unvalidated address for each byte received from it (RFC 9000 §8.1). */
export const AMPLIFICATION_MAX = 3
/** The initial window, before anything is known about the path. RFC 9002 §7.2 allows 10 datagrams; quic-go takes 32. */
export const INITIAL_WINDOW_DATAGRAMS = 32

/** The PARAMETERS that an endpoint with these limits announces. */
export function parametersOf({ connectionBufferBytes, streamBufferBytes, streamsMax, idleTimeoutMs }: Limits): Parameters {
  return {
    maxDataBytes: connectionBufferBytes, maxStreamDataBytes: streamBufferBytes, maxStreams: streamsMax, idleTimeoutMs,
    datagramBytesMax: DATAGRAM_BYTES_MAX, ackDelayMsMax: ACK_DELAY_MAX_MS,
  }
}

/**
 * What every endpoint accepts, announced or not. Data may leave before WELCOME has announced more; RETRY announces
 * nothing, because its sender keeps no state.
 */
export const MINIMUM_PARAMETERS: Parameters = {
  maxDataBytes: 16_384, maxStreamDataBytes: 16_384, maxStreams: 16, idleTimeoutMs: 5_000, datagramBytesMax: 1200, ackDelayMsMax: ACK_DELAY_MAX_MS,
}
