import fc from 'fast-check'
import { expect, test } from 'vitest'
import { MalformedPacket } from '../../kit/errors.ts'
import { decodeFrames, encodeFrame, frameBytes, FRAME_TYPES, FRAMES_MAX, PARITY_STREAM_BYTES_MAX, RANGES_MAX, TOKEN_BYTES_MAX, type Frame, type PacketRange } from './frames.ts'
import { NUMBER_LIMIT, varintBytes, writeVarint, FieldReader } from './varint.ts'

const number = fc.oneof(fc.nat(63), fc.nat(16_383), fc.nat(0x3fffffff), fc.maxSafeNat().map(value => value % NUMBER_LIMIT))
const token = fc.uint8Array({ minLength: 1, maxLength: TOKEN_BYTES_MAX, size: 'max' })

/** Gaps and lengths become ranges, newest first, with at least one missing number between two. */
const ranges = fc.array(fc.tuple(fc.integer({ min: 2, max: 5000 }), fc.nat(5000)), { minLength: 1, maxLength: 80, size: 'max' }).map(steps => {
  let above = 0xffffffff
  return steps.map(([gap, length]): PacketRange => {
    const last = above - gap
    above = last - length
    return { first: above, last }
  })
})

/** Frames as they may stand in a packet; PADDING apart, since two in a row are read as one. */
const frames: fc.Arbitrary<Frame> = fc.oneof(
  fc.constant<Frame>({ kind: 'PING' }),
  fc.record({ kind: fc.constant('ACK' as const), delayMs: fc.nat(0x3fffffff).map(micros => micros / 1000), ranges }),
  fc.record({ kind: fc.constant('SETTLED' as const), number }),
  fc.record({ kind: fc.constant('RESET_STREAM' as const), streamId: number, code: number, finalSize: number }),
  fc.record({ kind: fc.constant('STOP_SENDING' as const), streamId: number, code: number }),
  fc.record({
    kind: fc.constant('PARAMETERS' as const),
    parameters: fc.record({
      maxDataBytes: number, maxStreamDataBytes: number, maxStreams: number, idleTimeoutMs: number, datagramBytesMax: number, ackDelayMsMax: number,
    }),
  }),
  fc.record({ kind: fc.constantFrom('NEW_TOKEN' as const, 'TOKEN' as const), token }),
  fc.record({ kind: fc.constant('STREAM' as const), streamId: number, offset: number.map(value => value % (NUMBER_LIMIT - 5000)), fin: fc.boolean(), data: fc.uint8Array({ maxLength: 300, size: 'max' }) }),
  fc.record({ kind: fc.constantFrom('MAX_DATA' as const, 'MAX_STREAMS' as const), limit: number }),
  fc.record({ kind: fc.constant('MAX_STREAM_DATA' as const), streamId: number, limit: number }),
  fc.record({ kind: fc.constantFrom('PATH_CHALLENGE' as const, 'PATH_RESPONSE' as const), value: number }),
  fc.record({ kind: fc.constant('CONNECTION_CLOSE' as const), code: number }),
)

/** Last in its packet, because it extends to the end. */
const parity: fc.Arbitrary<Frame> = fc.tuple(number, fc.integer({ min: 1, max: 1400 }), fc.nat(PARITY_STREAM_BYTES_MAX - 1400), fc.nat(0xffffffff))
  .map(([streamId, lengthBytes, more, sum]) => ({ kind: 'PARITY', streamId, finalSize: lengthBytes + more, sum, data: new Uint8Array(lengthBytes).fill(sum) }))

function encode(list: readonly Frame[]): Uint8Array {
  const bytes = new Uint8Array(list.reduce((sum, frame) => sum + frameBytes(frame), 0))
  const view = new DataView(bytes.buffer)
  let at = 0
  for (const frame of list) at = encodeFrame(frame, bytes, view, at)
  expect(at).toBe(bytes.length)
  return bytes
}
const decode = (bytes: Uint8Array, start = 0) => decodeFrames(bytes, new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), start)
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')

test('the examples of RFC 9000 for variable-length integers encode as it says', () => {
  const written = (value: number) => {
    const bytes = new Uint8Array(8)
    return hex(bytes.subarray(0, writeVarint(new DataView(bytes.buffer), 0, value)))
  }
  expect([37, 15_293, 494_878_333].map(written)).toEqual(['25', '7bbd', '9d7f3e7d'])
  expect(written(NUMBER_LIMIT - 1)).toBe('c00fffffffffffff')
})

test('a number round-trips in one, two, four or eight bytes', () => {
  fc.assert(fc.property(number, value => {
    const bytes = new Uint8Array(8)
    const view = new DataView(bytes.buffer)
    expect(writeVarint(view, 0, value)).toBe(varintBytes(value))
    expect(new FieldReader(bytes, view, 0).varint()).toBe(value)
  }), { numRuns: 2000 })
})

test('encoding and decoding of frames is lossless', () => {
  fc.assert(fc.property(fc.array(frames, { minLength: 1, maxLength: 12 }), fc.option(parity), (first, last) => {
    const list = last === null ? first : [...first, last]
    expect(decode(encode(list))).toEqual(list)
  }), { numRuns: 2000 })
})

test('a STREAM without a length extends to the end of the packet', () => {
  expect(decode(Uint8Array.from([0x01, 0x09, 4, 0x40, 100, 1, 2, 3]))).toEqual([
    { kind: 'PING' }, { kind: 'STREAM', streamId: 4, offset: 100, fin: true, data: Uint8Array.of(1, 2, 3) },
  ])
})

test('a PARITY extends to the end of the packet, and a stream of 65,536 bytes may have one', () => {
  expect(decode(Uint8Array.from([0x01, 0x0c, 4, 0x80, 1, 0, 0, 0xfe, 1, 2, 3, 0x01, 8]))).toEqual([
    { kind: 'PING' }, { kind: 'PARITY', streamId: 4, finalSize: 65_536, sum: 0xfe010203, data: Uint8Array.of(1, 8) },
  ])
})

test('a run of padding is one frame, however long', () => {
  expect(decode(new Uint8Array(900))).toEqual([{ kind: 'PADDING', lengthBytes: 900 }])
})

test('random bytes either decode as frames or are malformed', () => {
  const codes = fc.constantFrom(...Object.values(FRAME_TYPES).map(({ code }) => code), 0x09, 0x0a, 0x0b, 0x3f)
  fc.assert(fc.property(fc.array(fc.oneof(codes, fc.nat(255)), { maxLength: 200, size: 'max' }), values => {
    try {
      expect(decode(Uint8Array.from(values)).length).toBeGreaterThan(0)
    } catch (error) {
      expect(error).toBeInstanceOf(MalformedPacket)
    }
  }), { numRuns: 20_000 })
}, 60_000)

test.each([
  { name: 'no frame at all', bytes: [] },
  { name: 'an unknown type', bytes: [0x3f] },
  { name: 'an ACK whose first range begins below 0', bytes: [0x02, 5, 0, 0, 6] },
  { name: 'an ACK whose second range begins below 0', bytes: [0x02, 5, 0, 1, 0, 3, 1] },
  { name: 'a truncated ACK', bytes: [0x02, 5, 0, 1, 0, 3] },
  { name: 'more ranges than allowed', bytes: [0x02, 0x44, 0xff, 0, 0x41, 0x00, 0, ...Array<number>(2 * RANGES_MAX).fill(0)] },
  { name: 'a STREAM longer than its packet', bytes: [0x0a, 0, 0, 3, 1, 2] },
  { name: 'a STREAM that extends beyond 2^52', bytes: [0x08, 0, 0xc0, 0x0f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1] },
  { name: 'a PARITY of a stream of more than 65,536 bytes', bytes: [0x0c, 0, 0x80, 1, 0, 1, 9, 9, 9, 9, 1] },
  { name: 'a PARITY without bytes', bytes: [0x0c, 0, 5, 9, 9, 9, 9] },
  { name: 'a PARITY longer than its stream', bytes: [0x0c, 0, 2, 9, 9, 9, 9, 1, 2, 3] },
  { name: 'a PARITY with a truncated sum', bytes: [0x0c, 0, 5, 9, 9, 9] },
  { name: 'a number of 2^52', bytes: [0x10, 0xc0, 0x10, 0, 0, 0, 0, 0, 0] },
  { name: 'an empty token', bytes: [0x21, 0] },
  { name: 'a token that is too long', bytes: [0x21, 0x40, TOKEN_BYTES_MAX + 1, ...Array<number>(TOKEN_BYTES_MAX + 1).fill(1)] },
  { name: 'a truncated challenge', bytes: [0x1a, 1, 2, 3] },
  { name: 'more frames than allowed', bytes: Array<number>(FRAMES_MAX + 1).fill(0x01) },
])('$name is malformed', ({ bytes }) => {
  expect(() => decode(Uint8Array.from(bytes))).toThrow(MalformedPacket)
})
