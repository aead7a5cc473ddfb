/** A binding of an address to a client (RFC 2131 §2): in the lease table, and as a journal record. */
import { formatIpv4 } from '../../kit/ip-address.ts'

/** A client. `key` identifies it (RFC 2131 §4.2); the other fields are for display and for its DNS name. */
export interface Client {
  /** The client identifier in hex, or hardware type and address in the same form. */
  readonly key: string
  readonly mac: string
  readonly hostName: string
  /** The client asked for no DNS updates (RFC 4702 §2.1, the N bit). */
  readonly unlisted?: true | undefined
}

export type BindingState = 'free' | 'offered' | 'leased' | 'declined'

/** Times are wall-clock times in ms since 1970. */
export interface Binding {
  readonly yiaddr: number
  readonly state: BindingState
  readonly client: Client
  /** When the state ends; Infinity for a free address and for a BOOTP lease. */
  readonly expiresAtMs: number
  /**
   * The client has held a lease on this address, not just an offer. It is then remembered after the address is free
   * again.
   */
  readonly held: boolean
  /** A probe found no host at this address. */
  readonly vacant: boolean
}

/** A journal record: the new state of an address. The last record of an address counts. */
export interface LeaseRecord {
  /** Dotted quad. */
  readonly yiaddr: string
  readonly state: 'leased' | 'declined' | 'released'
  readonly key: string
  readonly mac: string
  readonly hostName: string
  readonly unlisted?: true | undefined
  /** Infinity for a BOOTP lease, which ends with its reservation. */
  readonly expiresAtMs: number
}

/** The lease in a journal record. */
export function bindingOf({ key, mac, hostName, unlisted, expiresAtMs }: LeaseRecord, yiaddr: number): Binding {
  return { yiaddr, state: 'leased', client: { key, mac, hostName, unlisted }, expiresAtMs, held: key !== '', vacant: true }
}

/** The journal record of a binding. */
export function recordOf({ yiaddr, client: { key, mac, hostName, unlisted }, expiresAtMs }: Binding, state: LeaseRecord['state']): LeaseRecord {
  return { yiaddr: formatIpv4(yiaddr), state, key, mac, hostName, unlisted, expiresAtMs: state === 'released' ? 0 : expiresAtMs }
}
