/**
 * The receiving half of the stream: bytes in whatever order they come, read in their own. It never holds more than its limit,
 * and the right edge of the window that it offers never moves back (RFC 9293 §3.8.6).
 */
import { RangeSet } from './range-set.ts'
import { Ring } from './ring.ts'

/** A peer that sends single bytes with holes between them would otherwise cost a range each. */
const HOLES_MAX = 1024

export class ReceiveBuffer {
  readonly #ring: Ring
  /** Arrived beyond the first hole. */
  readonly #early = new RangeSet()
  #readTo = 0
  #arrivedTo = 0
  #highest = 0
  #finOffset = Infinity

  constructor(limitBytes: number) {
    this.#ring = new Ring(limitBytes)
  }

  /** What a cumulative ack says: all below has arrived, the end counting as one byte. */
  get ackOffset(): number {
    return this.finished ? this.#arrivedTo + 1 : this.#arrivedTo
  }

  /** The offset below which bytes are taken. */
  get limitOffset(): number {
    return this.#readTo + this.#ring.maxBytes
  }

  get readableBytes(): number {
    return this.#arrivedTo - this.#readTo
  }

  /** Every byte up to the end has arrived. */
  get finished(): boolean {
    return this.#arrivedTo === this.#finOffset
  }

  /** Every byte up to the end was read. */
  get drained(): boolean {
    return this.#readTo === this.#finOffset
  }

  get hasHoles(): boolean {
    return this.#early.count > 0
  }

  /**
   * Takes the bytes of one packet.
   * @param fin the stream ends behind them
   * @returns false where they break the window, the end or the limit of holes; then nothing was taken
   */
  put(offset: number, bytes: Uint8Array, fin: boolean): boolean {
    const end = offset + bytes.length
    if (end > this.limitOffset || end > this.#finOffset) return false
    if (fin && (end < this.#highest || (this.#finOffset !== Infinity && end !== this.#finOffset))) return false
    if (offset > this.#arrivedTo && this.#early.count >= HOLES_MAX && this.#early.isApart(offset, end)) return false
    if (fin) this.#finOffset = end
    const from = Math.max(offset, this.#arrivedTo)
    if (from >= end) return true
    this.#ring.reserve(this.#readTo, this.#highest, end)
    this.#ring.put(from, from === offset ? bytes : bytes.subarray(from - offset))
    this.#highest = Math.max(this.#highest, end)
    if (from > this.#arrivedTo) this.#early.add(from, end)
    else this.#advance(end)
    return true
  }

  /** The next bytes in order, at most `maxBytes`; empty where none are there. They are the reader's own. */
  read(maxBytes: number): Uint8Array {
    const bytes = new Uint8Array(Math.min(maxBytes, this.readableBytes))
    this.#ring.copy(this.#readTo, bytes.length, bytes, 0)
    this.#readTo += bytes.length
    return bytes
  }

  #advance(end: number): void {
    this.#arrivedTo = end
    const next = this.#early.first
    if (next === undefined || next.start > end) return
    this.#arrivedTo = Math.max(end, next.end)
    this.#early.removeBelow(this.#arrivedTo)
    // A long packet may reach over several early ranges; the next one may begin where this one ends.
    const following = this.#early.first
    if (following !== undefined && following.start <= this.#arrivedTo) this.#advance(this.#arrivedTo)
  }
}
