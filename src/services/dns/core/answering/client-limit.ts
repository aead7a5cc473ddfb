/**
 * How much one client may ask: a share a second for each address, so that one that loops, or whose address is forged, cannot
 * starve the others. Beyond its share most queries get nothing, and one in four an empty answer with TC: a real client comes
 * back by TCP, where its address is proven; a forged one gets less than it sent (RFC 5358's concern, the way of response rate
 * limiting).
 *
 * Addresses are counted by hash in a fixed table; two that fall into one place share its budget. The seed makes sure that
 * nobody chooses whose.
 */
import type { Random } from '../../../kit/random.ts'

const PLACES_BITS = 14
const TC_EVERY = 4
/** So far below a share that no second is long enough. */
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

  /** Takes the limit from a client for the rest of this second: it was found to be one that has none. */
  exempt(addressHash: number): void {
    this.#counts[this.#placeOf(addressHash)] = EXEMPT
  }

  #placeOf(addressHash: number): number {
    return Math.imul(addressHash, this.#seed) >>> (32 - PLACES_BITS)
  }
}

/**
 * The empty answer with TC to a query, into `out[outAt…)`: its header and question.
 * @returns its length; 0 for what is no plain query
 */
export function truncatedAnswer(query: Uint8Array, at: number, length: number, out: Uint8Array, outAt: number): number {
  const end = questionEnd(query, at, length)
  if (end === 0) return 0
  for (let index = 0; index < end; index++) out[outAt + index] = query[at + index] ?? 0
  out[outAt + 2] = 0x82 | ((query[at + 2] ?? 0) & 1) // QR, TC, and RD as it was
  out[outAt + 3] = 0x80 // RA
  for (let index = 6; index < 12; index++) out[outAt + index] = 0
  return end
}

/** Where the one question ends, counted from `at`; 0 where there is none, or the packet is no query. */
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
