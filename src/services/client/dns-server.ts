/**
 * Which DNS server is asked, the same for `hamlet resolve`, `hamlet fetch` and the gateway: the one that the user
 * named, otherwise the one announced by DHCP, otherwise this machine's.
 */
import { hostname } from 'node:os'
import { obtainLease, storedMac, type Lease } from '../dhcp/client.ts'
import { formatEndpoint, parseEndpoint, type Endpoint } from '../kit/endpoint.ts'
import { partsOf } from '../kit/errors.ts'
import type { Environment } from './connections.ts'

export const DNS_PORT = 53
export const DHCP_PORT = 6767

export interface DnsChoice {
  readonly server: Endpoint
  /** Which server is asked, and why, for the user. */
  readonly sentence: string
  readonly lease?: Lease
}

export interface DnsServerOptions extends Environment {
  /** `IP[:PORT]` as the user gave it. */
  readonly dns: string | undefined
  /** The DHCP server to ask; undefined: a broadcast. */
  readonly dhcp: string | undefined
  /** The folder with this machine's stored hardware address. */
  readonly dataFolder: string
}

/**
 * Chooses the DNS server; requests a lease only if none is named. A silent DHCP server is not an error here.
 * @throws UsageError if `dns` or `dhcp` is not an endpoint
 */
export async function chooseDnsServer(options: DnsServerOptions): Promise<DnsChoice> {
  const named = namedDnsServer(options.dns)
  if (named !== undefined) return named
  const dhcp = dhcpEndpoint(options.dhcp)
  try {
    const { dataFolder, clock, random, trace } = options
    return leasedDnsServer(await obtainLease({ server: dhcp, mac: await storedMac(dataFolder, random), hostName: hostname(), clock, random, trace }))
  } catch (error) {
    return localDnsServer(partsOf(error).what)
  }
}

/** @throws UsageError if the text is not an endpoint */
export function namedDnsServer(dns: string | undefined): DnsChoice | undefined {
  if (dns === undefined) return undefined
  const server = parseEndpoint(dns, DNS_PORT)
  return { server, sentence: `The DNS server is ${formatEndpoint(server)}, as configured` }
}

export function leasedDnsServer(lease: Lease): DnsChoice {
  if (lease.dns === '') return { ...localDnsServer(`the DHCP server ${lease.server} announces no DNS server`), lease }
  const server = { address: lease.dns, port: lease.dnsPort }
  return { server, sentence: `The DNS server is ${formatEndpoint(server)}, as announced by DHCP`, lease }
}

/** @param why no other server is known */
export function localDnsServer(why: string): DnsChoice {
  const server = { address: '127.0.0.1', port: DNS_PORT }
  return { server, sentence: `The DNS server is ${formatEndpoint(server)}, this machine, because ${why.charAt(0).toLowerCase()}${why.slice(1)}` }
}

/** @throws UsageError if the text is not an endpoint */
export function dhcpEndpoint(dhcp: string | undefined): Endpoint | undefined {
  return dhcp === undefined ? undefined : parseEndpoint(dhcp, DHCP_PORT)
}
