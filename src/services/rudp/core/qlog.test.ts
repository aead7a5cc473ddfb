import { expect, test } from 'vitest'
import { bytesOf, transfer } from '../testing/transfer.ts'
import { formatQlog, type TimedEvent } from './qlog.ts'

test('a transfer over a lossy link is a qlog file: every packet in it, times that rise from 0, frames by QUIC\'s names', () => {
  const events: Record<'initiator' | 'acceptor', TimedEvent[]> = { initiator: [], acceptor: [] }
  const { pair, client, isComplete } = transfer(
    { seed: 1, link: { delayMs: 10, loss: 0.05 }, observe: (connection, event, atMs) => events[connection.role].push({ atMs, event }) }, bytesOf(200_000, 1), bytesOf(1000, 2),
  )
  pair.run(isComplete, 10_000)
  const qlog = JSON.parse(formatQlog([{ title: 'client', role: 'initiator', events: events.initiator }, { title: 'server', role: 'acceptor', events: events.acceptor }]))
  expect(qlog).toMatchObject({ qlog_version: '0.3', traces: [{ vantage_point: { type: 'client' } }, { vantage_point: { type: 'server' } }] })
  const [trace] = qlog.traces
  const named = (name: string) => trace.events.filter((event: { name: string }) => event.name === name)
  const times: number[] = trace.events.map(({ time }: { time: number }) => time)
  expect(times[0]).toBe(0)
  expect(times).toEqual([...times].sort((one, other) => one - other))
  expect(named('transport:packet_sent').length).toBe(events.initiator.filter(({ event }) => event.kind === 'sent').length)
  expect(named('recovery:packet_lost').length).toBe(client.metrics().lost)
  expect(named('transport:packet_sent')[0].data).toMatchObject({ header: { packet_type: 'initial', packet_number: 0 }, frames: [{ frame_type: 'parameters' }] })
  expect(named('recovery:metrics_updated').at(-1).data).toMatchObject({ congestion_window: expect.any(Number), smoothed_rtt: expect.any(Number) })
})
