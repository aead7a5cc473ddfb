/** Tells those who watch a connection what happens in it. Where nobody does there is no Watch, and nothing of it is made. */
import type { PacketType } from '../wire/packet.ts'
import type { TraceEvent } from './events.ts'
import type { SentPacket } from './loss.ts'
import type { Segment } from './send-buffer.ts'
import type { Sender } from './sender.ts'
import type { StateName } from './states.ts'

export class Watch {
  /** The time of the input that is at work. */
  nowMs = 0
  #windowBytes = 0
  #ssthreshBytes = 0
  #srttMs = 0
  readonly observe: (event: TraceEvent, nowMs: number) => void

  constructor(observe: (event: TraceEvent, nowMs: number) => void) {
    this.observe = observe
  }

  state(from: StateName, to: StateName): void {
    this.observe({ kind: 'state', from, to }, this.nowMs)
  }

  packet(kind: 'sent' | 'received', type: PacketType, number: number, offset: number, lengthBytes: number): void {
    this.observe({ kind, type, number, offset, lengthBytes }, this.nowMs)
  }

  lost({ number, offset, lengthBytes }: SentPacket, found: 'by later packets' | 'by time-out'): void {
    this.observe({ kind: 'lost', number, offset, lengthBytes, found }, this.nowMs)
  }

  retransmitted(number: number, { offset, lengthBytes }: Segment): void {
    this.observe({ kind: 'retransmitted', number, offset, lengthBytes }, this.nowMs)
  }

  /** Congestion window, threshold and round trip, where one has changed. */
  window({ congestion, loss, roundTrip }: Sender): void {
    const { windowBytes, ssthreshBytes } = congestion
    const srttMs = roundTrip.srttMs ?? 0
    if (windowBytes === this.#windowBytes && ssthreshBytes === this.#ssthreshBytes && srttMs === this.#srttMs) return
    this.#windowBytes = windowBytes
    this.#ssthreshBytes = ssthreshBytes
    this.#srttMs = srttMs
    this.observe({ kind: 'window', windowBytes, ssthreshBytes, flightBytes: loss.flightBytes, srttMs, rtoMs: roundTrip.rtoMs() }, this.nowMs)
  }
}
