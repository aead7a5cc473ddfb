/**
 * The bytes of a stream that arrived and were not read yet: in whatever order they come, read in their own. It never holds more than
 * its limit, and the limit that it offers never moves back.
 */
import { Blocks } from './blocks.ts'
import { RangeSet } from './range-set.ts'

/** A peer that sends single bytes with holes between them would otherwise cost a range each. */
const HOLES_MAX = 1024

export class ReceiveBuffer {
  readonly #limitBytes: number
  readonly #blocks = new Blocks()
  /** Arrived beyond the first hole. */
  readonly #early = new RangeSet()
  #readTo = 0
  #arrivedTo = 0
  #highest = 0
  #finOffset = Infinity

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes
  }

  /** The offset below which bytes are taken. */
  get limitOffset(): number {
    return this.#readTo + this.#limitBytes
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

  /** How far bytes have arrived, holes included: what counts against the limits. */
  get highest(): number {
    return this.#highest
  }

  /** Where the stream ends; Infinity as long as that is not known. */
  get finalSize(): number {
    return this.#finOffset
  }

  /** How far the stream was read. */
  get readTo(): number {
    return this.#readTo
  }

  /**
   * Takes the bytes of one packet.
   * @param fin the stream ends behind them
   * @returns `taken`; `full`: too many holes, nothing was taken; `violation`: beyond the limit, or another end than was told
   */
  put(offset: number, bytes: Uint8Array, fin: boolean): 'taken' | 'full' | 'violation' {
    const end = offset + bytes.length
    if (end > this.limitOffset || end > this.#finOffset) return 'violation'
    if (fin && (end < this.#highest || (this.#finOffset !== Infinity && end !== this.#finOffset))) return 'violation'
    if (offset > this.#arrivedTo && this.#early.count >= HOLES_MAX && this.#early.isApart(offset, end)) return 'full'
    if (fin) this.#finOffset = end
    const from = Math.max(offset, this.#arrivedTo)
    if (from >= end) return 'taken'
    this.#blocks.put(from, from === offset ? bytes : bytes.subarray(from - offset))
    this.#highest = Math.max(this.#highest, end)
    if (from > this.#arrivedTo) this.#early.add(from, end)
    else this.#advance(end)
    return 'taken'
  }

  /** The peer broke the stream off at `finalSize`. @returns false where that contradicts what came before */
  breakOff(finalSize: number): boolean {
    if (finalSize < this.#highest || finalSize > this.limitOffset || (this.#finOffset !== Infinity && finalSize !== this.#finOffset)) return false
    this.#finOffset = finalSize
    this.#highest = finalSize
    this.#blocks.release()
    return true
  }

  /** The next bytes in order, at most `maxBytes` and perhaps fewer than there are; empty where none are there. They are the reader's own. */
  read(maxBytes: number): Uint8Array {
    const lengthBytes = Math.min(maxBytes, this.readableBytes)
    if (lengthBytes === 0) return EMPTY
    const bytes = this.#blocks.take(this.#readTo, lengthBytes)
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

const EMPTY = new Uint8Array(0)
