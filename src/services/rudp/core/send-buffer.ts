/**
 * The bytes of a stream that were written and have not arrived yet, and which of them are to be sent (again).
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

/** A stream of fewer packets has no parity: it would cost too much of what it saves. */
const PARITY_PACKETS_MIN = 4
/**
 * What was written and not sent yet is no more than this, as with TCP_NOTSENT_LOWAT: enough for the time that a writer takes to come
 * back, and little enough to be in the processor's cache still when it leaves.
 */
const UNSENT_BYTES_MAX = 1024 * 1024

/** What one packet carries of the stream. */
export interface Segment {
  readonly offset: number
  readonly lengthBytes: number
  /** The stream ends behind these bytes. */
  readonly fin: boolean
  /** Sent before, and given up for lost. */
  readonly again: boolean
}

export class SendBuffer {
  readonly #limitBytes: number
  /** What was written; from its beginning as long as it may be given a parity, although some of it has arrived. */
  readonly #ring = new Ring()
  /** Lost and not delivered otherwise. */
  readonly #lost = new RangeSet()
  /** Arrived above `una`: what is lost a second time need not be sent again. */
  readonly #delivered = new RangeSet()
  #una = 0
  #next = 0
  #writtenTo = 0
  /** False: an empty piece shall go out, so that the peer knows of a stream on which nothing was written yet. */
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

  /** There is so much room again that it is worth a writer's turn. */
  get isWorthWriting(): boolean {
    return this.freeBytes >= Math.min(this.#limitBytes, UNSENT_BYTES_MAX) / 2
  }

  /** How far bytes were sent: what they count against the peer's limits. */
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

  /** Takes as much as there is room for. @returns how many bytes were taken */
  write(bytes: Uint8Array): number {
    const taken = Math.min(bytes.length, this.freeBytes)
    if (taken === 0) return 0
    const end = this.#writtenTo + taken
    this.#ring.reserve(end > PARITY_STREAM_BYTES_MAX ? this.#una : 0, end)
    this.#ring.put(this.#writtenTo, taken === bytes.length ? bytes : bytes.subarray(0, taken))
    this.#writtenTo = end
    return taken
  }

  /** The peer shall know of the stream though nothing was written yet. */
  announce(): void {
    if (this.#next === 0 && !this.#finSent) this.#isAnnounced = false
  }

  /** No byte will follow. */
  end(): void {
    this.#finQueued = true
  }

  /** The next lost bytes, or the lost end. `sent` has to follow when they go out. @param maxBytesAt how many fit, for bytes at an offset */
  nextLost(maxBytesAt: (offset: number) => number): Segment | undefined {
    const lost = this.#lost.first
    if (lost === undefined) return this.#finLost ? { offset: this.#writtenTo, lengthBytes: 0, fin: true, again: true } : undefined
    const lengthBytes = Math.min(maxBytesAt(lost.start), lost.end - lost.start)
    return { offset: lost.start, lengthBytes, fin: this.#finIsDueBehind(lost.start + lengthBytes), again: true }
  }

  /**
   * The next bytes that were never sent, or the end. `sent` has to follow when they go out.
   * @param maxBytes room in the packet
   * @param limit the offset up to which the peer takes bytes
   */
  nextNew(maxBytes: number, limit: number): Segment | undefined {
    const lengthBytes = Math.min(maxBytes, this.#writtenTo - this.#next, limit - this.#next)
    if (lengthBytes > 0) return { offset: this.#next, lengthBytes, fin: this.#finIsDueBehind(this.#next + lengthBytes), again: false }
    if (!this.#isAnnounced) return { offset: 0, lengthBytes: 0, fin: this.#finIsDueBehind(0), again: false }
    if (this.#finSent || !this.#finIsDueBehind(this.#next)) return undefined
    return { offset: this.#writtenTo, lengthBytes: 0, fin: true, again: false }
  }

  /** Bytes in flight once more, for a probe: what of them has not arrived; undefined where all has. */
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

  /** A parity of `lengthBytes` of the whole stream, which has ended; undefined where it is too long, or too short, or all its bytes have arrived. */
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
