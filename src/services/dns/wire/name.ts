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
import { Budget } from './budget.ts'
import type { OctetReader, OctetWriter } from './octets.ts'

export const ROOT = '.'
const LABEL_OCTETS_MAX = 63
export const NAME_OCTETS_MAX = 255
/** Each dot of the text is a length octet; one more length and the final zero. */
const CHARACTERS_ALWAYS_FIT = NAME_OCTETS_MAX - 2
/** Nearly every name that is written: no escapes, lawful labels. */
const PLAIN = /^(?:[\w*-]{1,63}\.)*[\w*-]{1,63}$/
/** No honest name needs more pointers than it can have labels. */
const POINTERS_MAX = 127
const POINTER = 0xc0
const POINTER_OCTETS = 2
const BACKSLASH = 0x5c
const DOT = 0x2e
/** A pointer has 14 bits. */
const POINTER_REACH = 0x4000

/** A name and where its octets end in the message. */
export interface DecodedName {
  readonly name: string
  readonly end: number
}

interface KnownName {
  readonly at: number
  readonly name: string
  /** What it is charged: its octets, or its characters if those are more. */
  readonly cost: number
}

/** A name that is read, written out; one at a time. Then its text, in which an octet may be four characters. */
const expanded = new Uint8Array(NAME_OCTETS_MAX)
const characters = new Uint8Array(4 * NAME_OCTETS_MAX)

/** Reads the names of one message. */
export class NameDecoder {
  /** The name of the question, and the one read last: nearly all pointers lead to one of them. */
  #first: KnownName | undefined
  #latest: KnownName | undefined
  /** Where the octets end of the name that was expanded last. */
  #end = 0
  readonly bytes: Uint8Array
  readonly budget: Budget

  constructor(bytes: Uint8Array, budget = new Budget(bytes.length)) {
    this.bytes = bytes
    this.budget = budget
  }

  /**
   * The name at an offset, in canonical text, case preserved.
   * @throws MalformedPacket: beyond the end, a pointer not strictly backwards, a label type other than 00 and 11, over 255 octets,
   * or more than the budget of the message
   */
  decode(offset: number): DecodedName {
    const first = this.#octet(offset)
    const at = first < POINTER ? offset : (first - POINTER) * 0x100 + this.#octet(offset + 1)
    const known = this.#first?.at === at ? this.#first : this.#latest
    if (known?.at === at && at < offset) {
      this.budget.spend(known.cost + POINTER_OCTETS, offset)
      return { name: known.name, end: offset + POINTER_OCTETS }
    }
    const octets = this.#expand(offset)
    const name = formatExpanded(octets)
    const cost = Math.max(octets, name.length)
    this.budget.spend(cost - octets, offset)
    this.#latest = { at, name, cost }
    this.#first ??= this.#latest
    return { name, end: this.#end }
  }

  /** The name that the reader stands at; it moves behind it. @throws MalformedPacket as `decode`, or where the name ends beyond the reader's end */
  read(reader: OctetReader): string {
    const { name, end } = this.decode(reader.offset)
    moveTo(end, reader)
    return name
  }

  /** Writes the name that the reader stands at without pointers; the reader moves behind it. @throws MalformedPacket as `read` */
  copy(reader: OctetReader, writer: OctetWriter): void {
    const octets = this.#expand(reader.offset)
    moveTo(this.#end, reader)
    writer.octets(expanded.subarray(0, octets))
  }

  /** Writes the name at an offset out into `expanded`. @returns how many octets it has */
  #expand(offset: number): number {
    let octets = 0
    let at = offset
    /** Where the labels begin that are read now: a pointer leads to before them. */
    let segmentAt = offset
    let pointers = 0
    let length = this.#octet(at)
    while (length !== 0) {
      if (length <= LABEL_OCTETS_MAX) {
        if (octets + length + 2 > NAME_OCTETS_MAX) throw new MalformedPacket(offset, 'RFC 1035 §3.1', 'a name has more than 255 octets')
        if (at + length >= this.bytes.length) throw beyondEnd(at)
        expanded[octets++] = length
        for (const labelEnd = at++ + length; at <= labelEnd; at++) expanded[octets++] = this.bytes[at] ?? 0
      } else if (length >= POINTER) {
        const target = (length - POINTER) * 0x100 + this.#octet(at + 1)
        if (target >= segmentAt) throw new MalformedPacket(at, 'RFC 1035 §4.1.4', `a pointer at ${at} leads to ${target}, which is not before its own name`)
        if (pointers === 0) this.#end = at + POINTER_OCTETS
        if (++pointers > POINTERS_MAX) throw new MalformedPacket(at, 'RFC 1035 §4.1.4', 'a name takes more than 127 pointers')
        at = target
        segmentAt = target
      } else throw new MalformedPacket(at, 'RFC 1035 §4.1.4', `a label begins with ${length}, which is neither a length nor a pointer`)
      length = this.#octet(at)
    }
    expanded[octets++] = 0
    if (pointers === 0) this.#end = at + 1
    this.budget.spend(octets + POINTER_OCTETS * pointers, offset)
    return octets
  }

  #octet(at: number): number {
    const octet = this.bytes[at]
    if (octet === undefined) throw beyondEnd(at)
    return octet
  }
}

function beyondEnd(at: number): MalformedPacket {
  return new MalformedPacket(at, 'RFC 1035 §3.1', 'a name goes beyond the end')
}

function moveTo(end: number, reader: OctetReader): void {
  if (end > reader.end) throw new MalformedPacket(reader.offset, 'RFC 1035 §4.1.3', 'a name goes beyond its record data')
  reader.offset = end
}

/** The text of the name in `expanded`. */
function formatExpanded(octets: number): string {
  let length = 0
  let nextLabelAt = 1 + (expanded[0] ?? 0)
  for (let at = 1; at < octets - 1; at++) {
    const octet = expanded[at] ?? 0
    if (at === nextLabelAt) {
      characters[length++] = DOT
      nextLabelAt += 1 + octet
    } else if (IS_PLAIN[octet] === 1) characters[length++] = octet
    else for (const character of LABEL_TEXTS[octet] ?? '') characters[length++] = character.charCodeAt(0)
  }
  return length === 0 ? ROOT : textOf(length)
}

/** Sixteen at a time, then four: to join text of single characters is what reading a name costs most. */
function textOf(length: number): string {
  const c = characters
  let text = ''
  let at = 0
  for (; at + 16 <= length; at += 16) {
    text += String.fromCharCode(
      c[at] ?? 0, c[at + 1] ?? 0, c[at + 2] ?? 0, c[at + 3] ?? 0, c[at + 4] ?? 0, c[at + 5] ?? 0, c[at + 6] ?? 0, c[at + 7] ?? 0,
      c[at + 8] ?? 0, c[at + 9] ?? 0, c[at + 10] ?? 0, c[at + 11] ?? 0, c[at + 12] ?? 0, c[at + 13] ?? 0, c[at + 14] ?? 0, c[at + 15] ?? 0,
    )
  }
  for (; at + 4 <= length; at += 4) text += String.fromCharCode(c[at] ?? 0, c[at + 1] ?? 0, c[at + 2] ?? 0, c[at + 3] ?? 0)
  for (; at < length; at++) text += String.fromCharCode(c[at] ?? 0)
  return text
}

/**
 * Writes a name, its end as a pointer where the same name stands already. Letters count as equal in either case (RFC 4343 §3),
 * so the owner of an answer points to the question and shows the very letters that were asked with.
 * @param name canonical text
 * @param compress RFC 3597 §4 allows pointers to and in the types of RFC 1035 only
 * @throws UsageError where the text is no name
 */
export function encodeName(writer: OctetWriter, name: string, compress = true): void {
  if (name.length > CHARACTERS_ALWAYS_FIT) checkLength(name)
  const key = compress ? nameKey(name) : ''
  for (let at = 0; at < name.length && name !== ROOT;) {
    if (compress) {
      const rest = key.slice(at)
      const known = writer.nameOffsets.get(rest)
      if (known !== undefined) return writer.uint16(POINTER * 0x100 | known)
      if (writer.length < POINTER_REACH) writer.nameOffsets.set(rest, writer.length)
    }
    const end = labelEnd(name, at)
    encodeLabel(writer, name, at, end)
    at = end + 1
  }
  writer.uint8(0)
}

/** A label is written as it stands where nothing in it is escaped. */
function encodeLabel(writer: OctetWriter, name: string, at: number, end: number): void {
  for (let index = at; index < end; index++) {
    const code = name.charCodeAt(index)
    if (code !== BACKSLASH && code < 0x7f) continue
    const octets = parseLabel(name.slice(at, end), name)
    writer.uint8(octets.length)
    return writer.octets(octets)
  }
  if (end === at || end - at > LABEL_OCTETS_MAX) parseLabel(name.slice(at, end), name)
  writer.uint8(end - at)
  writer.characters(name, at, end)
}

/**
 * Reads a name from text: `my-app.home`, `my-app.home.`, and with an origin `my-app` or `@` relative to it.
 * @returns canonical text
 * @throws UsageError naming the rule that is broken
 */
export function parseName(text: string, origin = ROOT): string {
  if (text === '@' && origin !== '') return origin
  if (text === ROOT) return ROOT
  const isAbsolute = text.endsWith('.') && !isEscaped(text, text.length - 1)
  const own = isAbsolute ? text.slice(0, -1) : text
  const canonical = own.length <= CHARACTERS_ALWAYS_FIT && PLAIN.test(own) ? copyOf(own) : canonicalOf(own, text)
  const name = isAbsolute || origin === ROOT || origin === '' ? canonical : `${canonical}.${origin}`
  if (name.length > CHARACTERS_ALWAYS_FIT) checkLength(name)
  return name
}

/** The same text, which does not keep the whole file alive that a name was cut out of, as V8's substrings do. */
function copyOf(name: string): string {
  for (let at = 0; at < name.length; at++) characters[at] = name.charCodeAt(at)
  return textOf(name.length)
}

function canonicalOf(own: string, text: string): string {
  if (own === '') throw notAName(text, 'it is empty')
  const labels = labelsOf(own)
  if (labels.join('.') !== own) throw notAName(text, 'a label is empty or an escape is not complete')
  return labels.map(label => formatLabel(parseLabel(label, text))).join('.')
}

function checkLength(name: string): void {
  const octets = octetsOf(name)
  if (octets > NAME_OCTETS_MAX) throw notAName(name, `it needs ${octets} octets, ${NAME_OCTETS_MAX} is the limit`)
}

/** Of a name on the wire, without pointers. */
export function octetsOf(name: string): number {
  return labelsOf(name).reduce((sum, label) => sum + parseLabel(label, name).length + 1, 1)
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

/** The index of the dot that ends the label at an index, or of the end. */
function labelEnd(name: string, at: number): number {
  let end = name.indexOf('.', at)
  while (end >= 0 && isEscaped(name, end)) end = name.indexOf('.', end + 1)
  return end < 0 ? name.length : end
}

/** True where an odd number of backslashes stands before: the last one belongs to the character at the index. */
function isEscaped(name: string, index: number): boolean {
  let backslashes = 0
  while (name.charCodeAt(index - 1 - backslashes) === BACKSLASH) backslashes++
  return backslashes % 2 === 1
}

function labelsWithEscapes(name: string): string[] {
  return name.match(/(?:[^.\\]|\\\d{3}|\\[^\d])+/g) ?? []
}

/** True for the ancestor itself and everything below it. */
export function isWithin(name: string, ancestor: string): boolean {
  const inner = nameKey(name)
  const outer = nameKey(ancestor)
  if (outer === ROOT || inner === outer) return true
  const dot = inner.length - outer.length - 1
  if (dot < 1 || inner[dot] !== '.' || !inner.endsWith(outer)) return false
  return !isEscaped(inner, dot)
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
const IS_PLAIN = Uint8Array.from(LABEL_TEXTS, text => text.length === 1 ? 1 : 0)

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
