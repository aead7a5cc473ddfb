/** Encryption for pairs and peers in tests: the real one, with secrets that are no secret. */
import type { Trusts } from '../core/encryption/connection-encryption.ts'
import type { PairOptions } from './pair.ts'
import { nodeCryptography } from '../node-cryptography.ts'

const IDENTITY_SECRET = new Uint8Array(32).fill(7)
export const IDENTITY = nodeCryptography.keyPair(IDENTITY_SECRET).publicKey

const everybody: Trusts = () => true

/** The client encrypts, to whom it trusts; the server takes that alone. */
export function encrypted({ trusts = everybody, acceptsPlain = false, identitySecret = IDENTITY_SECRET } = {}): Required<NonNullable<PairOptions['encryption']>> {
  return {
    trusts,
    client: { cryptography: nodeCryptography },
    server: { cryptography: nodeCryptography, acceptor: { identitySecret, acceptsPlain } },
  }
}
