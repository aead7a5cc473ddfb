/** Every number that bounds a connection or an endpoint. docs/rudp.md §9 lists them with their reasons. */

export interface Limits {
  /** What is kept for one connection in each direction: unacknowledged, and unread. A power of two, at least 16 KiB. */
  readonly bufferBytes: number
  /** A connection that is not established by then is given up. */
  readonly connectTimeoutMs: number
  /** Nothing heard from the peer for so long ends the connection; a quarter of it without a packet sends a PING. */
  readonly idleTimeoutMs: number
  /** Connections of one endpoint; one more is refused. */
  readonly openMax: number
  /** Of these, asked for and not yet proven to come from where they say; one more takes the place of the oldest. */
  readonly halfOpenMax: number
}

export const DEFAULT_LIMITS: Limits = {
  bufferBytes: 1024 * 1024,
  connectTimeoutMs: 5_000,
  idleTimeoutMs: 30_000,
  openMax: 1024,
  halfOpenMax: 128,
}

/** Resolution of the clock that is counted on: RFC 6298's G, RFC 9002's kGranularity. */
export const GRANULARITY_MS = 1
/** An acknowledgement is held back at most so long, in the hope of a packet to ride on. */
export const ACK_DELAY_MAX_MS = 10
/** Packet numbers are 32 bits and never used again: a connection ends before it runs out of them. */
export const PACKET_NUMBER_MAX = 0xffffffff
/** Bytes sent to an address that has not yet proven itself, for each byte that came from it (RFC 9000 §8.1). */
export const AMPLIFICATION_MAX = 3
