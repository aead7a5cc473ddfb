// The rules of one stream, without packets: which events its user gets, and which frames it sends.
import { expect, test } from 'vitest'
import { crc32 } from '../../kit/crc32.ts'
import type { Frame } from '../wire/frames.ts'
import { Stream } from './stream.ts'

const BUFFER_BYTES = 1000

function streamOf(bufferBytes = BUFFER_BYTES) {
  const events: string[] = []
  let consumedBytes = 0
  let changes = 0
  const stream = new Stream({
    id: 4, early: false, bufferBytes, peerLimit: Infinity,
    host: { changed: () => { changes++ }, emit: (_, { kind }) => { events.push(kind) }, consumed: bytes => { consumedBytes += bytes }, restored: () => undefined, sum: crc32 },
  })
  const arrives = (offset: number, lengthBytes: number, fin = false) => stream.onData(offset, new Uint8Array(lengthBytes), fin)
  /** Sends everything that may leave. @returns it */
  const leave = () => {
    const segments = []
    for (let segment = stream.next(Infinity, Infinity); segment !== undefined; segment = stream.next(Infinity, Infinity)) {
      stream.sent(segment)
      segments.push(segment)
    }
    return segments
  }
  const control = () => {
    const frames: Frame[] = []
    for (let frame = stream.takeControl(); frame !== undefined; frame = stream.takeControl()) frames.push(frame)
    return frames
  }
  return { stream, events, arrives, leave, control, consumedBytes: () => consumedBytes, changes: () => changes }
}

test('a reader is notified of readable bytes once, until it has read all of them', () => {
  const { stream, events, arrives } = streamOf()
  arrives(0, 10)
  arrives(10, 10)
  stream.read(19)
  arrives(20, 10)
  expect(events).toEqual(['readable'])
  stream.read(100)
  expect(stream.read(100)).toHaveLength(0)
  arrives(31, 9)
  expect(events).toEqual(['readable'])
  arrives(30, 1)
  expect(events).toEqual(['readable', 'readable'])
})

test('a reader that has read everything is notified of an end that arrives alone', () => {
  const { stream, events, arrives } = streamOf()
  arrives(0, 10)
  stream.read(10)
  expect(stream.drained).toBe(false)
  arrives(10, 0, true)
  expect([events, stream.drained]).toEqual([['readable', 'readable'], true])
})

test('a stream is drained when its last byte has been read, not when it has arrived', () => {
  const { stream, arrives } = streamOf()
  arrives(0, 10, true)
  stream.read(9)
  expect(stream.drained).toBe(false)
  stream.read(1)
  expect(stream.drained).toBe(true)
})

test('a writer whose bytes were accepted only in part is notified once, when half of the room is free again; another one is not', () => {
  const { stream, events, leave } = streamOf()
  expect(stream.write(new Uint8Array(BUFFER_BYTES))).toBe(BUFFER_BYTES)
  leave()
  stream.onAcked(0, BUFFER_BYTES, false)
  expect(events).toEqual([])
  expect(stream.write(new Uint8Array(BUFFER_BYTES + 1))).toBe(BUFFER_BYTES)
  leave()
  stream.onAcked(BUFFER_BYTES, BUFFER_BYTES / 2 - 1, false)
  expect(events).toEqual([])
  stream.onAcked(1.5 * BUFFER_BYTES - 1, 1, false)
  stream.onAcked(1.5 * BUFFER_BYTES, 10, false)
  expect(events).toEqual(['writable'])
})

test('if more may be in flight than unsent, the writer is notified when bytes are sent, although none has arrived', () => {
  const { stream, events, leave } = streamOf(4 * 1024 * 1024)
  expect(stream.write(new Uint8Array(2 * 1024 * 1024))).toBe(1024 * 1024)
  leave()
  expect(events).toEqual(['writable'])
})

test('an announced stream is opened by an empty frame, which is retransmitted if lost, unless bytes have been sent', () => {
  const { stream, leave } = streamOf()
  expect(leave()).toEqual([])
  stream.announce()
  expect(leave()).toEqual([{ offset: 0, lengthBytes: 0, fin: false, again: false }])
  stream.onLost(0, 0, false)
  expect(leave()).toHaveLength(1)
  stream.write(new Uint8Array(10))
  leave()
  stream.onLost(0, 0, false)
  stream.announce()
  expect(leave()).toEqual([])
})

test('an empty stream whose end has been sent is no longer announced', () => {
  const { stream, leave } = streamOf()
  stream.announce()
  leave()
  stream.end()
  expect(leave()).toEqual([{ offset: 0, lengthBytes: 0, fin: true, again: false }])
  stream.onLost(0, 0, false)
  expect(leave()).toEqual([])
})

test('a stream notifies its connection at once of what it has to send', () => {
  const verbs: ((stream: Stream) => void)[] = [
    stream => stream.write(Uint8Array.of(1)), stream => stream.announce(), stream => stream.end(), stream => stream.reset(0), stream => stream.stop(0), stream => stream.onLost(0, 0, false),
    stream => stream.controlLost({ kind: 'STOP_SENDING', streamId: 4, code: 0 }), stream => stream.raisePeerLimit(1),
  ]
  for (const verb of verbs) {
    const { stream, changes } = streamOf()
    verb(stream)
    expect(changes()).toBe(1)
  }
  const { stream, arrives, changes } = streamOf()
  arrives(0, 10)
  stream.read(5)
  expect(changes()).toBe(1)
})

test('lost bytes of a reset stream hold nothing back', () => {
  const { stream, leave } = streamOf()
  stream.write(new Uint8Array(10))
  leave()
  stream.onLost(0, 10, false)
  stream.write(new Uint8Array(10))
  expect(stream.hasLost).toBe(true)
  stream.reset(0)
  expect([stream.hasLost, stream.nextLost(() => 100), leave(), stream.repeat(0, 10, false, 100), stream.parity(1)]).toEqual([false, undefined, [], undefined, undefined])
})

test('a stream that has ended or was reset accepts no writes', () => {
  for (const over of [(stream: Stream) => stream.end(), (stream: Stream) => stream.reset(0)]) {
    const { stream, leave } = streamOf()
    stream.write(new Uint8Array(10))
    leave()
    over(stream)
    expect(stream.write(new Uint8Array(10))).toBe(0)
  }
})

test('a reset is sent once, and not after everything has arrived', () => {
  const { stream, control } = streamOf()
  stream.reset(7)
  stream.reset(8)
  expect(control()).toEqual([{ kind: 'RESET_STREAM', streamId: 4, code: 7, finalSize: 0 }])
  const { stream: other, control: controlOfOther } = streamOf()
  other.end()
  other.onAcked(0, 0, true)
  other.reset(7)
  expect([other.sendState, controlOfOther()]).toEqual(['DATA-RECVD', []])
})

test('bytes acknowledged after a reset do not count as delivery', () => {
  const { stream, events, leave } = streamOf()
  stream.write(new Uint8Array(10))
  stream.end()
  leave()
  stream.reset(0)
  stream.onAcked(0, 10, true)
  expect([stream.sendState, events]).toEqual(['RESET-SENT', []])
})

test('a reset by the peer is reported once, and what it never sent counts as read once', () => {
  const { stream, events, arrives, consumedBytes } = streamOf()
  arrives(0, 10)
  stream.read(5)
  expect([stream.onReset(50), stream.onReset(50)]).toEqual([40, 0])
  expect([events, consumedBytes(), stream.readableBytes]).toEqual([['readable', 'reset-by-peer'], 50, 0])
})

test('a reader that stops asks for that once, even if the end is known, and discards what has arrived and will arrive', () => {
  for (const fin of [false, true]) {
    const { stream, events, arrives, control, consumedBytes } = streamOf()
    arrives(0, 10)
    if (fin) arrives(30, 10, fin)
    stream.stop(7)
    expect(consumedBytes()).toBe(10)
    arrives(10, 20)
    stream.stop(8)
    if (!fin) arrives(30, 0, true)
    expect(control()).toEqual([{ kind: 'STOP_SENDING', streamId: 4, code: 7 }])
    expect([events, consumedBytes(), stream.readableBytes, stream.drained]).toEqual([['readable'], fin ? 40 : 30, 0, true])
  }
})

test('a reader that stops after everything has arrived asks for nothing, and discards it', () => {
  for (const lengthBytes of [0, 10]) {
    const { stream, arrives, control, consumedBytes } = streamOf()
    arrives(0, lengthBytes, true)
    stream.stop(7)
    expect([control(), consumedBytes(), stream.drained]).toEqual([[], lengthBytes, true])
  }
})
