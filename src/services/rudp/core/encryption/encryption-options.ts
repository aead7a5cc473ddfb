/** How an endpoint encrypts. */
import type { Cryptography } from './cryptography.ts'

/**
 * Without `acceptor`, an endpoint accepts unencrypted connections only. Whether a connection that it opens is encrypted
 * is decided for each.
 */
export interface EncryptionOptions {
  readonly cryptography: Cryptography
  /** `identitySecret`: 32 bytes, unique to this endpoint. `acceptsPlain`: unencrypted connections are accepted too. */
  readonly acceptor?: { readonly identitySecret: Uint8Array; readonly acceptsPlain: boolean }
}
