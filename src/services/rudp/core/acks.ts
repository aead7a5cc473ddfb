/**
 * What is acknowledged and when: the packet numbers that arrived, newest ranges first, and the time of the next ACK. Every second
 * packet is acknowledged at once, a single one after 10 ms, anything out of order at once (RFC 5681 §4.2).
 */
import { RANGES_MAX, type PacketRange } from '../wire/packet.ts'
import { ACK_DELAY_MAX_MS } from './limits.ts'
import { RangeSet } from './range-set.ts'

/** So many packets that ask for an ACK get one at once. */
const ACK_EVERY = 2

export class Acks {
  readonly #numbers = new RangeSet()
  #largest = -1
  #largestAtMs = 0
  #waiting = 0
  #dueAtMs = Infinity

  get dueAtMs(): number {
    return this.#dueAtMs
  }

  get rangeCount(): number {
    return this.#numbers.count
  }

  /**
   * A packet was taken.
   * @param settledNumber the peer waits for none below: they are forgotten
   * @param elicits it asks for an acknowledgement
   * @param atOnce the peer should hear at once
   */
  record(number: number, settledNumber: number, elicits: boolean, atOnce: boolean, nowMs: number): void {
    const expected = this.#largest + 1
    this.#numbers.removeBelow(settledNumber)
    this.#numbers.add(number, number + 1)
    while (this.#numbers.count > RANGES_MAX) this.#numbers.removeBelow(this.#numbers.first?.end ?? 0)
    if (number > this.#largest) {
      this.#largest = number
      this.#largestAtMs = nowMs
    }
    if (!elicits) return
    this.#waiting++
    if (atOnce || number !== expected || this.#waiting >= ACK_EVERY) this.#dueAtMs = nowMs
    else this.#dueAtMs = Math.min(this.#dueAtMs, nowMs + ACK_DELAY_MAX_MS)
  }

  /** The peer should hear from us at once, for another reason: a window that opened. */
  hurry(nowMs: number): void {
    this.#dueAtMs = nowMs
  }

  /** An acknowledgement went out. */
  sent(): void {
    this.#waiting = 0
    this.#dueAtMs = Infinity
  }

  /** At most `limit` ranges, newest first. */
  ranges(limit: number): PacketRange[] {
    const ranges: PacketRange[] = []
    for (let index = this.#numbers.count - 1; index >= 0 && ranges.length < limit; index--) {
      const range = this.#numbers.at(index)
      if (range !== undefined) ranges.push({ first: range.start, last: range.end - 1 })
    }
    return ranges
  }

  /** How long the newest packet has waited for its acknowledgement. */
  delayMs(nowMs: number): number {
    return this.#largest < 0 ? 0 : nowMs - this.#largestAtMs
  }
}
