/** Addresses as names: `192.0.2.1` is `1.2.0.192.in-addr.arpa` (RFC 1035 §3.5), IPv6 goes by half octets under `ip6.arpa` (RFC 3596 §2.5). */
import { TYPE } from '../wire/types.ts'

/** The name that a PTR question for this A or AAAA data asks; undefined for other types. */
export function reverseNameOf(type: number, rdata: Uint8Array): string | undefined {
  if (type === TYPE.A) return `${[...rdata].reverse().join('.')}.in-addr.arpa`
  if (type !== TYPE.AAAA) return undefined
  const halves = [...rdata].flatMap(octet => [octet >>> 4, octet & 15])
  return `${halves.reverse().map(half => half.toString(16)).join('.')}.ip6.arpa`
}
