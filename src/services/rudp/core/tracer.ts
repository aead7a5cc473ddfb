/**
 * Reports what happens in a connection to its observer. Without an observer there is no tracer, and no event is
 * created.
 */
import { formatEndpoint, type Path } from '../../kit/endpoint.ts'
import type { NumberedPacket } from '../wire/packet.ts'
import type { CongestionName } from './congestion/congestion.ts'
import type { LossFound, TraceEvent } from './events.ts'
import type { SentPacket } from './loss.ts'
import type { Range } from './parity.ts'
import type { Recovery } from './recovery.ts'
import type { Segment } from './send-buffer.ts'
import type { StateName } from './states.ts'

export class Tracer {
  /** The time of the current input. */
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

  packet(kind: 'sent' | 'received', packet: NumberedPacket, sizeBytes: number): void {
    this.observe({ kind, packet, sizeBytes }, this.nowMs)
  }

  lost({ number, sizeBytes }: SentPacket, found: LossFound): void {
    this.observe({ kind: 'lost', number, sizeBytes, found }, this.nowMs)
  }

  spurious({ number }: SentPacket): void {
    this.observe({ kind: 'spurious', number }, this.nowMs)
  }

  retransmitted(number: number, streamId: number, { offset, lengthBytes }: Segment): void {
    this.observe({ kind: 'retransmitted', number, streamId, offset, lengthBytes }, this.nowMs)
  }

  restored(streamId: number, { start, end }: Range): void {
    this.observe({ kind: 'restored', streamId, offset: start, lengthBytes: end - start }, this.nowMs)
  }

  probe(number: number, why: 'probe' | 'duplicate'): void {
    this.observe({ kind: 'probe', number, why }, this.nowMs)
  }

  congestion(name: CongestionName): void {
    this.observe({ kind: 'congestion', name }, this.nowMs)
  }

  datagramSize(bytes: number): void {
    this.observe({ kind: 'datagram-size', bytes }, this.nowMs)
  }

  path({ peer }: Path, step: 'tried' | 'proven' | 'given up'): void {
    this.observe({ kind: 'path', peer: formatEndpoint(peer), step }, this.nowMs)
  }

  /** Congestion window, threshold and round trip, if any of them has changed. */
  window({ congestion, loss, roundTrip, pacingBytesPerMs }: Recovery): void {
    const { windowBytes, ssthreshBytes, phase } = congestion
    const srttMs = roundTrip.srttMs ?? 0
    if (windowBytes === this.#windowBytes && ssthreshBytes === this.#ssthreshBytes && srttMs === this.#srttMs) return
    this.#windowBytes = windowBytes
    this.#ssthreshBytes = ssthreshBytes
    this.#srttMs = srttMs
    const [minRttMs, latestRttMs] = roundTrip.srttMs === undefined ? [0, 0] : [roundTrip.minMs, roundTrip.latestMs]
    this.observe({ kind: 'window', windowBytes, ssthreshBytes, flightBytes: loss.flightBytes, phase, srttMs, minRttMs, latestRttMs, pacingBytesPerMs }, this.nowMs)
  }
}
