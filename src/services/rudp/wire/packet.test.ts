import fc from 'fast-check'
import { expect, test } from 'vitest'
import { MalformedPacket } from '../../kit/errors.ts'
import { crc32 } from '../../kit/crc32.ts'
import {
  DATAGRAM_BYTES_MAX, decodePacket, encodePacket, HEADER_BYTES, OFFSET_MAX, RANGES_MAX, RESET_REASONS, sealPacket, summarizePacket, TYPES,
  type Packet, type PacketRange, type PacketType,
} from './packet.ts'

const types = fc.constantFrom<PacketType>('SYN', 'SYN-ACK', 'DATA', 'ACK', 'FIN', 'RESET', 'PING')
const id = fc.integer({ min: 1, max: 0xffffffff })
const offset = fc.maxSafeNat().map(value => value % OFFSET_MAX)

/** Gaps and lengths become ranges, newest first, with at least one missing number between two. */
const ranges = fc.array(fc.tuple(fc.integer({ min: 2, max: 5000 }), fc.nat(5000)), { maxLength: RANGES_MAX }).map(steps => {
  let above = 0xffffffff
  return steps.map(([gap, length]): PacketRange => {
    const last = above - gap
    above = last - length
    return { first: above, last }
  })
})

const payloadOf = (type: PacketType) => {
  const bytes = (minLength: number) => fc.uint8Array({ minLength, maxLength: DATAGRAM_BYTES_MAX })
  switch (TYPES[type].payload) {
    case 'none': return fc.constant(new Uint8Array(0))
    case 'bytes': return bytes(1)
    case 'any': return bytes(0)
    case 'reason': return fc.nat(RESET_REASONS.length - 1).map(reason => Uint8Array.of(reason))
  }
}

const packets: fc.Arbitrary<Packet> = types.chain(type => fc.record({
  type: fc.constant(type), initiatorId: id, acceptorId: type === 'SYN' ? fc.constant(0) : id,
  number: fc.constant(0xffffffff), settledNumber: fc.nat(0xffffffff), streamOffset: offset, ackOffset: offset, windowBytes: fc.nat(0xffffffff),
  ackDelayMs: fc.nat(0xffff).map(tenths => tenths / 10), ranges, payload: payloadOf(type),
}))

const sample: Packet = {
  type: 'DATA', initiatorId: 0x01020304, acceptorId: 0x0a0b0c0d, number: 12, settledNumber: 9, streamOffset: 0x100000002, ackOffset: 789, windowBytes: 65_536,
  ackDelayMs: 1.5, ranges: [{ first: 12, last: 12 }, { first: 1, last: 10 }], payload: Uint8Array.of(0x68, 0x69),
}

test('CRC-32 gives the value that everybody publishes for "123456789"', () => {
  const digits = Uint8Array.from('123456789', character => character.charCodeAt(0))
  expect(crc32(digits)).toBe(0xcbf43926)
  expect(crc32(digits, 4, 9, crc32(digits, 0, 4))).toBe(0xcbf43926)
})

test('a packet has these very bytes', () => {
  const hex = [...encodePacket(sample)].map(byte => byte.toString(16).padStart(2, '0')).join('')
  expect(hex.slice(0, 8)).toBe('48010302')
  expect(hex.slice(16)).toBe('010203040a0b0c0d0000000c0000000900000001000000020000000000000315' + '00010000' + '000f0000' + '0000000c0000000c' + '000000010000000a' + '6869')
})

test('a packet says itself in one line', () => {
  expect(summarizePacket(sample)).toBe('DATA #12 at 4294967298+2, acks 789 (#12 #1-10), window 65536')
  expect(summarizePacket({ ...sample, type: 'RESET', ranges: [], payload: Uint8Array.of(1) })).toBe('RESET #12 (refused), window 65536')
})

test('whatever is encoded is decoded the same', () => {
  fc.assert(fc.property(packets, packet => {
    expect(decodePacket(encodePacket(packet))).toEqual(packet)
  }), { numRuns: 2000 })
})

test('20,000 damaged packets are refused as malformed, each of them', () => {
  fc.assert(fc.property(packets, fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })), { minLength: 1, maxLength: 4 }), fc.nat(), (packet, damage, cut) => {
    const bytes = encodePacket(packet)
    const damaged = bytes.slice(0, cut % 5 === 0 ? cut % bytes.length : bytes.length)
    for (const [at, flip] of damage) if (damaged.length > 0) damaged[at % damaged.length] = (damaged[at % damaged.length] ?? 0) ^ flip
    fc.pre(damaged.length !== bytes.length || damaged.some((byte, at) => byte !== bytes[at]))
    expect(() => decodePacket(damaged)).toThrow(MalformedPacket)
  }), { numRuns: 20_000 })
}, 60_000)

test('random bytes with a right checksum never throw anything but MalformedPacket', () => {
  fc.assert(fc.property(fc.uint8Array({ minLength: HEADER_BYTES, maxLength: 300 }), fc.nat(9), fc.nat(20), (bytes, type, rangeCount) => {
    bytes.set([0x48, 1, type, rangeCount])
    sealPacket(bytes)
    try {
      const { payload } = decodePacket(bytes)
      expect(payload.length).toBe(bytes.length - HEADER_BYTES - 8 * rangeCount)
    } catch (error) {
      expect(error).toBeInstanceOf(MalformedPacket)
    }
  }), { numRuns: 5000 })
})

const rule = (name: string, change: Partial<Packet>) => ({ name, change })
test.each([
  rule('a SYN that names the acceptor\'s half', { type: 'SYN', payload: new Uint8Array(0) }),
  rule('a DATA without bytes', { payload: new Uint8Array(0) }),
  rule('an ACK with bytes', { type: 'ACK' }),
  rule('a RESET with an unknown reason', { type: 'RESET', payload: Uint8Array.of(200) }),
  rule('an initiator\'s half of 0', { initiatorId: 0 }),
  rule('an acceptor\'s half of 0', { acceptorId: 0 }),
  rule('settled beyond its own number', { settledNumber: 13 }),
  rule('ranges that touch', { ranges: [{ first: 8, last: 9 }, { first: 1, last: 7 }] }),
  rule('a range that runs backwards', { ranges: [{ first: 9, last: 8 }] }),
  rule('ranges that rise', { ranges: [{ first: 1, last: 2 }, { first: 5, last: 6 }] }),
  rule('an offset of 2^52', { streamOffset: OFFSET_MAX }),
])('$name is malformed', ({ change }) => {
  expect(() => decodePacket(encodePacket({ ...sample, ...change }))).toThrow(MalformedPacket)
})

test.each([
  { name: 'another magic', at: 0, value: 0x47 }, { name: 'another version', at: 1, value: 2 }, { name: 'type 0', at: 2, value: 0 },
  { name: 'more ranges than bytes', at: 3, value: 3 }, { name: 'a stream other than 0', at: 47, value: 1 },
])('$name is malformed though the checksum fits', ({ at, value }) => {
  const bytes = encodePacket(sample)
  bytes[at] = value
  sealPacket(bytes)
  expect(() => decodePacket(bytes)).toThrow(MalformedPacket)
})
