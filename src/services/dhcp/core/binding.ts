/** An address and its client, as the table of leases has it and as the journal keeps it. */
import { formatIpv4 } from '../../kit/ip-address.ts'

/** Who asks. `key` tells clients apart (RFC 2131 §4.2); the rest is for people. */
export interface Client {
  /** Client identifier in hex, or hardware type and address in its form. */
  readonly key: string
  readonly mac: string
  readonly hostName: string
  /** It does not want its name in the DNS (RFC 4702 §2.1, the N bit). */
  readonly unlisted?: true | undefined
}

export type BindingState = 'free' | 'offered' | 'leased' | 'declined'

/** An address and its client. Wall-clock times in ms since 1970. */
export interface Binding {
  readonly yiaddr: number
  readonly state: BindingState
  readonly client: Client
  /** When the state ends; Infinity for an address that is free, and for a lease by BOOTP. */
  readonly expiresAtMs: number
  /** The client has had this address: it is remembered when the address is free again. A mere offer is not. */
  readonly held: boolean
  /** Nobody answered at this address before it was offered. */
  readonly vacant: boolean
}

/** A line of the journal: what became of an address. The last line of an address counts. */
export interface LeaseRecord {
  /** Dotted quad. */
  readonly yiaddr: string
  readonly state: 'leased' | 'declined' | 'released'
  readonly key: string
  readonly mac: string
  readonly hostName: string
  readonly unlisted?: true | undefined
  /** Infinity: a lease by BOOTP, which ends with its reservation. */
  readonly expiresAtMs: number
}

/** The lease that a line of the journal tells of. */
export function bindingOf({ key, mac, hostName, unlisted, expiresAtMs }: LeaseRecord, yiaddr: number): Binding {
  return { yiaddr, state: 'leased', client: { key, mac, hostName, unlisted }, expiresAtMs, held: key !== '', vacant: true }
}

/** What the journal keeps of a binding. */
export function recordOf({ yiaddr, client: { key, mac, hostName, unlisted }, expiresAtMs }: Binding, state: LeaseRecord['state']): LeaseRecord {
  return { yiaddr: formatIpv4(yiaddr), state, key, mac, hostName, unlisted, expiresAtMs: state === 'released' ? 0 : expiresAtMs }
}
