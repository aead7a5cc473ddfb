/** What a connection is made of, and what it needs of the endpoint that it belongs to. */
import type { Path } from '../../kit/endpoint.ts'
import type { CongestionFactory } from './congestion/congestion.ts'
import type { Connection } from './connection.ts'
import type { Observe, RudpEvent } from './events.ts'
import type { Limits } from './limits.ts'

/** What a connection needs of its endpoint. */
export interface ConnectionHost {
  /** Memory for one datagram, never used before. */
  allocate(sizeBytes: number): Uint8Array
  send(path: Path, bytes: Uint8Array): void
  emit(event: RudpEvent): void
  /** Its deadline may be nearer now, or its state CLOSED. */
  changed(connection: Connection): void
  readonly observe: Observe | undefined
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
