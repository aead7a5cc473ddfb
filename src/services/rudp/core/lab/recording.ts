/** What happened in one connection while somebody watched: samples for a plot, packets for a ladder, and the whole as qlog. All have their limits. */
import { formatEndpoint } from '../../../kit/endpoint.ts'
import type { CongestionName } from '../congestion/congestion.ts'
import type { Connection } from '../connection.ts'
import { FRAME_TYPES } from '../../wire/frames.ts'
import { DATAGRAM_BYTES_BASE, type NumberedPacket } from '../../wire/packet.ts'
import type { Metrics, TraceEvent } from '../events.ts'
import { QlogTrace } from '../qlog.ts'
import type { Sample } from './commands.ts'
import { Newest } from './newest.ts'
import { PacketRows } from './packet-rows.ts'

/** The growth of a window is written down this often; what makes it smaller always is. */
const SAMPLE_EVERY_MS = 20
/** Two to five minutes; the oldest go first. */
const SAMPLES_KEPT = 8192
const QLOG_LENGTH_MAX = 8 * 1024 * 1024

export class Recording {
  readonly peer: string
  /** The congestion control that it has, or had last. */
  congestion: CongestionName
  readonly qlog: QlogTrace
  readonly samples = new Newest<Sample>(SAMPLES_KEPT)
  readonly packets = new PacketRows()
  /** In flight: acknowledgements tell what is left, and packets that leave add to it. The most of it since the last sample is shown. */
  #flightBytes = 0
  #mostFlightBytes = 0
  #lost = 0
  #control = ''
  #last: Sample | undefined

  constructor(connection: Pick<Connection, 'role' | 'path'> & { metrics(): Pick<Metrics, 'congestion'> }) {
    const { role, path } = connection
    this.peer = formatEndpoint(path.peer)
    this.congestion = connection.metrics().congestion
    this.qlog = new QlogTrace(`${role} to ${this.peer}`, role, QLOG_LENGTH_MAX)
  }

  add(event: TraceEvent, atMs: number): void {
    this.qlog.add(event, atMs)
    this.packets.add(event, atMs)
    if (event.kind === 'sent') this.#fly(event.packet, event.sizeBytes)
    else if (event.kind === 'lost') this.#lost++
    else if (event.kind === 'congestion') this.#control = this.congestion = event.name
    else if (event.kind === 'window') this.#sample(event, atMs)
  }

  /** Acknowledgements alone are not in flight; a probe for longer datagrams, which is filled up, counts as it does in loss.ts. */
  #fly({ frames }: NumberedPacket, sizeBytes: number): void {
    if (!frames.some(({ kind }) => FRAME_TYPES[kind].asks)) return
    this.#flightBytes += frames.some(({ kind }) => kind === 'PADDING') ? Math.min(sizeBytes, DATAGRAM_BYTES_BASE) : sizeBytes
    this.#mostFlightBytes = Math.max(this.#mostFlightBytes, this.#flightBytes)
  }

  #sample({ windowBytes, ssthreshBytes, flightBytes, srttMs, phase }: Extract<TraceEvent, { kind: 'window' }>, atMs: number): void {
    const mostBytes = Math.max(this.#mostFlightBytes, flightBytes)
    this.#flightBytes = flightBytes
    this.#mostFlightBytes = mostBytes
    const last = this.#last
    const tells = last === undefined || this.#lost > 0 || this.#control !== '' || windowBytes < last.windowBytes || phase !== last.phase
    if (!tells && atMs < last.atMs + SAMPLE_EVERY_MS) return
    const sample = { atMs, windowBytes, ssthreshBytes: ssthreshBytes === Infinity ? null : ssthreshBytes, flightBytes: mostBytes, srttMs, phase, lost: this.#lost, control: this.#control }
    this.#mostFlightBytes = flightBytes
    this.#lost = 0
    this.#control = ''
    this.#last = sample
    this.samples.push(sample)
  }
}
