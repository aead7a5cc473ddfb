/**
 * The key pairs of an acceptor. Its identity is permanent, so that peers recognize it. A prekey accompanies it, which
 * is replaced every hour, accepted for one hour more, and kept only in memory. An attacker who steals the identity
 * later lacks the prekey, and so cannot read even recorded packets.
 *
 *   prekey 1 ├─── announced ────┼─ still accepted ─┤ forgotten
 *   prekey 2                    ├─── announced ────┼─ still accepted ─┤
 */
import type { Random } from '../../../kit/random.ts'
import { RESET_TOKEN_BYTES } from '../../wire/frames.ts'
import type { AcceptorKeys, EncryptedPacket } from '../../wire/encrypted-packet.ts'
import { writeUint64 } from '../../wire/varint.ts'
import { drawSecret, type Cryptography, type KeyPair } from './cryptography.ts'
import { deriveProtection, type PacketProtection } from './packet-protection.ts'

const PREKEY_ANNOUNCED_MS = 3_600_000
const RESET_SALT = 'Hamlet RUDP reset'

interface Prekey {
  readonly number: number
  readonly pair: KeyPair
  readonly drawnAtMs: number
}

function isAccepted({ drawnAtMs }: Prekey, nowMs: number): boolean {
  return nowMs < drawnAtMs + 2 * PREKEY_ANNOUNCED_MS
}

export class AcceptorEncryption {
  readonly #cryptography: Cryptography
  readonly #random: Random
  readonly #identitySecret: Uint8Array
  readonly #identity: KeyPair
  /** The current prekey and the previous one. */
  #prekeys: readonly Prekey[] = []

  /**
   * @param identitySecret 32 bytes, unique to this endpoint: two endpoints that share them could be tricked into
   * resetting each other's connections
   */
  constructor(cryptography: Cryptography, random: Random, identitySecret: Uint8Array) {
    this.#cryptography = cryptography
    this.#random = random
    this.#identitySecret = identitySecret
    this.#identity = cryptography.keyPair(identitySecret)
  }

  /** The public keys for RETRY. */
  keys(nowMs: number): AcceptorKeys {
    const [newest] = this.#prekeys
    const prekey = newest === undefined || nowMs >= newest.drawnAtMs + PREKEY_ANNOUNCED_MS ? this.#draw(nowMs, newest) : newest
    return this.#keysWith(prekey)
  }

  /**
   * The protection for a HELLO with a valid token; undefined if its prekey has been forgotten or its share is invalid.
   */
  agree(hello: Extract<EncryptedPacket, { type: 'HELLO' }>, nowMs: number): PacketProtection | undefined {
    const prekey = this.#prekeys.find(known => known.number === hello.prekeyNumber && isAccepted(known, nowMs))
    const withIdentity = prekey === undefined ? undefined : this.#identity.agree(hello.share)
    const withPrekey = prekey?.pair.agree(hello.share)
    if (prekey === undefined || withIdentity === undefined || withPrekey === undefined) return undefined
    return deriveProtection(this.#cryptography, 'acceptor', hello.sourceId, { withIdentity, withPrekey }, hello, this.#keysWith(prekey))
  }

  /**
   * The token that proves, even after a restart, that a RESET comes from this endpoint. It is sent to the peer inside
   * the connection with this id, and to nobody else while that lives.
   */
  resetToken(localId: number): Uint8Array {
    const info = new Uint8Array(8)
    writeUint64(new DataView(info.buffer), 0, localId)
    return this.#cryptography.derive(this.#identitySecret, RESET_SALT, info, RESET_TOKEN_BYTES)
  }

  #draw(nowMs: number, before: Prekey | undefined): Prekey {
    const prekey = { number: (before?.number ?? 0) + 1, pair: this.#cryptography.keyPair(drawSecret(this.#random)), drawnAtMs: nowMs }
    this.#prekeys = before === undefined || !isAccepted(before, nowMs) ? [prekey] : [prekey, before]
    return prekey
  }

  #keysWith({ number, pair }: Prekey): AcceptorKeys {
    return { identity: this.#identity.publicKey, prekeyNumber: number, prekey: pair.publicKey }
  }
}
