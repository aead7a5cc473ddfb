/**
 * What encryption needs of a library, and no more: the core decides what is mixed and what is sealed, somebody else computes it.
 * Randomness is an argument here, too: pairs are made from secret bytes, so a seed replays a whole encrypted connection.
 */
import type { Random } from '../../../kit/random.ts'

export interface Cryptography {
  /** The X25519 pair of 32 secret bytes (RFC 7748 §5). */
  keyPair(secret: Uint8Array): KeyPair
  /** HKDF-SHA256 (RFC 5869): `length` bytes that tell nothing of the secret, others for each salt and info. */
  derive(secret: Uint8Array, salt: string, info: Uint8Array, length: number): Uint8Array
  /** AES-128-GCM (NIST SP 800-38D) by this key. */
  cipher(key: Uint8Array): Cipher
}

export interface KeyPair {
  /** 32 bytes, for everybody. */
  readonly publicKey: Uint8Array
  /** The 32 bytes that both owners compute and nobody else; undefined where the other key makes them the same for all (RFC 7748 §6.1). */
  agree(otherPublicKey: Uint8Array): Uint8Array | undefined
}

export interface Cipher {
  /**
   * Encrypts the bytes of `from` to `to` in place, and writes the tag of 16 bytes behind them. The tag covers the bytes from
   * `authenticatedAt` on, too.
   * @param nonce 12 bytes that this key has not met before
   */
  seal(nonce: Uint8Array, bytes: Uint8Array, authenticatedAt: number, from: number, to: number): void
  /** What was encrypted from `from` to the tag at the end of `bytes`; undefined where key, nonce, bytes and tag do not belong together. */
  open(nonce: Uint8Array, bytes: Uint8Array, authenticatedAt: number, from: number): Uint8Array | undefined
}

export const SECRET_BYTES = 32

/** 32 bytes that nobody can foresee, as far as the randomness goes. */
export function drawSecret(random: Random): Uint8Array {
  const bytes = new Uint8Array(SECRET_BYTES)
  const view = new DataView(bytes.buffer)
  for (let at = 0; at < SECRET_BYTES; at += 4) view.setUint32(at, random.uint32())
  return bytes
}
