/** What a connection is made of, and what it needs of the endpoint that it belongs to. */
import type { Path } from '../../kit/endpoint.ts'
import type { CongestionFactory } from './congestion/congestion.ts'
import type { ConnectionEvent, TraceEvent } from './events.ts'
import type { Limits } from './limits.ts'

/** What a connection needs of its endpoint. */
export interface ConnectionHost {
  /** Memory for one datagram, never used before. */
  allocate(sizeBytes: number): Uint8Array
  /** To the connection's peer. */
  send(bytes: Uint8Array): void
  emit(event: ConnectionEvent): void
  /** The deadline may be nearer now, or the state CLOSED. */
  changed(): void
  readonly observe: ((event: TraceEvent, nowMs: number) => void) | undefined
}

export interface ConnectionSetup {
  readonly role: 'initiator' | 'acceptor'
  readonly path: Path
  readonly initiatorId: number
  /** 0 at the initiator, which learns it from the SYN-ACK. */
  readonly acceptorId: number
  readonly limits: Limits
  readonly congestion: CongestionFactory
  readonly host: ConnectionHost
  readonly nowMs: number
}
