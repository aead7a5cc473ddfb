/**
 * Domain names, as text and as octets (RFC 1035 §3.1, §4.1.4, §5.1).
 *
 *     my-app.home   =   6 m y - a p p   4 h o m e   0
 *
 * A label is a length octet (1–63) followed by that many octets. The empty label ends the name. The whole name takes at
 * most 255 octets. Instead of a label there may be a pointer of two octets: the bits 11, then the 14-bit offset in the
 * message where the rest of the name is. Here a pointer must lead strictly backward, so following pointers always
 * terminates.
 *
 * As text, a name has no final dot and the root is `.`. Special and non-printable octets in a label are escaped: `\.`,
 * `\\`, `\032`. Text produced here is canonical: a name has one text, apart from case. Lowercased text can therefore serve
 * as a Map key.
 */
import { MalformedPacket, UsageError } from '../../kit/errors.ts'
import { Budget } from './budget.ts'
import type { OctetReader, OctetWriter } from './octets.ts'

export const ROOT = '.'
const LABEL_OCTETS_MAX = 63
export const NAME_OCTETS_MAX = 255
/** Text up to this length fits: each dot becomes a length octet, and only the first length and the final zero come on top. */
const CHARACTERS_ALWAYS_FIT = NAME_OCTETS_MAX - 2
/** Matches nearly every name in practice: no escapes, labels of valid length. */
const PLAIN = /^(?:[\w*-]{1,63}\.)*[\w*-]{1,63}$/
/** No legitimate name needs more pointers than it can have labels. */
const POINTERS_MAX = 127
const POINTER = 0xc0
const POINTER_OCTETS = 2
const BACKSLASH = 0x5c
const DOT = 0x2e
/** A pointer holds a 14-bit offset. */
const POINTER_REACH = 0x4000

/** A name, and the offset just past its octets in the message. */
export interface DecodedName {
  readonly name: string
  readonly end: number
}

interface KnownName {
  readonly at: number
  readonly name: string
  /** The charge to the budget: its octets or its characters, whichever is more. */
  readonly cost: number
}

/**
 * Scratch space for one name at a time: its octets without pointers, then its text, where an octet may take four
 * characters.
 */
const expanded = new Uint8Array(NAME_OCTETS_MAX)
const characters = new Uint8Array(4 * NAME_OCTETS_MAX)

/** Reads the names of one message. */
export class NameDecoder {
  /** The first name of the message (the question's) and the last one read. Nearly all pointers lead to one of these. */
  #first: KnownName | undefined
  #latest: KnownName | undefined
  /** The offset just past the octets of the name expanded last. */
  #end = 0
  readonly bytes: Uint8Array
  readonly budget: Budget

  constructor(bytes: Uint8Array, budget = new Budget(bytes.length)) {
    this.bytes = bytes
    this.budget = budget
  }

  /**
   * The name at an offset, as canonical text, case preserved.
   * @throws MalformedPacket if the name runs past the end, has a pointer that does not lead strictly backward or a label type
   * other than 00 and 11, takes more than 255 octets, or exceeds the budget of the message
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

  /**
   * Reads the name at the reader's offset.
   * @throws MalformedPacket as `decode`, or if the name runs past the reader's end
   */
  read(reader: OctetReader): string {
    const { name, end } = this.decode(reader.offset)
    moveTo(end, reader)
    return name
  }

  /** Copies the name at the reader's offset to the writer, without pointers. @throws MalformedPacket as `read` */
  copy(reader: OctetReader, writer: OctetWriter): void {
    const octets = this.#expand(reader.offset)
    moveTo(this.#end, reader)
    writer.octets(expanded.subarray(0, octets))
  }

  /** Expands the name at an offset into `expanded`. @returns its length in octets */
  #expand(offset: number): number {
    let octets = 0
    let at = offset
    /** The start of the current run of labels. A pointer must lead to an offset before it. */
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
        if (target >= segmentAt) throw new MalformedPacket(at, 'RFC 1035 §4.1.4', `the pointer at ${at} leads to ${target}, which is not before its own name`)
        if (pointers === 0) this.#end = at + POINTER_OCTETS
        if (++pointers > POINTERS_MAX) throw new MalformedPacket(at, 'RFC 1035 §4.1.4', 'a name has more than 127 pointers')
        at = target
        segmentAt = target
      } else throw new MalformedPacket(at, 'RFC 1035 §4.1.4', `a label starts with ${length}, which is neither a length nor a pointer`)
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
  return new MalformedPacket(at, 'RFC 1035 §3.1', 'a name runs past the end')
}

function moveTo(end: number, reader: OctetReader): void {
  if (end > reader.end) throw new MalformedPacket(reader.offset, 'RFC 1035 §4.1.3', 'a name runs past its record data')
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

/** Sixteen characters at a time, then four: joining single characters is the most expensive part of reading a name. */
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
 * Writes a name. If the message already contains its ending, a pointer replaces that part. Case is ignored (RFC 4343 §3), so
 * the owner of an answer points to the question and has exactly the case that the client sent.
 * @param name canonical text
 * @param compress whether pointers may be used: RFC 3597 §4 allows them only in, and to, the types of RFC 1035
 * @throws UsageError if the text is not a name
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

/** Writes a label, character by character if it has no escapes. */
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
 * Parses a name: `my-app.home`, `my-app.home.`, or, with an origin, `my-app` or `@` relative to it.
 * @returns canonical text
 * @throws UsageError naming the violated rule
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

/** A copy of the text. A V8 substring would keep the whole zone file in memory that the name was cut from. */
function copyOf(name: string): string {
  for (let at = 0; at < name.length; at++) characters[at] = name.charCodeAt(at)
  return textOf(name.length)
}

function canonicalOf(own: string, text: string): string {
  if (own === '') throw notAName(text, 'it is empty')
  const labels = labelsOf(own)
  if (labels.join('.') !== own) throw notAName(text, 'a label is empty or an escape is incomplete')
  return labels.map(label => formatLabel(parseLabel(label, text))).join('.')
}

function checkLength(name: string): void {
  const octets = octetsOf(name)
  if (octets > NAME_OCTETS_MAX) throw notAName(name, `it takes ${octets} octets, ${NAME_OCTETS_MAX} is the limit`)
}

/** The length of a name on the wire, without pointers. */
export function octetsOf(name: string): number {
  return labelsOf(name).reduce((sum, label) => sum + parseLabel(label, name).length + 1, 1)
}

/** Names are equal if and only if their keys are: ASCII case is ignored (RFC 4343). */
export function nameKey(name: string): string {
  return name.toLowerCase()
}

/** The labels of a name, escapes kept. */
export function labelsOf(name: string): string[] {
  if (name === ROOT) return []
  return name.includes('\\') ? labelsWithEscapes(name) : name.split('.').filter(label => label !== '')
}

/** The index of the dot that ends the label starting at `at`, or the end of the text. */
function labelEnd(name: string, at: number): number {
  let end = name.indexOf('.', at)
  while (end >= 0 && isEscaped(name, end)) end = name.indexOf('.', end + 1)
  return end < 0 ? name.length : end
}

/** True after an odd number of backslashes: the last of them escapes the character at the index. */
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

/** An octet as text: escaped if a zone file would read it as something else (RFC 1035 §5.1). */
export function formatOctet(octet: number, specials: string): string {
  const character = String.fromCharCode(octet)
  if (octet < 0x21 || octet > 0x7e) return octet === 0x20 && !specials.includes(' ') ? ' ' : `\\${String(octet).padStart(3, '0')}`
  return specials.includes(character) ? `\\${character}` : character
}

/**
 * The octets of text with escapes. Each character up to U+00FF is one octet.
 * @returns undefined if an escape is incomplete or above 255, or a character is above U+00FF
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

/** The text of each octet in a label. */
const LABEL_TEXTS: readonly string[] = Array.from({ length: 256 }, (_, octet) => formatOctet(octet, ' ."\\;@$()'))
const IS_PLAIN = Uint8Array.from(LABEL_TEXTS, text => text.length === 1 ? 1 : 0)

function formatLabel(octets: Uint8Array): string {
  let text = ''
  for (const octet of octets) text += LABEL_TEXTS[octet] ?? ''
  return text
}

function parseLabel(label: string, name: string): Uint8Array {
  const octets = parseOctets(label)
  if (octets === undefined) throw notAName(name, `"${label}" has an invalid escape or character`)
  if (octets.length === 0) throw notAName(name, 'a label is empty')
  if (octets.length > LABEL_OCTETS_MAX) throw notAName(name, `the label "${label.slice(0, 20)}…" has ${octets.length} octets, ${LABEL_OCTETS_MAX} is the limit`)
  return octets
}

function notAName(text: string, why: string): UsageError {
  return new UsageError(`"${text.slice(0, 80)}" is not a domain name`, why, 'write a name such as my-app.home')
}
