/**
 * Which packets arrived, which are lost, and when to look again: RFC 9002 §6. A packet is lost when one sent three numbers later
 * has arrived (§6.1.1, fast retransmit), or one sent 9/8 round trips later (§6.1.2); a silent tail is probed once, and then the
 * retransmission time-out of RFC 6298 gives up all that is in flight.
 */
import type { PacketRange } from '../wire/packet.ts'
import type { RoundTrip } from './rtt.ts'

/** RFC 9002 §6.1.1, kPacketThreshold. */
export const PACKET_THRESHOLD = 3

/** A packet in flight that asked for an acknowledgement. */
export interface SentPacket {
  readonly number: number
  readonly sentAtMs: number
  /** Of the datagram; 0 for the handshake, which congestion control does not count. */
  readonly sizeBytes: number
  /** What it carried of the stream. */
  readonly offset: number
  readonly lengthBytes: number
  readonly fin: boolean
}

/** What an input meant for the packets in flight. */
export interface Verdict {
  readonly acked: readonly SentPacket[]
  readonly lost: readonly SentPacket[]
}

const NOTHING: Verdict = { acked: [], lost: [] }
const COMPACT_AT = 512

export class LossDetector {
  /** In flight, oldest first, from `#head` on. */
  readonly #flight: SentPacket[] = []
  #head = 0
  #flightBytes = 0
  #largestAcked = -1
  #lossAtMs = Infinity
  #lastSentAtMs = -Infinity
  #lastAckedAtMs = -Infinity
  #probed = false
  #backOff = 0
  readonly roundTrip: RoundTrip

  constructor(roundTrip: RoundTrip) {
    this.roundTrip = roundTrip
  }

  get flightBytes(): number {
    return this.#flightBytes
  }

  /** The oldest packet whose fate is open. */
  get oldest(): SentPacket | undefined {
    return this.#flight[this.#head]
  }

  /** Retransmission time-outs in a row. */
  get backOff(): number {
    return this.#backOff
  }

  sent(packet: SentPacket): void {
    this.#flight.push(packet)
    this.#flightBytes += packet.sizeBytes
    if (packet.sizeBytes > 0) this.#lastSentAtMs = packet.sentAtMs
  }

  /**
   * An acknowledgement came. After it, at most as many packets below the largest acknowledged stay open as the threshold
   * allows, so the walk costs what is new in it and not what is in flight.
   */
  acknowledge(ranges: readonly PacketRange[], ackOffset: number, ackDelayMs: number, nowMs: number): Verdict {
    const largest = ranges[0]?.last
    if (largest === undefined) return NOTHING
    const acked: SentPacket[] = []
    const open: SentPacket[] = []
    let range = ranges.length - 1
    let at = this.#head
    for (; at < this.#flight.length; at++) {
      const packet = this.#flight[at]
      if (packet === undefined || packet.number > largest) break
      while (range > 0 && (ranges[range]?.last ?? 0) < packet.number) range--
      const named = (ranges[range]?.first ?? Infinity) <= packet.number && (ranges[range]?.last ?? 0) >= packet.number
      // Old ranges may have fallen out of the list; the cumulative ack vouches for their bytes.
      if (named || (packet.sizeBytes > 0 && packet.offset + packet.lengthBytes + (packet.fin ? 1 : 0) <= ackOffset)) acked.push(packet)
      else open.push(packet)
    }
    this.#replaceFront(at, open)
    const newest = acked[acked.length - 1]
    if (newest !== undefined) {
      if (newest.number === largest) this.roundTrip.sample(nowMs - newest.sentAtMs, ackDelayMs)
      this.#lastAckedAtMs = nowMs
      this.#probed = false
      this.#backOff = 0
    }
    for (const { sizeBytes } of acked) this.#flightBytes -= sizeBytes
    this.#largestAcked = Math.max(this.#largestAcked, largest)
    return { acked, lost: this.detectLost(nowMs) }
  }

  /** Takes out what is lost by now, and notes when the next packet would be. */
  detectLost(nowMs: number): SentPacket[] {
    const lost: SentPacket[] = []
    const open: SentPacket[] = []
    const reorderingMs = this.roundTrip.reorderingMs()
    this.#lossAtMs = Infinity
    let at = this.#head
    for (; at < this.#flight.length; at++) {
      const packet = this.#flight[at]
      if (packet === undefined || packet.number >= this.#largestAcked) break
      if (packet.number <= this.#largestAcked - PACKET_THRESHOLD || packet.sentAtMs + reorderingMs <= nowMs) {
        lost.push(packet)
        this.#flightBytes -= packet.sizeBytes
      } else {
        open.push(packet)
        this.#lossAtMs = Math.min(this.#lossAtMs, packet.sentAtMs + reorderingMs)
      }
    }
    this.#replaceFront(at, open)
    return lost
  }

  deadlineMs(): number {
    if (this.#lossAtMs !== Infinity) return this.#lossAtMs
    if (this.#flightBytes === 0) return Infinity
    const waitMs = this.#probed ? this.roundTrip.rtoMs(this.#backOff) : this.roundTrip.probeMs()
    return Math.max(this.#lastSentAtMs, this.#lastAckedAtMs) + waitMs
  }

  /** What the deadline that has come means. A probe does not give anything up; a time-out gives up all (`abandonAll`). */
  onDeadline(): 'look' | 'probe' | 'time-out' {
    if (this.#lossAtMs !== Infinity) return 'look'
    if (this.#probed) return 'time-out'
    this.#probed = true
    return 'probe'
  }

  /** After a retransmission time-out all that is in flight counts as lost (RFC 6298 §5.4 to 5.6). */
  abandonAll(): SentPacket[] {
    const lost = this.#flight.slice(this.#head)
    this.#flight.length = 0
    this.#head = 0
    this.#flightBytes = 0
    this.#lossAtMs = Infinity
    this.#backOff++
    return lost
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
