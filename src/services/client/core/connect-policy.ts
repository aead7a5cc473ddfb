/**
 * Where CONNECT may lead (RFC 9110 §9.3.6). A tunnel's bytes cannot be looked into, so it is given for two things only: to names
 * of this network (ws:// of a hosted page) and to port 443 of the public internet (https://).
 */
import { isIpAddress } from '../../kit/ip-address.ts'
import { isInPrefix, parseIpPrefix, type IpPrefix } from '../../kit/ip-prefix.ts'

export type ConnectVerdict = { readonly allowed: true; readonly own: boolean } | { readonly allowed: false; readonly why: string }

/**
 * @param host as CONNECT names it
 * @param addresses what our resolver says it is, at least one; the tunnel must lead to one of these and to nothing looked up again
 * @param domains names at or under these are our own, such as "home"
 */
export function judgeConnect(
  { host, port, addresses, domains }: { host: string; port: number; addresses: readonly string[]; domains: readonly string[] },
): ConnectVerdict {
  const isLiteral = isIpAddress(host)
  const isPublic = addresses.every(isPublicAddress)
  // A name that our DNS server gives an address of this network was registered there: answers from outside may not hold such ones.
  const own = !isLiteral && (domains.some(domain => isUnder(host, domain)) || !addresses.some(isPublicAddress))
  if (own) return { allowed: true, own: true }
  if (isPublic && port === 443) return { allowed: true, own: false }
  if (isPublic) return { allowed: false, why: `${host} is outside this network, where only port 443 may be tunnelled to, not ${port}` }
  return { allowed: false, why: isLiteral ? `${host} is an address of this network; only its names may be tunnelled to` : `${host} is partly in this network and partly outside` }
}

/** True for a name that is the domain or lies under it, whatever the case and a closing dot. */
export function isUnder(name: string, domain: string): boolean {
  const [inner, outer] = [name, domain].map(text => text.toLowerCase().replace(/\.$/, ''))
  return outer !== undefined && outer !== '' && (inner === outer || inner?.endsWith(`.${outer}`) === true)
}

/** The internet's addresses: of IPv6 those that are given out (RFC 4291 §2.4, IANA's registry). */
const INTERNET = prefixes('0.0.0.0/0', '2000::/3')

/** What is not public of these (RFC 6890 and its registries): multicast besides, and the ranges that carry an IPv4 address. */
const SPECIAL = prefixes(
  '0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12', '192.0.0.0/24', '192.0.2.0/24', '192.168.0.0/16',
  '198.18.0.0/15', '198.51.100.0/24', '203.0.113.0/24', '224.0.0.0/3', '2001::/32', '2001:db8::/32', '2002::/16', '3fff::/20',
)

function prefixes(...texts: readonly string[]): IpPrefix[] {
  return texts.flatMap(text => parseIpPrefix(text) ?? [])
}

/** True for an address of the public internet. */
export function isPublicAddress(address: string): boolean {
  const isIn = (prefix: IpPrefix) => isInPrefix(prefix, address)
  return INTERNET.some(isIn) && !SPECIAL.some(isIn)
}
