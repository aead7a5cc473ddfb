/**
 * Address validation tokens (RFC 9000 §8.1): how an endpoint recognizes, without keeping state, that a peer is at the
 * address that it sends from. A token is issued to an address and authenticated with a key that lives as long as the
 * endpoint. A peer that presents it later must have received it at that address.
 *
 *      0          1                     9               13                    21
 *      +----------+---------------------+---------------+---------------------+
 *      |  kind    |  issued, µs (u64)   |  serial (u32) |  SipHash-2-4 (u64)  |
 *      +----------+---------------------+---------------+---------------------+
 *
 * The hash covers the first 13 bytes and the address; for a RETRY token, also the port and the peer's connection id.
 * Each token is accepted once, so what was sent with it cannot be replayed. To peers a token is opaque.
 */
import type { Endpoint } from '../../kit/endpoint.ts'
import type { Random } from '../../kit/random.ts'
import { writeUint64 } from '../wire/varint.ts'
import { siphash, type SipKey } from './siphash.ts'

/** `retry`: issued a moment ago, in answer to a HELLO. `visit`: issued in an earlier connection. */
export type TokenKind = 'retry' | 'visit'

const KINDS: readonly TokenKind[] = ['retry', 'visit']
const LIFETIME_MS = 3_600_000
const BYTES = 21
const HASHED_BYTES = 13
/** The most used tokens that are remembered. */
const USED_MAX = 65_536

export class TokenMint {
  readonly #key: SipKey
  #serial = 0
  /** Serial and time of issue of each token accepted, oldest first. */
  readonly #used = new Map<number, number>()
  /** Tokens issued before this are refused, because some used ones have been forgotten. */
  #refusedBeforeMs = -Infinity

  constructor(random: Random) {
    this.#key = [random.uint32(), random.uint32(), random.uint32(), random.uint32()]
  }

  /** @param peerId the connection id of the peer */
  issue(kind: TokenKind, peer: Endpoint, peerId: number, nowMs: number): Uint8Array {
    this.#serial = (this.#serial + 1) >>> 0
    const bytes = new Uint8Array(BYTES)
    const view = new DataView(bytes.buffer)
    view.setUint8(0, KINDS.indexOf(kind))
    writeUint64(view, 1, Math.round(nowMs * 1000))
    view.setUint32(9, this.#serial)
    const { high, low } = this.#hash(bytes, kind, peer, peerId)
    view.setUint32(13, high)
    view.setUint32(17, low)
    return bytes
  }

  /**
   * The kind of a valid token, which is used up by this; undefined if it is forged, from another address, too old, or
   * already used.
   */
  redeem(token: Uint8Array, peer: Endpoint, peerId: number, nowMs: number): TokenKind | undefined {
    const kind = token.length === BYTES ? KINDS[token[0] ?? KINDS.length] : undefined
    if (kind === undefined) return undefined
    const view = new DataView(token.buffer, token.byteOffset, token.byteLength)
    const { high, low } = this.#hash(token, kind, peer, peerId)
    if (view.getUint32(13) !== high || view.getUint32(17) !== low) return undefined
    const issuedAtMs = (view.getUint32(1) * 0x100000000 + view.getUint32(5)) / 1000
    if (issuedAtMs < nowMs - LIFETIME_MS || issuedAtMs < this.#refusedBeforeMs) return undefined
    const serial = view.getUint32(9)
    if (this.#used.has(serial)) return undefined
    this.#remember(serial, issuedAtMs, nowMs)
    return kind
  }

  #remember(serial: number, issuedAtMs: number, nowMs: number): void {
    this.#used.set(serial, issuedAtMs)
    if (this.#used.size <= USED_MAX) return
    for (const [oldSerial, oldMs] of this.#used) {
      if (this.#used.size <= USED_MAX / 2) return
      this.#used.delete(oldSerial)
      if (oldMs >= nowMs - LIFETIME_MS) this.#refusedBeforeMs = Math.max(this.#refusedBeforeMs, oldMs + 0.001)
    }
  }

  #hash(bytes: Uint8Array, kind: TokenKind, { address, port }: Endpoint, peerId: number): { readonly high: number; readonly low: number } {
    const bound = kind === 'retry' ? `${address} ${port} ${peerId}` : address
    const input = new Uint8Array(HASHED_BYTES + bound.length)
    input.set(bytes.subarray(0, HASHED_BYTES))
    for (let index = 0; index < bound.length; index++) input[HASHED_BYTES + index] = bound.charCodeAt(index)
    return siphash(this.#key, input)
  }
}
