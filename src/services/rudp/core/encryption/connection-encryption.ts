/**
 * Encryption as one end of one connection holds it. The acceptor's is complete from the beginning: it makes a connection of a HELLO that
 * it could open. The initiator's waits for RETRY, which tells the acceptor's keys; or it has them of an earlier visit.
 */
import type { AcceptorKeys, HelloKeys } from '../../wire/encrypted-packet.ts'
import type { Cryptography, KeyPair } from './cryptography.ts'
import { deriveProtection, type PacketProtection } from './packet-protection.ts'

/** What an initiator was given for its next visit to an acceptor. */
export interface Visit {
  readonly token: Uint8Array
  /** Of an encrypted connection: the acceptor's, so that the first packet can be encrypted. */
  readonly keys: AcceptorKeys | undefined
}

export interface ConnectionEncryption {
  /** Undefined as long as the keys are not known: then nothing is said but HELLO. */
  readonly protection: PacketProtection | undefined
  /** What HELLO shows in the clear; an acceptor sends none. */
  readonly hello?: HelloKeys
  /** What the acceptor has shown, as the initiator knows it. */
  readonly acceptorKeys?: AcceptorKeys | undefined
  /** What a RESET of the peer would show: it told so in the connection. */
  resetToken?: Uint8Array
}

/** Whom an initiator takes for the one that it wants. Asked before anything is encrypted to that identity. */
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

  /** The acceptor has told its keys and a token. @returns whether it is trusted, and its keys are keys */
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
