/** IPv4 and IPv6 prefixes: `192.168.1.0/24`, `fd00::/8` (RFC 4632 §3.1, RFC 4291 §2.3). */
import { parseIpv4, parseIpv6 } from './ip-address.ts'

export interface IpPrefix {
  /** Four octets, or sixteen. */
  readonly octets: Uint8Array
  readonly prefixBits: number
}

/** Parses `ADDRESS/BITS`; an address alone is a prefix of full length. Undefined for anything else. */
export function parseIpPrefix(text: string): IpPrefix | undefined {
  const [address = '', bits, surplus] = text.split('/')
  const octets = octetsOf(address)
  if (octets === undefined || surplus !== undefined) return undefined
  if (bits === undefined) return { octets, prefixBits: octets.length * 8 }
  return /^\d{1,3}$/.test(bits) && Number(bits) <= octets.length * 8 ? { octets, prefixBits: Number(bits) } : undefined
}

/** Whether an address is in the prefix. The zone of a link-local address (`fe80::1%eth0`) is ignored. */
export function isInPrefix({ octets, prefixBits }: IpPrefix, address: string): boolean {
  const tested = octetsOf(address.replace(/%.*$/, ''))
  if (tested?.length !== octets.length) return false
  return octets.every((octet, index) => {
    const counted = Math.min(8, Math.max(0, prefixBits - index * 8))
    return ((octet ^ (tested[index] ?? 0)) >>> (8 - counted)) === 0
  })
}

function octetsOf(address: string): Uint8Array | undefined {
  const ipv4 = parseIpv4(address)
  return ipv4 === undefined ? parseIpv6(address) : Uint8Array.from([ipv4 >>> 24, ipv4 >>> 16, ipv4 >>> 8, ipv4])
}
