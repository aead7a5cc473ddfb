/**
 * Where CONNECT may lead (RFC 9110 §9.3.6). The proxy cannot inspect a tunnel, so it allows only two destinations:
 * names of this network (ws:// of a hosted page), and port 443 on the public internet (https://).
 */
import { isIpAddress } from '../../kit/ip-address.ts'
import { isInPrefix, parseIpPrefix, type IpPrefix } from '../../kit/ip-prefix.ts'

export type ConnectVerdict = { readonly allowed: true; readonly own: boolean } | { readonly allowed: false; readonly why: string }

/**
 * @param host as in the CONNECT request
 * @param addresses of the host as our resolver found them, at least one; the tunnel must use one of these, without a
 * second lookup
 * @param domains names at or under these are our own, such as "home"
 */
export function judgeConnect(
  { host, port, addresses, domains }: { host: string; port: number; addresses: readonly string[]; domains: readonly string[] },
): ConnectVerdict {
  const isLiteral = isIpAddress(host)
  const isPublic = addresses.every(isPublicAddress)
  // A name with an address of this network must be registered at our DNS server: it removes such addresses from
  // upstream answers.
  const own = !isLiteral && (domains.some(domain => isUnder(host, domain)) || !addresses.some(isPublicAddress))
  if (own) return { allowed: true, own: true }
  if (isPublic && port === 443) return { allowed: true, own: false }
  if (isPublic) return { allowed: false, why: `${host} is outside this network, where tunnels may use port 443 only, not ${port}` }
  return { allowed: false, why: isLiteral ? `${host} is an address of this network, where tunnels may use names only` : `${host} has addresses both inside and outside this network` }
}

/** Whether a name is at or under the domain, ignoring case and a trailing dot. */
export function isUnder(name: string, domain: string): boolean {
  const [inner, outer] = [name, domain].map(text => text.toLowerCase().replace(/\.$/, ''))
  return outer !== undefined && outer !== '' && (inner === outer || inner?.endsWith(`.${outer}`) === true)
}

/** The addresses of the internet: for IPv6, the range allocated so far (RFC 4291 §2.4, IANA's registry). */
const INTERNET = prefixes('0.0.0.0/0', '2000::/3')

/**
 * Special-purpose addresses among them, which are not public (RFC 6890 and its registries), multicast, and the ranges
 * that embed an IPv4 address.
 */
const SPECIAL = prefixes(
  '0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12', '192.0.0.0/24', '192.0.2.0/24', '192.168.0.0/16',
  '198.18.0.0/15', '198.51.100.0/24', '203.0.113.0/24', '224.0.0.0/3', '2001::/32', '2001:db8::/32', '2002::/16', '3fff::/20',
)

function prefixes(...texts: readonly string[]): IpPrefix[] {
  return texts.flatMap(text => parseIpPrefix(text) ?? [])
}

/** Whether an address belongs to the public internet. */
export function isPublicAddress(address: string): boolean {
  const isIn = (prefix: IpPrefix) => isInPrefix(prefix, address)
  return INTERNET.some(isIn) && !SPECIAL.some(isIn)
}
