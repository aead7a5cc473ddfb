/** How an endpoint encrypts: given by whoever opens it. */
import type { Cryptography } from './cryptography.ts'

/** An endpoint that accepts without `acceptor` does that readably. Which connections are encrypted that it dials is said when it does. */
export interface EncryptionOptions {
  readonly cryptography: Cryptography
  /** `identitySecret`: 32 bytes, of this endpoint alone. `acceptsPlain`: readable connections are taken as well. */
  readonly acceptor?: { readonly identitySecret: Uint8Array; readonly acceptsPlain: boolean }
}
