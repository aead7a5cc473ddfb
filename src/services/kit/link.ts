/**
 * One direction of a link, simulated: what a cable, a radio or a bad night does to datagrams. Pure: time and chance are given,
 * so the same seed gives the same night. A datagram goes through it as through a real one:
 *
 *     send ─▶ too long? ─▶ queue (drop-tail) ─▶ rate ─▶ loss ─▶ corruption ─▶ delay, jitter, reordering ─▶ duplication ─▶ due
 */
import { below, fraction, type Random } from './random.ts'

/** All fractions are of datagrams, 0 to 1. */
export interface LinkConditions {
  /** One way. */
  readonly delayMs: number
  /** Added to the delay at random, from 0 up to this; alone it never reorders. */
  readonly jitterMs: number
  /** Vanish. */
  readonly loss: number
  /**
   * How many vanish in a row, on average: 1 is chance alone, 8 a radio that is away for moments. `loss` stays the part of all. Where there
   * is a rate, a moment lasts as long as so many full datagrams take, whether they are sent or not: few small ones do not make it longer.
   */
  readonly lossRun: number
  /** Arrive with one bit flipped. */
  readonly corruption: number
  /** Arrive twice. */
  readonly duplication: number
  /** Are held back by `reorderMs`, so that later ones pass. */
  readonly reordering: number
  readonly reorderMs: number
  /** 0: as fast as can be. */
  readonly rateBitsPerSecond: number
  /** What waits for the rate; more is dropped. */
  readonly queueBytes: number
  /** What the rate and the queue carry of each datagram besides its bytes: headers of lower layers. */
  readonly overheadBytes: number
  /** Longer datagrams, overhead included, vanish without a word. 0: any length passes. */
  readonly mtuBytes: number
}

export const PERFECT_LINK: LinkConditions = {
  delayMs: 0, jitterMs: 0, loss: 0, lossRun: 1, corruption: 0, duplication: 0, reordering: 0, reorderMs: 0, rateBitsPerSecond: 0, queueBytes: 256 * 1024, overheadBytes: 0,
  mtuBytes: 0,
}

/** What happened to the datagrams so far. */
export interface LinkCounts {
  readonly sent: number
  readonly delivered: number
  readonly lost: number
  /** Too long, no room in the queue, or more than the link can hold on the way. */
  readonly dropped: number
  readonly corrupted: number
  readonly duplicated: number
  readonly reordered: number
}

/** A full datagram, by which the moments of a radio that is away are measured. */
const FULL_DATAGRAM_BYTES = 1500
/**
 * Damage falls on so many bytes from the beginning: of datagrams that no network carries RUDP sums no more (docs/rudp.md §3), and what
 * is seen of a damaged datagram is that its sum does not fit, wherever it was hit.
 */
const DAMAGED_BYTES_MAX = 1200
/** Datagrams on the way, and their bytes, all together; more are dropped. */
const IN_FLIGHT_MAX = 65_536
const IN_FLIGHT_BYTES_MAX = 64 * 1024 * 1024

export class Link<Tag = undefined> {
  /** May be changed at any time; it holds for what is sent from then on. */
  conditions: LinkConditions
  readonly #random: Random
  readonly #inFlight = new ArrivalHeap<Tag>()
  #counts = { sent: 0, delivered: 0, lost: 0, dropped: 0, corrupted: 0, duplicated: 0, reordered: 0 }
  /** Everything vanishes until this ends. */
  #isAway = false
  /** When it was last seen whether it is. */
  #seenAtMs = -Infinity
  /** When the last bit of what is queued will have left. */
  #busyUntilMs = -Infinity
  /** What keeps its order arrives no sooner than what left before it. */
  #inOrderAtMs = -Infinity

  constructor(conditions: Partial<LinkConditions>, random: Random) {
    this.conditions = { ...PERFECT_LINK, ...conditions }
    this.#random = random
  }

  get counts(): LinkCounts {
    return this.#counts
  }

  /**
   * Puts a datagram on the link. The bytes are kept as they are, not copied.
   * @param tag comes out with them: whose datagram it is
   */
  send(bytes: Uint8Array, tag: Tag, nowMs: number): void {
    const { corruption, duplication } = this.conditions
    this.#counts.sent++
    const leftAtMs = this.#leave(bytes.length + this.conditions.overheadBytes, nowMs)
    if (leftAtMs === undefined) this.#counts.dropped++
    else if (this.#vanishes(leftAtMs)) this.#counts.lost++
    else {
      const arrived = this.#happens(corruption) ? this.#damaged(bytes) : bytes
      this.#arrive(arrived, tag, leftAtMs)
      if (!this.#happens(duplication)) return
      this.#counts.duplicated++
      this.#arrive(arrived, tag, leftAtMs)
    }
  }

  /** Bytes that have not arrived yet. */
  get inFlightBytes(): number {
    return this.#inFlight.bytes
  }

  /** How long a datagram that came now would wait for the rate. */
  queuedMs(nowMs: number): number {
    return Math.max(0, this.#busyUntilMs - nowMs)
  }

  /** When the next datagram arrives; Infinity: none is on the way. */
  deadlineMs(): number {
    return this.#inFlight.firstAtMs
  }

  /** The next datagram that has arrived by now, in order of arrival. */
  receive(nowMs: number): { readonly bytes: Uint8Array; readonly tag: Tag } | undefined {
    if (this.#inFlight.firstAtMs > nowMs) return undefined
    this.#counts.delivered++
    return this.#inFlight.take()
  }

  /** @returns when its last bit has left, or undefined where it is too long or the queue is full */
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
   * A chain of good and bad times (Gilbert's model): it leaves the bad state by 1/run a step, and enters it so often that it is there for
   * the part `loss` of all steps. What many steps do at once is the chain's closed form.
   */
  #vanishes(atMs: number): boolean {
    const { loss, lossRun, rateBitsPerSecond } = this.conditions
    if (lossRun <= 1 || loss >= 1) return this.#happens(loss)
    const passed = rateBitsPerSecond === 0 ? 1 : (atMs - this.#seenAtMs) * rateBitsPerSecond / 8000 / FULL_DATAGRAM_BYTES
    this.#seenAtMs = atMs
    const staysSame = Math.max(0, 1 - 1 / lossRun / (1 - loss)) ** Math.max(1, passed)
    return this.#isAway = this.#happens(loss + ((this.#isAway ? 1 : 0) - loss) * staysSame)
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

  /** Draws only where there is a chance, so a condition that is off does not change the rest of the night. */
  #happens(chance: number): boolean {
    return chance > 0 && fraction(this.#random) < chance
  }
}

interface Arrival<Tag> {
  readonly atMs: number
  readonly bytes: Uint8Array
  readonly tag: Tag
}

/** A binary heap by time; what arrives at the same time comes out in the order it went in. */
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
