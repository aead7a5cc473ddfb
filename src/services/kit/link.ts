/**
 * A simulated link, one direction: what a cable or a radio does to datagrams. Pure: time and randomness are arguments, so the same seed
 * repeats the same run. A datagram passes it in the order of a real link:
 *
 *     send ─▶ too long? ─▶ queue (drop-tail) ─▶ rate ─▶ loss ─▶ corruption ─▶ delay, jitter, reordering ─▶ duplication ─▶ due
 */
import { below, fraction, type Random } from './random.ts'

/** All fractions are fractions of the datagrams, from 0 to 1. */
export interface LinkConditions {
  /** The one-way delay. */
  readonly delayMs: number
  /** Added to the delay at random, from 0 up to this. Jitter alone never reorders. */
  readonly jitterMs: number
  /** The fraction that is lost. */
  readonly loss: number
  /**
   * How many are lost in a row, on average: 1 for independent losses, 8 for a radio that fades in and out. `loss` remains the overall
   * fraction. With a rate, a fade lasts as long as this many full datagrams take, sent or not: a few small ones do not make it longer.
   */
  readonly lossRun: number
  /** The fraction that arrives with one bit flipped. */
  readonly corruption: number
  /** The fraction that arrives twice. */
  readonly duplication: number
  /** The fraction that is held back by `reorderMs`, so that later datagrams pass. */
  readonly reordering: number
  readonly reorderMs: number
  /** 0 for no limit. */
  readonly rateBitsPerSecond: number
  /** The queue in front of the rate; what does not fit is dropped. */
  readonly queueBytes: number
  /** Added to the size of each datagram in the rate and the queue: the headers of lower layers. */
  readonly overheadBytes: number
  /** Longer datagrams, overhead included, are silently dropped. 0 for no limit. */
  readonly mtuBytes: number
}

export const PERFECT_LINK: LinkConditions = {
  delayMs: 0, jitterMs: 0, loss: 0, lossRun: 1, corruption: 0, duplication: 0, reordering: 0, reorderMs: 0, rateBitsPerSecond: 0, queueBytes: 256 * 1024, overheadBytes: 0,
  mtuBytes: 0,
}

/** What has happened to the datagrams so far. */
export interface LinkCounts {
  readonly sent: number
  readonly delivered: number
  readonly lost: number
  /** Too long for the MTU, no room in the queue, or too much in flight. */
  readonly dropped: number
  readonly corrupted: number
  readonly duplicated: number
  readonly reordered: number
}

/** A full datagram, the unit in which the length of a fade is measured. */
const FULL_DATAGRAM_BYTES = 1500
/**
 * Only this many bytes, from the beginning, are damaged: of datagrams longer than networks carry, RUDP's checksum covers no more
 * (docs/rudp.md §3), and wherever the damage is, all that shows is a wrong checksum.
 */
const DAMAGED_BYTES_MAX = 1200
/** The most datagrams in flight, and the most bytes in all of them; more are dropped. */
const IN_FLIGHT_MAX = 65_536
const IN_FLIGHT_BYTES_MAX = 64 * 1024 * 1024

export class Link<Tag = undefined> {
  /** May be changed at any time, with effect on what is sent from then on. */
  conditions: LinkConditions
  readonly #random: Random
  readonly #inFlight = new ArrivalHeap<Tag>()
  #counts = { sent: 0, delivered: 0, lost: 0, dropped: 0, corrupted: 0, duplicated: 0, reordered: 0 }
  /** In a fade, everything is lost. */
  #isFading = false
  /** When `#isFading` was last updated. */
  #fadingAsOfMs = -Infinity
  /** When the last bit in the queue will have left. */
  #busyUntilMs = -Infinity
  /** The latest arrival in order: nothing that keeps its order arrives sooner. */
  #inOrderAtMs = -Infinity

  constructor(conditions: Partial<LinkConditions>, random: Random) {
    this.conditions = { ...PERFECT_LINK, ...conditions }
    this.#random = random
  }

  get counts(): LinkCounts {
    return this.#counts
  }

  /**
   * Sends a datagram. The bytes are not copied.
   * @param tag returned with the datagram by `receive`
   */
  send(bytes: Uint8Array, tag: Tag, nowMs: number): void {
    const { corruption, duplication } = this.conditions
    this.#counts.sent++
    const leftAtMs = this.#leave(bytes.length + this.conditions.overheadBytes, nowMs)
    if (leftAtMs === undefined) this.#counts.dropped++
    else if (this.#isLost(leftAtMs)) this.#counts.lost++
    else {
      const arrived = this.#happens(corruption) ? this.#damaged(bytes) : bytes
      this.#arrive(arrived, tag, leftAtMs)
      if (!this.#happens(duplication)) return
      this.#counts.duplicated++
      this.#arrive(arrived, tag, leftAtMs)
    }
  }

  /** The bytes in flight. */
  get inFlightBytes(): number {
    return this.#inFlight.bytes
  }

  /** How long a datagram sent now would wait in the queue. */
  queuedMs(nowMs: number): number {
    return Math.max(0, this.#busyUntilMs - nowMs)
  }

  /** When the next datagram arrives; Infinity if none is in flight. */
  deadlineMs(): number {
    return this.#inFlight.firstAtMs
  }

  /** Takes the next datagram that has arrived by now, in order of arrival. */
  receive(nowMs: number): { readonly bytes: Uint8Array; readonly tag: Tag } | undefined {
    if (this.#inFlight.firstAtMs > nowMs) return undefined
    this.#counts.delivered++
    return this.#inFlight.take()
  }

  /** @returns when its last bit leaves, or undefined if it is too long or the queue is full */
  #leave(sizeBytes: number, nowMs: number): number | undefined {
    const { rateBitsPerSecond, queueBytes, mtuBytes } = this.conditions
    if (mtuBytes > 0 && sizeBytes > mtuBytes) return undefined
    if (rateBitsPerSecond === 0) return nowMs
    const bytesPerMs = rateBitsPerSecond / 8000
    const fromMs = Math.max(nowMs, this.#busyUntilMs)
    if ((fromMs - nowMs) * bytesPerMs + sizeBytes > queueBytes) return undefined
    return this.#busyUntilMs = fromMs + sizeBytes / bytesPerMs
  }

  /**
   * Gilbert's model: a Markov chain of good and bad states. It leaves the bad state with probability 1/run per step, and enters it just
   * often enough to be in it for the fraction `loss` of all steps. Several steps at once take the chain's closed form.
   */
  #isLost(atMs: number): boolean {
    const { loss, lossRun, rateBitsPerSecond } = this.conditions
    if (lossRun <= 1 || loss >= 1) return this.#happens(loss)
    const steps = rateBitsPerSecond === 0 ? 1 : (atMs - this.#fadingAsOfMs) * rateBitsPerSecond / 8000 / FULL_DATAGRAM_BYTES
    this.#fadingAsOfMs = atMs
    const memory = Math.max(0, 1 - 1 / lossRun / (1 - loss)) ** Math.max(1, steps)
    return this.#isFading = this.#happens(loss + ((this.#isFading ? 1 : 0) - loss) * memory)
  }

  #arrive(bytes: Uint8Array, tag: Tag, leftAtMs: number): void {
    const { delayMs, jitterMs, reordering, reorderMs } = this.conditions
    if (this.#inFlight.count >= IN_FLIGHT_MAX || this.#inFlight.bytes + bytes.length > IN_FLIGHT_BYTES_MAX) {
      this.#counts.dropped++
      return
    }
    const atMs = leftAtMs + delayMs + (jitterMs === 0 ? 0 : jitterMs * fraction(this.#random))
    if (this.#happens(reordering)) {
      this.#counts.reordered++
      this.#inFlight.put({ atMs: atMs + reorderMs, bytes, tag })
      return
    }
    this.#inOrderAtMs = Math.max(this.#inOrderAtMs, atMs)
    this.#inFlight.put({ atMs: this.#inOrderAtMs, bytes, tag })
  }

  #damaged(bytes: Uint8Array): Uint8Array {
    this.#counts.corrupted++
    const damaged = bytes.slice()
    if (damaged.length === 0) return damaged
    const bit = below(this.#random, Math.min(damaged.length, DAMAGED_BYTES_MAX) * 8)
    damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7))
    return damaged
  }

  /** Draws a random number only if the condition is on, so one that is off does not change the rest of the run. */
  #happens(chance: number): boolean {
    return chance > 0 && fraction(this.#random) < chance
  }
}

interface Arrival<Tag> {
  readonly atMs: number
  readonly bytes: Uint8Array
  readonly tag: Tag
}

/** A binary heap by time. Of equal times, the first in is the first out. */
class ArrivalHeap<Tag> {
  readonly #heap: { readonly arrival: Arrival<Tag>; readonly order: number }[] = []
  #order = 0
  bytes = 0

  get count(): number {
    return this.#heap.length
  }

  get firstAtMs(): number {
    return this.#heap[0]?.arrival.atMs ?? Infinity
  }

  put(arrival: Arrival<Tag>): void {
    this.bytes += arrival.bytes.length
    this.#heap.push({ arrival, order: this.#order++ })
    for (let at = this.#heap.length - 1; at > 0;) {
      const parent = (at - 1) >> 1
      if (!this.#isBefore(at, parent)) return
      this.#swap(at, parent)
      at = parent
    }
  }

  take(): Arrival<Tag> | undefined {
    const first = this.#heap[0]
    const last = this.#heap.pop()
    this.bytes -= first?.arrival.bytes.length ?? 0
    if (last === undefined || this.#heap.length === 0) return first?.arrival
    this.#heap[0] = last
    for (let at = 0; ;) {
      const left = 2 * at + 1
      if (left >= this.#heap.length) break
      const child = left + 1 < this.#heap.length && this.#isBefore(left + 1, left) ? left + 1 : left
      if (!this.#isBefore(child, at)) break
      this.#swap(at, child)
      at = child
    }
    return first?.arrival
  }

  #isBefore(one: number, other: number): boolean {
    const a = this.#heap[one]
    const b = this.#heap[other]
    if (a === undefined || b === undefined) return false
    return a.arrival.atMs < b.arrival.atMs || (a.arrival.atMs === b.arrival.atMs && a.order < b.order)
  }

  #swap(one: number, other: number): void {
    const a = this.#heap[one]
    const b = this.#heap[other]
    if (a === undefined || b === undefined) return
    this.#heap[one] = b
    this.#heap[other] = a
  }
}
