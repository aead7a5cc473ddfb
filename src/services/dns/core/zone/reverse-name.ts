/**
 * Addresses as names: `192.0.2.1` is `1.2.0.192.in-addr.arpa` (RFC 1035 §3.5); IPv6 uses one label per nibble under
 * `ip6.arpa` (RFC 3596 §2.5).
 */
import { labelsOf, nameKey } from '../../wire/name.ts'

/** The address, or the prefix of one, that a reverse name encodes. */
export interface ReversePrefix {
  /** 4 or 16 octets, zero beyond the prefix. */
  readonly address: Uint8Array
  readonly bits: number
}

interface Family {
  readonly suffix: string
  readonly octets: 4 | 16
  /** The bits per label, and their notation. */
  readonly bits: 8 | 4
  readonly label: RegExp
  readonly radix: 10 | 16
}

const FAMILIES: readonly Family[] = [
  { suffix: '.in-addr.arpa', octets: 4, bits: 8, label: /^(0|[1-9]\d?|1\d\d|2[0-4]\d|25[0-5])$/, radix: 10 },
  { suffix: '.ip6.arpa', octets: 16, bits: 4, label: /^[0-9a-f]$/, radix: 16 },
]

/** The prefix that a reverse name encodes (24 bits for `2.0.192.in-addr.arpa`); undefined for other names. */
export function parseReverseName(name: string): ReversePrefix | undefined {
  const key = nameKey(name)
  const family = FAMILIES.find(({ suffix }) => key.endsWith(suffix))
  if (family === undefined) return undefined
  const labels = labelsOf(key.slice(0, -family.suffix.length))
  if (labels.length * family.bits > family.octets * 8 || !labels.every(label => family.label.test(label))) return undefined
  const address = new Uint8Array(family.octets)
  for (const [index, label] of labels.reverse().entries()) {
    const bit = index * family.bits
    // The first of two nibbles is the upper half of its octet.
    address[bit >>> 3] = (address[bit >>> 3] ?? 0) | parseInt(label, family.radix) << (8 - family.bits - (bit & 7))
  }
  return { address, bits: labels.length * family.bits }
}

/** True if the name encodes a whole address. */
export function isWholeAddress({ address, bits }: ReversePrefix): boolean {
  return bits === address.length * 8
}
