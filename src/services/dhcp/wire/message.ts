/** A whole DHCP message: the fixed header (header.ts) and the options (options.ts, option-layout.ts). */
import { BytePool } from '../../kit/byte-pool.ts'
import { AT, decodeHeader, encodeHeader, hasOptions, type Header } from './header.ts'
import { layOut, type Layout, type OptionSpace } from './option-layout.ts'
import { decodeOptions, END, optionBytes, OPTIONS, PAD, type Options } from './options.ts'

export interface Message extends Header {
  readonly options: Options
}

/** Values of option 53, DHCP Message Type (RFC 2132 §9.6). */
export const MESSAGE_TYPE = { DISCOVER: 1, OFFER: 2, REQUEST: 3, DECLINE: 4, ACK: 5, NAK: 6, RELEASE: 7, INFORM: 8 } as const

/** BOOTP relays and clients expect at least this many bytes (RFC 1542 §2.1). */
const MESSAGE_BYTES_MIN = 300
/**
 * BOOTP's vendor area is 64 bytes, of which the magic cookie takes 4 (RFC 1497). BOOTP clients read no further, and do
 * not look for options in `file` and `sname`.
 */
const VENDOR_AREA: OptionSpace = { mainBytes: 60, fileBytes: 0, snameBytes: 0 }

const pool = new BytePool()

/** @throws MalformedPacket and nothing else, whatever the bytes */
export function decodeMessage(bytes: Uint8Array): Message {
  const header = decodeHeader(bytes)
  if (!hasOptions(bytes)) return { ...header, options: {} }
  const { options, fileOverloaded, snameOverloaded } = decodeOptions(bytes)
  return { ...header, file: fileOverloaded ? '' : header.file, sname: snameOverloaded ? '' : header.sname, options }
}

/**
 * Reads the message type without decoding the message: cheap enough for a queue. Undefined if the main options carry
 * none.
 */
export function peekMessageType(bytes: Uint8Array): number | undefined {
  for (let at: number = AT.options; at + 2 < bytes.length;) {
    const code = bytes[at]
    if (code === OPTIONS.messageType.code) return bytes[at + 2]
    if (code === END) return undefined
    at += code === PAD ? 1 : 2 + (bytes[at + 1] ?? 0)
  }
  return undefined
}

/**
 * @param order option codes in the order the peer requested them
 * @param bytesMax the largest message the peer accepts; options that do not fit are left out
 */
export function encodeMessage(message: Message, order: readonly number[] = [], bytesMax = Infinity): Uint8Array {
  return encodeWith(message, optionBytes(message.options), order, bytesMax)
}

/**
 * Like `encodeMessage`, for options that are already encoded.
 * @param values by option code
 */
export function encodeWith(header: Header, values: ReadonlyMap<number, Uint8Array>, order: readonly number[], bytesMax: number): Uint8Array {
  return encodeLaidOut(header, layOut(values, order, {
    mainBytes: bytesMax - AT.options,
    fileBytes: header.file === '' ? AT.magic - AT.file : 0,
    snameBytes: header.sname === '' ? AT.file - AT.sname : 0,
  }))
}

/**
 * A message for a BOOTP client. Options that do not fit are left out, the highest codes first.
 * @param values by option code
 */
export function encodeBootp(header: Header, values: ReadonlyMap<number, Uint8Array>): Uint8Array {
  return encodeLaidOut(header, layOut(values, [], VENDOR_AREA))
}

function encodeLaidOut(header: Header, { main, file, sname }: Layout): Uint8Array {
  const bytes = pool.take(Math.max(MESSAGE_BYTES_MIN, AT.options + main.length))
  encodeHeader(header, bytes)
  bytes.set(main, AT.options)
  if (file !== undefined) bytes.set(file, AT.file)
  if (sname !== undefined) bytes.set(sname, AT.sname)
  return bytes
}

/**
 * A message from options that `sequenceOf` has already laid out, followed by a few more.
 * @param last by option code; each at most 255 bytes
 * @param bytesMax the largest message the peer accepts
 * @returns undefined if the message would be larger than that
 */
export function encodeSequence(header: Header, sequence: Uint8Array, last: ReadonlyMap<number, Uint8Array>, bytesMax: number): Uint8Array | undefined {
  let at = AT.options + sequence.length
  let length = at + 1
  for (const value of last.values()) length += 2 + value.length
  if (length > bytesMax) return undefined
  const bytes = pool.take(Math.max(MESSAGE_BYTES_MIN, length))
  encodeHeader(header, bytes)
  bytes.set(sequence, AT.options)
  for (const [code, value] of last) {
    bytes[at] = code
    bytes[at + 1] = value.length
    bytes.set(value, at + 2)
    at += 2 + value.length
  }
  bytes[at] = END
  return bytes
}
