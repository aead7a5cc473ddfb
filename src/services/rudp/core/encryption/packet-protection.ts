/**
 * Encrypts and decrypts the packets of one connection, with a key and an IV for each direction, and a nonce for each
 * packet made from its number, as in QUIC (RFC 9001 §5.3). Packet numbers are never reused, so neither is a nonce.
 *
 *   secret = X25519(share, identity) ‖ X25519(share, prekey)
 *   keys   = HKDF-SHA256(secret, salt "Hamlet RUDP 48520102", info, 56 bytes)
 *          = initiator's key (16) ‖ initiator's IV (12) ‖ acceptor's key (16) ‖ acceptor's IV (12)
 *   info   = initiator's id (8) ‖ share (32) ‖ identity (32) ‖ prekey number (4) ‖ prekey (32) ‖ token
 *
 * Besides the initiator, only the owner of the identity can compute the first half of the secret, and nobody can
 * compute the second half once the prekey is forgotten. The token is part of info because an acceptor accepts each
 * token only once: so it never derives the same keys twice, whatever is replayed to it.
 */
import { MalformedPacket } from '../../../kit/errors.ts'
import { authenticatedAt, PUBLIC_KEY_BYTES, TAG_BYTES, type AcceptorKeys, type EncryptedContent, type HelloKeys } from '../../wire/encrypted-packet.ts'
import { decodeFrames } from '../../wire/frames.ts'
import type { NumberedPacket } from '../../wire/packet.ts'
import { writeUint64 } from '../../wire/varint.ts'
import type { Cipher, Cryptography } from './cryptography.ts'

/** The salt for deriving the keys of a connection. */
export const PACKET_KEYS_SALT = 'Hamlet RUDP 48520102'
const KEY_BYTES = 16
const IV_BYTES = 12
const NONCE_NUMBER_AT = 8
/**
 * One key encrypts at most 2^35 blocks of 16 bytes. RFC 9001 appendix B.1 has the same limit (2^28 packets of 2^11
 * bytes, or 2^23 of 2^16) for an advantage of 2^−57. Forging would take 2^52 packets (§6.6), and there are only 2^32
 * packet numbers.
 */
const ENCRYPTED_BYTES_MAX = 2 ** 39

/** The shared secrets of a handshake, known to both ends and nobody else. */
export interface Agreement {
  readonly withIdentity: Uint8Array
  readonly withPrekey: Uint8Array
}

export class PacketProtection {
  readonly #own: DirectionKeys
  readonly #peers: DirectionKeys
  #encryptedBytes = 0

  constructor(own: DirectionKeys, peers: DirectionKeys) {
    this.#own = own
    this.#peers = peers
  }

  /** The key has encrypted as much as it may. */
  get isSpent(): boolean {
    return this.#encryptedBytes >= ENCRYPTED_BYTES_MAX
  }

  /**
   * Encrypts the frames from `contentAt` to `endAt` of the packet that begins at `startAt`.
   * @returns where the packet ends, tag included
   */
  encrypt(type: EncryptedContent['type'], number: number, bytes: Uint8Array, startAt: number, contentAt: number, endAt: number): number {
    this.#encryptedBytes += endAt - contentAt
    this.#own.cipher.seal(this.#own.nonce(number), bytes, startAt + authenticatedAt(type), contentAt, endAt)
    return endAt + TAG_BYTES
  }

  /** Decrypts a packet of the peer. Undefined if it is not from the peer, was changed, or has malformed content. */
  open(packet: EncryptedContent, bytes: Uint8Array): NumberedPacket | undefined {
    const { type, destinationId, number, contentAt } = packet
    const content = this.#peers.cipher.open(this.#peers.nonce(number), bytes, authenticatedAt(type), contentAt)
    if (content === undefined) return undefined
    const frames = framesOf(content)
    if (frames === undefined) return undefined
    return type === 'SHORT' ? { type, destinationId, number, frames } : { type, destinationId, sourceId: packet.sourceId, number, frames }
  }
}

function framesOf(content: Uint8Array) {
  try {
    return decodeFrames(content, new DataView(content.buffer, content.byteOffset, content.byteLength), 0)
  } catch (error) {
    if (error instanceof MalformedPacket) return undefined
    throw error
  }
}

/** The key of one direction, and its IV, into which packet numbers are worked. */
class DirectionKeys {
  readonly cipher: Cipher
  readonly #nonce: Uint8Array
  readonly #view: DataView
  readonly #ivTail: number

  constructor(cipher: Cipher, iv: Uint8Array) {
    this.cipher = cipher
    this.#nonce = iv.slice()
    this.#view = new DataView(this.#nonce.buffer)
    this.#ivTail = this.#view.getUint32(NONCE_NUMBER_AT)
  }

  /** The nonce for a packet number. Valid until the next call. */
  nonce(number: number): Uint8Array {
    this.#view.setUint32(NONCE_NUMBER_AT, (this.#ivTail ^ number) >>> 0)
    return this.#nonce
  }
}

/** Derives the keys of a connection, arranged for one of its ends. */
export function deriveProtection(
  cryptography: Cryptography, role: 'initiator' | 'acceptor', initiatorId: number, { withIdentity, withPrekey }: Agreement, hello: HelloKeys, acceptor: AcceptorKeys,
): PacketProtection {
  const secret = new Uint8Array(2 * PUBLIC_KEY_BYTES)
  secret.set(withIdentity)
  secret.set(withPrekey, PUBLIC_KEY_BYTES)
  const keys = cryptography.derive(secret, PACKET_KEYS_SALT, transcriptOf(initiatorId, hello, acceptor), 2 * (KEY_BYTES + IV_BYTES))
  const direction = (at: number) => new DirectionKeys(cryptography.cipher(keys.subarray(at, at + KEY_BYTES)), keys.subarray(at + KEY_BYTES, at + KEY_BYTES + IV_BYTES))
  const [initiators, acceptors] = [direction(0), direction(KEY_BYTES + IV_BYTES)]
  return role === 'initiator' ? new PacketProtection(initiators, acceptors) : new PacketProtection(acceptors, initiators)
}

function transcriptOf(initiatorId: number, { share, token }: HelloKeys, { identity, prekeyNumber, prekey }: AcceptorKeys): Uint8Array {
  const bytes = new Uint8Array(12 + 3 * PUBLIC_KEY_BYTES + token.length)
  const view = new DataView(bytes.buffer)
  writeUint64(view, 0, initiatorId)
  bytes.set(share, 8)
  bytes.set(identity, 8 + PUBLIC_KEY_BYTES)
  view.setUint32(8 + 2 * PUBLIC_KEY_BYTES, prekeyNumber)
  bytes.set(prekey, 12 + 2 * PUBLIC_KEY_BYTES)
  bytes.set(token, 12 + 3 * PUBLIC_KEY_BYTES)
  return bytes
}
