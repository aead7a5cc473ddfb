/**
 * The packet numbers that arrived, and when to acknowledge them. At first every second packet is acknowledged at once, so that the
 * peer's window opens fast; later one for some kilobytes (draft-ietf-quic-ack-frequency), a single packet within 10 ms, and
 * anything out of order at once (RFC 9000 §13.2.1).
 */
import { RANGES_MAX, type PacketRange } from '../wire/frames.ts'
import { ACK_DELAY_MAX_MS } from './limits.ts'
import { RangeSet } from './range-set.ts'

/** So many packets that ask get an answer at once … */
const ACK_EVERY = 2
/** … and so many bytes, once the connection is past its beginning. */
const ACK_EVERY_BYTES = 5_500
const BEGINNING_PACKETS = 100
/** More ranges than an ACK tells are remembered, so that a late packet is still known as late. */
const REMEMBERED_RANGES_MAX = 2 * RANGES_MAX

export class Received {
  readonly #numbers = new RangeSet()
  #largest = -1
  #largestAtMs = 0
  /** Everything below is forgotten: seen, or given up by the peer. */
  #forgottenBelow = 0
  #count = 0
  #waiting = 0
  #waitingBytes = 0
  #dueAtMs = Infinity

  /** When an ACK has to leave. */
  get dueAtMs(): number {
    return this.#dueAtMs
  }

  /** Packets that ask wait for an ACK: it should ride on what leaves anyway. */
  get isWaiting(): boolean {
    return this.#waiting > 0
  }

  /** The highest number that was taken; −1: none was. */
  get largest(): number {
    return this.#largest
  }

  /** Whether a packet of this number was not taken before. */
  isNew(number: number): boolean {
    return number > this.#largest || (number >= this.#forgottenBelow && !this.#numbers.has(number))
  }

  /**
   * A packet was taken.
   * @param asks for an acknowledgement
   * @param atOnce the peer should hear at once
   */
  record(number: number, asks: boolean, atOnce: boolean, sizeBytes: number, nowMs: number): void {
    const inOrder = number === this.#largest + 1
    this.#numbers.add(number, number + 1)
    if (this.#numbers.count > REMEMBERED_RANGES_MAX) this.settle(this.#numbers.at(1)?.start ?? 0)
    if (number > this.#largest) {
      this.#largest = number
      this.#largestAtMs = nowMs
    }
    if (!asks) return
    this.#count++
    this.#waiting++
    this.#waitingBytes += sizeBytes
    const enough = this.#waiting >= ACK_EVERY && (this.#count < BEGINNING_PACKETS || this.#waitingBytes >= ACK_EVERY_BYTES)
    this.#dueAtMs = atOnce || !inOrder || enough ? nowMs : Math.min(this.#dueAtMs, nowMs + ACK_DELAY_MAX_MS)
  }

  /** The peer waits for no acknowledgement of packets below `number`. */
  settle(number: number): void {
    this.#forgottenBelow = Math.max(this.#forgottenBelow, Math.min(number, this.#largest))
    this.#numbers.removeBelow(this.#forgottenBelow)
  }

  /** An acknowledgement went out. */
  sent(): void {
    this.#waiting = 0
    this.#waitingBytes = 0
    this.#dueAtMs = Infinity
  }

  /** What an ACK tells, newest first. */
  ranges(): PacketRange[] {
    const ranges: PacketRange[] = []
    for (let index = this.#numbers.count - 1; index >= 0 && ranges.length < RANGES_MAX; index--) {
      const range = this.#numbers.at(index)
      if (range !== undefined) ranges.push({ first: range.start, last: range.end - 1 })
    }
    return ranges
  }

  /** How long the newest packet has waited for its acknowledgement. */
  delayMs(nowMs: number): number {
    return nowMs - this.#largestAtMs
  }
}
