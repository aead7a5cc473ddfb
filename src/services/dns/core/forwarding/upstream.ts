/**
 * A server that is asked for what is not known here, and how: by UDP (RFC 1035), over TLS (DoT, RFC 7858) or over HTTPS (DoH,
 * RFC 8484). As text:
 *
 *     9.9.9.9   9.9.9.9:5353   [2620:fe::fe]:53
 *     tls://9.9.9.9#dns.quad9.net                     the name that its certificate has to show stands behind the #
 *     https://9.9.9.9/dns-query#dns.quad9.net
 *
 * The address is always a literal: who finds names cannot need a name to begin.
 */
import { formatEndpoint, parseEndpoint, type Endpoint } from '../../../kit/endpoint.ts'
import { UsageError } from '../../../kit/errors.ts'
import { isLoopback } from '../../../kit/ip-address.ts'

export interface Upstream {
  readonly transport: 'udp' | 'tls' | 'https'
  readonly endpoint: Endpoint
  /** Whom the certificate has to name: a host name, or the address where the text has none. */
  readonly serverName: string
  /** Of the HTTPS resource. */
  readonly path: string
  /** Nobody on the way can change what it says, so its "authentic data" counts (RFC 6840 §5.8): encrypted, or this machine. */
  readonly trusted: boolean
  /** As in every sentence and table: `9.9.9.9:53`, `tls://9.9.9.9:853`. */
  readonly title: string
}

const DEFAULT_PORT = { udp: 53, tls: 853, https: 443 } as const
const DEFAULT_PATH = '/dns-query'

/** @throws UsageError saying what is wrong */
export function parseUpstream(text: string): Upstream {
  const match = /^(tls|https):\/\/([^/#]+)(\/[\x21-\x22\x24-\x7e]*)?(?:#([A-Za-z0-9.-]{1,253}))?$/.exec(text)
  if (match === null && text.includes('://')) throw new UsageError(`"${text.slice(0, 100)}" is no upstream`, 'it is not written as an upstream is', 'write IP[:PORT], tls://IP[:PORT]#NAME or https://IP[:PORT]/PATH#NAME')
  if (match === null) return plainUpstream(parseEndpoint(text, DEFAULT_PORT.udp))
  const transport = match[1] === 'tls' ? 'tls' : 'https'
  if (transport === 'tls' && match[3] !== undefined) throw new UsageError(`"${text.slice(0, 100)}" is no upstream`, 'TLS has no path', 'write tls://IP[:PORT]#NAME')
  const endpoint = parseEndpoint(match[2] ?? '', DEFAULT_PORT[transport])
  const path = transport === 'tls' ? '' : match[3] ?? DEFAULT_PATH
  return { transport, endpoint, serverName: match[4] ?? endpoint.address, path, trusted: true, title: `${transport}://${formatEndpoint(endpoint)}${path}` }
}

/** A server asked by UDP, and by TCP where an answer is too large for that. */
export function plainUpstream(endpoint: Endpoint): Upstream {
  return { transport: 'udp', endpoint, serverName: '', path: '', trusted: isLoopback(endpoint.address), title: formatEndpoint(endpoint) }
}
