/**
 * Rate limiting per client address, so that one that loops, or whose address is forged, cannot starve the others. Beyond the
 * limit most queries are dropped, and one in four gets an empty answer with TC: a genuine client retries over TCP, which
 * proves its address; the victim of a forged one receives no more octets than the forger sent (the concern of RFC 5358, the
 * method of response rate limiting).
 *
 * Addresses are counted by hash in a fixed table; two with the same slot share a budget. The random seed keeps an attacker
 * from choosing whose.
 */
import type { Random } from '../../../kit/random.ts'

const PLACES_BITS = 14
const TC_EVERY = 4
/** So negative that no second is long enough to reach the limit. */
const EXEMPT = -0x7fffffff

export type ClientVerdict = 'answer' | 'truncate' | 'drop'

export class ClientLimit {
  /** Queries a second for each address; 0: no limit. */
  readonly perSecond: number
  readonly #seconds = new Float64Array(1 << PLACES_BITS)
  readonly #counts = new Int32Array(1 << PLACES_BITS)
  readonly #seed: number

  constructor(perSecond: number, random: Random) {
    this.perSecond = perSecond
    this.#seed = random.uint32() | 1
  }

  /** @param addressHash equal for equal addresses */
  judge(addressHash: number, nowMs: number): ClientVerdict {
    if (this.perSecond === 0) return 'answer'
    const place = this.#placeOf(addressHash)
    const second = Math.floor(nowMs / 1000)
    if (this.#seconds[place] !== second) {
      this.#seconds[place] = second
      this.#counts[place] = 0
    }
    const count = (this.#counts[place] ?? 0) + 1
    this.#counts[place] = count
    if (count <= this.perSecond) return 'answer'
    return count % TC_EVERY === 0 ? 'truncate' : 'drop'
  }

  /** Lifts the limit for a client for the rest of this second. */
  exempt(addressHash: number): void {
    this.#counts[this.#placeOf(addressHash)] = EXEMPT
  }

  #placeOf(addressHash: number): number {
    return Math.imul(addressHash, this.#seed) >>> (32 - PLACES_BITS)
  }
}

/**
 * Writes an empty answer with TC, which is the query's header and question, to `out[outAt…)`.
 * @returns its length; 0 if the packet is not a plain query
 */
export function truncatedAnswer(query: Uint8Array, at: number, length: number, out: Uint8Array, outAt: number): number {
  const end = questionEnd(query, at, length)
  if (end === 0) return 0
  for (let index = 0; index < end; index++) out[outAt + index] = query[at + index] ?? 0
  out[outAt + 2] = 0x82 | ((query[at + 2] ?? 0) & 1) // QR, TC, and the query's RD
  out[outAt + 3] = 0x80 // RA
  for (let index = 6; index < 12; index++) out[outAt + index] = 0
  return end
}

/** Where the question ends, relative to `at`; 0 if the packet is not a query with exactly one question. */
function questionEnd(query: Uint8Array, at: number, length: number): number {
  if (((query[at + 2] ?? 0) & 0xf8) !== 0 || query[at + 4] !== 0 || query[at + 5] !== 1) return 0
  for (let index = 12; index < length;) {
    const labelBytes = query[at + index] ?? 0
    if (labelBytes === 0) return index + 5 <= length ? index + 5 : 0
    if (labelBytes > 63 || index > 12 + 255) return 0
    index += labelBytes + 1
  }
  return 0
}
