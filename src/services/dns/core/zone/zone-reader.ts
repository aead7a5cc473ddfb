/**
 * Reads dns.zone, a zone file, called master file in RFC 1035 §5 (RFC 2308 §4 for $TTL):
 *
 *     $ORIGIN home.                         names without a final dot are relative to it; `@` is the origin itself
 *     $TTL 1h                               for records without a TTL of their own
 *     my-app   IN 30 A 192.168.1.50         TTL and class are optional, in either order
 *              IN    AAAA 2001:db8::50      begins with whitespace: the owner is that of the previous entry
 *     $GENERATE 1-20 pc$ A 192.168.1.$      one record for each number (zone-generate.ts)
 *
 * A million records are read in a second or two, in chunks. Common records (a plain name and an address) are read without
 * allocating objects.
 */
import { HamletError, UsageError } from '../../../kit/errors.ts'
import { parseIpv6 } from '../../../kit/ip-address.ts'
import { parseName } from '../../wire/name.ts'
import { EntryReader, parseSeconds, type Token } from '../../wire/presentation.ts'
import { parseRdata } from '../../wire/rdata.ts'
import { formatType, isMetaType, parseType, TYPE } from '../../wire/types.ts'
import { APEX, REGISTERED_TTL_SECONDS } from './apex.ts'
import { NONE } from './name-tree.ts'
import { NAMES_MAX, RECORDS_OF_NAME_MAX, ZoneContent } from './zone-content.ts'
import { generatedLines } from './zone-generate.ts'

const RECORDS_MAX = NAMES_MAX * 4
/** The length of a typical line, for estimating the number of names in a text. */
const LINE_LENGTH = 40
const TTL_MAX = 0x7fffffff
/** For text without escapes; anything longer takes the slow path. */
const NAME_LENGTH_MAX = 253
const LABEL_LENGTH_MAX = 63
/** In UTF-8. Some editors put it, invisibly, at the start of a file. */
const BYTE_ORDER_MARK = '\xef\xbb\xbf'

const SPACE = 0x20
const DOLLAR = 0x24
const DOT = 0x2e
const ZERO = 0x30
const NINE = 0x39
const AT = 0x40
const BACKSLASH = 0x5c
const TILDE = 0x7e

export class ZoneReader {
  /** The records read so far. */
  readonly content: ZoneContent
  readonly #entries: EntryReader
  readonly #fileName: string
  #origin = APEX
  #originNode: number
  #defaultTtl = REGISTERED_TTL_SECONDS
  #owner = NONE
  #recordsRead = 0
  readonly #types = new Map<string, number>()
  readonly #ipv4 = new Uint8Array(4)

  /**
   * @param text one character per octet
   * @param fileName for errors
   */
  constructor(text: string, fileName: string) {
    this.content = new ZoneContent(text.length / LINE_LENGTH)
    this.#originNode = this.content.apex
    this.#entries = new EntryReader(text.startsWith(BYTE_ORDER_MARK) ? text.slice(BYTE_ORDER_MARK.length) : text)
    this.#fileName = fileName
  }

  /**
   * Reads the next `entries` entries.
   * @returns false at the end of the file
   * @throws HamletError file-damaged, naming line and reason
   */
  read(entries: number): boolean {
    try {
      for (let index = 0; index < entries; index++) {
        if (!this.#entries.advance()) return false
        this.#readEntry(this.#entries)
      }
      return true
    } catch (error) {
      if (!(error instanceof UsageError)) throw error
      const { line } = this.#entries
      const what = error.parts.what.replace(/^[A-Z](?=[a-z])/, letter => letter.toLowerCase())
      throw new HamletError({
        code: 'file-damaged', what: `${this.#fileName} could not be read`, why: `line ${line}: ${what}: ${error.parts.why}`, remedy: error.parts.remedy, proof: `${this.#fileName}:${line}`,
      }, { cause: error })
    }
  }

  #readEntry(entry: EntryReader): void {
    let token = 0
    if (!entry.startsBlank) {
      if (entry.text.charCodeAt(entry.startOf(0)) === DOLLAR && !entry.isQuoted(0)) return this.#readDirective(entry.tokensFrom(0))
      this.#owner = this.#nodeOf(entry)
      token = 1
    }
    if (this.#owner === NONE) throw new UsageError('An entry has no owner', 'it begins with a space and is the first entry', 'begin the line with a name')
    let ttl = this.#defaultTtl
    let type: number | undefined
    for (; type === undefined; token++) {
      if (token >= entry.count) throw new UsageError('A line is incomplete', 'its type is missing', 'write NAME TYPE DATA')
      const seconds = isDigit(entry.text.charCodeAt(entry.startOf(token))) ? parseTtl(entry.textOf(token)) : undefined
      if (seconds !== undefined) ttl = seconds
      else if (!isClassIn(entry, token)) type = this.#typeOf(entry.textOf(token))
    }
    this.#add(this.#owner, type, ttl, this.#readAddress(entry, token, type) ?? parseRdata(type, entry.tokensFrom(token), this.#origin))
  }

  /**
   * The data of an address record, which the caller must copy; undefined for anything else, which parseRdata parses or
   * rejects.
   */
  #readAddress(entry: EntryReader, token: number, type: number): Uint8Array | undefined {
    if (token + 1 !== entry.count) return undefined
    if (type === TYPE.A) return readIpv4(entry, token, this.#ipv4) ? this.#ipv4 : undefined
    return type === TYPE.AAAA ? parseIpv6(entry.textOf(token)) : undefined
  }

  /** The node of an entry's first token. Plain names, nearly all of them, need no string of their own. */
  #nodeOf(entry: EntryReader): number {
    const { text } = entry
    const start = entry.startOf(0)
    const end = entry.endOf(0)
    if (entry.isQuoted(0) || !isPlainName(text, start, end)) return this.content.nodeFor(parseName(entry.textOf(0), this.#origin))
    if (text.charCodeAt(end - 1) === DOT) return this.content.nodeFor(text, start, end - 1)
    if (end - start + this.#origin.length >= NAME_LENGTH_MAX) return this.content.nodeFor(parseName(entry.textOf(0), this.#origin))
    // An origin becomes an existing name only when a record uses it.
    if (this.#originNode === NONE) this.#originNode = this.content.nodeFor(this.#origin)
    return this.content.nodeFor(text, start, end, this.#originNode)
  }

  #typeOf(text: string): number {
    const known = this.#types.get(text)
    if (known !== undefined) return known
    if (/^(CH|HS|CS|CLASS\d+)$/i.test(text)) throw new UsageError('A class is not supported', `"${text}" is not IN`, 'write IN or nothing')
    const type = parseType(text)
    if (type === undefined) throw new UsageError('A type is unknown', `"${text}" is not a record type`, 'write a type such as A, or TYPE65 for one without a name')
    if (isMetaType(type)) throw new UsageError('A type cannot be stored', `${text} is only valid in questions`, 'remove the line')
    this.#types.set(text, type)
    return type
  }

  #add(node: number, type: number, ttl: number, rdata: Uint8Array): void {
    if (type === TYPE.SOA && node !== this.content.apex) throw new UsageError('An SOA is misplaced', `"${this.content.nameOf(node)}" is not ${APEX}.`, `write it at ${APEX}. or remove it`)
    if (type === TYPE.CNAME && node === this.content.apex) throw new UsageError('A CNAME excludes other records', `"${APEX}" also has SOA and NS (RFC 1034 §3.6.2)`, 'write addresses there')
    const outcome = this.content.add(node, type, ttl, rdata)
    if (outcome === 'incompatible') throw new UsageError('Two records are incompatible', `"${this.content.nameOf(node)}" has ${this.#whyIncompatible(node, type)}`, 'remove one or the other')
    if (outcome === 'second') throw new UsageError(`There are two ${formatType(type)} records`, `"${this.content.nameOf(node)}" can have one (RFC 1035 §5.2, RFC 6672 §2.4)`, 'remove one')
    if (outcome === 'full') throw new UsageError('A name has too many records', `"${this.content.nameOf(node)}" has more than ${RECORDS_OF_NAME_MAX}, which is the limit`, 'remove some')
    if (++this.#recordsRead > RECORDS_MAX || this.content.size > NAMES_MAX + 1) throw new UsageError('The file is too large', `it has more than ${NAMES_MAX} names or ${RECORDS_MAX} records`, 'remove some')
  }

  #whyIncompatible(node: number, type: number): string {
    const hasCname = type === TYPE.CNAME || this.content.recordsOf(node, undefined, TYPE.CNAME).length > 0
    return hasCname ? 'a CNAME and other records (RFC 1034 §3.6.2)' : 'both NS and DNAME (RFC 6672 §2.3)'
  }

  #readDirective(words: readonly Token[]): void {
    const name = words[0]?.text.toUpperCase() ?? ''
    const value = words[1]?.text ?? ''
    switch (name) {
      case '$ORIGIN':
        this.#origin = parseName(value, this.#origin)
        this.#originNode = NONE
        return
      case '$TTL': {
        const ttl = parseTtl(value)
        if (ttl === undefined) throw new UsageError('$TTL is invalid', `"${value}" is not a duration`, 'write seconds')
        this.#defaultTtl = ttl
        return
      }
      case '$GENERATE':
        for (const line of generatedLines(words.slice(1).map(({ text, quoted }) => quoted ? `"${text}"` : text))) {
          const entry = new EntryReader(line)
          if (entry.advance()) this.#readEntry(entry)
        }
        return
      case '$INCLUDE': throw new UsageError('$INCLUDE is not supported', 'this file is rewritten after changes and then contains everything itself', 'put the text of the other file in its place')
      default: throw new UsageError(`${name} is not supported`, 'only $ORIGIN, $TTL and $GENERATE are', 'write the records themselves')
    }
  }
}

/** True for a name that can be used as is: no escape, no `@`, and every label of valid length. One final dot is allowed. */
function isPlainName(text: string, start: number, end: number): boolean {
  let labelAt = start
  for (let at = start; at < end; at++) {
    const code = text.charCodeAt(at)
    if (code === DOT) {
      if (at === labelAt) return false
      labelAt = at + 1
    } else if (code <= SPACE || code > TILDE || code === BACKSLASH || code === AT || code === DOLLAR || at - labelAt >= LABEL_LENGTH_MAX) return false
  }
  return end > start && end - start <= NAME_LENGTH_MAX
}

/** `IN`, or `CLASS1` (RFC 3597 §5). */
function isClassIn(entry: EntryReader, token: number): boolean {
  const length = entry.endOf(token) - entry.startOf(token)
  return (length === 2 || length === 6) && /^(in|class1)$/i.test(entry.textOf(token))
}

/** Parses `192.0.2.1` into four octets. @returns false for anything else */
function readIpv4(entry: EntryReader, token: number, octets: Uint8Array): boolean {
  const end = entry.endOf(token)
  let at = entry.startOf(token)
  for (let index = 0; index < 4; index++) {
    const first = at
    let octet = 0
    for (; at < end && isDigit(entry.text.charCodeAt(at)); at++) octet = octet * 10 + entry.text.charCodeAt(at) - ZERO
    if (at === first || octet > 255 || (at > first + 1 && entry.text.charCodeAt(first) === ZERO)) return false
    octets[index] = octet
    if (index < 3 && (at === end || entry.text.charCodeAt(at++) !== DOT)) return false
  }
  return at === end
}

function isDigit(code: number): boolean {
  return code >= ZERO && code <= NINE
}

/** @returns undefined for anything but a TTL (RFC 2181 §8) */
function parseTtl(text: string): number | undefined {
  const seconds = parseSeconds(text)
  return seconds !== undefined && seconds <= TTL_MAX ? seconds : undefined
}
