/** How an endpoint encrypts: given by whoever opens it. */
import type { Trusts } from './connection-encryption.ts'
import type { Cryptography } from './cryptography.ts'

/** An endpoint that accepts without `acceptor`, or dials without `initiator`, does that readably. */
export interface EncryptionOptions {
  readonly cryptography: Cryptography
  /** Every connection that is dialled is encrypted. */
  readonly initiator?: { readonly trusts: Trusts }
  /** `identitySecret`: 32 bytes, of this endpoint alone. `acceptsPlain`: readable connections are taken as well. */
  readonly acceptor?: { readonly identitySecret: Uint8Array; readonly acceptsPlain: boolean }
}
