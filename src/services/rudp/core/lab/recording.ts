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
  /** When the first event was: times are told from there. Undefined: nothing has happened yet. */
  startMs: number | undefined
  /** The congestion control that it has, or had last. */
  congestion: CongestionName
  readonly qlog: QlogTrace
  readonly packets = new PacketRows()
  readonly #samples = new Newest<Sample>(SAMPLES_KEPT)
  /** In flight: acknowledgments tell what is left, and packets that leave add to it. The most of it since the last sample is shown. */
  #flightBytes = 0
  #mostFlightBytes = 0
  #lost = 0
  #lostBefore = 0
  #control = ''
  /** The latest event of its kind; the sample that tells of it may be still to come. */
  #window: WindowEvent | undefined
  #told: WindowEvent | undefined
  #last: Sample | undefined
  #lastMs = 0

  constructor(connection: Pick<Connection, 'role' | 'path'> & { metrics(): Pick<Metrics, 'congestion'> }) {
    const { role, path } = connection
    this.peer = formatEndpoint(path.peer)
    this.congestion = connection.metrics().congestion
    this.qlog = new QlogTrace(`${role} to ${this.peer}`, role, QLOG_LENGTH_MAX)
  }

  add(event: TraceEvent, atMs: number): void {
    this.qlog.add(event, atMs)
    this.packets.add(event, atMs)
    this.startMs ??= atMs
    this.#lastMs = atMs
    if (event.kind === 'sent') this.#fly(event.packet, event.sizeBytes)
    else if (event.kind === 'lost') this.#lost++
    else if (event.kind === 'congestion') this.#control = this.congestion = event.name
    else if (event.kind === 'window') this.#sample(event, atMs)
    else if (event.kind === 'state' && event.to === 'CLOSED') this.#flightBytes = this.#mostFlightBytes = 0 // who closed told no more what had arrived
  }

  /** Acknowledgements alone are not in flight; a probe for longer datagrams, which is filled up, counts as it does in loss.ts. */
  #fly({ frames }: NumberedPacket, sizeBytes: number): void {
    if (!frames.some(({ kind }) => FRAME_TYPES[kind].ackEliciting)) return
    this.#flightBytes += frames.some(({ kind }) => kind === 'PADDING') ? Math.min(sizeBytes, DATAGRAM_BYTES_BASE) : sizeBytes
    this.#mostFlightBytes = Math.max(this.#mostFlightBytes, this.#flightBytes)
  }

  /** Packets that were given up so far. */
  get lost(): number {
    return this.#lostBefore + this.#lost
  }

  /** Samples from number `after` on, at most so many. What none tells yet becomes one: nothing may follow it for long. */
  samplesFrom(after: number, limit: number): ReturnType<Newest<Sample>['from']> {
    const window = this.#window
    const isTold = window === this.#told && this.#mostFlightBytes === this.#last?.flightBytes && this.#lost === 0 && this.#control === ''
    if (window !== undefined && !isTold) this.#tell(window, this.#lastMs)
    return this.#samples.from(after, limit)
  }

  #sample(event: WindowEvent, atMs: number): void {
    this.#window = event
    this.#flightBytes = event.flightBytes
    this.#mostFlightBytes = Math.max(this.#mostFlightBytes, event.flightBytes)
    const last = this.#last
    const tells = last === undefined || this.#lost > 0 || this.#control !== '' || event.windowBytes < last.windowBytes || event.phase !== last.phase
    if (tells || atMs >= last.atMs + SAMPLE_EVERY_MS) this.#tell(event, atMs)
  }

  #tell(event: WindowEvent, atMs: number): void {
    const { windowBytes, ssthreshBytes, srttMs, phase } = event
    this.#last = {
      atMs, windowBytes, ssthreshBytes: ssthreshBytes === Infinity ? null : ssthreshBytes, flightBytes: this.#mostFlightBytes, srttMs, phase, lost: this.#lost, control: this.#control,
    }
    this.#samples.push(this.#last)
    this.#told = event
    this.#mostFlightBytes = this.#flightBytes
    this.#lostBefore += this.#lost
    this.#lost = 0
    this.#control = ''
  }
}

type WindowEvent = Extract<TraceEvent, { kind: 'window' }>
