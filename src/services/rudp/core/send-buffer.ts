/**
 * The bytes of a stream that were written but have not all arrived, and which of them to send, or send again.
 *
 *     arrived │ sent: in flight, arrived early, or lost │ written, never sent │ room
 *          una^                                     next^             writtenTo^     una + limit
 *
 * The end of the stream (FIN) is sent with the last bytes, or alone.
 */
import type { Crc32 } from '../../kit/crc32.ts'
import { PARITY_STREAM_BYTES_MAX } from '../wire/frames.ts'
import { addToParity, type Parity } from './parity.ts'
import { RangeSet } from './range-set.ts'
import { Ring } from './ring.ts'

/** A stream with fewer packets gets no parity, which would cost too much in relation to what it saves. */
const PARITY_PACKETS_MIN = 4
/**
 * Limits what is written but not yet sent, like TCP_NOTSENT_LOWAT: enough to bridge the time until a writer comes back,
 * and little enough to be in the CPU cache still when it is sent.
 */
const UNSENT_BYTES_MAX = 1024 * 1024

/** The part of a stream that one packet carries. */
export interface Segment {
  readonly offset: number
  readonly lengthBytes: number
  /** The stream ends after these bytes. */
  readonly fin: boolean
  /** Sent before and declared lost. */
  readonly again: boolean
}

export class SendBuffer {
  readonly #limitBytes: number
  /** What was written. Kept from the beginning, even if it has arrived, while the stream may still need a parity. */
  readonly #ring = new Ring()
  /** Lost, and not delivered by another packet. */
  readonly #lost = new RangeSet()
  /** Arrived beyond `una`. What is lost a second time need not be sent again. */
  readonly #delivered = new RangeSet()
  #una = 0
  #next = 0
  #writtenTo = 0
  /**
   * False: an empty STREAM frame must be sent, so that the peer learns of a stream on which nothing has been written
   * yet.
   */
  #isAnnounced = true
  #finQueued = false
  #finSent = false
  #finLost = false
  #finAcked = false

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes
  }

  get freeBytes(): number {
    return Math.min(this.#limitBytes - (this.#writtenTo - this.#una), UNSENT_BYTES_MAX - (this.#writtenTo - this.#next))
  }

  /** There is enough room again to be worth waking the writer. */
  get isWorthWriting(): boolean {
    return this.freeBytes >= Math.min(this.#limitBytes, UNSENT_BYTES_MAX) / 2
  }

  /** How far bytes have been sent, which counts against the limits of the peer. */
  get sentTo(): number {
    return this.#next
  }

  /** Every byte that was written has arrived. */
  get allArrived(): boolean {
    return this.#una === this.#writtenTo
  }

  /** Every byte and the end have arrived. */
  get finished(): boolean {
    return this.#finAcked && this.allArrived
  }

  /** Something was lost, and is to be sent again. */
  get hasLost(): boolean {
    return this.#lost.count > 0 || this.#finLost
  }

  /** Accepts as much as there is room for. @returns how many bytes were accepted */
  write(bytes: Uint8Array): number {
    const taken = Math.min(bytes.length, this.freeBytes)
    if (taken === 0) return 0
    const end = this.#writtenTo + taken
    this.#ring.reserve(end > PARITY_STREAM_BYTES_MAX ? this.#una : 0, end)
    this.#ring.put(this.#writtenTo, taken === bytes.length ? bytes : bytes.subarray(0, taken))
    this.#writtenTo = end
    return taken
  }

  /** Makes the peer learn of the stream although nothing has been written yet. */
  announce(): void {
    if (this.#next === 0 && !this.#finSent) this.#isAnnounced = false
  }

  /** Marks the end: no bytes will follow. */
  end(): void {
    this.#finQueued = true
  }

  /**
   * The next lost bytes, or the lost end. Call `sent` once they leave.
   * @param maxBytesAt how many bytes fit, for bytes at a given offset
   */
  nextLost(maxBytesAt: (offset: number) => number): Segment | undefined {
    const lost = this.#lost.first
    if (lost === undefined) return this.#finLost ? { offset: this.#writtenTo, lengthBytes: 0, fin: true, again: true } : undefined
    const lengthBytes = Math.min(maxBytesAt(lost.start), lost.end - lost.start)
    return { offset: lost.start, lengthBytes, fin: this.#finIsDueBehind(lost.start + lengthBytes), again: true }
  }

  /**
   * The next bytes that were never sent, or the end. Call `sent` once they leave.
   * @param maxBytes room in the packet
   * @param limit the offset up to which the peer accepts bytes
   */
  nextNew(maxBytes: number, limit: number): Segment | undefined {
    const lengthBytes = Math.min(maxBytes, this.#writtenTo - this.#next, limit - this.#next)
    if (lengthBytes > 0) return { offset: this.#next, lengthBytes, fin: this.#finIsDueBehind(this.#next + lengthBytes), again: false }
    if (!this.#isAnnounced) return { offset: 0, lengthBytes: 0, fin: this.#finIsDueBehind(0), again: false }
    if (this.#finSent || !this.#finIsDueBehind(this.#next)) return undefined
    return { offset: this.#writtenTo, lengthBytes: 0, fin: true, again: false }
  }

  /** Bytes in flight, to be sent once more as a probe: those that have not arrived, or undefined if all have. */
  repeat(offset: number, lengthBytes: number, fin: boolean, maxBytes: number): Segment | undefined {
    const from = Math.max(offset, this.#una)
    const length = Math.min(maxBytes, offset + lengthBytes - from)
    if (length > 0) return { offset: from, lengthBytes: length, fin: fin && from + length === offset + lengthBytes, again: true }
    return fin && !this.#finAcked ? { offset: this.#writtenTo, lengthBytes: 0, fin: true, again: true } : undefined
  }

  sent({ offset, lengthBytes, fin }: Segment): void {
    this.#isAnnounced = true
    this.#lost.remove(offset, offset + lengthBytes)
    this.#next = Math.max(this.#next, offset + lengthBytes)
    if (fin) {
      this.#finSent = true
      this.#finLost = false
    }
  }

  /** The packet with these bytes arrived. */
  deliver(offset: number, lengthBytes: number, fin: boolean): void {
    if (fin) {
      this.#finAcked = true
      this.#finLost = false
    }
    const from = Math.max(offset, this.#una)
    const end = offset + lengthBytes
    if (from >= end) return
    this.#lost.remove(from, end)
    if (from > this.#una) this.#delivered.add(from, end)
    else this.#una = this.#delivered.advance(end)
  }

  /** The packet with these bytes did not arrive. */
  lose(offset: number, lengthBytes: number, fin: boolean): void {
    if (fin && !this.#finAcked) this.#finLost = true
    else if (lengthBytes === 0) this.announce()
    this.#delivered.forEachGap(Math.max(offset, this.#una), offset + lengthBytes, (start, end) => this.#lost.add(start, end))
  }

  copy(segment: Segment, target: Uint8Array, at: number): void {
    this.#ring.copy(segment.offset, segment.lengthBytes, target, at)
  }

  /**
   * The parity, `lengthBytes` long, of the whole stream, which has ended. Undefined if the stream is too long or too
   * short, or if all of it has arrived.
   */
  parity(lengthBytes: number, sumOf: Crc32): Parity | undefined {
    const finalSize = this.#writtenTo
    if (finalSize > PARITY_STREAM_BYTES_MAX || finalSize <= (PARITY_PACKETS_MIN - 1) * lengthBytes || finalSize === this.#una) return undefined
    const [whole, data] = [this.#ring.view(0, finalSize), new Uint8Array(lengthBytes)]
    addToParity(data, 0, whole)
    return { finalSize, sum: sumOf(whole, 0, whole.length, 0), data }
  }

  release(): void {
    this.#ring.release()
  }

  #finIsDueBehind(offset: number): boolean {
    return this.#finQueued && offset === this.#writtenTo && (!this.#finSent || this.#finLost)
  }
}
