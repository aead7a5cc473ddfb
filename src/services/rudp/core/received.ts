/**
 * The packet numbers that have arrived, and when to acknowledge them. At first every second packet is acknowledged at
 * once, so that the window of the peer opens fast; later one ACK covers several kilobytes
 * (draft-ietf-quic-ack-frequency). A single packet is acknowledged within 10 ms, and anything out of order at once (RFC
 * 9000 §13.2.1).
 */
import { RANGES_MAX, type PacketRange } from '../wire/frames.ts'
import { ACK_DELAY_MAX_MS } from './limits.ts'
import { RangeSet } from './range-set.ts'

/** Acknowledge at once after this many ack-eliciting packets … */
const ACK_EVERY = 2
/** … and, past the beginning of the connection, this many bytes. */
const ACK_EVERY_BYTES = 5_500
const BEGINNING_PACKETS = 100
/** More ranges are remembered than fit into an ACK, so that a late packet is still recognized. */
const REMEMBERED_RANGES_MAX = 2 * RANGES_MAX

export class Received {
  readonly #numbers = new RangeSet()
  #largest = -1
  #largestAtMs = 0
  /** Numbers below this are forgotten: received, or given up by the peer. */
  #forgottenBelow = 0
  #count = 0
  #waiting = 0
  #waitingBytes = 0
  #dueAtMs = Infinity

  /** When an ACK must leave. */
  get dueAtMs(): number {
    return this.#dueAtMs
  }

  /** Ack-eliciting packets wait for an ACK, which should ride on whatever leaves. */
  get isWaiting(): boolean {
    return this.#waiting > 0
  }

  /** The highest number received; −1 if none was. */
  get largest(): number {
    return this.#largest
  }

  /** Whether a packet with this number has not been received before. */
  isNew(number: number): boolean {
    return number > this.#largest || (number >= this.#forgottenBelow && !this.#numbers.has(number))
  }

  /**
   * Records a packet.
   * @param isAckEliciting it must be acknowledged
   * @param atOnce the peer should get the acknowledgment at once
   */
  record(number: number, isAckEliciting: boolean, atOnce: boolean, sizeBytes: number, nowMs: number): void {
    const inOrder = number === this.#largest + 1
    this.#numbers.add(number, number + 1)
    if (this.#numbers.count > REMEMBERED_RANGES_MAX) this.settle(this.#numbers.at(1)?.start ?? 0)
    if (number > this.#largest) {
      this.#largest = number
      this.#largestAtMs = nowMs
    }
    if (!isAckEliciting) return
    this.#count++
    this.#waiting++
    this.#waitingBytes += sizeBytes
    const enough = this.#waiting >= ACK_EVERY && (this.#count < BEGINNING_PACKETS || this.#waitingBytes >= ACK_EVERY_BYTES)
    this.#dueAtMs = atOnce || !inOrder || enough ? nowMs : Math.min(this.#dueAtMs, nowMs + ACK_DELAY_MAX_MS)
  }

  /** The peer no longer waits for acknowledgments of packets below `number`. */
  settle(number: number): void {
    this.#forgottenBelow = Math.max(this.#forgottenBelow, Math.min(number, this.#largest))
    this.#numbers.removeBelow(this.#forgottenBelow)
  }

  /** An ACK was sent. */
  sent(): void {
    this.#waiting = 0
    this.#waitingBytes = 0
    this.#dueAtMs = Infinity
  }

  /** The ranges for an ACK, newest first. */
  ranges(): PacketRange[] {
    const ranges: PacketRange[] = []
    for (let index = this.#numbers.count - 1; index >= 0 && ranges.length < RANGES_MAX; index--) {
      const range = this.#numbers.at(index)
      if (range !== undefined) ranges.push({ first: range.start, last: range.end - 1 })
    }
    return ranges
  }

  /** How long the newest packet has waited for its acknowledgment. */
  delayMs(nowMs: number): number {
    return nowMs - this.#largestAtMs
  }
}
