/**
 * Decides what becomes of a HELLO from an unverified peer. The endpoint keeps no state for a peer without a token: it
 * gives it one, and accepts each token once, from the address that it was issued to, if there is room. An encrypted
 * HELLO must also decrypt with the keys that belong to its token.
 *
 *   HELLO ── kind not accepted ────────────▶ VERSIONS
 *         ── no room ──────────────────────▶ RESET refused
 *         ── no valid token ───────────────▶ RETRY
 *         ── fails to decrypt ─────────────▶ no answer
 *         └─ otherwise ────────────────────▶ a connection
 */
import type { Path } from '../../kit/endpoint.ts'
import { assert } from '../../kit/errors.ts'
import type { Random } from '../../kit/random.ts'
import { encodeEncryptedReset, encodeEncryptedRetry, ENCRYPTED_VERSION, type EncryptedPacket } from '../wire/encrypted-packet.ts'
import { CLOSE_CODES, RESET_TOKEN_BYTES } from '../wire/frames.ts'
import { encodePacket, VERSION, type NumberedPacket } from '../wire/packet.ts'
import { AcceptorEncryption } from './encryption/acceptor-encryption.ts'
import type { ConnectionEncryption } from './encryption/connection-encryption.ts'
import type { EncryptionOptions } from './encryption/encryption-options.ts'
import { TokenMint, type TokenKind } from './token.ts'

/** What the connection that a HELLO opens starts with. */
export interface Admitted {
  readonly token: TokenKind
  readonly encryption: ConnectionEncryption | undefined
}

const REFUSED = CLOSE_CODES.indexOf('refused')
const UNKNOWN = CLOSE_CODES.indexOf('unknown')
const NO_RESET_TOKEN = new Uint8Array(RESET_TOKEN_BYTES)

export class Admission {
  readonly #tokens: TokenMint
  readonly #encryption: AcceptorEncryption | undefined
  readonly #versions: readonly number[]

  constructor(random: Random, encryption: EncryptionOptions | undefined) {
    this.#tokens = new TokenMint(random)
    const { cryptography, acceptor } = encryption ?? {}
    this.#encryption = cryptography && acceptor && new AcceptorEncryption(cryptography, random, acceptor.identitySecret)
    this.#versions = acceptor === undefined ? [VERSION] : acceptor.acceptsPlain ? [VERSION, ENCRYPTED_VERSION] : [ENCRYPTED_VERSION]
  }

  /** @returns what the HELLO opens, or the datagram that answers it */
  hello(packet: Extract<NumberedPacket, { sourceId: number }>, { peer }: Path, hasRoom: boolean, nowMs: number): Admitted | Uint8Array {
    const { sourceId, number, frames } = packet
    if (!this.#versions.includes(VERSION)) return this.versions(packet)
    const answer = { destinationId: sourceId, sourceId: 0, number }
    if (!hasRoom) return encodePacket({ ...answer, type: 'RESET', frames: [{ kind: 'CONNECTION_CLOSE', code: REFUSED }] })
    const shown = frames.reduce<Uint8Array | undefined>((found, frame) => frame.kind === 'TOKEN' ? frame.token : found, undefined)
    const token = shown === undefined ? undefined : this.#tokens.redeem(shown, peer, sourceId, nowMs)
    if (token !== undefined) return { token, encryption: undefined }
    return encodePacket({ ...answer, type: 'RETRY', frames: [{ kind: 'TOKEN', token: this.#tokens.issue('retry', peer, sourceId, nowMs) }] })
  }

  /** @returns what the HELLO opens, the datagram that answers it, or undefined to ignore it */
  encryptedHello(packet: Extract<EncryptedPacket, { type: 'HELLO' }>, bytes: Uint8Array, { peer }: Path, hasRoom: boolean, nowMs: number): Admitted | Uint8Array | undefined {
    const { sourceId, number } = packet
    if (!hasRoom) return encodeEncryptedReset(sourceId, 0, REFUSED, NO_RESET_TOKEN)
    if (this.#encryption === undefined) return this.versions(packet)
    const token = this.#tokens.redeem(packet.token, peer, sourceId, nowMs)
    const protection = token === undefined ? undefined : this.#encryption.agree(packet, nowMs)
    if (token === undefined || protection === undefined) {
      return encodeEncryptedRetry(sourceId, number, this.#encryption.keys(nowMs), this.#tokens.issue('retry', peer, sourceId, nowMs))
    }
    return protection.open(packet, bytes) === undefined ? undefined : { token, encryption: { protection } }
  }

  /** The answer to a version that is not accepted here. */
  versions({ destinationId, sourceId }: { readonly destinationId: number; readonly sourceId: number }): Uint8Array {
    return encodePacket({ type: 'VERSIONS', destinationId: sourceId, sourceId: destinationId, versions: this.#versions })
  }

  /** The answer to an encrypted packet for an unknown connection. Undefined if the peer could not verify it. */
  unknown(localId: number): Uint8Array | undefined {
    return this.#encryption && encodeEncryptedReset(0, localId, UNKNOWN, this.#encryption.resetToken(localId))
  }

  /** Issues a token for a peer's next visit. */
  visitToken({ peer }: Path, nowMs: number): Uint8Array {
    return this.#tokens.issue('visit', peer, 0, nowMs)
  }

  /** The token that `unknown` will present for an encrypted connection. */
  resetToken(localId: number): Uint8Array {
    assert(this.#encryption !== undefined, 'only an acceptor of encrypted connections has reset tokens')
    return this.#encryption.resetToken(localId)
  }
}
