/** What a connection is made of, and what it needs of the endpoint that it belongs to. */
import type { Crc32 } from '../../kit/crc32.ts'
import type { Path } from '../../kit/endpoint.ts'
import type { Random } from '../../kit/random.ts'
import type { CongestionName } from './congestion/congestion.ts'
import type { ConnectionEncryption } from './encryption/connection-encryption.ts'
import type { ConnectionEvent, TraceEvent } from './events.ts'
import type { Limits } from './limits.ts'
import type { Trains } from './trains.ts'

/** What a connection needs of its endpoint. */
export interface ConnectionHost {
  readonly trains: Trains
  readonly random: Random
  /** How checksums are found. */
  readonly sum: Crc32
  emit(event: ConnectionEvent): void
  /** Something is to be sent, or the deadline or the state is another: the endpoint looks when the input is done. */
  changed(): void
  /** A token for the peer's next visit. */
  giveToken(path: Path, nowMs: number): Uint8Array
  /** What a RESET shows to the peer of the encrypted connection of this id. */
  resetToken(localId: number): Uint8Array
  readonly observe: ((event: TraceEvent, nowMs: number) => void) | undefined
  /** Packets, too, are told to the observer: describing each costs as much as writing it. */
  observesPackets(): boolean
}

export interface ConnectionSetup {
  readonly role: 'initiator' | 'acceptor'
  readonly path: Path
  /** The id that this end chose. */
  readonly localId: number
  /** The peer's; 0 at the initiator, which learns it from WELCOME. */
  readonly remoteId: number
  /** Data may come with a token of an earlier visit. */
  readonly early: boolean
  /** Undefined: everything is readable. */
  readonly encryption: ConnectionEncryption | undefined
  readonly limits: Limits
  readonly congestion: CongestionName
  readonly host: ConnectionHost
  readonly nowMs: number
}
