/** A lease as the rest of Hamlet sees it: the address, and the parameters the server sent with it. */
import { formatIpv4 } from '../../kit/ip-address.ts'
import { decodeHamletPorts, HAMLET_CLASS } from '../wire/hamlet-options.ts'
import type { Message } from '../wire/message.ts'

/** Strings are '' if the server sent no such option. */
export interface Lease {
  readonly address: string
  readonly subnetMask: string
  readonly router: string
  /** The server identifier, which is the server's address. */
  readonly server: string
  readonly dns: string
  readonly dnsPort: number
  readonly dnsAdminPort: number
  readonly domain: string
  /** 0 in the reply to an INFORM, which leases no address. */
  readonly leaseSeconds: number
  /** When the REQUEST was sent, from which the lease time counts (RFC 2131 §4.4.1); in ms since 1970. */
  readonly obtainedAtMs: number
  /** When the first message was sent. */
  readonly askedAtMs: number
  /** From the first message to the lease. */
  readonly tookMs: number
}

/** The lease time that stands for infinity (RFC 2131 §3.3). */
export const INFINITE_LEASE = 0xffffffff
const DNS_PORT = 53
const DNS_ADMIN_PORT = 5354
/** The most that fits into one option (RFC 2132 §2). */
const TEXT_LENGTH_MAX = 255

/** The lease in a reply, without its times. */
export function leaseFrom({ yiaddr, ciaddr, options }: Message, serverIdentifier: number): Omit<Lease, 'obtainedAtMs' | 'askedAtMs' | 'tookMs'> {
  const ports = options.vendorClass === HAMLET_CLASS && options.vendorSpecific !== undefined ? decodeHamletPorts(options.vendorSpecific) : {}
  return {
    address: formatIpv4(yiaddr === 0 ? ciaddr : yiaddr),
    subnetMask: textOf(options.subnetMask),
    router: textOf(options.routers?.[0]),
    server: formatIpv4(serverIdentifier),
    dns: textOf(options.dnsServers?.[0]),
    dnsPort: ports.dnsPort ?? DNS_PORT,
    dnsAdminPort: ports.dnsAdminPort ?? DNS_ADMIN_PORT,
    domain: printable(options.domainName ?? ''),
    leaseSeconds: options.leaseSeconds ?? 0,
  }
}

/** `3600 s` */
export function formatLeaseTime(leaseSeconds: number): string {
  return leaseSeconds === INFINITE_LEASE ? 'an unlimited time' : `${leaseSeconds} s`
}

/** Makes a server's text safe to show: control characters could drive a terminal. */
export function printable(text: string): string {
  return text.slice(0, TEXT_LENGTH_MAX).replace(/[^\x20-\x7e]/g, '?')
}

function textOf(address: number | undefined): string {
  return address === undefined ? '' : formatIpv4(address)
}
