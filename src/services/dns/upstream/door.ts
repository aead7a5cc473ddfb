/** The transport to one upstream: it sends queries and hands back what arrives. The machine decides what that is worth. */
import type { Clock } from '../../kit/node/clock.ts'
import type { Io } from '../../kit/node/udp/door.ts'
import { errnoOf } from '../../kit/node/disk.ts'
import type { Random } from '../../kit/random.ts'
import type { TraceRing } from '../../kit/trace.ts'
import type { UpstreamQuery } from '../core/forwarding/flight.ts'

export interface UpstreamDoor {
  /** Sends the query, or refuses it later. Never throws. */
  ask(query: UpstreamQuery): void
  /** Hands all queries to the operating system. */
  flush(): void
  /** Ignores any further reply to it. */
  forget(query: UpstreamQuery): void
  close(): Promise<void>
}

export interface UpstreamDoorOptions {
  readonly trace: TraceRing
  readonly clock: Clock
  readonly random: Random
  readonly io?: Io
  /** A message that may answer the query; the receiver has to check. Borrowed, valid only during the call. */
  readonly receive: (message: Uint8Array, query: UpstreamQuery) => void
  /** `why` completes a sentence that begins with the server: "refuses: nothing listens on that port". */
  readonly refused: (query: UpstreamQuery, why: string) => void
  /** All events of one read have been delivered. */
  readonly drain: () => void
}

/** The id of a DNS message: its first two octets (RFC 1035 §4.1.1). */
export function idOf(message: Uint8Array): number {
  return (message[0] ?? 0) * 0x100 + (message[1] ?? 0)
}

/** A copy with another id, for a transport that assigns its own. */
export function withId(message: Uint8Array, id: number): Uint8Array {
  const copy = new Uint8Array(message)
  copy[0] = id >>> 8
  copy[1] = id & 255
  return copy
}

/** A system error as the rest of a sentence that begins with the server's address. */
export function whyRefused(error: unknown): string {
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error
  const code = errnoOf(cause)
  switch (code) {
    case 'ECONNREFUSED': case 'ECONNRESET': return 'refuses: nothing listens on that port'
    case 'ENETUNREACH': case 'EHOSTUNREACH': case 'ENETDOWN': return 'cannot be reached: this machine has no route to it'
    case 'EACCES': case 'EPERM': return 'cannot be queried: a firewall on this machine blocks it'
    case 'EPROTO': case 'ERR_SSL_WRONG_VERSION_NUMBER': case 'ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL': case 'ERR_HTTP2_ERROR': return 'speaks another protocol on that port'
    default: return isCertificateTrouble(code) ? `cannot be trusted: ${messageOf(cause)}` : `cannot be queried: ${messageOf(error)}`
  }
}

function isCertificateTrouble(code: string): boolean {
  return /CERT|VERIFY|ALTNAME|SIGNATURE/.test(code)
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
