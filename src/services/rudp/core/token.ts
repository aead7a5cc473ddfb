/**
 * Tokens: how an endpoint knows without keeping anything that a peer is at the address it sends from (RFC 9000 §8.1). A token is
 * given to an address and sealed with a key that lives as long as the endpoint; whoever shows it later got it there.
 *
 *      0          1                     9               13                    21
 *      +----------+---------------------+---------------+---------------------+
 *      |  kind    |  given at, µs (u64) |  serial (u32) |  SipHash-2-4 (u64)  |
 *      +----------+---------------------+---------------+---------------------+
 *
 * The seal covers the first 13 bytes and the address; for a token of RETRY also the port and the peer's connection id. Each token is
 * taken once: what was sent with it cannot be replayed. To peers a token is a row of bytes without meaning.
 */
import type { Endpoint } from '../../kit/endpoint.ts'
import type { Random } from '../../kit/random.ts'
import { writeUint64 } from '../wire/varint.ts'
import { siphash, type SipKey } from './siphash.ts'

/** `retry`: given a moment ago, in answer to a HELLO. `visit`: given in an earlier connection. */
export type TokenKind = 'retry' | 'visit'

const KINDS: readonly TokenKind[] = ['retry', 'visit']
const LIFETIME_MS = 3_600_000
const BYTES = 21
const SEALED_BYTES = 13
/** Tokens remembered as used. */
const USED_MAX = 65_536

export class TokenMint {
  readonly #key: SipKey
  #serial = 0
  /** Serial and time of each token that was taken, oldest first. */
  readonly #used = new Map<number, number>()
  /** Tokens given before this are refused: some of them were used and are not remembered. */
  #refusedBeforeMs = -Infinity

  constructor(random: Random) {
    this.#key = [random.uint32(), random.uint32(), random.uint32(), random.uint32()]
  }

  /** @param peerId the peer's connection id */
  give(kind: TokenKind, peer: Endpoint, peerId: number, nowMs: number): Uint8Array {
    this.#serial = (this.#serial + 1) >>> 0
    const bytes = new Uint8Array(BYTES)
    const view = new DataView(bytes.buffer)
    view.setUint8(0, KINDS.indexOf(kind))
    writeUint64(view, 1, Math.round(nowMs * 1000))
    view.setUint32(9, this.#serial)
    const { high, low } = this.#seal(bytes, kind, peer, peerId)
    view.setUint32(13, high)
    view.setUint32(17, low)
    return bytes
  }

  /** What the token shows, or undefined where it shows nothing: forged, of another address, too old, or used before. */
  take(token: Uint8Array, peer: Endpoint, peerId: number, nowMs: number): TokenKind | undefined {
    const kind = token.length === BYTES ? KINDS[token[0] ?? KINDS.length] : undefined
    if (kind === undefined) return undefined
    const view = new DataView(token.buffer, token.byteOffset, token.byteLength)
    const { high, low } = this.#seal(token, kind, peer, peerId)
    if (view.getUint32(13) !== high || view.getUint32(17) !== low) return undefined
    const givenAtMs = (view.getUint32(1) * 0x100000000 + view.getUint32(5)) / 1000
    if (givenAtMs < nowMs - LIFETIME_MS || givenAtMs < this.#refusedBeforeMs) return undefined
    const serial = view.getUint32(9)
    if (this.#used.has(serial)) return undefined
    this.#remember(serial, givenAtMs, nowMs)
    return kind
  }

  #remember(serial: number, givenAtMs: number, nowMs: number): void {
    this.#used.set(serial, givenAtMs)
    if (this.#used.size <= USED_MAX) return
    for (const [oldSerial, oldMs] of this.#used) {
      if (this.#used.size <= USED_MAX / 2) return
      this.#used.delete(oldSerial)
      if (oldMs >= nowMs - LIFETIME_MS) this.#refusedBeforeMs = Math.max(this.#refusedBeforeMs, oldMs + 0.001)
    }
  }

  #seal(bytes: Uint8Array, kind: TokenKind, { address, port }: Endpoint, peerId: number): { readonly high: number; readonly low: number } {
    const bound = kind === 'retry' ? `${address} ${port} ${peerId}` : address
    const sealed = new Uint8Array(SEALED_BYTES + bound.length)
    sealed.set(bytes.subarray(0, SEALED_BYTES))
    for (let index = 0; index < bound.length; index++) sealed[SEALED_BYTES + index] = bound.charCodeAt(index)
    return siphash(this.#key, sealed)
  }
}
