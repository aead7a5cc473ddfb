/**
 * Domain names, as text and as octets (RFC 1035 §3.1, §4.1.4, §5.1).
 *
 *     my-app.home   =   6 m y - a p p   4 h o m e   0
 *
 * A label is a length octet (1–63) and its octets; the empty label ends the name; all together at most 255 octets. Instead of
 * a label two octets may stand, 11 and 14 bits: "the rest stands at that offset of the message". Such a pointer must lead
 * strictly backwards here, so following pointers always ends.
 *
 * In text a name has no final dot, the root is `.`, and what is not plain in a label is escaped: `\.`, `\\`, `\032`. Text made
 * here is canonical (one name, one text but for upper and lower case), so lower-cased text is a key for a Map.
 */
import { MalformedPacket, UsageError } from '../../kit/errors.ts'
import type { OctetWriter } from './octets.ts'

export const ROOT = '.'
const LABEL_OCTETS_MAX = 63
const NAME_OCTETS_MAX = 255
/** No honest name needs more pointers than it can have labels. */
const POINTERS_MAX = 127
/** All names of one message together: what a message of 65,535 octets can blow up to by pointers is cut here. */
const DECODED_OCTETS_MAX = 512 * 1024
const POINTER_REACH = 0x4000

/** A name and where its octets end in the message. */
export interface DecodedName {
  readonly name: string
  readonly end: number
}

/** Reads the names of one message. What was read once is remembered by its offset, so pointers cost nothing twice. */
export class NameDecoder {
  readonly #known = new Map<number, { text: string; octets: number }>()
  #decodedOctets = 0
  readonly bytes: Uint8Array

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
  }

  /**
   * The name at an offset, in canonical text, case preserved.
   * @throws MalformedPacket: beyond the end, a pointer not strictly backwards, a label type other than 00 and 11, over 255 octets
   */
  decode(offset: number): DecodedName {
    const labels: { at: number; text: string; octets: number }[] = []
    let at = offset
    let segmentAt = offset
    let end = -1
    let pointers = 0
    let tail = this.#known.get(at)
    while (tail === undefined) {
      const length = this.#octet(at)
      if (length === 0) {
        if (end < 0) end = at + 1
        tail = { text: ROOT, octets: 1 }
      } else if (length <= LABEL_OCTETS_MAX) {
        this.#octet(at + length)
        labels.push({ at, text: formatLabel(this.bytes.subarray(at + 1, at + 1 + length)), octets: length + 1 })
        at += length + 1
        tail = this.#known.get(at)
        if (labels.length > POINTERS_MAX) throw new MalformedPacket(offset, 'RFC 1035 §3.1', 'a name has more than 127 labels')
      } else if (length >= 0xc0) {
        const target = (length & 0x3f) * 0x100 + this.#octet(at + 1)
        if (end < 0) end = at + 2
        if (target >= segmentAt) throw new MalformedPacket(at, 'RFC 1035 §4.1.4', `a pointer at ${at} leads to ${target}, which is not before its own name`)
        if (++pointers > POINTERS_MAX) throw new MalformedPacket(at, 'RFC 1035 §4.1.4', 'a name takes more than 127 pointers')
        at = target
        segmentAt = target
        tail = this.#known.get(at)
      } else throw new MalformedPacket(at, 'RFC 1035 §4.1.4', `a label begins with ${length}, which is neither a length nor a pointer`)
    }
    if (end < 0) end = this.#endOf(at)
    return { name: this.#remember(labels, tail, offset), end }
  }

  /** Counts octets that decoding made out of fewer: the sum for one message has a limit. */
  spend(octets: number, offset: number): void {
    this.#decodedOctets += octets
    if (this.#decodedOctets > DECODED_OCTETS_MAX) throw new MalformedPacket(offset, 'RFC 1035 §4.1.4', 'the names of one message are too large in sum')
  }

  /** Where a name that is known already ends: it was left at `at`, in its first run of labels. */
  #endOf(at: number): number {
    for (;;) {
      const length = this.#octet(at)
      if (length === 0) return at + 1
      if (length >= 0xc0) return at + 2
      at += length + 1
    }
  }

  #remember(labels: readonly { at: number; text: string; octets: number }[], tail: { text: string; octets: number }, offset: number): string {
    let { text, octets } = tail
    for (const label of [...labels].reverse()) {
      text = text === ROOT ? label.text : `${label.text}.${text}`
      octets += label.octets
      if (octets > NAME_OCTETS_MAX) throw new MalformedPacket(offset, 'RFC 1035 §3.1', 'a name has more than 255 octets')
      this.#known.set(label.at, { text, octets })
    }
    if (labels.length > 0) this.spend(octets, offset)
    return text
  }

  #octet(at: number): number {
    const octet = this.bytes[at]
    if (octet === undefined) throw new MalformedPacket(at, 'RFC 1035 §3.1', 'a name goes beyond the end')
    return octet
  }
}

/**
 * Writes a name, its end as a pointer where the same text was written before.
 * @param compress RFC 3597 §4 allows pointers to and in the types of RFC 1035 only
 * @throws UsageError where the text is no name
 */
export function encodeName(writer: OctetWriter, name: string, compress = true): void {
  const labels = labelsOf(name)
  for (const [index, label] of labels.entries()) {
    const suffix = labels.slice(index).join('.')
    const known = writer.nameOffsets.get(suffix)
    if (compress && known !== undefined) return writer.uint16(0xc000 | known)
    if (compress && writer.length < POINTER_REACH) writer.nameOffsets.set(suffix, writer.length)
    const octets = parseLabel(label, name)
    writer.uint8(octets.length)
    writer.octets(octets)
  }
  writer.uint8(0)
}

/**
 * Reads a name from text: `my-app.home`, `my-app.home.`, and with an origin `my-app` or `@` relative to it.
 * @returns canonical text
 * @throws UsageError naming the rule that is broken
 */
export function parseName(text: string, origin = ROOT): string {
  if (text === '@' && origin !== '') return origin
  if (text === ROOT) return ROOT
  const absolute = text.endsWith('.') && !/(^|[^\\])(\\\\)*\\\.$/.test(text)
  const labels = labelsOf(absolute ? text.slice(0, -1) : text)
  if (labels.join('.') !== (absolute ? text.slice(0, -1) : text)) throw notAName(text, 'a label is empty or an escape is not complete')
  const canonical = [...labels.map(label => formatLabel(parseLabel(label, text))), ...(absolute ? [] : labelsOf(origin))]
  if (canonical.length === 0) throw notAName(text, 'it is empty')
  const octets = canonical.reduce((sum, label) => sum + parseLabel(label, text).length + 1, 1)
  if (octets > NAME_OCTETS_MAX) throw notAName(text, `it needs ${octets} octets, ${NAME_OCTETS_MAX} is the limit`)
  return canonical.join('.')
}

/** Equal keys, equal names: ASCII case does not count (RFC 4343). */
export function nameKey(name: string): string {
  return name.toLowerCase()
}

/** The labels of a name in text, escapes kept. */
export function labelsOf(name: string): string[] {
  if (name === ROOT) return []
  return name.includes('\\') ? labelsWithEscapes(name) : name.split('.').filter(label => label !== '')
}

function labelsWithEscapes(name: string): string[] {
  return name.match(/(?:[^.\\]|\\\d{3}|\\[^\d])+/g) ?? []
}

/** The name without its first label; the root for a single label. */
export function parentOf(name: string): string {
  return labelsOf(name).slice(1).join('.') || ROOT
}

/** True for the ancestor itself and everything below it. */
export function isWithin(name: string, ancestor: string): boolean {
  const inner = nameKey(name)
  const outer = nameKey(ancestor)
  if (outer === ROOT || inner === outer) return true
  const dot = inner.length - outer.length - 1
  if (dot < 1 || inner[dot] !== '.' || !inner.endsWith(outer)) return false
  let backslashes = 0
  while (inner[dot - 1 - backslashes] === '\\') backslashes++
  return backslashes % 2 === 0 // An odd one belongs to the dot: that one divides no labels.
}

/** An octet as it stands in text: escaped where a master file would read it as something else (RFC 1035 §5.1). */
export function formatOctet(octet: number, specials: string): string {
  const character = String.fromCharCode(octet)
  if (octet < 0x21 || octet > 0x7e) return octet === 0x20 && !specials.includes(' ') ? ' ' : `\\${String(octet).padStart(3, '0')}`
  return specials.includes(character) ? `\\${character}` : character
}

/**
 * The octets of text with escapes; each character up to U+00FF is one octet.
 * @returns undefined where an escape is not complete or over 255, or a character is beyond U+00FF
 */
export function parseOctets(text: string): Uint8Array | undefined {
  const octets: number[] = []
  for (let at = 0; at < text.length; at++) {
    let code = text.charCodeAt(at)
    if (text[at] === '\\') {
      const digits = /^\d{3}/.exec(text.slice(at + 1))?.[0]
      code = digits === undefined ? text.charCodeAt(at + 1) : Number(digits)
      at += digits === undefined ? 1 : 3
    }
    if (!(code <= 255)) return undefined
    octets.push(code)
  }
  return Uint8Array.from(octets)
}

/** What each octet is in a label's text. */
const LABEL_TEXTS: readonly string[] = Array.from({ length: 256 }, (_, octet) => formatOctet(octet, ' ."\\;@$()'))

function formatLabel(octets: Uint8Array): string {
  let text = ''
  for (const octet of octets) text += LABEL_TEXTS[octet] ?? ''
  return text
}

function parseLabel(label: string, name: string): Uint8Array {
  const octets = parseOctets(label)
  if (octets === undefined) throw notAName(name, `"${label}" has an escape or a character that no label can have`)
  if (octets.length === 0) throw notAName(name, 'a label is empty')
  if (octets.length > LABEL_OCTETS_MAX) throw notAName(name, `the label "${label.slice(0, 20)}…" has ${octets.length} octets, ${LABEL_OCTETS_MAX} is the limit`)
  return octets
}

function notAName(text: string, why: string): UsageError {
  return new UsageError(`"${text.slice(0, 80)}" is no domain name`, why, 'write a name such as my-app.home')
}
