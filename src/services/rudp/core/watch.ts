/** Tells those who watch a connection what happens in it. Where nobody does, `watchOf` gives undefined and nothing is made. */
import type { PacketType } from '../wire/packet.ts'
import type { Connection } from './connection.ts'
import type { Observe } from './events.ts'
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

  constructor(readonly connection: Connection, readonly observe: Observe) {}

  state(from: StateName, to: StateName): void {
    this.observe(this.connection, { kind: 'state', from, to }, this.nowMs)
  }

  packet(kind: 'sent' | 'received', type: PacketType, number: number, offset: number, lengthBytes: number): void {
    this.observe(this.connection, { kind, type, number, offset, lengthBytes }, this.nowMs)
  }

  lost({ number, offset, lengthBytes }: SentPacket, found: 'by later packets' | 'by time-out'): void {
    this.observe(this.connection, { kind: 'lost', number, offset, lengthBytes, found }, this.nowMs)
  }

  retransmitted(number: number, { offset, lengthBytes }: Segment): void {
    this.observe(this.connection, { kind: 'retransmitted', number, offset, lengthBytes }, this.nowMs)
  }

  /** Congestion window, threshold and round trip, where one has changed. */
  window({ congestion, loss, roundTrip }: Sender): void {
    const { windowBytes, ssthreshBytes } = congestion
    const srttMs = roundTrip.srttMs ?? 0
    if (windowBytes === this.#windowBytes && ssthreshBytes === this.#ssthreshBytes && srttMs === this.#srttMs) return
    this.#windowBytes = windowBytes
    this.#ssthreshBytes = ssthreshBytes
    this.#srttMs = srttMs
    this.observe(this.connection, { kind: 'window', windowBytes, ssthreshBytes, flightBytes: loss.flightBytes, srttMs, rtoMs: roundTrip.rtoMs() }, this.nowMs)
  }
}

export function watchOf(connection: Connection, observe: Observe | undefined): Watch | undefined {
  return observe === undefined ? undefined : new Watch(connection, observe)
}
