/** The rule "which DNS server", the same for `hamlet resolve`, `hamlet fetch` and the gateway: the one named, the one that DHCP told, this machine's. */
import { hostname } from 'node:os'
import { obtainLease, storedMac, type Lease } from '../dhcp/client.ts'
import { formatEndpoint, parseEndpoint, type Endpoint } from '../kit/endpoint.ts'
import { partsOf } from '../kit/errors.ts'
import type { Environment } from './connections.ts'

export const DNS_PORT = 53
export const DHCP_PORT = 6767

export interface DnsChoice {
  readonly server: Endpoint
  /** Which server is asked and why, for a person. */
  readonly sentence: string
  readonly lease?: Lease
}

export interface DnsQuestion extends Environment {
  /** `IP[:PORT]` as the person gave it. */
  readonly dns: string | undefined
  /** DHCP server to ask; undefined: a broadcast. */
  readonly dhcp: string | undefined
  /** Holds this machine's stored hardware address. */
  readonly dataFolder: string
}

/**
 * Chooses the DNS server; asks for a lease only where none is named. A DHCP server that is silent is no error here.
 * @throws UsageError where `dns` or `dhcp` is no endpoint
 */
export async function chooseDnsServer(question: DnsQuestion): Promise<DnsChoice> {
  const named = namedDnsServer(question.dns)
  if (named !== undefined) return named
  const dhcp = dhcpEndpoint(question.dhcp)
  try {
    const { dataFolder, clock, random, trace } = question
    return leasedDnsServer(await obtainLease({ server: dhcp, mac: await storedMac(dataFolder, random), hostName: hostname(), clock, random, trace }))
  } catch (error) {
    return localDnsServer(partsOf(error).what)
  }
}

/** @throws UsageError where the text is no endpoint */
export function namedDnsServer(dns: string | undefined): DnsChoice | undefined {
  if (dns === undefined) return undefined
  const server = parseEndpoint(dns, DNS_PORT)
  return { server, sentence: `Names are asked of ${formatEndpoint(server)}, the DNS server that was named` }
}

export function leasedDnsServer(lease: Lease): DnsChoice {
  if (lease.dns === '') return { ...localDnsServer(`the DHCP server ${lease.server} tells no DNS server`), lease }
  const server = { address: lease.dns, port: lease.dnsPort }
  return { server, sentence: `Names are asked of ${formatEndpoint(server)}, the DNS server that DHCP told`, lease }
}

/** @param why what kept us from being told one */
export function localDnsServer(why: string): DnsChoice {
  const server = { address: '127.0.0.1', port: DNS_PORT }
  return { server, sentence: `Names are asked of ${formatEndpoint(server)}, this machine, because ${why.charAt(0).toLowerCase()}${why.slice(1)}` }
}

/** @throws UsageError where the text is no endpoint */
export function dhcpEndpoint(dhcp: string | undefined): Endpoint | undefined {
  return dhcp === undefined ? undefined : parseEndpoint(dhcp, DHCP_PORT)
}
