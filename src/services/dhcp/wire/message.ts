/** A whole DHCP message: the fixed part (header.ts) and the options (options.ts, option-layout.ts). */
import { BytePool } from '../../kit/byte-pool.ts'
import { AT, decodeHeader, encodeHeader, hasOptions, type Header } from './header.ts'
import { layOut, type Layout, type Room } from './option-layout.ts'
import { decodeOptions, END, optionBytes, OPTIONS, PAD, type Options } from './options.ts'

export interface Message extends Header {
  readonly options: Options
}

/** Values of option 53 (RFC 2132 §9.6). */
export const MESSAGE_TYPE = { DISCOVER: 1, OFFER: 2, REQUEST: 3, DECLINE: 4, ACK: 5, NAK: 6, RELEASE: 7, INFORM: 8 } as const

/** Relays and clients of BOOTP expect at least so many bytes (RFC 1542 §2.1). */
const MESSAGE_BYTES_MIN = 300
/** The vendor information of BOOTP, 64 bytes with the magic (RFC 1497). Its clients read no further, and know no options in `file` and `sname`. */
const VENDOR_ROOM: Room = { mainBytes: 60, fileBytes: 0, snameBytes: 0 }

const pool = new BytePool()

/** @throws MalformedPacket, and nothing else, whatever the bytes are */
export function decodeMessage(bytes: Uint8Array): Message {
  const header = decodeHeader(bytes)
  if (!hasOptions(bytes)) return { ...header, options: {} }
  const { options, fileOverloaded, snameOverloaded } = decodeOptions(bytes)
  return { ...header, file: fileOverloaded ? '' : header.file, sname: snameOverloaded ? '' : header.sname, options }
}

/** The type of a message that is not decoded yet, where its main options tell; undefined else. For queues, which must be quick. */
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
 * @param order codes of options in the order that the peer asked for
 * @param bytesMax what the peer takes; options that have no room are left out
 */
export function encodeMessage(message: Message, order: readonly number[] = [], bytesMax = Infinity): Uint8Array {
  return encodeWith(message, optionBytes(message.options), order, bytesMax)
}

/**
 * As encodeMessage, of options that are bytes already.
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
 * A message for a client of BOOTP; what has no room is left out, the highest codes first.
 * @param values by option code
 */
export function encodeBootp(header: Header, values: ReadonlyMap<number, Uint8Array>): Uint8Array {
  return encodeLaidOut(header, layOut(values, [], VENDOR_ROOM))
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
 * A message of options that are laid out already, as `sequenceOf` does, and of a few that follow them.
 * @param last by option code; each of at most 255 bytes
 * @param bytesMax what the peer takes
 * @returns undefined where it takes no message of that length
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
