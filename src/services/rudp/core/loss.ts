/**
 * Which packets arrived, which are lost, and when to look again: RFC 9002 §6. A packet is lost when one sent three numbers later
 * has arrived (§6.1.1), or a later one has and 9/8 round trips have gone since it was sent (§6.1.2). Silence is answered by probes
 * (§6.2), which give nothing up.
 *
 * Beyond RFC 9002, both named in docs/rudp.md §9: a packet that arrives after it was given up teaches how far packets overtake one
 * another here, and the thresholds grow to that (as RFC 8985 §6.2 does); and the last packet of a short flight is sent twice
 * ("early duplicate"), because nothing follows that would show its loss.
 */
import type { Frame, PacketRange } from '../wire/frames.ts'
import { DATAGRAM_BYTES_BASE } from '../wire/packet.ts'
import type { SendMoment } from './delivery-rate.ts'
import { ACK_DELAY_MAX_MS, GRANULARITY_MS } from './limits.ts'
import type { RoundTrip } from './rtt.ts'

/** RFC 9002 §6.1.1, kPacketThreshold. */
const PACKET_THRESHOLD = 3
const PACKET_THRESHOLD_MAX = 300
/** An early duplicate leaves no sooner: on a short path the acknowledgement shall come first, though it may be held back, and a timer be late. */
const DUPLICATE_AFTER_MS_MIN = ACK_DELAY_MAX_MS + 2 * GRANULARITY_MS
/** How long after its loss a packet's arrival is still noticed, in probe times; and how many such packets are remembered. */
const LATE_PROBE_TIMES = 2
const LATE_MAX = 1024
/** A connection is young for so many packets: its losses are felt most, and it can afford duplicates. */
export const YOUNG_PACKETS = 100

/** A packet that asked for an acknowledgement. */
export interface SentPacket extends SendMoment {
  readonly number: number
  readonly sentAtMs: number
  readonly sizeBytes: number
  /** The stream that it carries bytes of; −1: none. */
  readonly streamId: number
  readonly offset: number
  readonly lengthBytes: number
  readonly fin: boolean
  /** Its other frames that have to arrive. */
  readonly control: readonly Frame[]
  /** A probe for a longer datagram: its loss means nothing else (RFC 9000 §14.4). */
  readonly isMtuProbe: boolean
  /** Sent to find out about others, or to restore them: its content is in flight already. */
  readonly isRepeat: boolean
}

/** What an acknowledgement meant. */
export interface Verdict {
  readonly acked: readonly SentPacket[]
  readonly lost: readonly SentPacket[]
  /** Given up before, and arrived after all. */
  readonly late: readonly SentPacket[]
}

/** What a deadline asks for. */
export type LossAction = 'look' | 'probe' | 'duplicate'

const COMPACT_AT = 512

export class LossDetector {
  readonly roundTrip: RoundTrip
  /** In flight, oldest first, from `#head` on. */
  readonly #flight: SentPacket[] = []
  #head = 0
  #flightBytes = 0
  #largestAcked = -1
  #lossAtMs = Infinity
  /** From when silence is counted: the last sending, or the last probe that was due. */
  #silentFromMs = -Infinity
  #backOff = 0
  /** Given up a short while ago, in the order of their numbers. */
  readonly #lately: SentPacket[] = []
  #packetThreshold = PACKET_THRESHOLD
  #toleranceMs = 0
  /** When the tail of the flight shall be sent twice. */
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

  /** Nobody waits for acknowledgements of packets below this number. @param nextNumber of the next packet */
  settledNumber(nextNumber: number): number {
    return Math.min(this.#lately[0]?.number ?? nextNumber, this.oldest?.number ?? nextNumber)
  }

  /** Probes in a row without an answer. */
  get backOff(): number {
    return this.#backOff
  }

  sent(packet: SentPacket): void {
    this.#flight.push(packet)
    this.#flightBytes += flightOf(packet)
    this.#silentFromMs = packet.sentAtMs
    this.#duplicateAtMs = Infinity
  }

  /** Nothing follows what is in flight for now: its last packet may be sent twice. */
  tailSent(nowMs: number): void {
    const { srttMs } = this.roundTrip
    const newest = this.newest
    if (this.#duplicateAtMs !== Infinity || srttMs === undefined || newest === undefined || newest.number > YOUNG_PACKETS || newest.isMtuProbe || newest.isRepeat) return
    this.#duplicateAtMs = nowMs + Math.max(srttMs / 4, DUPLICATE_AFTER_MS_MIN)
  }

  /**
   * Takes out what an ACK names, and what is lost by that. The walk goes up to the largest number, and costs what is new: below that no more packets stay
   * in flight than the thresholds allow.
   */
  acknowledge(ranges: readonly PacketRange[], ackDelayMs: number, nowMs: number): Verdict {
    const largest = ranges[0]?.last ?? -1
    const acked: SentPacket[] = []
    const open: SentPacket[] = []
    let range = ranges.length - 1
    let at = this.#head
    for (; at < this.#flight.length; at++) {
      const packet = this.#flight[at]
      if (packet === undefined || packet.number > largest) break
      while (range > 0 && (ranges[range]?.last ?? 0) < packet.number) range--
      const isNamed = (ranges[range]?.first ?? Infinity) <= packet.number && (ranges[range]?.last ?? 0) >= packet.number
      if (isNamed) acked.push(packet)
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

  /** Takes out what is lost by now, and notes when the next packet would be. */
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
        this.#lately.push(packet)
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

  /** What the deadline that has come asks for. */
  onDeadline(nowMs: number): LossAction {
    if (this.#lossAtMs !== Infinity) return 'look'
    if (nowMs >= this.#duplicateAtMs) {
      this.#duplicateAtMs = Infinity
      return 'duplicate'
    }
    this.#backOff++
    this.#silentFromMs = nowMs
    return 'probe'
  }

  /** The peer took none of the packets in flight. @returns them */
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

  /** The path is another one: what was learnt of the old one is forgotten. */
  forgetPath(): void {
    this.#packetThreshold = PACKET_THRESHOLD
    this.#toleranceMs = 0
    this.#backOff = 0
  }

  /** Finds packets that were given up too soon, and grows more patient by what they teach. */
  #noticeLate(ranges: readonly PacketRange[], nowMs: number): SentPacket[] {
    const lately = this.#lately
    const late: SentPacket[] = []
    if (lately.length === 0) return late
    for (let index = ranges.length - 1; index >= 0; index--) {
      const { first, last } = ranges[index] ?? NO_RANGE
      const from = placeOf(lately, first)
      if ((lately[from]?.number ?? Infinity) <= last) late.push(...lately.splice(from, placeOf(lately, last + 1) - from))
    }
    for (const { number, sentAtMs } of late) {
      this.#packetThreshold = Math.min(PACKET_THRESHOLD_MAX, Math.max(this.#packetThreshold, this.#largestAcked - number + 1))
      const overdueMs = nowMs - sentAtMs - this.roundTrip.lossDelayMs(0)
      this.#toleranceMs = Math.min((this.roundTrip.srttMs ?? 0) / 2, Math.max(this.#toleranceMs, overdueMs))
    }
    const rememberedFromMs = nowMs - LATE_PROBE_TIMES * this.roundTrip.probeMs()
    let forgotten = Math.max(0, lately.length - LATE_MAX)
    while ((lately[forgotten]?.sentAtMs ?? Infinity) < rememberedFromMs) forgotten++
    if (forgotten > 0) lately.splice(0, forgotten)
    return late
  }

  /** Puts `open` in the place of everything before `at`. */
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

/** Where the first packet of at least this number is, or would be: looked for by halves, since peers choose how often it is asked. */
function placeOf(packets: readonly SentPacket[], number: number): number {
  let [low, high] = [0, packets.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((packets[middle]?.number ?? Infinity) < number) low = middle + 1
    else high = middle
  }
  return low
}

/**
 * What a packet takes of window and pace. A probe for longer datagrams takes as much as any packet: of 60 KB, and lost, it would hold
 * all others back until it is given up, and a wait with nothing to send looks like a slow path.
 */
export function flightOf({ isMtuProbe, sizeBytes }: Pick<SentPacket, 'isMtuProbe' | 'sizeBytes'>): number {
  return isMtuProbe ? Math.min(sizeBytes, DATAGRAM_BYTES_BASE) : sizeBytes
}
