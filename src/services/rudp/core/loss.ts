/**
 * Loss detection, RFC 9002 §6: which packets have arrived, which are lost, and when to look again. A packet is lost
 * when one sent three numbers later has been acknowledged (§6.1.1), or when any later one has and 9/8 round trips have
 * passed since it was sent (§6.1.2). Silence is answered with probes (§6.2), which declare nothing lost.
 *
 * Two things go beyond RFC 9002 (docs/rudp.md §9). A packet that arrives after it was declared lost shows how far
 * packets are reordered on this path, and the thresholds grow to match (as in RFC 8985 §6.2). And the last packet of a
 * short flight is sent twice (the "early duplicate"), because nothing follows it that would reveal its loss.
 */
import type { Frame, PacketRange } from '../wire/frames.ts'
import { DATAGRAM_BYTES_BASE } from '../wire/packet.ts'
import type { SendMoment } from './delivery-rate.ts'
import { ACK_DELAY_MAX_MS, GRANULARITY_MS } from './limits.ts'
import type { RoundTrip } from './rtt.ts'

/** RFC 9002 §6.1.1, kPacketThreshold. */
const PACKET_THRESHOLD = 3
const PACKET_THRESHOLD_MAX = 300
/**
 * The minimum delay of an early duplicate. On a short path the acknowledgment should come first, even if it is delayed
 * and a timer is late.
 */
const DUPLICATE_AFTER_MS_MIN = ACK_DELAY_MAX_MS + 2 * GRANULARITY_MS
/**
 * For how long after its loss a packet is still recognized when it arrives, in probe times; and how many such packets
 * are remembered.
 */
const LATE_PROBE_TIMES = 2
const LATE_MAX = 1024
/** The first packets of a connection: their losses hurt most, and duplicates are still affordable. */
export const YOUNG_PACKETS = 100

/** An ack-eliciting packet that was sent. */
export interface SentPacket extends SendMoment {
  readonly number: number
  readonly sentAtMs: number
  readonly sizeBytes: number
  /** The stream whose bytes it carries; −1 if none. */
  readonly streamId: number
  readonly offset: number
  readonly lengthBytes: number
  readonly fin: boolean
  /** Its other frames that must arrive. */
  readonly control: readonly Frame[]
  /** A path MTU probe: its loss says nothing about congestion (RFC 9000 §14.4). */
  readonly isMtuProbe: boolean
  /** Sent to probe for other packets or to restore them: its content is already in flight elsewhere. */
  readonly isRepeat: boolean
}

/** What an ACK revealed. */
export interface AckResult {
  readonly acked: readonly SentPacket[]
  readonly lost: readonly SentPacket[]
  /** Declared lost before, but arrived after all. */
  readonly late: readonly SentPacket[]
}

/** What to do at a deadline. */
export type LossAction = 'detect' | 'probe' | 'duplicate'

const COMPACT_AT = 512

export class LossDetector {
  readonly roundTrip: RoundTrip
  /** In flight, oldest first, beginning at `#head`. */
  readonly #flight: SentPacket[] = []
  #head = 0
  #flightBytes = 0
  #largestAcked = -1
  #lossAtMs = Infinity
  /** When the current silence began: at the last ack-eliciting packet or the last probe. */
  #silentFromMs = -Infinity
  #backOff = 0
  /** Recently declared lost, ordered by packet number. */
  readonly #recentlyLost: SentPacket[] = []
  #packetThreshold = PACKET_THRESHOLD
  #toleranceMs = 0
  /** When to send the last packet of the flight a second time. */
  #duplicateAtMs = Infinity

  constructor(roundTrip: RoundTrip) {
    this.roundTrip = roundTrip
  }

  get flightBytes(): number {
    return this.#flightBytes
  }

  get oldest(): SentPacket | undefined {
    return this.#flight[this.#head]
  }

  get newest(): SentPacket | undefined {
    return this.#flight.length > this.#head ? this.#flight[this.#flight.length - 1] : undefined
  }

  /** We no longer wait for acknowledgments of packets below this number. @param nextNumber of the next packet */
  settledNumber(nextNumber: number): number {
    return Math.min(this.#recentlyLost[0]?.number ?? nextNumber, this.oldest?.number ?? nextNumber)
  }

  /** Consecutive probes without an answer. */
  get backOff(): number {
    return this.#backOff
  }

  sent(packet: SentPacket): void {
    this.#flight.push(packet)
    this.#flightBytes += flightOf(packet)
    this.#silentFromMs = packet.sentAtMs
    this.#duplicateAtMs = Infinity
  }

  /** Nothing more follows for now: schedules an early duplicate of the last packet in flight. */
  tailSent(nowMs: number): void {
    const { srttMs } = this.roundTrip
    const newest = this.newest
    if (this.#duplicateAtMs !== Infinity || srttMs === undefined || newest === undefined || newest.number > YOUNG_PACKETS || newest.isMtuProbe || newest.isRepeat) return
    this.#duplicateAtMs = nowMs + Math.max(srttMs / 4, DUPLICATE_AFTER_MS_MIN)
  }

  /**
   * Removes the packets that an ACK covers, and those that it shows to be lost. Walking up to the largest number costs
   * no more than what is new: below it, the thresholds allow only a few packets to stay in flight.
   */
  acknowledge(ranges: readonly PacketRange[], ackDelayMs: number, nowMs: number): AckResult {
    const largest = ranges[0]?.last ?? -1
    const acked: SentPacket[] = []
    const open: SentPacket[] = []
    let range = ranges.length - 1
    let at = this.#head
    for (; at < this.#flight.length; at++) {
      const packet = this.#flight[at]
      if (packet === undefined || packet.number > largest) break
      while (range > 0 && (ranges[range]?.last ?? 0) < packet.number) range--
      const isAcked = (ranges[range]?.first ?? Infinity) <= packet.number && (ranges[range]?.last ?? 0) >= packet.number
      if (isAcked) acked.push(packet)
      else open.push(packet)
    }
    this.#replaceFront(at, open)
    this.#largestAcked = Math.max(this.#largestAcked, largest)
    const newest = acked[acked.length - 1]
    if (newest !== undefined) {
      if (newest.number === largest) this.roundTrip.sample(nowMs - newest.sentAtMs, ackDelayMs)
      this.#backOff = 0
      if (this.#head === this.#flight.length) this.#duplicateAtMs = Infinity
    }
    for (const packet of acked) this.#flightBytes -= flightOf(packet)
    return { acked, late: this.#noticeLate(ranges, nowMs), lost: this.detectLost(nowMs) }
  }

  /** Removes the packets that are lost by now, and notes when the next one would be. */
  detectLost(nowMs: number): SentPacket[] {
    const lost: SentPacket[] = []
    const open: SentPacket[] = []
    const delayMs = this.roundTrip.lossDelayMs(this.#toleranceMs)
    this.#lossAtMs = Infinity
    let at = this.#head
    for (; at < this.#flight.length; at++) {
      const packet = this.#flight[at]
      if (packet === undefined || packet.number >= this.#largestAcked) break
      if (packet.number <= this.#largestAcked - this.#packetThreshold || packet.sentAtMs + delayMs <= nowMs) {
        lost.push(packet)
        this.#flightBytes -= flightOf(packet)
        this.#recentlyLost.push(packet)
      } else {
        open.push(packet)
        this.#lossAtMs = Math.min(this.#lossAtMs, packet.sentAtMs + delayMs)
      }
    }
    this.#replaceFront(at, open)
    return lost
  }

  deadlineMs(): number {
    if (this.#lossAtMs !== Infinity) return this.#lossAtMs
    if (this.#head === this.#flight.length) return Infinity
    return Math.min(this.#duplicateAtMs, this.#silentFromMs + this.roundTrip.probeMs(this.#backOff))
  }

  /** What to do now that the deadline has passed. */
  onDeadline(nowMs: number): LossAction {
    if (this.#lossAtMs !== Infinity) return 'detect'
    if (nowMs >= this.#duplicateAtMs) {
      this.#duplicateAtMs = Infinity
      return 'duplicate'
    }
    this.#backOff++
    this.#silentFromMs = nowMs
    return 'probe'
  }

  /** The peer accepted none of the packets in flight. @returns them */
  abandonAll(): SentPacket[] {
    const abandoned = this.#flight.slice(this.#head)
    this.#flight.length = 0
    this.#head = 0
    this.#flightBytes = 0
    this.#lossAtMs = Infinity
    this.#duplicateAtMs = Infinity
    this.#backOff = 0
    return abandoned
  }

  /** The path has changed: forgets what was learned about the old one. */
  forgetPath(): void {
    this.#packetThreshold = PACKET_THRESHOLD
    this.#toleranceMs = 0
    this.#backOff = 0
  }

  /** Finds packets that were declared lost too soon, and raises the thresholds accordingly. */
  #noticeLate(ranges: readonly PacketRange[], nowMs: number): SentPacket[] {
    const recentlyLost = this.#recentlyLost
    const late: SentPacket[] = []
    if (recentlyLost.length === 0) return late
    for (let index = ranges.length - 1; index >= 0; index--) {
      const { first, last } = ranges[index] ?? NO_RANGE
      const from = indexOf(recentlyLost, first)
      if ((recentlyLost[from]?.number ?? Infinity) <= last) late.push(...recentlyLost.splice(from, indexOf(recentlyLost, last + 1) - from))
    }
    for (const { number, sentAtMs } of late) {
      this.#packetThreshold = Math.min(PACKET_THRESHOLD_MAX, Math.max(this.#packetThreshold, this.#largestAcked - number + 1))
      const overdueMs = nowMs - sentAtMs - this.roundTrip.lossDelayMs(0)
      this.#toleranceMs = Math.min((this.roundTrip.srttMs ?? 0) / 2, Math.max(this.#toleranceMs, overdueMs))
    }
    const rememberedFromMs = nowMs - LATE_PROBE_TIMES * this.roundTrip.probeMs()
    let forgotten = Math.max(0, recentlyLost.length - LATE_MAX)
    while ((recentlyLost[forgotten]?.sentAtMs ?? Infinity) < rememberedFromMs) forgotten++
    if (forgotten > 0) recentlyLost.splice(0, forgotten)
    return late
  }

  /** Replaces everything before `at` with `open`. */
  #replaceFront(at: number, open: readonly SentPacket[]): void {
    this.#head = at - open.length
    for (const [index, packet] of open.entries()) this.#flight[this.#head + index] = packet
    if (this.#head >= COMPACT_AT && this.#head * 2 >= this.#flight.length) {
      this.#flight.splice(0, this.#head)
      this.#head = 0
    }
  }
}

const NO_RANGE: PacketRange = { first: 0, last: -1 }

/**
 * The index of the first packet with at least this number. A binary search, because peers determine how often it runs.
 */
function indexOf(packets: readonly SentPacket[], number: number): number {
  let [low, high] = [0, packets.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((packets[middle]?.number ?? Infinity) < number) low = middle + 1
    else high = middle
  }
  return low
}

/**
 * How much of window and pacing a packet uses. A path MTU probe counts as no more than a normal packet. At 60 KB, a
 * lost probe would block all others until it is declared lost, and waiting with nothing to send looks like a slow path.
 */
export function flightOf({ isMtuProbe, sizeBytes }: Pick<SentPacket, 'isMtuProbe' | 'sizeBytes'>): number {
  return isMtuProbe ? Math.min(sizeBytes, DATAGRAM_BYTES_BASE) : sizeBytes
}
