import { expect, test } from 'vitest'
import { crc32 } from '../../kit/crc32.ts'
import { bytesOf } from '../testing/transfer.ts'
import { SendBuffer } from './send-buffer.ts'

const LIMIT = 256 * 1024

/** Sends and delivers everything that was written, in segments of up to 1,000 bytes. @returns what went out */
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

test('what was written is the writer\'s own again at once', () => {
  const buffer = new SendBuffer(LIMIT)
  const bytes = bytesOf(100_000, 1)
  expect(buffer.write(bytes)).toBe(100_000)
  bytes.fill(0)
  expect(Buffer.compare(passOn(buffer), bytesOf(100_000, 1))).toBe(0)
})

test('no more is taken than there is room for, and the room comes back as bytes arrive', () => {
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

test('a writer is never far ahead of what leaves, however much may be in flight', () => {
  const buffer = new SendBuffer(16 * LIMIT)
  const source = bytesOf(6 * LIMIT, 4)
  expect(buffer.write(source)).toBe(4 * LIMIT)
  expect([buffer.write(source), buffer.isWorthWriting]).toEqual([0, false])
  for (let sentBytes = 0; sentBytes < 2 * LIMIT; sentBytes += 1024) buffer.sent(buffer.nextNew(1024, Infinity) ?? expect.unreachable('there is more'))
  expect([buffer.isWorthWriting, buffer.write(source)]).toEqual([true, 2 * LIMIT])
})

test('a stream of up to 64 KB has its parity though some of it has arrived; a longer one has none', () => {
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
