/**
 * Every limit of the server, in one place. Node's own defaults differ from version to version (16 has no limit for a request,
 * later ones look only every 30 s, and none watch a connection that was handed to them, as ours all are), so nothing leans on them.
 */
export interface Limits {
  /** The head of a request has come whole this long after the connection was made, or after its first byte. */
  readonly headersTimeoutMs: number
  /** The same for head and body together. */
  readonly requestTimeoutMs: number
  /** A connection without a request is kept this long. */
  readonly keepAliveTimeoutMs: number
  /** A peer that takes nothing of its response for so long is given up. A paused film asks again by itself. */
  readonly responseIdleMs: number
  /** A connection that was told why it ends is gone after this. */
  readonly closingMs: number
  readonly headerBytesMax: number
  /** Of a request's body. */
  readonly bodyBytesMax: number
  /** A body beyond its limit is read and thrown away up to here, so that the answer 413 is not lost in a reset. */
  readonly discardedBytesMax: number
  /** Both transports together. */
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
