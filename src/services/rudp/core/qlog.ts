/**
 * The inner life of a connection as a qlog file, which viewers such as qvis draw: draft-ietf-quic-qlog-main-schema and
 * draft-ietf-quic-qlog-quic-events, JSON, version 0.3. RUDP's packets and frames have QUIC's names there where they mean the same.
 */
import type { Frame } from '../wire/frames.ts'
import type { NumberedPacket } from '../wire/packet.ts'
import type { TraceEvent } from './events.ts'

type QlogEvent = { readonly name: string; readonly data: Readonly<Record<string, unknown>> }

/** Some hours of a quiet connection, half a minute of a fast one; more than a viewer draws. */
const TEXT_LENGTH_MAX = 32 * 1024 * 1024

/**
 * One end of a connection, written down as it happens: an event becomes text at once, so nothing is kept of the packets that it tells
 * of, and the text has its limit.
 */
export class QlogTrace {
  readonly #title: string
  readonly #role: 'initiator' | 'acceptor'
  readonly #lengthMax: number
  readonly #lines: string[] = []
  #length = 0
  #startMs = 0

  /** @param lengthMax characters of text; what comes later is left out */
  constructor(title: string, role: 'initiator' | 'acceptor', lengthMax = TEXT_LENGTH_MAX) {
    this.#title = title
    this.#role = role
    this.#lengthMax = lengthMax
  }

  add(event: TraceEvent, atMs: number): void {
    if (this.#length >= this.#lengthMax) return
    if (this.#lines.length === 0) this.#startMs = atMs
    const line = JSON.stringify({ time: atMs - this.#startMs, ...formatEvent(event) })
    this.#length += line.length
    this.#lines.push(line)
  }

  /** The trace as an object of JSON. */
  format(): string {
    const head = {
      title: this.#title,
      vantage_point: { name: this.#title, type: this.#role === 'initiator' ? 'client' : 'server' },
      common_fields: { protocol_type: ['QUIC'], time_format: 'relative', reference_time: this.#startMs },
    }
    return `${JSON.stringify(head).slice(0, -1)},"events":[\n${this.#lines.join(',\n')}]}`
  }
}

/** One qlog file of several connections, or of both ends of one. */
export function formatQlog(traces: readonly QlogTrace[]): string {
  const head = { qlog_version: '0.3', qlog_format: 'JSON', title: 'Hamlet RUDP' }
  return `${JSON.stringify(head).slice(0, -1)},"traces":[${traces.map(trace => trace.format()).join(',')}]}\n`
}

function formatEvent(event: TraceEvent): QlogEvent {
  switch (event.kind) {
    case 'sent': case 'received': return { name: `transport:packet_${event.kind}`, data: formatPacket(event.packet, event.sizeBytes) }
    case 'lost': return {
      name: 'recovery:packet_lost',
      data: { header: { packet_type: '1RTT', packet_number: event.number }, trigger: event.found === 'by time' ? 'time_threshold' : 'reordering_threshold' },
    }
    case 'window': return {
      name: 'recovery:metrics_updated',
      data: {
        congestion_window: event.windowBytes, bytes_in_flight: event.flightBytes, smoothed_rtt: event.srttMs, min_rtt: event.minRttMs,
        ...(event.ssthreshBytes === Infinity ? {} : { ssthresh: event.ssthreshBytes }),
        ...(event.pacingBytesPerMs === Infinity ? {} : { pacing_rate: Math.round(event.pacingBytesPerMs * 8000) }),
      },
    }
    case 'state': return { name: 'connectivity:connection_state_updated', data: { old: event.from, new: event.to } }
    case 'congestion': return { name: 'recovery:parameters_set', data: { congestion_control: event.name } }
    case 'datagram-size': return { name: 'connectivity:mtu_updated', data: { new: event.bytes } }
    case 'path': return { name: 'connectivity:path_updated', data: { peer: event.peer, state: event.step } }
    case 'probe': return { name: 'recovery:loss_timer_updated', data: { event_type: 'expired', timer_type: event.why === 'probe' ? 'pto' : 'early_duplicate' } }
    case 'retransmitted': return { name: 'transport:frames_processed', data: { packet_number: event.number, retransmitted: { stream_id: event.streamId, offset: event.offset, length: event.lengthBytes } } }
    case 'spurious': return { name: 'recovery:spurious_loss_detected', data: { packet_number: event.number } }
  }
}

/** QUIC's names of the long packets; RESET has no place in qlog and keeps its own. */
const PACKET_TYPES = { HELLO: 'initial', WELCOME: 'handshake', RETRY: 'retry', RESET: 'stateless_reset', SHORT: '1RTT' } as const

function formatPacket({ type, number, frames }: NumberedPacket, sizeBytes: number): QlogEvent['data'] {
  return { header: { packet_type: PACKET_TYPES[type], packet_number: number }, raw: { length: sizeBytes }, frames: frames.map(formatFrame) }
}

function formatFrame(frame: Frame): unknown {
  const frame_type = frame.kind.toLowerCase()
  switch (frame.kind) {
    case 'ACK': return { frame_type, ack_delay: frame.delayMs, acked_ranges: frame.ranges.map(({ first, last }) => [first, last]) }
    case 'STREAM': return { frame_type, stream_id: frame.streamId, offset: frame.offset, length: frame.data.length, fin: frame.fin }
    case 'RESET_STREAM': return { frame_type, stream_id: frame.streamId, error_code: frame.code, final_size: frame.finalSize }
    case 'STOP_SENDING': return { frame_type, stream_id: frame.streamId, error_code: frame.code }
    case 'MAX_DATA': return { frame_type, maximum: frame.limit }
    case 'MAX_STREAMS': return { frame_type, stream_type: 'bidirectional', maximum: frame.limit }
    case 'MAX_STREAM_DATA': return { frame_type, stream_id: frame.streamId, maximum: frame.limit }
    case 'CONNECTION_CLOSE': return { frame_type, error_space: 'transport', error_code: frame.code }
    case 'PADDING': return { frame_type, payload_length: frame.lengthBytes }
    case 'SETTLED': return { frame_type, packet_number: frame.number }
    case 'PARAMETERS': return { frame_type, ...frame.parameters }
    case 'NEW_TOKEN': case 'TOKEN': case 'RESET_TOKEN': return { frame_type, token: { length: frame.token.length } }
    case 'PATH_CHALLENGE': case 'PATH_RESPONSE': case 'PING': return { frame_type }
  }
}
