/**
 * Where CONNECT may lead (RFC 9110 §9.3.6). A tunnel's bytes cannot be looked into, so it is given for two things only: to names
 * of this network (ws:// of a hosted page) and to port 443 of the public internet (https://).
 */
import { parseIpv4, parseIpv6 } from '../../kit/ip-address.ts'

export type ConnectVerdict = { readonly allowed: true; readonly own: boolean } | { readonly allowed: false; readonly why: string }

/**
 * @param host as CONNECT names it
 * @param addresses what our resolver says it is; the tunnel must lead to one of these and to nothing looked up again
 * @param domains names at or under these are our own, such as "home"
 */
export function judgeConnect(
  { host, port, addresses, domains }: { host: string; port: number; addresses: readonly string[]; domains: readonly string[] },
): ConnectVerdict {
  const isLiteral = parseIpv4(host) !== undefined || parseIpv6(host) !== undefined
  const isPublic = addresses.length > 0 && addresses.every(isPublicAddress)
  // A name that our DNS server gives an address of this network was registered there: answers from outside may not hold such ones.
  const own = !isLiteral && (domains.some(domain => isUnder(host, domain)) || (addresses.length > 0 && !addresses.some(isPublicAddress)))
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

/** Networks that are not the public internet (RFC 6890 and its registry; multicast besides): first address, prefix length. */
const SPECIAL_IPV4: readonly (readonly [string, number])[] = [
  ['0.0.0.0', 8], ['10.0.0.0', 8], ['100.64.0.0', 10], ['127.0.0.0', 8], ['169.254.0.0', 16], ['172.16.0.0', 12], ['192.0.0.0', 24],
  ['192.0.2.0', 24], ['192.168.0.0', 16], ['198.18.0.0', 15], ['198.51.100.0', 24], ['203.0.113.0', 24], ['224.0.0.0', 3],
]

/** True for an address of the public internet. Of IPv6 that is 2000::/3 alone, without the ranges that carry an IPv4 address. */
export function isPublicAddress(address: string): boolean {
  const ipv4 = parseIpv4(address)
  if (ipv4 !== undefined) return !SPECIAL_IPV4.some(([network, bits]) => ipv4 >>> (32 - bits) === (parseIpv4(network) ?? 0) >>> (32 - bits))
  const [first = 0, second = 0, third = 0, fourth = 0] = parseIpv6(address) ?? []
  if (first >>> 5 !== 1) return false
  const isSixToFour = first === 0x20 && second === 0x02
  const isTeredoOrDocumentation = first === 0x20 && second === 0x01 && ((third === 0 && fourth === 0) || (third === 0x0d && fourth === 0xb8))
  return !isSixToFour && !isTeredoOrDocumentation
}
