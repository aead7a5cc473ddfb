/**
 * An upstream server and the transport to reach it: UDP (RFC 1035), TLS (DoT, RFC 7858) or HTTPS (DoH, RFC 8484). As text:
 *
 *     9.9.9.9   9.9.9.9:5353   [2620:fe::fe]:53
 *     tls://9.9.9.9#dns.quad9.net                     after the #: the name that its certificate must have
 *     https://9.9.9.9/dns-query#dns.quad9.net
 *
 * The address is always a literal: a resolver cannot resolve a name before it has an upstream.
 */
import { formatEndpoint, parseEndpoint, type Endpoint } from '../../../kit/endpoint.ts'
import { UsageError } from '../../../kit/errors.ts'
import { isLoopback } from '../../../kit/ip-address.ts'

export interface Upstream {
  readonly transport: 'udp' | 'tls' | 'https'
  readonly endpoint: Endpoint
  /** What the certificate must be valid for: the given host name, or else the address. */
  readonly serverName: string
  /** The path of the HTTPS resource. */
  readonly path: string
  /** The path to it is safe from tampering (encrypted, or on this machine), so its AD bit counts (RFC 6840 §5.8). */
  readonly trusted: boolean
  /** How messages and tables show it: `9.9.9.9:53`, `tls://9.9.9.9:853`. */
  readonly title: string
}

const DEFAULT_PORT = { udp: 53, tls: 853, https: 443 } as const
const DEFAULT_PATH = '/dns-query'

/** @throws UsageError */
export function parseUpstream(text: string): Upstream {
  const match = /^(tls|https):\/\/([^/#]+)(\/[\x21-\x22\x24-\x7e]*)?(?:#([A-Za-z0-9.-]{1,253}))?$/.exec(text)
  if (match === null && text.includes('://')) throw new UsageError(`"${text.slice(0, 100)}" is not an upstream`, 'it does not have the form of one', 'write IP[:PORT], tls://IP[:PORT]#NAME or https://IP[:PORT]/PATH#NAME')
  if (match === null) return plainUpstream(parseEndpoint(text, DEFAULT_PORT.udp))
  const transport = match[1] === 'tls' ? 'tls' : 'https'
  if (transport === 'tls' && match[3] !== undefined) throw new UsageError(`"${text.slice(0, 100)}" is not an upstream`, 'tls:// takes no path', 'write tls://IP[:PORT]#NAME')
  const endpoint = parseEndpoint(match[2] ?? '', DEFAULT_PORT[transport])
  const path = transport === 'tls' ? '' : match[3] ?? DEFAULT_PATH
  return { transport, endpoint, serverName: match[4] ?? endpoint.address, path, trusted: true, title: `${transport}://${formatEndpoint(endpoint)}${path}` }
}

/** A server queried over UDP, and over TCP when an answer is too large. */
export function plainUpstream(endpoint: Endpoint): Upstream {
  return { transport: 'udp', endpoint, serverName: '', path: '', trusted: isLoopback(endpoint.address), title: formatEndpoint(endpoint) }
}
