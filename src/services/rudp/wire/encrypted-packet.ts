/**
 * The packets of an encrypted connection. They have a version of their own, so that neither kind can be mistaken for
 * the other. Frames appear only encrypted, followed by a 16-byte tag that proves that nothing was changed. All numbers
 * are big-endian. docs/rudp.md §13 defines each field.
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
 * A HELLO without a token has zeros up to byte 128 instead, so that a RETRY is never longer than the HELLO that it
 * answers.
 */
import { MalformedPacket } from '../../kit/errors.ts'
import { crc32, type Crc32 } from '../../kit/crc32.ts'
import { RESET_TOKEN_BYTES, TOKEN_BYTES_MAX } from './frames.ts'
import { decodeLongType, decodePacket, DATAGRAM_BYTES_MAX, encodeLongHeader, LONG, LONG_HEADER_BYTES, sealLong } from './packet.ts'
import { readUint64, writeUint64 } from './varint.ts'

/** Version 2 of RUDP, encrypted. */
export const ENCRYPTED_VERSION = 0x48520102
export const PUBLIC_KEY_BYTES = 32
export const TAG_BYTES = 16
/** The minimum length of a HELLO without a token. */
export const TOKENLESS_HELLO_BYTES = 128

const SHORT_FORM = 0x60
const SHORT = { destinationId: 1, number: 9, content: 13 } as const
const HELLO = { prekeyNumber: LONG_HEADER_BYTES, share: 33, tokenLength: 65, token: 66 } as const
const RETRY = { prekeyNumber: LONG_HEADER_BYTES, prekey: 33, identity: 65, tokenLength: 97, token: 98 } as const
const RESET = { code: LONG_HEADER_BYTES, token: 30, end: 30 + RESET_TOKEN_BYTES } as const
const RULE = 'docs/rudp.md §13'

/** The public keys of an acceptor. */
export interface AcceptorKeys {
  /** The public half of its permanent key pair, by which peers recognize it. */
  readonly identity: Uint8Array
  readonly prekeyNumber: number
  /** The public half of a temporary key pair, which the acceptor forgets after a while. */
  readonly prekey: Uint8Array
}

/** What HELLO carries in the clear. */
export interface HelloKeys {
  /** The number of the prekey in use; 0 without a token. */
  readonly prekeyNumber: number
  /** The public half of the key pair that the initiator created for this connection. */
  readonly share: Uint8Array
  /** Empty while the initiator has none; then nothing is encrypted. */
  readonly token: Uint8Array
}

/** `contentAt`: where the encrypted frames begin; they extend to the tag at the end. */
export type EncryptedPacket =
  | { readonly type: 'SHORT'; readonly destinationId: number; readonly number: number; readonly contentAt: number }
  | { readonly type: 'WELCOME'; readonly destinationId: number; readonly sourceId: number; readonly number: number; readonly contentAt: number }
  | ({ readonly type: 'HELLO'; readonly destinationId: number; readonly sourceId: number; readonly number: number; readonly contentAt: number } & HelloKeys)
  | ({ readonly type: 'RETRY'; readonly destinationId: number; readonly sourceId: number; readonly number: number; readonly token: Uint8Array } & AcceptorKeys)
  | { readonly type: 'RESET'; readonly destinationId: number; readonly sourceId: number; readonly number: number; readonly code: number; readonly resetToken: Uint8Array }

/** A packet that carries encrypted frames. */
export type EncryptedContent = Extract<EncryptedPacket, { readonly contentAt: number }>

/** Whether a datagram claims to be of the encrypted version. Anything else is for `decodePacket`. */
export function isEncryptedVersion(bytes: Uint8Array): boolean {
  const [form = 0] = bytes
  if (form < 0x80) return form === SHORT_FORM
  return bytes.length >= LONG.destinationId && new DataView(bytes.buffer, bytes.byteOffset).getUint32(LONG.version) === ENCRYPTED_VERSION
}

/**
 * Where the additional authenticated data begins: at the destination id. It is not encrypted, but the tag covers it; it
 * ends where the frames begin.
 */
export function authenticatedAt(type: EncryptedContent['type']): number {
  return type === 'SHORT' ? SHORT.destinationId : LONG.destinationId
}

/**
 * Decodes a datagram of the encrypted version, except for what is encrypted.
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
  const outer = decodePacket(bytes, sum) // checks what every version shares: checksum and ids
  if (outer.type !== 'OTHER_VERSION' || outer.version !== ENCRYPTED_VERSION) return malformed(LONG.version, 'not of the encrypted version')
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
  else if (bytes.length < TOKENLESS_HELLO_BYTES) malformed(bytes.length, `${bytes.length} bytes, ${TOKENLESS_HELLO_BYTES} needed`)
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

/** Writes a short header. @returns where the frames begin, which the caller has yet to write and encrypt */
export function encodeEncryptedShortHeader(view: DataView, at: number, destinationId: number, number: number): number {
  view.setUint8(at, SHORT_FORM)
  writeUint64(view, at + SHORT.destinationId, destinationId)
  view.setUint32(at + SHORT.number, number)
  return at + SHORT.content
}

/** Writes the clear part of a HELLO. @returns where the frames begin; call `sealLong` once they are encrypted */
export function encodeEncryptedHelloHeader(bytes: Uint8Array, view: DataView, at: number, sourceId: number, number: number, { prekeyNumber, share, token }: HelloKeys): number {
  encodeLongHeader(view, at, 'HELLO', 0, sourceId, number, ENCRYPTED_VERSION)
  view.setUint32(at + HELLO.prekeyNumber, prekeyNumber)
  bytes.set(share, at + HELLO.share)
  view.setUint8(at + HELLO.tokenLength, token.length)
  bytes.set(token, at + HELLO.token)
  return at + HELLO.token + token.length
}

/** Writes the header of a WELCOME. @returns where the frames begin; call `sealLong` once they are encrypted */
export function encodeEncryptedWelcomeHeader(view: DataView, at: number, destinationId: number, sourceId: number, number: number): number {
  return encodeLongHeader(view, at, 'WELCOME', destinationId, sourceId, number, ENCRYPTED_VERSION)
}

/** Encodes a RETRY as a datagram of its own. @param number of the HELLO that it answers */
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

/** Encodes a RESET as a datagram of its own. @param resetToken zeros if the connection never existed */
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
