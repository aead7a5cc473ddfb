/**
 * The cryptographic primitives that RUDP needs, and no more. The core decides what is mixed and what is sealed; an
 * implementation of this interface does the computing. Randomness is an argument here too: key pairs are made from
 * secret bytes, so a seed can replay a whole encrypted connection.
 */
import type { Random } from '../../../kit/random.ts'

export interface Cryptography {
  /** The X25519 key pair for 32 secret bytes (RFC 7748 §5). */
  keyPair(secret: Uint8Array): KeyPair
  /** HKDF-SHA256 (RFC 5869): `length` bytes that reveal nothing of the secret and differ for each salt and info. */
  derive(secret: Uint8Array, salt: string, info: Uint8Array, length: number): Uint8Array
  /** AES-128-GCM (NIST SP 800-38D) with this key. */
  cipher(key: Uint8Array): Cipher
}

export interface KeyPair {
  /** 32 bytes, which anyone may know. */
  readonly publicKey: Uint8Array
  /**
   * The 32 bytes that the owners of both keys, and nobody else, can compute. Undefined if the other key would make them
   * the same for every secret (RFC 7748 §6.1).
   */
  agree(otherPublicKey: Uint8Array): Uint8Array | undefined
}

export interface Cipher {
  /**
   * Encrypts the bytes from `from` to `to` in place and writes the 16-byte tag after them. The tag also covers the
   * bytes from `authenticatedAt` on.
   * @param nonce 12 bytes never used with this key before
   */
  seal(nonce: Uint8Array, bytes: Uint8Array, authenticatedAt: number, from: number, to: number): void
  /**
   * Decrypts from `from` up to the tag, which is at the end of `bytes`. Undefined if key, nonce, bytes and tag do not
   * match.
   */
  open(nonce: Uint8Array, bytes: Uint8Array, authenticatedAt: number, from: number): Uint8Array | undefined
}

export const SECRET_BYTES = 32

/** Draws 32 secret bytes, as unpredictable as the source of randomness. */
export function drawSecret(random: Random): Uint8Array {
  const bytes = new Uint8Array(SECRET_BYTES)
  const view = new DataView(bytes.buffer)
  for (let at = 0; at < SECRET_BYTES; at += 4) view.setUint32(at, random.uint32())
  return bytes
}
