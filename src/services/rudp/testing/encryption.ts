/** Encryption for tests: the real cryptography, with secrets that are not secret. */
import type { Trusts } from '../core/encryption/connection-encryption.ts'
import type { PairOptions } from './pair.ts'
import { nodeCryptography } from '../node-cryptography.ts'

const IDENTITY_SECRET = new Uint8Array(32).fill(7)
export const IDENTITY = nodeCryptography.keyPair(IDENTITY_SECRET).publicKey

const everyone: Trusts = () => true

/** The client encrypts, and trusts whom `trusts` accepts; by default the server accepts encrypted connections only. */
export function encrypted({ trusts = everyone, acceptsPlain = false, identitySecret = IDENTITY_SECRET } = {}): Required<NonNullable<PairOptions['encryption']>> {
  return {
    trusts,
    client: { cryptography: nodeCryptography },
    server: { cryptography: nodeCryptography, acceptor: { identitySecret, acceptsPlain } },
  }
}
