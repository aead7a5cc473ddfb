import { expect, test } from 'vitest'
import { bytesOf, MB, transfer } from '../testing/transfer.ts'
import type { Frame } from '../wire/frames.ts'
import type { TraceEvent } from './events.ts'
import { formatQlog, QlogTrace } from './qlog.ts'

/** The events of one end, as a viewer reads them. */
function eventsOf(...events: readonly TraceEvent[]): { name: string; data: Record<string, unknown> }[] {
  const trace = new QlogTrace('client', 'initiator')
  for (const event of events) trace.add(event, 0)
  return JSON.parse(formatQlog([trace])).traces[0].events
}

const sentShort = (number: number, ...frames: readonly Frame[]): TraceEvent => ({ kind: 'sent', packet: { type: 'SHORT', destinationId: 1, number, frames }, sizeBytes: 1200 })
const sentLong = (type: 'HELLO' | 'WELCOME', number: number): TraceEvent => ({ kind: 'sent', packet: { type, destinationId: 1, sourceId: 2, number, frames: [] }, sizeBytes: 1200 })

test('a transfer over a lossy link is a qlog file with every packet, times that rise from 0, and frames under their QUIC names', () => {
  const traces = { initiator: new QlogTrace('client', 'initiator'), acceptor: new QlogTrace('server', 'acceptor') }
  const sent: TraceEvent[] = []
  const { pair, client, isComplete } = transfer(
    { seed: 1, link: { delayMs: 10, loss: 0.05 }, observe: ({ role }, event, atMs) => {
      traces[role].add(event, atMs)
      if (role === 'initiator' && event.kind === 'sent') sent.push(event)
    } }, bytesOf(200_000, 1), bytesOf(1000, 2),
  )
  pair.run(isComplete, 10_000)
  const qlog = JSON.parse(formatQlog([traces.initiator, traces.acceptor]))
  expect(qlog).toMatchObject({ qlog_version: '0.3', traces: [{ vantage_point: { type: 'client' } }, { vantage_point: { type: 'server' } }] })
  const [trace] = qlog.traces
  const named = (name: string) => trace.events.filter((event: { name: string }) => event.name === name)
  const times: number[] = trace.events.map(({ time }: { time: number }) => time)
  expect(times[0]).toBe(0)
  expect(times).toEqual([...times].sort((one, other) => one - other))
  expect(named('transport:packet_sent').length).toBe(sent.length)
  expect(named('recovery:packet_lost').length).toBe(client.metrics().lost)
  expect(named('transport:packet_sent')[0].data).toMatchObject({ header: { packet_type: 'initial', packet_number: 0 }, frames: [{ frame_type: 'parameters' }] })
  expect(named('recovery:metrics_updated').at(-1).data).toMatchObject({ congestion_window: expect.any(Number), smoothed_rtt: expect.any(Number), latest_rtt: expect.any(Number) })
  expect(named('transport:parameters_set').map(({ data }: { data: unknown }) => data)).toEqual(['local', 'remote'].map(owner => expect.objectContaining({ owner, initial_max_data: 8 * MB })))
})

test('an ACK or a loss names packets by the type with which they were sent: HELLO and WELCOME share a packet number space', () => {
  const lost = (number: number): TraceEvent => ({ kind: 'lost', number, sizeBytes: 1200, found: 'time threshold' })
  const events = eventsOf(sentLong('HELLO', 0), sentLong('WELCOME', 1), sentShort(2), lost(0), lost(1), lost(2))
  const headers = [['initial', 0], ['initial', 1], ['1RTT', 2]].map(([packet_type, packet_number]) => ({ packet_type, packet_number }))
  expect(events.map(({ data }) => data['header'])).toEqual([...headers, ...headers])
})

test('a full file says so in its last event, with the time', () => {
  const trace = new QlogTrace('client', 'initiator', 1000)
  for (let number = 0; number < 100; number++) trace.add(sentShort(number), 500 + number)
  const { events } = JSON.parse(formatQlog([trace])).traces[0]
  const last = events[events.length - 1]
  expect(last).toMatchObject({ name: 'generic:warning', data: { message: expect.stringContaining('full') } })
  expect(events.length).toBeLessThan(20)
  expect([trace.fullAtMs, last.time]).toEqual([events.length - 1, events.length - 1])
  expect(new QlogTrace('client', 'initiator').fullAtMs).toBeUndefined()
})

test('streams have the ids of bidirectional QUIC streams, and a range of one packet is one number', () => {
  const frames: Frame[] = [0, 1, 2, 3, 4].map(streamId => ({ kind: 'MAX_STREAM_DATA', streamId, limit: 1 }))
  const [sent] = eventsOf(sentShort(0, ...frames, { kind: 'ACK', delayMs: 0, ranges: [{ first: 7, last: 9 }, { first: 4, last: 4 }] }))
  expect(sent?.data['frames']).toMatchObject([...[0, 1, 4, 5, 8].map(stream_id => ({ stream_id })), { acked_ranges: [[7, 9], [4]] }])
})

test('events with names in the schema use them', () => {
  expect(eventsOf(
    { kind: 'state', from: 'TOKEN-SENT', to: 'ESTABLISHED' },
    { kind: 'retransmitted', number: 9, streamId: 2, offset: 100, lengthBytes: 50 },
    { kind: 'probe', number: 9, why: 'probe' },
    { kind: 'probe', number: 9, why: 'duplicate' },
    { kind: 'congestion', name: 'reno' },
  ).map(({ name, data }) => [name, data])).toEqual([
    ['connectivity:connection_state_updated', { old: 'handshake_started', new: 'handshake_confirmed' }],
    ['recovery:marked_for_retransmit', { frames: [{ frame_type: 'stream', stream_id: 4, offset: 100, length: 50 }] }],
    ['recovery:loss_timer_updated', { event_type: 'expired', timer_type: 'pto' }],
    ['recovery:loss_timer_updated', { event_type: 'expired' }],
    ['recovery:parameters_set', { timer_granularity: 1, congestion_control: 'reno' }],
  ])
})

test('no round trip is reported before the first was measured', () => {
  const window = { kind: 'window', windowBytes: 12_000, ssthreshBytes: Infinity, flightBytes: 1200, phase: 'slow start', pacingBytesPerMs: Infinity } as const
  const [before, after] = eventsOf({ ...window, srttMs: 0, minRttMs: 0, latestRttMs: 0 }, { ...window, srttMs: 21, minRttMs: 20, latestRttMs: 24 })
  expect(before?.data).toEqual({ congestion_window: 12_000, bytes_in_flight: 1200 })
  expect(after?.data).toEqual({ congestion_window: 12_000, bytes_in_flight: 1200, smoothed_rtt: 21, min_rtt: 20, latest_rtt: 24 })
})

test('a parity is a frame, and a restoration an event', () => {
  const parity: Frame = { kind: 'PARITY', streamId: 2, finalSize: 30_000, sum: 7, data: bytesOf(1173, 1) }
  const [sent, restored] = eventsOf(sentShort(0, parity), { kind: 'restored', streamId: 2, offset: 2346, lengthBytes: 1173 })
  expect(sent?.data['frames']).toEqual([{ frame_type: 'parity', stream_id: 4, final_size: 30_000, length: 1173 }])
  expect(restored).toMatchObject({ name: 'recovery:data_restored', data: { stream_id: 4, offset: 2346, length: 1173 } })
})

test('events beyond the limit are left out, and the file stays valid', () => {
  const trace = new QlogTrace('client', 'initiator', 500)
  for (let number = 0; number < 100; number++) trace.add({ kind: 'spurious', number }, number)
  const { traces: [{ events }] } = JSON.parse(formatQlog([trace]))
  expect(events.length).toBeGreaterThan(3)
  expect(events.length).toBeLessThan(10)
})
