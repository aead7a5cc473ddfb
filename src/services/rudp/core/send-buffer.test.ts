import { expect, test } from 'vitest'
import { crc32 } from '../../kit/crc32.ts'
import { bytesOf } from '../testing/transfer.ts'
import { SendBuffer, type Segment } from './send-buffer.ts'

const LIMIT = 256 * 1024

/** Sends and delivers everything written, in segments of up to 1,000 bytes. @returns what was sent */
function passOn(buffer: SendBuffer): Buffer {
  const sent: Uint8Array[] = []
  for (let segment = buffer.nextNew(1000, Infinity); segment !== undefined && segment.lengthBytes > 0; segment = buffer.nextNew(1000, Infinity)) {
    const bytes = new Uint8Array(segment.lengthBytes)
    buffer.copy(segment, bytes, 0)
    sent.push(bytes)
    buffer.sent(segment)
    buffer.deliver(segment.offset, segment.lengthBytes, segment.fin)
  }
  return Buffer.concat(sent)
}

test('the writer may reuse its buffer at once', () => {
  const buffer = new SendBuffer(LIMIT)
  const bytes = bytesOf(100_000, 1)
  expect(buffer.write(bytes)).toBe(100_000)
  bytes.fill(0)
  expect(Buffer.compare(passOn(buffer), bytesOf(100_000, 1))).toBe(0)
})

test('no more is accepted than there is room for, and room returns as bytes are delivered', () => {
  const buffer = new SendBuffer(LIMIT)
  const source = bytesOf(5 * LIMIT, 2)
  const sent: Buffer[] = []
  for (let at = 0; at < source.length;) {
    const taken = buffer.write(source.subarray(at))
    expect(taken).toBe(Math.min(LIMIT, source.length - at))
    expect(buffer.write(source)).toBe(0)
    sent.push(passOn(buffer))
    at += taken
  }
  expect(Buffer.compare(Buffer.concat(sent), source)).toBe(0)
})

test('however long a stream is, delivered bytes cost no memory', () => {
  const buffer = new SendBuffer(LIMIT)
  const source = bytesOf(LIMIT, 7)
  const before = process.memoryUsage().arrayBuffers
  for (let left = 64 * 1024 * 1024; left > 0; left -= LIMIT) {
    buffer.write(source)
    for (let segment = buffer.nextNew(LIMIT, Infinity); segment !== undefined; segment = buffer.nextNew(LIMIT, Infinity)) {
      buffer.sent(segment)
      buffer.deliver(segment.offset, segment.lengthBytes, segment.fin)
    }
  }
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(16 * LIMIT)
})

test('a writer is never far ahead of what is sent, however much may be in flight', () => {
  const buffer = new SendBuffer(16 * LIMIT)
  const source = bytesOf(6 * LIMIT, 4)
  expect(buffer.write(source)).toBe(4 * LIMIT)
  expect([buffer.write(source), buffer.isWorthWriting]).toEqual([0, false])
  for (let sentBytes = 0; sentBytes < 2 * LIMIT; sentBytes += 1024) buffer.sent(buffer.nextNew(1024, Infinity) ?? expect.unreachable('there is more'))
  expect([buffer.isWorthWriting, buffer.write(source)]).toEqual([true, 2 * LIMIT])
})

test('a stream of up to 64 KB has its parity even if some of it has arrived; a longer one has none', () => {
  const source = bytesOf(65_536, 3)
  for (const [lengthBytes, hasParity] of [[65_536, true], [65_537, false]] as const) {
    const buffer = new SendBuffer(LIMIT)
    buffer.write(source.subarray(0, 10_000))
    buffer.deliver(0, 10_000, false)
    buffer.write(source.subarray(10_000))
    if (lengthBytes > source.length) buffer.write(Uint8Array.of(1))
    buffer.end()
    expect(buffer.parity(1000, crc32)?.sum).toBe(hasParity ? crc32(source) : undefined)
  }
})

/** A buffer with this many bytes, sent in segments of 100, the end with the last ones. */
function sentOff(lengthBytes: number): SendBuffer {
  const buffer = new SendBuffer(LIMIT)
  buffer.write(bytesOf(lengthBytes, 5))
  buffer.end()
  for (let segment = buffer.nextNew(100, Infinity); segment !== undefined; segment = buffer.nextNew(100, Infinity)) buffer.sent(segment)
  return buffer
}

/** Everything that is retransmitted, in segments of up to 100 bytes. */
function sentAgain(buffer: SendBuffer): readonly Segment[] {
  const segments: Segment[] = []
  while (buffer.hasLost) {
    const segment = buffer.nextLost(() => 100) ?? expect.unreachable('something was lost')
    buffer.sent(segment)
    segments.push(segment)
  }
  return segments
}

const again = (offset: number, lengthBytes: number, fin = false): Segment => ({ offset, lengthBytes, fin, again: true })

test('lost bytes are retransmitted once each time they are lost, except those that arrived otherwise', () => {
  const buffer = sentOff(1000)
  buffer.lose(100, 100, false)
  buffer.lose(200, 50, false)
  expect(sentAgain(buffer)).toEqual([again(100, 100), again(200, 50)])
  buffer.lose(100, 150, false)
  buffer.deliver(120, 30, false)
  expect(sentAgain(buffer)).toEqual([again(100, 20), again(150, 100)])
  buffer.lose(100, 150, false)
  expect(sentAgain(buffer)).toEqual([again(100, 20), again(150, 100)])
  buffer.deliver(0, 250, false)
  buffer.lose(0, 300, false)
  expect(sentAgain(buffer)).toEqual([again(250, 50)])
  expect([buffer.nextNew(100, Infinity), buffer.sentTo]).toEqual([undefined, 1000])
})

test('a lost end is retransmitted with the last bytes if they are lost too, otherwise alone, and not once it has arrived', () => {
  const buffer = sentOff(1000)
  buffer.lose(900, 100, true)
  expect(sentAgain(buffer)).toEqual([again(900, 100, true)])
  buffer.lose(900, 100, false)
  expect(sentAgain(buffer)).toEqual([again(900, 100)])
  buffer.lose(1000, 0, true)
  expect(sentAgain(buffer)).toEqual([again(1000, 0, true)])
  buffer.lose(1000, 0, true)
  buffer.deliver(900, 100, true)
  buffer.lose(900, 100, true)
  expect(sentAgain(buffer)).toEqual([])
})

test('a stream is delivered when all its bytes and its end are, in any order', () => {
  const buffer = sentOff(300)
  const finished = ([[200, 100, true], [0, 50, false], [100, 100, false], [50, 50, false], [0, 50, false]] as const).map(([offset, lengthBytes, fin]) => {
    buffer.deliver(offset, lengthBytes, fin)
    return buffer.finished
  })
  expect(finished).toEqual([false, false, false, true, true])
  const other = sentOff(300)
  other.deliver(0, 300, false)
  expect(other.finished).toBe(false)
  other.deliver(300, 0, true)
  expect(other.finished).toBe(true)
})

test('a probe repeats what has not arrived of a packet, as far as there is room: the end with the last bytes, or alone', () => {
  const buffer = sentOff(300)
  expect(buffer.repeat(100, 100, false, 1000)).toEqual(again(100, 100))
  expect(buffer.repeat(200, 100, true, 1000)).toEqual(again(200, 100, true))
  expect(buffer.repeat(200, 100, true, 60)).toEqual(again(200, 60))
  buffer.deliver(0, 230, false)
  expect(buffer.repeat(200, 100, true, 1000)).toEqual(again(230, 70, true))
  expect(buffer.repeat(100, 130, false, 1000)).toBeUndefined()
  buffer.deliver(230, 70, false)
  expect(buffer.repeat(200, 100, true, 1000)).toEqual(again(300, 0, true))
  buffer.deliver(300, 0, true)
  expect(buffer.repeat(200, 100, true, 1000)).toBeUndefined()
})

test('no byte leaves beyond the limit of the peer, and the end leaves once, with the last byte or after it', () => {
  const buffer = new SendBuffer(LIMIT)
  const next = (limit: number): Segment | undefined => {
    const segment = buffer.nextNew(1000, limit)
    if (segment !== undefined) buffer.sent(segment)
    return segment
  }
  buffer.write(bytesOf(100, 6))
  expect([next(40), next(40), next(30)]).toEqual([{ offset: 0, lengthBytes: 40, fin: false, again: false }, undefined, undefined])
  buffer.end()
  expect([next(40), next(100), next(100)]).toEqual([undefined, { offset: 40, lengthBytes: 60, fin: true, again: false }, undefined])
  const other = sentOff(0)
  expect(other.nextNew(1000, Infinity)).toBeUndefined()
  other.lose(0, 0, true)
  expect(sentAgain(other)).toEqual([again(0, 0, true)])
})

test('only a stream of more than three packets that has not all arrived has a parity', () => {
  expect([sentOff(300).parity(100, crc32), sentOff(301).parity(100, crc32)?.finalSize]).toEqual([undefined, 301])
  const buffer = sentOff(301)
  buffer.deliver(0, 301, false)
  expect(buffer.parity(100, crc32)).toBeUndefined()
})
