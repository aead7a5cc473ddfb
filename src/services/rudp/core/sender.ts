/**
 * The sending half of a connection: what may go out now, by the peer's window and by congestion control, and what acknowledgements
 * and time mean for it. It builds no packets.
 */
import { DATAGRAM_BYTES_MAX, type Packet } from '../wire/packet.ts'
import type { Congestion, CongestionFactory } from './congestion/congestion.ts'
import type { Metrics } from './events.ts'
import { LossDetector, type SentPacket } from './loss.ts'
import { RoundTrip } from './rtt.ts'
import { SendBuffer, type Segment } from './send-buffer.ts'

/** Hears of each packet that is given up. */
export type OnLost = (packet: SentPacket, found: 'by later packets' | 'by time-out') => void

export class Sender {
  readonly buffer: SendBuffer
  readonly roundTrip = new RoundTrip()
  readonly loss = new LossDetector(this.roundTrip)
  readonly congestion: Congestion
  readonly #onLost: OnLost
  /** The highest offset that the peer's window has reached: it never moves back. */
  #peerLimit = 0
  #lostPackets = 0
  #retransmittedPackets = 0

  constructor(bufferBytes: number, congestion: CongestionFactory, onLost: OnLost) {
    this.buffer = new SendBuffer(bufferBytes)
    this.congestion = congestion(DATAGRAM_BYTES_MAX)
    this.#onLost = onLost
  }

  metrics(): Omit<Metrics, 'sent' | 'received'> {
    const { congestion, loss, roundTrip } = this
    return {
      congestion: congestion.name, windowBytes: congestion.windowBytes, ssthresh: congestion.ssthreshBytes, flightBytes: loss.flightBytes,
      rttMs: roundTrip.srttMs ?? 0, rtoMs: roundTrip.rtoMs(), lost: this.#lostPackets, retransmitted: this.#retransmittedPackets,
    }
  }

  /** Bytes wait, nothing is in flight and the peer's window is shut: only a PING can find out when it opens. */
  get isShutOut(): boolean {
    return this.loss.flightBytes === 0 && this.buffer.hasUnsent && this.buffer.next(1, this.#peerLimit) === undefined
  }

  /** What the packet says about ours. */
  acknowledge({ ranges, ackOffset, ackDelayMs, windowBytes }: Packet, nowMs: number): void {
    const flightBytes = this.loss.flightBytes
    const { acked, lost } = this.loss.acknowledge(ranges, ackOffset, ackDelayMs, nowMs)
    this.buffer.acknowledge(ackOffset)
    for (const packet of acked) {
      this.buffer.deliver(packet.offset, packet.lengthBytes, packet.fin)
      if (packet.sizeBytes > 0) this.congestion.onAcked(packet.sizeBytes, packet.sentAtMs, flightBytes)
    }
    this.#giveUp(lost, nowMs)
    this.#peerLimit = Math.max(this.#peerLimit, ackOffset + windowBytes)
  }

  /**
   * The next segment that may go out, or undefined.
   * @param payloadMax room for payload in a datagram
   * @param more the user will write on at once: what does not fill a packet waits
   */
  next(payloadMax: number, more: boolean): Segment | undefined {
    const segment = this.buffer.next(payloadMax, this.#peerLimit)
    if (segment === undefined) return undefined
    const flightBytes = this.loss.flightBytes
    const sizeBytes = segment.lengthBytes + (DATAGRAM_BYTES_MAX - payloadMax)
    if (flightBytes > 0 && flightBytes + sizeBytes > this.congestion.windowBytes) return undefined
    const isWhole = segment.again || segment.fin || segment.lengthBytes === payloadMax
    if (!isWhole && more) return undefined
    // A short piece at the edge of the peer's window waits for a wider one (RFC 9293 §3.8.6.2.1, silly windows).
    if (!isWhole && flightBytes > 0 && segment.offset + segment.lengthBytes === this.#peerLimit) return undefined
    return segment
  }

  sent(packet: SentPacket, segment: Segment): void {
    if (segment.again) this.#retransmittedPackets++
    this.buffer.sent(segment)
    this.loss.sent(packet)
  }

  /**
   * The deadline of loss detection has come.
   * @returns what shall be sent now whatever the window says: the tail once more, or undefined
   */
  onDeadline(nowMs: number): Segment | undefined {
    const { oldest, flightBytes, backOff } = this.loss
    switch (this.loss.onDeadline()) {
      case 'look':
        this.#giveUp(this.loss.detectLost(nowMs), nowMs)
        return undefined
      case 'probe':
        return oldest === undefined ? undefined : this.buffer.oldest(oldest.offset, oldest.lengthBytes, oldest.fin)
      case 'time-out':
        this.congestion.onTimeout(flightBytes, backOff === 0, nowMs)
        for (const packet of this.loss.abandonAll()) this.#forget(packet, 'by time-out')
        return undefined
    }
  }

  #giveUp(lost: readonly SentPacket[], nowMs: number): void {
    for (const packet of lost) {
      if (packet.sizeBytes > 0) this.congestion.onLost(packet.sentAtMs, nowMs)
      this.#forget(packet, 'by later packets')
    }
  }

  #forget(packet: SentPacket, found: 'by later packets' | 'by time-out'): void {
    this.buffer.lose(packet.offset, packet.lengthBytes, packet.fin)
    this.#lostPackets++
    this.#onLost(packet, found)
  }
}
