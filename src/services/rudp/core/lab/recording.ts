/**
 * The recording of one connection while someone watches: samples for a plot, packets for a ladder diagram, and
 * everything as qlog. Each has a limit.
 */
import { formatEndpoint } from '../../../kit/endpoint.ts'
import type { CongestionName } from '../congestion/congestion.ts'
import type { Connection } from '../connection.ts'
import { FRAME_TYPES } from '../../wire/frames.ts'
import { DATAGRAM_BYTES_BASE, type NumberedPacket } from '../../wire/packet.ts'
import type { Metrics, TraceEvent } from '../events.ts'
import { QlogTrace } from '../qlog.ts'
import type { Sample } from './commands.ts'
import { BoundedLog } from './bounded-log.ts'
import { PacketRows } from './packet-rows.ts'

/** How often the growth of a window is recorded; a reduction always is. */
const SAMPLE_EVERY_MS = 20
/** Two to five minutes of samples; the oldest go first. */
const SAMPLES_KEPT = 8192
const QLOG_LENGTH_MAX = 8 * 1024 * 1024

export class Recording {
  readonly peer: string
  /** When the first event happened, the reference for all times; undefined before it. */
  startMs: number | undefined
  /** The current congestion control, or the last one. */
  congestion: CongestionName
  readonly qlog: QlogTrace
  readonly packets = new PacketRows()
  readonly #samples = new BoundedLog<Sample>(SAMPLES_KEPT)
  /**
   * Bytes in flight: ACKs report what is left, and packets that leave add to it. The maximum since the last sample is
   * shown.
   */
  #flightBytes = 0
  #mostFlightBytes = 0
  #lost = 0
  #lostBefore = 0
  #control = ''
  /** The latest window event; its sample may still be due. */
  #window: WindowEvent | undefined
  #sampled: WindowEvent | undefined
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
    if (event.kind === 'sent') this.#addFlight(event.packet, event.sizeBytes)
    else if (event.kind === 'lost') this.#lost++
    else if (event.kind === 'congestion') this.#control = this.congestion = event.name
    else if (event.kind === 'window') this.#sample(event, atMs)
    else if (event.kind === 'state' && event.to === 'CLOSED') this.#flightBytes = this.#mostFlightBytes = 0 // after closing, nothing more is acknowledged
  }

  /**
   * A packet that only acknowledges is not in flight. A path MTU probe, recognizable by its padding, counts as it does
   * in loss.ts.
   */
  #addFlight({ frames }: NumberedPacket, sizeBytes: number): void {
    if (!frames.some(({ kind }) => FRAME_TYPES[kind].ackEliciting)) return
    this.#flightBytes += frames.some(({ kind }) => kind === 'PADDING') ? Math.min(sizeBytes, DATAGRAM_BYTES_BASE) : sizeBytes
    this.#mostFlightBytes = Math.max(this.#mostFlightBytes, this.#flightBytes)
  }

  /** Packets declared lost so far. */
  get lost(): number {
    return this.#lostBefore + this.#lost
  }

  /**
   * Samples from number `after` on, at most `limit`. News that no sample covers yet becomes a sample now, because
   * nothing may follow for a long time.
   */
  samplesFrom(after: number, limit: number): ReturnType<BoundedLog<Sample>['from']> {
    const window = this.#window
    const isSampled = window === this.#sampled && this.#mostFlightBytes === this.#last?.flightBytes && this.#lost === 0 && this.#control === ''
    if (window !== undefined && !isSampled) this.#addSample(window, this.#lastMs)
    return this.#samples.from(after, limit)
  }

  #sample(event: WindowEvent, atMs: number): void {
    this.#window = event
    this.#flightBytes = event.flightBytes
    this.#mostFlightBytes = Math.max(this.#mostFlightBytes, event.flightBytes)
    const last = this.#last
    const isNews = last === undefined || this.#lost > 0 || this.#control !== '' || event.windowBytes < last.windowBytes || event.phase !== last.phase
    if (isNews || atMs >= last.atMs + SAMPLE_EVERY_MS) this.#addSample(event, atMs)
  }

  #addSample(event: WindowEvent, atMs: number): void {
    const { windowBytes, ssthreshBytes, srttMs, phase } = event
    this.#last = {
      atMs, windowBytes, ssthreshBytes: ssthreshBytes === Infinity ? null : ssthreshBytes, flightBytes: this.#mostFlightBytes, srttMs, phase, lost: this.#lost, control: this.#control,
    }
    this.#samples.push(this.#last)
    this.#sampled = event
    this.#mostFlightBytes = this.#flightBytes
    this.#lostBefore += this.#lost
    this.#lost = 0
    this.#control = ''
  }
}

type WindowEvent = Extract<TraceEvent, { kind: 'window' }>
