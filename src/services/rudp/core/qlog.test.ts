import { expect, test } from 'vitest'
import { bytesOf, transfer } from '../testing/transfer.ts'
import type { TraceEvent } from './events.ts'
import { formatQlog, QlogTrace } from './qlog.ts'

test('a transfer over a lossy link is a qlog file: every packet in it, times that rise from 0, frames by QUIC\'s names', () => {
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
  expect(named('recovery:metrics_updated').at(-1).data).toMatchObject({ congestion_window: expect.any(Number), smoothed_rtt: expect.any(Number) })
})

test('what is beyond its limit is left out, and what is there is still a file', () => {
  const trace = new QlogTrace('client', 'initiator', 500)
  for (let number = 0; number < 100; number++) trace.add({ kind: 'spurious', number }, number)
  const { traces: [{ events }] } = JSON.parse(formatQlog([trace]))
  expect(events.length).toBeGreaterThan(3)
  expect(events.length).toBeLessThan(10)
})
