/**
 * What stands in an OPT record's data (RFC 6891 §6.1.2): options, each a code, a length and that many octets.
 */
import { MalformedPacket } from '../../kit/errors.ts'
import type { Message } from '../wire/message.ts'
import { OctetReader, OctetWriter } from '../wire/octets.ts'
import { TYPE } from '../wire/types.ts'

export interface EdnsOption {
  readonly code: number
  readonly bytes: Uint8Array
}

export const OPTION = {
  /** RFC 7828. */
  KEEPALIVE: 11,
  /** RFC 7830. */
  PADDING: 12,
  /** RFC 8914. */
  EXTENDED_ERROR: 15,
  /** Of the range for local use (RFC 6891 §9): empty in a query, "tell how you know"; in the answer, a line of text. */
  PROVENANCE: 65_001,
} as const

/** RFC 8914 §4. */
export const EXTENDED_ERROR = { STALE: 3, FILTERED: 17, STALE_NXDOMAIN: 19, NO_REACHABLE_AUTHORITY: 22, NETWORK_ERROR: 23 } as const

/** Why an answer is not what it might be. */
export interface ExtendedError {
  readonly code: number
  /** For a person; may be empty. */
  readonly text: string
}

const OPTIONS_MAX = 64
const TEXT_OCTETS_MAX = 200

/**
 * The options of a message; none where it has no OPT record.
 * @throws MalformedPacket where an option goes beyond the data
 */
export function optionsOf({ additionals }: Message): EdnsOption[] {
  const rdata = additionals.find(({ type }) => type === TYPE.OPT)?.rdata
  if (rdata === undefined || rdata.length === 0) return []
  const reader = new OctetReader(rdata, 0, rdata.length)
  const options: EdnsOption[] = []
  while (reader.offset < rdata.length) {
    if (options.length === OPTIONS_MAX) throw new MalformedPacket(reader.offset, 'RFC 6891 §6.1.2', `more than ${OPTIONS_MAX} options`)
    const code = reader.uint16()
    options.push({ code, bytes: reader.take(reader.uint16()) })
  }
  return options
}

export function encodeOptions(options: readonly EdnsOption[]): Uint8Array {
  const writer = new OctetWriter(0xffff)
  for (const { code, bytes } of options) {
    writer.uint16(code)
    writer.uint16(bytes.length)
    writer.octets(bytes)
  }
  return writer.finish()
}

export function extendedErrorOption({ code, text }: ExtendedError): EdnsOption {
  return { code: OPTION.EXTENDED_ERROR, bytes: Uint8Array.of(code >>> 8, code & 255, ...encodeText(text)) }
}

/** The first extended error among options; undefined where there is none. */
export function extendedErrorOf(options: readonly EdnsOption[]): ExtendedError | undefined {
  const bytes = options.find(({ code }) => code === OPTION.EXTENDED_ERROR)?.bytes
  if (bytes === undefined || bytes.length < 2) return undefined
  return { code: (bytes[0] ?? 0) * 0x100 + (bytes[1] ?? 0), text: decodeText(bytes.subarray(2)) }
}

/** How long a connection may be without a query before it is closed, in tenths of a second (RFC 7828 §3.1). */
export function keepaliveOption(idleMs: number): EdnsOption {
  const tenths = Math.floor(idleMs / 100)
  return { code: OPTION.KEEPALIVE, bytes: Uint8Array.of(tenths >>> 8, tenths & 255) }
}

export function provenanceOption(text: string): EdnsOption {
  return { code: OPTION.PROVENANCE, bytes: Uint8Array.from(encodeText(text)) }
}

/** The line that a server told how it knows; empty where it did not. */
export function provenanceOf(options: readonly EdnsOption[]): string {
  const bytes = options.find(({ code }) => code === OPTION.PROVENANCE)?.bytes
  return bytes === undefined ? '' : decodeText(bytes)
}

/** Our own texts are ASCII. */
function encodeText(text: string): number[] {
  return [...text.slice(0, TEXT_OCTETS_MAX)].map(character => character.charCodeAt(0) & 0x7f)
}

/** What a stranger sent, as one short line: what is not plain ASCII becomes a question mark. */
function decodeText(octets: Uint8Array): string {
  return [...octets.subarray(0, TEXT_OCTETS_MAX)].map(octet => octet >= 0x20 && octet < 0x7f ? String.fromCharCode(octet) : '?').join('')
}
