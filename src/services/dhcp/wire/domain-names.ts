/**
 * Domain names in DHCP options, in the wire format of RFC 1035 §3.1: each label as its length and its characters, then
 * a 0.
 *
 * - Option 119, Domain Search (RFC 3397): one name after another. A name may end in a compression pointer (two bytes,
 *   the first 0xc0 or more) to the same suffix of an earlier name. The pointer is an offset into the option's
 *   concatenated value.
 * - Option 81, Client FQDN (RFC 4702): one name, never compressed. Without the final 0 the name is partial, such as
 *   `kettle`. As text, a fully qualified name ends in a dot: `kettle.home.`.
 */
import { latin1, type Codec } from './option-values.ts'

const LABEL_BYTES_MAX = 63
const NAME_LENGTH_MAX = 253
const NAMES_MAX = 128
const POINTER = 0xc0
const POINTER_OFFSET_MAX = 0x3fff

export const domainSearch: Codec<readonly string[]> = {
  shape: 'a list of domain names',
  decode(bytes) {
    const names: string[] = []
    for (let at = 0; at < bytes.length;) {
      const read = readName(bytes, at)
      if (read === undefined || !read.whole || read.labels.length === 0 || names.length === NAMES_MAX) return undefined
      names.push(read.labels.join('.'))
      at = read.endsAt
    }
    return names.length > 0 ? names : undefined
  },
  encode(names) {
    const bytes: number[] = []
    const suffixes = new Map<string, number>()
    for (const name of names.slice(0, NAMES_MAX)) writeCompressed(bytes, name, suffixes)
    return Uint8Array.from(bytes)
  },
}

/** The name a client wants to have in the DNS, and who should register it. */
export interface ClientFqdn {
  /** RFC 4702 §2.1: FQDN_FLAGS. */
  readonly flags: number
  readonly name: string
}

/**
 * S: the server updates the A record. O: the server overrides the client's preference for S. E: the name is in DNS wire
 * format. N: the server does no updates.
 */
export const FQDN_FLAGS = { S: 1, O: 2, E: 4, N: 8 } as const

/** The deprecated RCODE fields: senders set them to 255, receivers ignore them (RFC 4702 §2.2). */
const RCODE_UNUSED = 255

export const clientFqdn: Codec<ClientFqdn> = {
  shape: 'a name with flags',
  decode(bytes) {
    const [flags] = bytes
    if (flags === undefined || bytes.length < 3) return undefined
    const rest = bytes.subarray(3)
    if ((flags & FQDN_FLAGS.E) === 0) return { flags, name: latin1(rest) }
    const read = rest.length === 0 ? { labels: [], whole: false, endsAt: 0 } : readName(rest, 0)
    if (read === undefined || read.endsAt !== rest.length) return undefined
    return { flags, name: read.labels.join('.') + (read.whole ? '.' : '') }
  },
  encode({ flags, name }) {
    const head = [flags, RCODE_UNUSED, RCODE_UNUSED]
    if ((flags & FQDN_FLAGS.E) === 0) return Uint8Array.from([...head, ...charactersOf(name)])
    return Uint8Array.from([...head, ...name.split('.').filter(label => label !== '').flatMap(labelBytes), ...(name.endsWith('.') ? [0] : [])])
  },
}

/**
 * Reads one name. Pointers must lead strictly backwards, so the loop terminates.
 * @returns undefined if it is not a valid name; `whole` is false if the bytes end without the final 0
 */
function readName(bytes: Uint8Array, from: number): { labels: string[]; whole: boolean; endsAt: number } | undefined {
  const labels: string[] = []
  let length = 0
  let endsAt: number | undefined
  let lowest = from
  for (let at = from; ;) {
    const octet = bytes[at]
    if (octet === undefined) return { labels, whole: false, endsAt: endsAt ?? at }
    if (octet === 0) return { labels, whole: true, endsAt: endsAt ?? at + 1 }
    if (octet >= POINTER) {
      const target = ((octet & 0x3f) << 8) | (bytes[at + 1] ?? 0)
      if (at + 2 > bytes.length || target >= lowest) return undefined
      endsAt ??= at + 2
      lowest = target
      at = target
      continue
    }
    const label = latin1(bytes.subarray(at + 1, at + 1 + octet))
    length += label.length + 1
    // A dot inside a label would read as two labels in text.
    if (octet > LABEL_BYTES_MAX || label.length < octet || length > NAME_LENGTH_MAX + 1 || label.includes('.')) return undefined
    labels.push(label)
    at += 1 + octet
  }
}

/** @param suffixes the offset of each name suffix written so far */
function writeCompressed(bytes: number[], name: string, suffixes: Map<string, number>): void {
  const labels = name.split('.')
  for (const [index, label] of labels.entries()) {
    const suffix = labels.slice(index).join('.')
    const earlier = suffixes.get(suffix)
    if (earlier !== undefined) {
      bytes.push(POINTER | (earlier >>> 8), earlier & 255)
      return
    }
    if (bytes.length <= POINTER_OFFSET_MAX) suffixes.set(suffix, bytes.length)
    bytes.push(...labelBytes(label))
  }
  bytes.push(0)
}

function labelBytes(label: string): number[] {
  return [label.length, ...charactersOf(label)]
}

function charactersOf(text: string): number[] {
  return Array.from(text, character => character.charCodeAt(0) & 255)
}
