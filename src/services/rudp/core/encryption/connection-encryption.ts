/**
 * Encryption as one end of one connection holds it. The acceptor's is complete from the beginning, because only a HELLO
 * that decrypts becomes a connection. The initiator's is complete once RETRY has brought the keys of the acceptor, or
 * at once if it kept them from an earlier visit.
 */
import type { AcceptorKeys, HelloKeys } from '../../wire/encrypted-packet.ts'
import type { Cryptography, KeyPair } from './cryptography.ts'
import { deriveProtection, type PacketProtection } from './packet-protection.ts'

/** What an initiator keeps for its next visit to an acceptor. */
export interface Visit {
  readonly token: Uint8Array
  /** The keys of the acceptor if the connection was encrypted, so that the first packet can be encrypted too. */
  readonly keys: AcceptorKeys | undefined
}

export interface ConnectionEncryption {
  /** Undefined until the keys are known; until then only HELLO is sent. */
  readonly protection: PacketProtection | undefined
  /** What HELLO carries in the clear; an acceptor sends none. */
  readonly hello?: HelloKeys
  /** The keys that the acceptor announced, as known to the initiator. */
  readonly acceptorKeys?: AcceptorKeys | undefined
  /** The token that a RESET from the peer must carry; the peer sent it inside the connection. */
  resetToken?: Uint8Array
}

/** Whether the initiator trusts an identity. Called before anything is encrypted to it. */
export type Trusts = (identity: Uint8Array) => boolean

const NO_TOKEN = new Uint8Array(0)

export class InitiatorEncryption implements ConnectionEncryption {
  protection: PacketProtection | undefined
  hello: HelloKeys
  acceptorKeys: AcceptorKeys | undefined
  resetToken?: Uint8Array
  readonly #cryptography: Cryptography
  readonly #trusts: Trusts
  readonly #initiatorId: number
  readonly #pair: KeyPair

  /** @param secret 32 bytes, drawn for this connection alone */
  constructor(cryptography: Cryptography, trusts: Trusts, initiatorId: number, secret: Uint8Array) {
    this.#cryptography = cryptography
    this.#trusts = trusts
    this.#initiatorId = initiatorId
    this.#pair = cryptography.keyPair(secret)
    this.hello = { prekeyNumber: 0, share: this.#pair.publicKey, token: NO_TOKEN }
  }

  /**
   * Sets the keys and the token that the acceptor announced.
   * @returns false if the identity is not trusted or a key is invalid
   */
  setAcceptorKeys(keys: AcceptorKeys, token: Uint8Array): boolean {
    if (!this.#trusts(keys.identity)) return false
    const withIdentity = this.#pair.agree(keys.identity)
    const withPrekey = this.#pair.agree(keys.prekey)
    if (withIdentity === undefined || withPrekey === undefined) return false
    this.hello = { prekeyNumber: keys.prekeyNumber, share: this.#pair.publicKey, token }
    this.acceptorKeys = keys
    this.protection = deriveProtection(this.#cryptography, 'initiator', this.#initiatorId, { withIdentity, withPrekey }, this.hello, keys)
    return true
  }
}
