/**
 * The packets of an encrypted connection: a version of its own, so that nobody takes one kind for the other. docs/rudp.md §13 says what
 * each field means. Big-endian. Frames stand here only encrypted, and behind them the 16 bytes that show that nothing was changed.
 *
 *   HELLO                                 RETRY                            WELCOME                     short form
 *    0  long form, 48 52 01 02             0  long form, 48 52 01 02        0  long form, 48 52 01 02   0  0 1 1 0 0 0 0 0
 *   29  prekey number, 4 bytes            29  prekey number, 4 bytes       29  encrypted frames …       1  destination id, 8 bytes
 *   33  share, 32 bytes                   33  prekey, 32 bytes             end − 16  tag                9  packet number, 4 bytes
 *   65  token length, 1 byte              65  identity, 32 bytes                                       13  encrypted frames …
 *   66  token                             97  token length, 1 byte         RESET                       end − 16  tag
 *    …  encrypted frames …                98  token                         0  long form, 48 52 01 02
 *   end − 16  tag                                                          29  code, 1 byte
 *                                                                          30  reset token, 16 bytes
 *
 * A HELLO without a token has zeros up to byte 128 instead: a RETRY is not longer.
 */
import { MalformedPacket } from '../../kit/errors.ts'
import { crc32, type Crc32 } from '../../kit/crc32.ts'
import { RESET_TOKEN_BYTES, TOKEN_BYTES_MAX } from './frames.ts'
import { decodeLongType, decodePacket, DATAGRAM_BYTES_MAX, encodeLongHeader, LONG, LONG_HEADER_BYTES, sealLong } from './packet.ts'
import { readUint64, writeUint64 } from './varint.ts'

/** RUDP's version 2, encrypted. */
export const ENCRYPTED_VERSION = 0x48520102
export const PUBLIC_KEY_BYTES = 32
export const TAG_BYTES = 16
/** The length of a HELLO that shows no token. */
export const ASKING_HELLO_BYTES = 128

const SHORT_FORM = 0x60
const SHORT = { destinationId: 1, number: 9, content: 13 } as const
const HELLO = { prekeyNumber: LONG_HEADER_BYTES, share: 33, tokenLength: 65, token: 66 } as const
const RETRY = { prekeyNumber: LONG_HEADER_BYTES, prekey: 33, identity: 65, tokenLength: 97, token: 98 } as const
const RESET = { code: LONG_HEADER_BYTES, token: 30, end: 30 + RESET_TOKEN_BYTES } as const
const RULE = 'docs/rudp.md §13'

/** What an acceptor shows of its keys. */
export interface AcceptorKeys {
  /** Public half of the pair that it is known by, for as long as it likes. */
  readonly identity: Uint8Array
  readonly prekeyNumber: number
  /** Public half of a pair that it forgets after a while. */
  readonly prekey: Uint8Array
}

/** What an initiator shows in HELLO, in the clear. */
export interface HelloKeys {
  /** Which prekey it uses; 0 without a token. */
  readonly prekeyNumber: number
  /** Public half of the pair that it drew for this connection. */
  readonly share: Uint8Array
  /** Empty: it has none yet, and nothing is encrypted. */
  readonly token: Uint8Array
}

/** `contentAt`: where the encrypted frames begin, which go to the tag at the end. */
export type EncryptedPacket =
  | { readonly type: 'SHORT'; readonly destinationId: number; readonly number: number; readonly contentAt: number }
  | { readonly type: 'WELCOME'; readonly destinationId: number; readonly sourceId: number; readonly number: number; readonly contentAt: number }
  | ({ readonly type: 'HELLO'; readonly destinationId: number; readonly sourceId: number; readonly number: number; readonly contentAt: number } & HelloKeys)
  | ({ readonly type: 'RETRY'; readonly destinationId: number; readonly sourceId: number; readonly number: number; readonly token: Uint8Array } & AcceptorKeys)
  | { readonly type: 'RESET'; readonly destinationId: number; readonly sourceId: number; readonly number: number; readonly code: number; readonly resetToken: Uint8Array }

/** A packet with encrypted frames in it. */
export type EncryptedContent = Extract<EncryptedPacket, { readonly contentAt: number }>

/** Whether a datagram says that it is of the encrypted version; everything else is for `decodePacket`. */
export function saysEncrypted(bytes: Uint8Array): boolean {
  const [form = 0] = bytes
  if (form < 0x80) return form === SHORT_FORM
  return bytes.length >= LONG.destinationId && new DataView(bytes.buffer, bytes.byteOffset).getUint32(LONG.version) === ENCRYPTED_VERSION
}

/** Where the bytes begin that are not encrypted and that the tag covers all the same: with the destination id. They end where the frames begin. */
export function authenticatedAt(type: EncryptedContent['type']): number {
  return type === 'SHORT' ? SHORT.destinationId : LONG.destinationId
}

/**
 * Reads a datagram of the encrypted version, but for what is encrypted.
 * @throws MalformedPacket naming the offset and what is wrong there
 */
export function decodeEncryptedPacket(bytes: Uint8Array, sum: Crc32 = crc32): EncryptedPacket {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (bytes[0] !== SHORT_FORM) return decodeLong(bytes, view, sum)
  if (bytes.length > DATAGRAM_BYTES_MAX) malformed(DATAGRAM_BYTES_MAX, `${bytes.length} bytes are too many`)
  const contentAt = withContent(bytes, SHORT.content)
  const destinationId = readUint64(view, SHORT.destinationId)
  if (destinationId === 0) malformed(SHORT.destinationId, 'a connection id of 0')
  return { type: 'SHORT', destinationId, number: view.getUint32(SHORT.number), contentAt }
}

function decodeLong(bytes: Uint8Array, view: DataView, sum: Crc32): EncryptedPacket {
  const outer = decodePacket(bytes, sum) // what is the same in every version: checksum and ids
  if (outer.type !== 'FOREIGN' || outer.version !== ENCRYPTED_VERSION) return malformed(LONG.version, 'not of the encrypted version')
  const { destinationId, sourceId } = outer
  const type = decodeLongType(view, destinationId, sourceId)
  const header = { destinationId, sourceId, number: view.getUint32(LONG.number) }
  switch (type) {
    case 'HELLO': return { type, ...header, ...decodeHello(bytes, view) }
    case 'WELCOME': return { type, ...header, contentAt: withContent(bytes, LONG_HEADER_BYTES) }
    case 'RETRY': return { type, ...header, ...decodeRetry(bytes, view) }
    case 'RESET':
      if (bytes.length !== RESET.end) malformed(bytes.length, `${bytes.length} bytes, ${RESET.end} needed`)
      return { type, ...header, code: view.getUint8(RESET.code), resetToken: bytes.subarray(RESET.token) }
  }
}

function decodeHello(bytes: Uint8Array, view: DataView) {
  if (bytes.length <= HELLO.token) malformed(bytes.length, `${bytes.length} bytes, more than ${HELLO.token} needed`)
  const token = decodeToken(bytes, view, HELLO.tokenLength, 0)
  const contentAt = HELLO.token + token.length
  if (token.length > 0) withContent(bytes, contentAt)
  else if (bytes.length < ASKING_HELLO_BYTES) malformed(bytes.length, `${bytes.length} bytes, ${ASKING_HELLO_BYTES} needed`)
  return { prekeyNumber: view.getUint32(HELLO.prekeyNumber), share: bytes.subarray(HELLO.share, HELLO.tokenLength), token, contentAt }
}

function decodeRetry(bytes: Uint8Array, view: DataView) {
  if (bytes.length <= RETRY.token) malformed(bytes.length, `${bytes.length} bytes, more than ${RETRY.token} needed`)
  const token = decodeToken(bytes, view, RETRY.tokenLength, 1)
  return { prekeyNumber: view.getUint32(RETRY.prekeyNumber), prekey: bytes.subarray(RETRY.prekey, RETRY.identity), identity: bytes.subarray(RETRY.identity, RETRY.tokenLength), token }
}

function decodeToken(bytes: Uint8Array, view: DataView, lengthAt: number, least: number): Uint8Array {
  const length = view.getUint8(lengthAt)
  if (length < least || length > TOKEN_BYTES_MAX || lengthAt + 1 + length > bytes.length) malformed(lengthAt, `a token of ${length} bytes`)
  return bytes.subarray(lengthAt + 1, lengthAt + 1 + length)
}

function withContent(bytes: Uint8Array, contentAt: number): number {
  return bytes.length > contentAt + TAG_BYTES ? contentAt : malformed(bytes.length, `${bytes.length} bytes, more than ${contentAt + TAG_BYTES} needed`)
}

/** Writes a short header. @returns where the frames begin, which are still to be encrypted */
export function encodeEncryptedShortHeader(view: DataView, at: number, destinationId: number, number: number): number {
  view.setUint8(at, SHORT_FORM)
  writeUint64(view, at + SHORT.destinationId, destinationId)
  view.setUint32(at + SHORT.number, number)
  return at + SHORT.content
}

/** Writes what stands in the clear in a HELLO. @returns where the frames begin; `sealLong` has to follow when they are encrypted */
export function encodeEncryptedHelloHeader(bytes: Uint8Array, view: DataView, at: number, sourceId: number, number: number, { prekeyNumber, share, token }: HelloKeys): number {
  encodeLongHeader(view, at, 'HELLO', 0, sourceId, number, ENCRYPTED_VERSION)
  view.setUint32(at + HELLO.prekeyNumber, prekeyNumber)
  bytes.set(share, at + HELLO.share)
  view.setUint8(at + HELLO.tokenLength, token.length)
  bytes.set(token, at + HELLO.token)
  return at + HELLO.token + token.length
}

/** Writes the header of a WELCOME. @returns where the frames begin; `sealLong` has to follow when they are encrypted */
export function encodeEncryptedWelcomeHeader(view: DataView, at: number, destinationId: number, sourceId: number, number: number): number {
  return encodeLongHeader(view, at, 'WELCOME', destinationId, sourceId, number, ENCRYPTED_VERSION)
}

/** RETRY as a datagram of its own. @param number of the HELLO that it answers */
export function encodeEncryptedRetry(destinationId: number, number: number, { identity, prekeyNumber, prekey }: AcceptorKeys, token: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(RETRY.token + token.length)
  const view = new DataView(bytes.buffer)
  encodeLongHeader(view, 0, 'RETRY', destinationId, 0, number, ENCRYPTED_VERSION)
  view.setUint32(RETRY.prekeyNumber, prekeyNumber)
  bytes.set(prekey, RETRY.prekey)
  bytes.set(identity, RETRY.identity)
  view.setUint8(RETRY.tokenLength, token.length)
  bytes.set(token, RETRY.token)
  sealLong(bytes, view)
  return bytes
}

/** RESET as a datagram of its own. @param resetToken zeros where the connection never was */
export function encodeEncryptedReset(destinationId: number, sourceId: number, code: number, resetToken: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(RESET.end)
  const view = new DataView(bytes.buffer)
  encodeLongHeader(view, 0, 'RESET', destinationId, sourceId, 0, ENCRYPTED_VERSION)
  view.setUint8(RESET.code, code)
  bytes.set(resetToken, RESET.token)
  sealLong(bytes, view)
  return bytes
}

function malformed(offset: number, why: string): never {
  throw new MalformedPacket(offset, RULE, why)
}
