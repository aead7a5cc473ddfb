/**
 * The bytes of a stream that have arrived but not been read. They arrive in any order and are read in sequence. The
 * buffer never holds more than its limit, and the limit that it offers never moves back.
 */
import type { Crc32 } from '../../kit/crc32.ts'
import { PARITY_STREAM_BYTES_MAX } from '../wire/frames.ts'
import { addToParity, areInOwnColumns, columnsOf, type Parity, type Range } from './parity.ts'
import { RangeSet } from './range-set.ts'
import { Ring } from './ring.ts'

/**
 * The most gaps: without this bound, a peer that sends single bytes with gaps between them would cost a range for each.
 */
const HOLES_MAX = 1024
/**
 * With more received pieces than this beyond the first gap, restoring is not attempted: each attempt costs time with
 * every packet.
 */
const RESTORING_PIECES_MAX = 16

export class ReceiveBuffer {
  readonly #limitBytes: number
  /** What has arrived. Kept from the beginning, even if it was read, while a parity may still restore something. */
  readonly #ring = new Ring()
  /** Arrived beyond the first gap. */
  readonly #early = new RangeSet()
  #readTo = 0
  #arrivedTo = 0
  #highest = 0
  #finOffset = Infinity
  /** A parity that has arrived but is not sufficient yet. */
  #parity: Parity | undefined
  /** A parity could still restore something. */
  #wantsParity = true

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes
  }

  /** The offset below which bytes are accepted. */
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

  /** Every byte up to the end has been read. */
  get drained(): boolean {
    return this.#readTo === this.#finOffset
  }

  /** The highest offset, gaps included, or the final size once it is known. It counts against the limits. */
  get highest(): number {
    return this.#highest
  }

  /** Where the stream ends; Infinity until that is known. */
  get finalSize(): number {
    return this.#finOffset
  }

  /** How far the stream has been read. */
  get readTo(): number {
    return this.#readTo
  }

  /**
   * Stores the bytes of one packet.
   * @param fin the stream ends after them
   * @returns `taken`; `full` if there are too many gaps, and nothing was stored; `violation` if the bytes exceed the
   * limit or contradict the known end
   */
  put(offset: number, bytes: Uint8Array, fin: boolean): 'taken' | 'full' | 'violation' {
    const end = offset + bytes.length
    if (this.#contradicts(end, fin)) return 'violation'
    if (offset > this.#arrivedTo && this.#early.count >= HOLES_MAX && this.#early.isApart(offset, end)) return 'full'
    if (!this.#wantsParity && this.#readTo === this.#highest) this.#ring.restart(this.#readTo)
    if (fin) this.#finOffset = end
    this.#highest = Math.max(this.#highest, end)
    this.#updateWantsParity()
    const from = Math.max(offset, this.#arrivedTo)
    if (from < end) {
      this.#ring.reserve(this.#wantsParity ? 0 : this.#readTo, end)
      this.#ring.put(from, from === offset ? bytes : bytes.subarray(from - offset))
      if (from > this.#arrivedTo) this.#early.add(from, end)
      else this.#advance(end)
    }
    return 'taken'
  }

  /**
   * Keeps the first parity that arrives; each also gives the final size.
   * @returns false if that contradicts what arrived before
   */
  putParity(parity: Parity): boolean {
    if (!this.#endAt(parity.finalSize)) return false
    this.#updateWantsParity()
    if (this.#wantsParity) this.#parity ??= { ...parity, data: parity.data.slice() }
    return true
  }

  /**
   * Restores everything that is missing, if a parity has arrived and is sufficient. If the sum does not match, nothing
   * is restored and no parity is tried again.
   * @returns what was restored
   */
  restore(sumOf: Crc32): readonly Range[] {
    const parity = this.#parity
    if (parity === undefined || this.#early.count > RESTORING_PIECES_MAX) return NOTHING
    const missing: Range[] = []
    this.#early.forEachGap(this.#arrivedTo, this.#finOffset, (start, end) => missing.push({ start, end }))
    if (!areInOwnColumns(missing, parity.data.length)) return NOTHING
    this.#ring.reserve(0, this.#finOffset)
    const whole = this.#ring.view(0, this.#finOffset)
    addToParity(parity.data, 0, whole) // missing bytes are still zeros, which do not change the parity
    for (const range of missing) this.#ring.put(range.start, columnsOf(parity.data, range))
    const sum = sumOf(whole, 0, whole.length, 0)
    this.#giveUpParity()
    if (sum !== parity.sum) return NOTHING // the bytes written there do not count as received; retransmissions overwrite them
    this.#advance(this.#finOffset)
    return missing
  }

  /** The peer aborted the stream at `finalSize`. @returns false if that contradicts what arrived before */
  abort(finalSize: number): boolean {
    if (!this.#endAt(finalSize)) return false
    this.#giveUpParity()
    this.#ring.release()
    return true
  }

  /**
   * The next bytes in order, at most `maxBytes` and perhaps fewer than are available; empty if there are none. Valid
   * until the next `put`.
   */
  read(maxBytes: number): Uint8Array {
    const lengthBytes = Math.min(maxBytes, this.readableBytes)
    if (lengthBytes === 0) return EMPTY
    const bytes = this.#ring.view(this.#readTo, lengthBytes)
    this.#readTo += bytes.length
    if (this.drained) this.#ring.release()
    return bytes
  }

  /** Whether bytes up to `end` exceed a limit, or whether the stream cannot end there. */
  #contradicts(end: number, fin: boolean): boolean {
    return end > this.limitOffset || end > this.#finOffset || (fin && end < this.#highest)
  }

  /**
   * Records the final size; everything before it counts as sent.
   * @returns false if that contradicts what arrived before
   */
  #endAt(finalSize: number): boolean {
    if (this.#contradicts(finalSize, true)) return false
    this.#finOffset = finalSize
    this.#highest = finalSize
    return true
  }

  #updateWantsParity(): void {
    if (this.finished || this.#highest > PARITY_STREAM_BYTES_MAX) this.#giveUpParity()
  }

  #giveUpParity(): void {
    this.#wantsParity = false
    this.#parity = undefined
  }

  #advance(end: number): void {
    this.#arrivedTo = this.#early.advance(end)
    this.#updateWantsParity()
  }
}

const EMPTY = new Uint8Array(0)
const NOTHING: readonly Range[] = []
