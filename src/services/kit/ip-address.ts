/** IP addresses as numbers, bytes and text. IPv4 is a uint32 in host order; IPv6 is sixteen bytes. */

const DOT = 0x2e
const ZERO = 0x30
const NINE = 0x39

/** `192.168.1.50` → 3232235826, or undefined if the text is not a dotted quad (RFC 6943 §3.1.1, strict form). */
export function parseIpv4(text: string): number | undefined {
  let value = 0
  let octet = 0
  let digits = 0
  let dots = 0
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === DOT && digits > 0 && dots < 3) {
      value = value * 256 + octet
      octet = digits = 0
      dots++
      continue
    }
    const hasLeadingZero = digits > 0 && octet === 0
    if (code < ZERO || code > NINE || hasLeadingZero) return undefined
    octet = octet * 10 + code - ZERO
    if (octet > 255) return undefined
    digits++
  }
  return dots === 3 && digits > 0 ? value * 256 + octet : undefined
}

/** 3232235826 → `192.168.1.50`. */
export function formatIpv4(value: number): string {
  return `${value >>> 24}.${(value >>> 16) & 255}.${(value >>> 8) & 255}.${value & 255}`
}

/** The sixteen bytes of an IPv6 address (RFC 4291 §2.2; it may end in a dotted quad, but has no zone index), or undefined. */
export function parseIpv6(text: string): Uint8Array | undefined {
  const halves = text.split('::')
  if (halves.length > 2) return undefined
  const head = groupsOf(halves[0] ?? '', halves.length === 1)
  const tail = halves.length === 2 ? groupsOf(halves[1] ?? '', true) : []
  if (head === undefined || tail === undefined) return undefined
  const missing = 8 - head.length - tail.length
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined
  const groups = [...head, ...new Array<number>(missing).fill(0), ...tail]
  const bytes = new Uint8Array(16)
  groups.forEach((group, index) => {
    bytes[index * 2] = group >>> 8
    bytes[index * 2 + 1] = group & 255
  })
  return bytes
}

function groupsOf(text: string, mayEndInIpv4: boolean): number[] | undefined {
  if (text === '') return []
  const groups: number[] = []
  const parts = text.split(':')
  for (const [index, part] of parts.entries()) {
    const last = index === parts.length - 1
    if (last && mayEndInIpv4 && part.includes('.')) {
      const ipv4 = parseIpv4(part)
      if (ipv4 === undefined) return undefined
      groups.push(ipv4 >>> 16, ipv4 & 0xffff)
    } else if (/^[0-9a-fA-F]{1,4}$/.test(part)) groups.push(parseInt(part, 16))
    else return undefined
  }
  return groups
}

/** The canonical text of sixteen bytes (RFC 5952 §4: lowercase, with the first of the longest runs of zero groups shortened). */
export function formatIpv6(bytes: Uint8Array): string {
  const groups = Array.from({ length: 8 }, (_, index) => ((bytes[index * 2] ?? 0) << 8) | (bytes[index * 2 + 1] ?? 0))
  let best = { start: -1, length: 1 }
  for (let start = 0; start < 8; start++) {
    let length = 0
    while (start + length < 8 && groups[start + length] === 0) length++
    if (length > best.length) best = { start, length }
  }
  const hex = groups.map(group => group.toString(16))
  if (best.start < 0) return hex.join(':')
  return `${hex.slice(0, best.start).join(':')}::${hex.slice(best.start + best.length).join(':')}`
}

export function isIpAddress(text: string): boolean {
  return parseIpv4(text) !== undefined || parseIpv6(text) !== undefined
}

/** The canonical text of an address (RFC 5952), for comparison: `0:0:0:0:0:0:0:1` is `::1`. Anything but an IPv6 address is returned as it is. */
export function canonicalIp(text: string): string {
  const ipv6 = parseIpv6(text)
  return ipv6 === undefined ? text : formatIpv6(ipv6)
}

/** True for 127.0.0.0/8 and ::1 (RFC 1122 §3.2.1.3, RFC 4291 §2.5.3). */
export function isLoopback(text: string): boolean {
  const ipv4 = parseIpv4(text)
  if (ipv4 !== undefined) return ipv4 >>> 24 === 127
  const ipv6 = parseIpv6(text)
  return ipv6 !== undefined && formatIpv6(ipv6) === '::1'
}

/** True for fe80::/10 (RFC 4291 §2.5.6), whose addresses are valid on a single link only. */
export function isLinkLocalIpv6(text: string): boolean {
  return /^fe[89ab][0-9a-f]:/i.test(text)
}

/** True for `0.0.0.0` and `::`, which mean all addresses of this machine. */
export function isWildcard(text: string): boolean {
  return text === '0.0.0.0' || text === '::'
}

/** An IPv4 network: its first address as a uint32, and its prefix length. */
export interface Subnet {
  readonly network: number
  readonly prefixBits: number
}

/** The subnet mask of a prefix length: 24 → 0xffffff00. */
export function maskOf(prefixBits: number): number {
  return prefixBits === 0 ? 0 : (0xffffffff << (32 - prefixBits)) >>> 0
}

/** The prefix length of a mask, or undefined if its ones are not contiguous. */
export function prefixBitsOf(mask: number): number | undefined {
  for (let bits = 0; bits <= 32; bits++) if (maskOf(bits) === mask) return bits
  return undefined
}

export function subnetOf(address: number, prefixBits: number): Subnet {
  return { network: (address & maskOf(prefixBits)) >>> 0, prefixBits }
}

export function subnetContains(subnet: Subnet, address: number): boolean {
  return ((address & maskOf(subnet.prefixBits)) >>> 0) === subnet.network
}

/** The subnet-directed broadcast address (RFC 919 §7). */
export function broadcastOf(subnet: Subnet): number {
  return (subnet.network | ~maskOf(subnet.prefixBits)) >>> 0
}
