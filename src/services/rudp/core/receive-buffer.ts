/**
 * The bytes of a stream that arrived and were not read yet: in whatever order they come, read in their own. It never holds more than
 * its limit, and the limit that it offers never moves back.
 */
import type { Crc32 } from '../../kit/crc32.ts'
import { PARITY_STREAM_BYTES_MAX } from '../wire/frames.ts'
import { addToParity, areInOwnColumns, columnsOf, type Parity, type Range } from './parity.ts'
import { RangeSet } from './range-set.ts'
import { Ring } from './ring.ts'

/** A peer that sends single bytes with holes between them would otherwise cost a range each. */
const HOLES_MAX = 1024
/** With more pieces than this beyond the first hole nobody tries to restore: looking costs something with each piece that comes. */
const RESTORING_PIECES_MAX = 16

export class ReceiveBuffer {
  readonly #limitBytes: number
  /** What arrived; from its beginning as long as a parity may restore something, although it was read. */
  readonly #ring = new Ring()
  /** Arrived beyond the first hole. */
  readonly #early = new RangeSet()
  #readTo = 0
  #arrivedTo = 0
  #highest = 0
  #finOffset = Infinity
  /** Came, and was not enough yet. */
  #parity: Parity | undefined
  /** A parity can still restore something. */
  #wantsParity = true

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

  /** How far the stream has come, holes included, and up to its end where that is known: what counts against the limits. */
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
    if (this.#contradicts(end, fin)) return 'violation'
    if (offset > this.#arrivedTo && this.#early.count >= HOLES_MAX && this.#early.isApart(offset, end)) return 'full'
    if (!this.#wantsParity && this.#readTo === this.#highest) this.#ring.restart(this.#readTo)
    if (fin) this.#finOffset = end
    this.#highest = Math.max(this.#highest, end)
    this.#lookWhetherParityHelps()
    const from = Math.max(offset, this.#arrivedTo)
    if (from < end) {
      this.#ring.reserve(this.#wantsParity ? 0 : this.#readTo, end)
      this.#ring.put(from, from === offset ? bytes : bytes.subarray(from - offset))
      if (from > this.#arrivedTo) this.#early.add(from, end)
      else this.#advance(end)
    }
    return 'taken'
  }

  /** Keeps the first parity that comes, which also tells the end. @returns false where that contradicts what came before */
  putParity(parity: Parity): boolean {
    if (!this.#endAt(parity.finalSize)) return false
    this.#lookWhetherParityHelps()
    if (this.#wantsParity) this.#parity ??= { ...parity, data: parity.data.slice() }
    return true
  }

  /**
   * Restores all that is missing, where a parity has come and is enough. What has not the right sum is not taken, and the parity
   * forgotten for good.
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
    addToParity(parity.data, 0, whole) // nothing was ever put where bytes are missing: zeros, which change no parity
    for (const range of missing) this.#ring.put(range.start, columnsOf(parity.data, range))
    const sum = sumOf(whole, 0, whole.length, 0)
    this.#wantNoParity()
    if (sum !== parity.sum) return NOTHING // what stands there now counts for nothing, and what comes takes its place
    this.#advance(this.#finOffset)
    return missing
  }

  /** The peer broke the stream off at `finalSize`. @returns false where that contradicts what came before */
  breakOff(finalSize: number): boolean {
    if (!this.#endAt(finalSize)) return false
    this.#wantNoParity()
    this.#ring.release()
    return true
  }

  /** The next bytes in order, at most `maxBytes` and perhaps fewer than there are; empty where none are there. They stay as they are until the next `put`. */
  read(maxBytes: number): Uint8Array {
    const lengthBytes = Math.min(maxBytes, this.readableBytes)
    if (lengthBytes === 0) return EMPTY
    const bytes = this.#ring.view(this.#readTo, lengthBytes)
    this.#readTo += bytes.length
    if (this.drained) this.#ring.release()
    return bytes
  }

  /** Whether bytes up to `end` are more than may come, or there cannot be the stream's end. */
  #contradicts(end: number, fin: boolean): boolean {
    return end > this.limitOffset || end > this.#finOffset || (fin && end < this.#highest)
  }

  /** The stream ends at `finalSize`, and all before it counts as sent. @returns false where that contradicts what came before */
  #endAt(finalSize: number): boolean {
    if (this.#contradicts(finalSize, true)) return false
    this.#finOffset = finalSize
    this.#highest = finalSize
    return true
  }

  #lookWhetherParityHelps(): void {
    if (this.finished || this.#highest > PARITY_STREAM_BYTES_MAX) this.#wantNoParity()
  }

  #wantNoParity(): void {
    this.#wantsParity = false
    this.#parity = undefined
  }

  #advance(end: number): void {
    this.#arrivedTo = this.#early.advance(end)
    this.#lookWhetherParityHelps()
  }
}

const EMPTY = new Uint8Array(0)
const NOTHING: readonly Range[] = []
