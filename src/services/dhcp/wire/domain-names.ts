/**
 * Domain names in DHCP options, in the wire form of RFC 1035 §3.1: length and characters of each label, 0 at the end.
 *
 * - Option 119, domain search (RFC 3397): names one after another. The end of a name may be a pointer (two bytes, the first
 *   from 0xc0 on) to the same end of a name before it; it counts from the beginning of the option's joined value.
 * - Option 81, client FQDN (RFC 4702): one name, never compressed. Where the final 0 is missing the name is only the
 *   beginning of one, as in `kettle`; as text a whole name ends in a dot: `kettle.home.`.
 */
import { latin1, type Codec } from './option-values.ts'

const LABEL_BYTES_MAX = 63
const NAME_LENGTH_MAX = 253
const NAMES_MAX = 128
const POINTER = 0xc0
const POINTER_REACH = 0x3fff

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
    const endings = new Map<string, number>()
    for (const name of names.slice(0, NAMES_MAX)) writeCompressed(bytes, name, endings)
    return Uint8Array.from(bytes)
  },
}

/** What a client calls itself. */
export interface ClientFqdn {
  /** RFC 4702 §2.1: FQDN_FLAGS. */
  readonly flags: number
  readonly name: string
}

/** S: the server does the A record. O: it does though the client did not ask. E: the name is in wire form. N: nobody does. */
export const FQDN_FLAGS = { S: 1, O: 2, E: 4, N: 8 } as const

/** Codes of old DNS answers, which nobody reads any more (RFC 4702 §2.2). */
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
 * Reads one name. Pointers lead strictly backwards, so the walk ends.
 * @returns undefined where it is no name; `whole` is false where the bytes end without the final 0
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
    // A dot within a label would be two labels in text.
    if (octet > LABEL_BYTES_MAX || label.length < octet || length > NAME_LENGTH_MAX + 1 || label.includes('.')) return undefined
    labels.push(label)
    at += 1 + octet
  }
}

/** @param endings where each end of a name stands that was written before */
function writeCompressed(bytes: number[], name: string, endings: Map<string, number>): void {
  const labels = name.split('.')
  for (const [index, label] of labels.entries()) {
    const ending = labels.slice(index).join('.')
    const earlier = endings.get(ending)
    if (earlier !== undefined) {
      bytes.push(POINTER | (earlier >>> 8), earlier & 255)
      return
    }
    if (bytes.length <= POINTER_REACH) endings.set(ending, bytes.length)
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
