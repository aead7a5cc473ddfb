/**
 * An acceptor's own keys. Its identity stays, so that it is known again; beside it goes a prekey, drawn anew every hour and kept for
 * one hour more, in memory alone: who steals the identity later, even with all packets in hand, lacks the prekey to read them.
 *
 *   prekey 1 ├──── shown ────┼─ still taken ─┤ forgotten
 *   prekey 2                 ├──── shown ────┼─ still taken ─┤
 */
import type { Random } from '../../../kit/random.ts'
import { RESET_TOKEN_BYTES } from '../../wire/frames.ts'
import type { AcceptorKeys, EncryptedPacket } from '../../wire/encrypted-packet.ts'
import { writeUint64 } from '../../wire/varint.ts'
import { drawSecret, type Cryptography, type KeyPair } from './cryptography.ts'
import { deriveProtection, type PacketProtection } from './packet-protection.ts'

const PREKEY_SHOWN_MS = 3_600_000
const RESET_SALT = 'Hamlet RUDP reset'

interface Prekey {
  readonly number: number
  readonly pair: KeyPair
  readonly drawnAtMs: number
}

function isTaken({ drawnAtMs }: Prekey, nowMs: number): boolean {
  return nowMs < drawnAtMs + 2 * PREKEY_SHOWN_MS
}

export class AcceptorEncryption {
  readonly #cryptography: Cryptography
  readonly #random: Random
  readonly #identitySecret: Uint8Array
  readonly #identity: KeyPair
  /** The one that is shown, and the one before. */
  #prekeys: readonly Prekey[] = []

  /** @param identitySecret 32 bytes, of this endpoint alone: two that share them could be made to reset one another's connections */
  constructor(cryptography: Cryptography, random: Random, identitySecret: Uint8Array) {
    this.#cryptography = cryptography
    this.#random = random
    this.#identitySecret = identitySecret
    this.#identity = cryptography.keyPair(identitySecret)
  }

  /** What RETRY shows. */
  keys(nowMs: number): AcceptorKeys {
    const [newest] = this.#prekeys
    const prekey = newest === undefined || nowMs >= newest.drawnAtMs + PREKEY_SHOWN_MS ? this.#draw(nowMs, newest) : newest
    return this.#keysWith(prekey)
  }

  /** The protection that a HELLO with a good token asks for; undefined where its prekey is forgotten, or its share is none. */
  agree(hello: Extract<EncryptedPacket, { type: 'HELLO' }>, nowMs: number): PacketProtection | undefined {
    const prekey = this.#prekeys.find(known => known.number === hello.prekeyNumber && isTaken(known, nowMs))
    const withIdentity = prekey === undefined ? undefined : this.#identity.agree(hello.share)
    const withPrekey = prekey?.pair.agree(hello.share)
    if (prekey === undefined || withIdentity === undefined || withPrekey === undefined) return undefined
    return deriveProtection(this.#cryptography, 'acceptor', hello.sourceId, { withIdentity, withPrekey }, hello, this.#keysWith(prekey))
  }

  /** Shows, after a restart too, that a RESET is from this end: told in the connection that has this id, and to nobody else as long as it lives. */
  resetToken(localId: number): Uint8Array {
    const info = new Uint8Array(8)
    writeUint64(new DataView(info.buffer), 0, localId)
    return this.#cryptography.derive(this.#identitySecret, RESET_SALT, info, RESET_TOKEN_BYTES)
  }

  #draw(nowMs: number, before: Prekey | undefined): Prekey {
    const prekey = { number: (before?.number ?? 0) + 1, pair: this.#cryptography.keyPair(drawSecret(this.#random)), drawnAtMs: nowMs }
    this.#prekeys = before === undefined || !isTaken(before, nowMs) ? [prekey] : [prekey, before]
    return prekey
  }

  #keysWith({ number, pair }: Prekey): AcceptorKeys {
    return { identity: this.#identity.publicKey, prekeyNumber: number, prekey: pair.publicKey }
  }
}
