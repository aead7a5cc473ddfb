/**
 * Every limit of the server, in one place. Node's own defaults differ between versions (16 has no request timeout,
 * later versions check only every 30 s, and none watches a connection that was handed to it, as all of ours are), so
 * nothing relies on them.
 */
export interface Limits {
  /** A request head must be complete this long after the connection was made or after the head's first byte. */
  readonly headersTimeoutMs: number
  /** The same for the head and body together. */
  readonly requestTimeoutMs: number
  /** An idle connection is kept this long. */
  readonly keepAliveTimeoutMs: number
  /**
   * A connection is dropped when its peer reads nothing of the response for this long. (A browser reconnects when a
   * paused film resumes.)
   */
  readonly responseIdleMs: number
  /** After the last response, the peer has this long to close its side. */
  readonly closingMs: number
  readonly headerBytesMax: number
    readonly bodyBytesMax: number
  /** A body over its limit is read and discarded up to this length, so that a reset does not destroy the 413 response. */
  readonly discardedBytesMax: number
  /** For both transports together. */
  readonly connectionsMax: number
}

export const LIMITS: Limits = {
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 60_000,
  keepAliveTimeoutMs: 65_000,
  responseIdleMs: 120_000,
  closingMs: 2_000,
  headerBytesMax: 16 * 1024,
  bodyBytesMax: 64 * 1024,
  discardedBytesMax: 1024 * 1024,
  connectionsMax: 2_000,
}
