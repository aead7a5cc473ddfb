/**
 * The sending half of the stream: bytes written and not yet acknowledged, and which of them are to be sent (again).
 *
 *     acknowledged │ sent, in flight or lost │ written, never sent │ room
 *               una^                     next^             writtenTo^     una + limit
 *
 * The FIN takes the one place behind the last byte, as in TCP (RFC 9293 §3.4), so a cumulative ack covers it too.
 */
import { RangeSet } from './range-set.ts'
import { Ring } from './ring.ts'

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
  readonly #ring: Ring
  /** Lost and not delivered otherwise. */
  readonly #lost = new RangeSet()
  /** Above `una`, acknowledged by packet number: what is lost a second time need not be sent again. */
  readonly #delivered = new RangeSet()
  #una = 0
  #next = 0
  #writtenTo = 0
  #finQueued = false
  #finSent = false
  #finLost = false
  #finAcked = false

  constructor(limitBytes: number) {
    this.#ring = new Ring(limitBytes)
  }

  get una(): number {
    return this.#una
  }

  get freeBytes(): number {
    return this.#ring.maxBytes - (this.#writtenTo - this.#una)
  }

  /** The largest ack offset that a peer can honestly send. */
  get ackOffsetMax(): number {
    return this.#next + (this.#finSent ? 1 : 0)
  }

  /** The end of the stream was sent and acknowledged. */
  get finished(): boolean {
    return this.#finAcked
  }

  /** Every byte was acknowledged; the end perhaps not yet. */
  get allDelivered(): boolean {
    return this.#una === this.#writtenTo
  }

  /** `end` was called: no byte will follow those written. */
  get isEnded(): boolean {
    return this.#finQueued
  }

  /** Bytes wait that were never sent. */
  get hasUnsent(): boolean {
    return this.#next < this.#writtenTo
  }

  /** Takes as much as there is room for. @returns how many bytes were taken */
  write(bytes: Uint8Array): number {
    if (this.#finQueued) return 0
    const taken = Math.min(bytes.length, this.freeBytes)
    if (taken === 0) return 0
    this.#ring.reserve(this.#una, this.#writtenTo, this.#writtenTo + taken)
    this.#ring.put(this.#writtenTo, taken === bytes.length ? bytes : bytes.subarray(0, taken))
    this.#writtenTo += taken
    return taken
  }

  /** No byte will follow. */
  end(): void {
    this.#finQueued = true
  }

  /**
   * What to send next: lost bytes first, then new ones, then the end. `sent` has to follow when it goes out.
   * @param maxBytes room in the packet
   * @param peerLimit the offset up to which the peer takes bytes
   */
  next(maxBytes: number, peerLimit: number): Segment | undefined {
    const lost = this.#lost.first
    if (lost !== undefined) {
      const lengthBytes = Math.min(maxBytes, lost.end - lost.start)
      return { offset: lost.start, lengthBytes, fin: this.#finIsDueBehind(lost.start + lengthBytes), again: true }
    }
    const lengthBytes = Math.min(maxBytes, this.#writtenTo - this.#next, peerLimit - this.#next)
    if (lengthBytes > 0) return { offset: this.#next, lengthBytes, fin: this.#finIsDueBehind(this.#next + lengthBytes), again: false }
    if (this.#finIsDueBehind(this.#next)) return { offset: this.#writtenTo, lengthBytes: 0, fin: true, again: this.#finLost }
    return undefined
  }

  /** The oldest bytes in flight once more, for a probe. */
  oldest(offset: number, lengthBytes: number, fin: boolean): Segment {
    const from = Math.max(offset, this.#una)
    return { offset: from, lengthBytes: Math.max(0, offset + lengthBytes - from), fin, again: true }
  }

  sent({ offset, lengthBytes, fin }: Segment): void {
    this.#lost.remove(offset, offset + lengthBytes)
    this.#next = Math.max(this.#next, offset + lengthBytes)
    if (fin) {
      this.#finSent = true
      this.#finLost = false
    }
  }

  /** The packet with these bytes arrived. */
  deliver(offset: number, lengthBytes: number, fin: boolean): void {
    if (fin) this.#finLost = false
    const from = Math.max(offset, this.#una)
    this.#lost.remove(from, offset + lengthBytes)
    this.#delivered.add(from, offset + lengthBytes)
  }

  /** The packet with these bytes did not arrive. */
  lose(offset: number, lengthBytes: number, fin: boolean): void {
    if (fin && !this.#finAcked) this.#finLost = true
    this.#delivered.forEachGap(Math.max(offset, this.#una), offset + lengthBytes, (start, end) => this.#lost.add(start, end))
  }

  /** All before `ackOffset` arrived. @returns whether that is news */
  acknowledge(ackOffset: number): boolean {
    if (ackOffset > this.#writtenTo && this.#finSent && !this.#finAcked) {
      this.#finAcked = true
      this.#finLost = false
    } else if (ackOffset <= this.#una) return false
    this.#una = Math.min(ackOffset, this.#writtenTo)
    this.#lost.removeBelow(this.#una)
    this.#delivered.removeBelow(this.#una)
    return true
  }

  copy(segment: Segment, target: Uint8Array, at: number): void {
    this.#ring.copy(segment.offset, segment.lengthBytes, target, at)
  }

  release(): void {
    this.#ring.release()
  }

  #finIsDueBehind(offset: number): boolean {
    return this.#finQueued && offset === this.#writtenTo && !this.#finAcked && (!this.#finSent || this.#finLost)
  }
}
