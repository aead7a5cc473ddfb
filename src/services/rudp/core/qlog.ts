/**
 * Writes what happens in a connection as a qlog file, which viewers such as qvis display:
 * draft-ietf-quic-qlog-main-schema-04 and draft-ietf-quic-qlog-quic-events-04, in JSON, version 0.3. Later drafts
 * rename the events, and qvis does not know the new names. RUDP's packets, frames and states appear under the names of
 * their QUIC counterparts.
 */
import type { Frame, Parameters } from '../wire/frames.ts'
import type { NumberedPacket } from '../wire/packet.ts'
import type { TraceEvent } from './events.ts'
import { GRANULARITY_MS } from './limits.ts'
import type { StateName } from './states.ts'

type QlogEvent = { readonly name: string; readonly data: Readonly<Record<string, unknown>> }

/** Hours of a quiet connection or half a minute of a fast one; more than a viewer can draw. */
const TEXT_LENGTH_MAX = 32 * 1024 * 1024

/**
 * The trace of one end of a connection. Each event becomes text at once, so no packet is kept in memory, and the length
 * of the text is limited.
 */
export class QlogTrace {
  readonly #title: string
  readonly #role: 'initiator' | 'acceptor'
  readonly #lengthMax: number
  readonly #lines: string[] = []
  /** The numbers of the long packets that were sent, so that a later loss can name the packet type. */
  readonly #longNumbers = new Set<number>()
  readonly #parametersOf = new Set<'local' | 'remote'>()
  #length = 0
  #startMs = 0
  #fullAtMs: number | undefined

  /** @param lengthMax characters of text; later events are left out, and the last event says so */
  constructor(title: string, role: 'initiator' | 'acceptor', lengthMax = TEXT_LENGTH_MAX) {
    this.#title = title
    this.#role = role
    this.#lengthMax = lengthMax
  }

  add(event: TraceEvent, atMs: number): void {
    if (this.#fullAtMs !== undefined) return
    if (this.#length >= this.#lengthMax) {
      this.#fullAtMs = atMs - this.#startMs
      return this.#write({ name: 'generic:warning', data: { message: 'The recording is full: later events are left out.' } }, atMs)
    }
    if (event.kind === 'sent' && event.packet.type !== 'SHORT') this.#longNumbers.add(event.packet.number)
    this.#write(formatEvent(event, this.#longNumbers), atMs)
    if (event.kind === 'sent' || event.kind === 'received') this.#addParameters(event.packet, event.kind === 'sent' ? 'local' : 'remote', atMs)
  }

  /** When the trace became full, in ms since its first event; undefined if nothing was left out. */
  get fullAtMs(): number | undefined {
    return this.#fullAtMs
  }

  /**
   * Adds the PARAMETERS of one side, the initial limits of flow control. They may be sent several times, always
   * unchanged.
   */
  #addParameters({ frames }: NumberedPacket, owner: 'local' | 'remote', atMs: number): void {
    const frame = frames.find(({ kind }) => kind === 'PARAMETERS')
    if (frame?.kind !== 'PARAMETERS' || this.#parametersOf.has(owner)) return
    this.#parametersOf.add(owner)
    this.#write({ name: 'transport:parameters_set', data: { owner, ...formatParameters(frame.parameters) } }, atMs)
  }

  #write(event: QlogEvent, atMs: number): void {
    if (this.#lines.length === 0) this.#startMs = atMs
    const line = JSON.stringify({ time: atMs - this.#startMs, ...event })
    this.#length += line.length
    this.#lines.push(line)
  }

  /** Formats the trace as a JSON object. */
  format(): string {
    const head = {
      title: this.#title,
      vantage_point: { type: this.#role === 'initiator' ? 'client' : 'server' },
      common_fields: { protocol_type: ['QUIC'], time_format: 'relative', reference_time: this.#startMs },
    }
    return `${JSON.stringify(head).slice(0, -1)},"events":[\n${this.#lines.join(',\n')}]}`
  }
}

/** Formats a qlog file of several connections, or of both ends of one. */
export function formatQlog(traces: readonly QlogTrace[]): string {
  const head = { qlog_version: '0.3', qlog_format: 'JSON', title: 'Hamlet RUDP' }
  return `${JSON.stringify(head).slice(0, -1)},"traces":[${traces.map(trace => trace.format()).join(',')}]}\n`
}

function formatEvent(event: TraceEvent, longNumbers: ReadonlySet<number>): QlogEvent {
  switch (event.kind) {
    case 'sent': case 'received': return { name: `transport:packet_${event.kind}`, data: formatPacket(event.packet, event.sizeBytes) }
    case 'lost': return {
      name: 'recovery:packet_lost',
      data: {
        header: { packet_type: longNumbers.has(event.number) ? 'initial' : '1RTT', packet_number: event.number },
        trigger: event.found === 'time threshold' ? 'time_threshold' : 'reordering_threshold',
      },
    }
    case 'window': return {
      name: 'recovery:metrics_updated',
      data: {
        congestion_window: event.windowBytes, bytes_in_flight: event.flightBytes,
        ...(event.srttMs === 0 ? {} : { smoothed_rtt: event.srttMs, min_rtt: event.minRttMs, latest_rtt: event.latestRttMs }),
        ...(event.ssthreshBytes === Infinity ? {} : { ssthresh: event.ssthreshBytes }),
        ...(event.pacingBytesPerMs === Infinity ? {} : { pacing_rate: Math.round(event.pacingBytesPerMs * 8000) }),
      },
    }
    case 'state': return { name: 'connectivity:connection_state_updated', data: { old: QUIC_STATES[event.from], new: QUIC_STATES[event.to] } }
    case 'congestion': return { name: 'recovery:parameters_set', data: { timer_granularity: GRANULARITY_MS, congestion_control: event.name } }
    case 'datagram-size': return { name: 'connectivity:mtu_updated', data: { new: event.bytes } }
    case 'path': return { name: 'connectivity:path_updated', data: { peer: event.peer, state: event.step } }
    case 'probe': return { name: 'recovery:loss_timer_updated', data: { event_type: 'expired', ...(event.why === 'probe' ? { timer_type: 'pto' } : {}) } }
    case 'retransmitted': return {
      name: 'recovery:marked_for_retransmit',
      data: { frames: [{ frame_type: 'stream', stream_id: quicStreamId(event.streamId), offset: event.offset, length: event.lengthBytes }] },
    }
    case 'restored': return { name: 'recovery:data_restored', data: { stream_id: quicStreamId(event.streamId), offset: event.offset, length: event.lengthBytes } }
    case 'spurious': return { name: 'recovery:spurious_loss_detected', data: { packet_number: event.number } }
  }
}

/** The corresponding states of QUIC. */
const QUIC_STATES: Readonly<Record<StateName, string>> = {
  'CLOSED': 'closed', 'HELLO-SENT': 'attempted', 'RESUMING': 'early_write', 'TOKEN-SENT': 'handshake_started', 'ESTABLISHED': 'handshake_confirmed',
  'CLOSING': 'closing', 'DRAINING': 'draining',
}

/**
 * QUIC's names for the packets. A viewer looks for the packets of an ACK among those of its own type, because in QUIC
 * each type has its own packet number space. WELCOME acknowledges HELLO, so it is an Initial too.
 */
const PACKET_TYPES = { HELLO: 'initial', WELCOME: 'initial', RETRY: 'retry', RESET: 'stateless_reset', SHORT: '1RTT' } as const

function formatPacket({ type, number, frames }: NumberedPacket, sizeBytes: number): QlogEvent['data'] {
  return { header: { packet_type: PACKET_TYPES[type], packet_number: number }, raw: { length: sizeBytes }, frames: frames.map(formatFrame) }
}

/**
 * QUIC counts stream ids by four, because it has unidirectional streams too (RFC 9000 §2.1). Viewers take the ids in
 * between for those.
 */
function quicStreamId(streamId: number): number {
  return streamId * 2 - streamId % 2
}

function formatParameters({ maxDataBytes, maxStreamDataBytes, maxStreams, idleTimeoutMs, datagramBytesMax, ackDelayMsMax }: Parameters) {
  return {
    max_idle_timeout: idleTimeoutMs, max_udp_payload_size: datagramBytesMax, max_ack_delay: ackDelayMsMax,
    initial_max_data: maxDataBytes, initial_max_stream_data_bidi_local: maxStreamDataBytes, initial_max_stream_data_bidi_remote: maxStreamDataBytes,
    initial_max_streams_bidi: maxStreams,
  }
}

function formatFrame(frame: Frame): unknown {
  const frame_type = frame.kind.toLowerCase()
  switch (frame.kind) {
    case 'ACK': return { frame_type, ack_delay: frame.delayMs, acked_ranges: frame.ranges.map(({ first, last }) => first === last ? [first] : [first, last]) }
    case 'STREAM': return { frame_type, stream_id: quicStreamId(frame.streamId), offset: frame.offset, length: frame.data.length, fin: frame.fin }
    case 'PARITY': return { frame_type, stream_id: quicStreamId(frame.streamId), final_size: frame.finalSize, length: frame.data.length }
    case 'RESET_STREAM': return { frame_type, stream_id: quicStreamId(frame.streamId), error_code: frame.code, final_size: frame.finalSize }
    case 'STOP_SENDING': return { frame_type, stream_id: quicStreamId(frame.streamId), error_code: frame.code }
    case 'MAX_DATA': return { frame_type, maximum: frame.limit }
    case 'MAX_STREAMS': return { frame_type, stream_type: 'bidirectional', maximum: frame.limit }
    case 'MAX_STREAM_DATA': return { frame_type, stream_id: quicStreamId(frame.streamId), maximum: frame.limit }
    case 'CONNECTION_CLOSE': return { frame_type, error_space: 'transport', error_code: frame.code }
    case 'PADDING': return { frame_type, payload_length: frame.lengthBytes }
    case 'SETTLED': return { frame_type, packet_number: frame.number }
    case 'PARAMETERS': return { frame_type, ...formatParameters(frame.parameters) }
    case 'NEW_TOKEN': case 'TOKEN': case 'RESET_TOKEN': return { frame_type, token: { length: frame.token.length } }
    case 'PATH_CHALLENGE': case 'PATH_RESPONSE': case 'PING': return { frame_type }
  }
}
