// The rules for all streams of a connection, without packets and peers: what frames do, and what is sent in return.
import { expect, test } from 'vitest'
import { crc32 } from '../../kit/crc32.ts'
import type { Frame } from '../wire/frames.ts'
import type { ConnectionEvent } from './events.ts'
import { DEFAULT_LIMITS, MINIMUM_PARAMETERS, parametersOf } from './limits.ts'
import { readAll } from '../testing/transfer.ts'
import type { Stream } from './stream.ts'
import { Streams } from './streams.ts'

const LIMITS = { ...DEFAULT_LIMITS, streamBufferBytes: 64 * 1024, connectionBufferBytes: 128 * 1024, streamsMax: 20 }

/** The streams of an acceptor whose peer announced the same limits. */
function streamsOf() {
  const events: ConnectionEvent[] = []
  const streams = new Streams('acceptor', LIMITS, { sum: crc32, emit: event => { events.push(event) }, changed: () => undefined }, undefined)
  streams.setPeerParameters(parametersOf(LIMITS))
  const stream = (id: number): Stream => streams.get(id) ?? expect.unreachable('it is open')
  const take = (frame: Frame) => streams.onFrame(frame, false)
  const data = (streamId: number, offset: number, lengthBytes: number, fin = false) => take({ kind: 'STREAM', streamId, offset, fin, data: new Uint8Array(lengthBytes) })
  const opened = (): Stream => streams.open() ?? expect.unreachable('one is allowed')
  return { streams, events, stream, take, data, opened }
}

test('streams with new bytes take turns, packet by packet', () => {
  const { streams, opened } = streamsOf()
  const all = [opened(), opened(), opened()]
  for (const stream of all) stream.write(new Uint8Array(3000))
  const order = Array.from({ length: 6 }, () => {
    const turn = streams.next(() => 1000) ?? expect.unreachable('there are bytes')
    streams.sent(turn)
    return turn.stream.id
  })
  expect(order).toEqual([1, 3, 5, 1, 3, 5])
})

test('limits of a peer only grow, whatever it announces later', () => {
  const { streams, opened, take } = streamsOf()
  streams.setPeerParameters({ ...MINIMUM_PARAMETERS, maxDataBytes: 1, maxStreamDataBytes: 1, maxStreams: 1 })
  take({ kind: 'MAX_DATA', limit: 2 })
  opened()
  const stream = opened()
  take({ kind: 'MAX_STREAM_DATA', streamId: stream.id, limit: 2 })
  stream.write(new Uint8Array(10_000))
  expect(streams.next(() => 10_000)?.segment.lengthBytes).toBe(10_000)
})

test('no more new bytes leave than MAX_DATA allows for all streams together', () => {
  const { streams, opened, take } = streamsOf()
  const all = [opened(), opened(), opened()]
  for (const stream of all) stream.write(new Uint8Array(64 * 1024))
  let sentBytes = 0
  for (let turn = streams.next(() => 5000); turn !== undefined; turn = streams.next(() => 5000)) {
    streams.sent(turn)
    sentBytes += turn.segment.lengthBytes
  }
  expect(sentBytes).toBe(LIMITS.connectionBufferBytes)
  take({ kind: 'MAX_DATA', limit: LIMITS.connectionBufferBytes + 7 })
  expect(streams.next(() => 5000)?.segment.lengthBytes).toBe(7)
})

test('limits are raised when a quarter of a buffer has been read, and when half of the streams have ended', () => {
  const { streams, stream, data } = streamsOf()
  data(0, 0, 16_383)
  data(2, 0, 16_384)
  for (const id of [0, 2]) stream(id).read(Infinity)
  expect(streams.takeControl()).toEqual([{ kind: 'MAX_STREAM_DATA', streamId: 2, limit: 16_384 + LIMITS.streamBufferBytes }])
  data(0, 16_383, 1)
  stream(0).read(1)
  expect(streams.takeControl()).toEqual([
    { kind: 'MAX_STREAM_DATA', streamId: 0, limit: 16_384 + LIMITS.streamBufferBytes }, { kind: 'MAX_DATA', limit: 32_768 + LIMITS.connectionBufferBytes },
  ])
  const over = (id: number) => {
    data(id, 0, 0, true)
    stream(id).read(1)
    stream(id).reset(0)
    streams.controlArrived({ kind: 'RESET_STREAM', streamId: id, code: 0, finalSize: 0 })
    return streams.takeControl().filter(({ kind }) => kind !== 'RESET_STREAM')
  }
  for (let id = 4; id < 22; id += 2) expect(over(id)).toEqual([])
  expect(over(22)).toEqual([{ kind: 'MAX_STREAMS', limit: 30 }])
  expect(streams.count).toBe(2)
})

test('a lost limit is retransmitted if it is the latest', () => {
  const { streams, stream, data } = streamsOf()
  data(0, 0, 40_000)
  readAll(stream(0))
  const [first, second] = streams.takeControl()
  data(0, 40_000, 40_000)
  readAll(stream(0))
  const [third, fourth] = streams.takeControl()
  for (const frame of [first, second]) expect([frame && streams.controlLost(frame), streams.takeControl()]).toEqual([false, []])
  expect([fourth && streams.controlLost(fourth), third && streams.controlLost(third), streams.takeControl()]).toEqual([true, false, [third]])
  expect([streams.controlLost({ kind: 'MAX_STREAMS', limit: LIMITS.streamsMax }), streams.controlLost({ kind: 'MAX_STREAMS', limit: 10 })]).toEqual([true, false])
})

test('no limit is raised for a stream whose end is known', () => {
  const { streams, stream, data } = streamsOf()
  data(0, 0, 40_000)
  data(0, 50_000, 1, true)
  stream(0).read(Infinity)
  expect(streams.takeControl().map(({ kind }) => kind)).toEqual(['MAX_DATA'])
})

test('STOP_SENDING is answered with a RESET_STREAM of the same code, once, and not if everything has arrived', () => {
  const { streams, take, data, stream, events } = streamsOf()
  for (const id of [0, 2]) data(id, 0, 1)
  stream(0).write(new Uint8Array(100))
  stream(2).end()
  streams.onAcked(2, 0, 0, true)
  for (const streamId of [0, 2, 0]) take({ kind: 'STOP_SENDING', streamId, code: 7 })
  expect(streams.takeControl()).toEqual([{ kind: 'RESET_STREAM', streamId: 0, code: 7, finalSize: 0 }])
  expect(events.filter(event => event.kind === 'stream-event' && event.event.kind === 'stopped')).toHaveLength(1)
})

test('STOP_SENDING from a peer that has every byte resets nothing: only the end is in flight', () => {
  const { streams, take, data, stream, events } = streamsOf()
  for (const id of [0, 2]) {
    data(id, 0, 1)
    stream(id).write(new Uint8Array(100))
    stream(id).end()
    const sent = stream(id).next(1200, Infinity) ?? expect.unreachable('bytes are due')
    stream(id).sent(sent)
  }
  streams.onAcked(0, 0, 100, false)
  streams.onAcked(2, 0, 99, false)
  for (const streamId of [0, 2]) take({ kind: 'STOP_SENDING', streamId, code: 7 })
  expect(streams.takeControl()).toEqual([{ kind: 'RESET_STREAM', streamId: 2, code: 7, finalSize: 100 }])
  streams.onAcked(0, 100, 0, true)
  expect(events.flatMap(event => event.kind === 'stream-event' && ['stopped', 'delivered'].includes(event.event.kind) ? [event.stream.id, event.event.kind] : [])).toEqual([2, 'stopped', 0, 'delivered'])
})

test('what a reset stream will never bring counts as read; frames that arrive for it later are ignored', () => {
  const { streams, take, data } = streamsOf()
  data(0, 0, 10)
  expect(take({ kind: 'RESET_STREAM', streamId: 0, code: 0, finalSize: 60_000 })).toBeUndefined()
  expect(data(0, 10, 10)).toBeUndefined()
  expect(streams.takeControl()).toEqual([{ kind: 'MAX_DATA', limit: 60_000 + LIMITS.connectionBufferBytes }])
})

test('a peer opens as many streams as it was allowed, each with all lower ones, and none of ours', () => {
  const { streams, data, take, opened } = streamsOf()
  expect(data(2 * LIMITS.streamsMax, 0, 1)).toBe('protocol-violation')
  expect([data(2 * LIMITS.streamsMax - 2, 0, 1), streams.count]).toEqual([undefined, LIMITS.streamsMax])
  const { id } = opened()
  expect([data(id, 0, 1), data(id + 2, 0, 1), take({ kind: 'MAX_STREAM_DATA', streamId: id + 2, limit: 1 })]).toEqual([undefined, 'protocol-violation', 'protocol-violation'])
})

test('a stream that has ended is forgotten, and later frames for it do not open it again', () => {
  const { streams, data, stream, events } = streamsOf()
  data(0, 0, 3, true)
  stream(0).read(3)
  stream(0).end()
  streams.onAcked(0, 0, 0, true)
  streams.takeControl()
  expect([streams.count, data(0, 0, 3, true), streams.count]).toEqual([0, undefined, 0])
  expect(events.flatMap(event => event.kind === 'stream-event' ? [event.event.kind] : [])).toEqual(['readable', 'delivered', 'over'])
})
