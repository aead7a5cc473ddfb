/** What a connection is made of, and what it needs from its endpoint. */
import type { Crc32 } from '../../kit/crc32.ts'
import type { Path } from '../../kit/endpoint.ts'
import type { Random } from '../../kit/random.ts'
import type { CongestionName } from './congestion/congestion.ts'
import type { ConnectionEncryption } from './encryption/connection-encryption.ts'
import type { ConnectionEvent, TraceEvent } from './events.ts'
import type { Limits } from './limits.ts'
import type { Trains } from './trains.ts'

/** What a connection needs from its endpoint. */
export interface ConnectionHost {
  readonly trains: Trains
  readonly random: Random
  /** Computes checksums. */
  readonly sum: Crc32
  emit(event: ConnectionEvent): void
  /**
   * There may be something to send, or the deadline or state has changed: the endpoint looks at it after this batch of
   * inputs.
   */
  changed(): void
  /** Issues a token for the peer's next visit. */
  issueToken(path: Path, nowMs: number): Uint8Array
  /** The token that a RESET for this encrypted connection would carry. */
  resetToken(localId: number): Uint8Array
  readonly observe: ((event: TraceEvent, nowMs: number) => void) | undefined
  /** Whether to report packets to the observer too. Describing a packet costs as much as writing it. */
  observesPackets(): boolean
}

export interface ConnectionSetup {
  readonly role: 'initiator' | 'acceptor'
  readonly path: Path
  /** The id that this endpoint chose. */
  readonly localId: number
  /** The id that the peer chose. The initiator has 0 until WELCOME reveals it. */
  readonly remoteId: number
  /** The connection was opened with a token from an earlier visit, so its data may be a replay. */
  readonly early: boolean
  /** Undefined if the connection is not encrypted. */
  readonly encryption: ConnectionEncryption | undefined
  readonly limits: Limits
  readonly congestion: CongestionName
  readonly host: ConnectionHost
  readonly nowMs: number
}
