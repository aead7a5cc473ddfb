/**
 * Protection against DNS rebinding: evil.example points its own name at 192.168.1.1, and the browser then lets its page talk to
 * the router as if they were the same site. Private addresses are therefore removed from upstream answers for public names.
 * Zones listed in `--allow_private`, and those with a `--forward` server of their own, may have them.
 */
import type { ResourceRecord } from '../../wire/message.ts'
import { TYPE } from '../../wire/types.ts'
import type { Finding } from './finding.ts'

/** RFC 9460 §14.3.2. */
const KEY_IPV4HINT = 4
const KEY_IPV6HINT = 6

export interface Filtered {
  readonly finding: Finding
  /** One of the removed records. */
  readonly record: ResourceRecord
}

/**
 * The finding without private addresses; undefined if it has
 * none. The rest loses its signatures, which no longer match.
 */
export function withoutPrivateAddresses(finding: Finding): Filtered | undefined {
  const record = finding.answers.find(hasPrivateAddress)
  if (record === undefined) return undefined
  const answers = finding.answers.filter(each => !hasPrivateAddress(each) && each.type !== TYPE.RRSIG)
  return { finding: { rcode: finding.rcode, answers, authorities: [], authentic: false, filtered: true }, record }
}

function hasPrivateAddress({ type, rdata }: ResourceRecord): boolean {
  switch (type) {
    case TYPE.A: return isPrivateIpv4(rdata, 0)
    case TYPE.AAAA: return isPrivateIpv6(rdata)
    case TYPE.SVCB: case TYPE.HTTPS: return hasPrivateHint(rdata)
    default: return false
  }
}

/**
 * Checks the address hints of a service binding, which browsers may use instead of
 * A and AAAA records (RFC 9460 §7.3). Malformed ones count as private.
 */
function hasPrivateHint(rdata: Uint8Array): boolean {
  let at = 2
  while (at < rdata.length && rdata[at] !== 0) at += (rdata[at] ?? 0) + 1
  at++
  while (at < rdata.length) {
    const [key, length] = [uint16(rdata, at), uint16(rdata, at + 2)]
    const value = rdata.subarray(at + 4, at + 4 + length)
    const size = key === KEY_IPV4HINT ? 4 : key === KEY_IPV6HINT ? 16 : 0
    for (let from = 0; size > 0 && from < value.length; from += size) {
      if (size === 4 ? isPrivateIpv4(value, from) : isPrivateIpv6(value.subarray(from, from + size))) return true
    }
    at += 4 + length
  }
  return at !== rdata.length
}

function uint16(octets: Uint8Array, at: number): number {
  return (octets[at] ?? 0) * 0x100 + (octets[at + 1] ?? 0)
}

/** "This network" (RFC 1122), private (RFC 1918), loopback, link-local (RFC 3927). */
function isPrivateIpv4(octets: Uint8Array, at: number): boolean {
  const [first = 0, second = 0] = [octets[at], octets[at + 1]]
  return first === 0 || first === 10 || first === 127 || (first === 172 && second >>> 4 === 1) || (first === 192 && second === 168) || (first === 169 && second === 254)
}

/**
 * Unspecified, loopback, unique local (RFC 4193), link-local, the old
 * site-local (RFC 4291 §2.5), and any that embeds a private IPv4 address.
 */
function isPrivateIpv6(octets: Uint8Array): boolean {
  const [first = 0, second = 0] = octets
  if ((first & 0xfe) === 0xfc || (first === 0xfe && (second & 0x80) !== 0)) return true
  if (begins(octets, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff])) return isPrivateIpv4(octets, 12) // mapped, RFC 4291 §2.5.5.2
  if (begins(octets, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])) return true // unspecified, loopback, and the deprecated IPv4-compatible ones
  if (begins(octets, [0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0])) return isPrivateIpv4(octets, 12) // translated, RFC 6052
  return begins(octets, [0x20, 0x02]) && isPrivateIpv4(octets, 2) // 6to4, RFC 3056
}

function begins(octets: Uint8Array, prefix: readonly number[]): boolean {
  return prefix.every((octet, index) => octets[index] === octet)
}
