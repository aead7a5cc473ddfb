/**
 * The cryptographic primitives of RUDP from node:crypto: X25519, HKDF-SHA256 and AES-128-GCM. Every runtime of Hamlet
 * has these; Electron's BoringSSL does not offer ChaCha20-Poly1305 as a cipher.
 */
import { createCipheriv, createDecipheriv, createPrivateKey, createPublicKey, createSecretKey, diffieHellman, hkdfSync, type KeyObject } from 'node:crypto'
import { TAG_BYTES } from './wire/encrypted-packet.ts'
import type { Cipher, Cryptography, KeyPair } from './core/encryption/cryptography.ts'

/** The DER prefixes of a 32-byte X25519 key, as PKCS #8 and SubjectPublicKeyInfo (RFC 8410). */
export const PRIVATE_KEY_PREFIX = Buffer.from('302e020100300506032b656e04220420', 'hex')
const PUBLIC_KEY_PREFIX = Buffer.from('302a300506032b656e032100', 'hex')

const ALGORITHM = 'aes-128-gcm'
const OPTIONS = { authTagLength: TAG_BYTES }

export const nodeCryptography: Cryptography = {
  keyPair: secret => new NodeKeyPair(secret),
  derive: (secret, salt, info, length) => new Uint8Array(hkdfSync('sha256', secret, salt, info, length)),
  // As a KeyObject: a key in bytes would be converted again for each packet, which costs more than encrypting the
  // packet.
  cipher: key => new NodeCipher(createSecretKey(key)),
}

class NodeKeyPair implements KeyPair {
  readonly publicKey: Uint8Array
  readonly #privateKey: KeyObject

  constructor(secret: Uint8Array) {
    this.#privateKey = createPrivateKey({ key: Buffer.concat([PRIVATE_KEY_PREFIX, secret]), format: 'der', type: 'pkcs8' })
    this.publicKey = createPublicKey(this.#privateKey).export({ format: 'der', type: 'spki' }).subarray(PUBLIC_KEY_PREFIX.length)
  }

  agree(otherPublicKey: Uint8Array): Uint8Array | undefined {
    const publicKey = createPublicKey({ key: Buffer.concat([PUBLIC_KEY_PREFIX, otherPublicKey]), format: 'der', type: 'spki' })
    try {
      return diffieHellman({ privateKey: this.#privateKey, publicKey })
    } catch {
      return undefined // a point of small order: the shared secret would be 0, whatever our own secret
    }
  }
}

class NodeCipher implements Cipher {
  readonly #key: KeyObject

  constructor(key: KeyObject) {
    this.#key = key
  }

  seal(nonce: Uint8Array, bytes: Uint8Array, authenticatedAt: number, from: number, to: number): void {
    const cipher = createCipheriv(ALGORITHM, this.#key, nonce, OPTIONS)
    cipher.setAAD(bytes.subarray(authenticatedAt, from))
    bytes.set(cipher.update(bytes.subarray(from, to)), from)
    cipher.final()
    bytes.set(cipher.getAuthTag(), to)
  }

  open(nonce: Uint8Array, bytes: Uint8Array, authenticatedAt: number, from: number): Uint8Array | undefined {
    const tagAt = bytes.length - TAG_BYTES
    const decipher = createDecipheriv(ALGORITHM, this.#key, nonce, OPTIONS)
    decipher.setAAD(bytes.subarray(authenticatedAt, from))
    decipher.setAuthTag(bytes.subarray(tagAt))
    const content = decipher.update(bytes.subarray(from, tagAt))
    try {
      decipher.final()
    } catch {
      return undefined // the tag does not match
    }
    return content
  }
}
