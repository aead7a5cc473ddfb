import fc from 'fast-check'
import { expect, test } from 'vitest'
import { crc32 } from '../../kit/crc32.ts'
import { MalformedPacket } from '../../kit/errors.ts'
import { encodeStreamHeader, type Frame } from './frames.ts'
import { DATAGRAM_BYTES_MAX, decodePacket, encodePacket, encodeShortHeader, LONG_HEADER_BYTES, LONG_TYPES, sealLong, sealShort, SHORT_HEADER_BYTES, summarizePacket, VERSION, type Packet } from './packet.ts'
import { NUMBER_LIMIT } from './varint.ts'

const id = fc.tuple(fc.nat(0xfffff), fc.integer({ min: 1, max: 0xffffffff })).map(([high, low]) => high * 2 ** 32 + low)
const number = fc.nat(0xffffffff)
const content = fc.array(fc.oneof(
  fc.constant<Frame>({ kind: 'PING' }),
  fc.record({ kind: fc.constant('STREAM' as const), streamId: fc.nat(200), offset: fc.nat(0x3fffffff), fin: fc.boolean(), data: fc.uint8Array({ maxLength: 1200, size: 'max' }) }),
  fc.record({ kind: fc.constant('MAX_DATA' as const), limit: fc.nat(0x3fffffff) }),
), { minLength: 1, maxLength: 4 })
const packets: fc.Arbitrary<Packet> = fc.oneof(
  fc.record({ type: fc.constant('SHORT' as const), destinationId: id, number, frames: content }),
  fc.record({ type: fc.constantFrom(...LONG_TYPES), destinationId: id, sourceId: id, number, frames: content }),
  fc.record({ type: fc.constant('VERSIONS' as const), destinationId: id, sourceId: id, versions: fc.array(fc.nat(0xffffffff), { minLength: 1, maxLength: 16, size: 'max' }) }),
  fc.record({ type: fc.constant('OTHER_VERSION' as const), destinationId: id, sourceId: id, version: fc.integer({ min: VERSION + 1, max: 0xffffffff }) }),
)

const short: Packet = {
  type: 'SHORT', destinationId: 0x0102030405060, number: 12,
  frames: [{ kind: 'ACK', delayMs: 1.5, ranges: [{ first: 12, last: 12 }, { first: 1, last: 10 }] }, { kind: 'STREAM', streamId: 4, offset: 3456, fin: true, data: Uint8Array.of(0x68, 0x69) }],
}
const hello: Packet = { type: 'HELLO', destinationId: 0, sourceId: 0xa0b0c0d0e0f01, number: 0, frames: [{ kind: 'PING' }] }
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')

test('the CRC-32 of "123456789" is the published check value', () => {
  const digits = Uint8Array.from('123456789', character => character.charCodeAt(0))
  expect(crc32(digits)).toBe(0xcbf43926)
  expect(crc32(digits, 4, 9, crc32(digits, 0, 4))).toBe(0xcbf43926)
})

test('packets have exactly these bytes', () => {
  const shortHex = hex(encodePacket(short))
  expect(shortHex.slice(0, 2)).toBe('40')
  expect(shortHex.slice(10)).toBe('0000102030405060' + '0000000c' + '020c45dc01000009' + '0b044d80026869')
  const helloHex = hex(encodePacket(hello))
  expect(helloHex.slice(0, 10)).toBe('c048520002')
  expect(helloHex.slice(18)).toBe('0000000000000000' + '000a0b0c0d0e0f01' + '00000000' + '01')
})

test('a packet is summarized in one line', () => {
  expect(summarizePacket(short)).toBe('SHORT #12: ACK 12 1-10, STREAM 4 at 3456+2 FIN')
  expect(summarizePacket({ ...hello, type: 'RESET', frames: [{ kind: 'CONNECTION_CLOSE', code: 1 }] })).toBe('RESET #0: CONNECTION_CLOSE refused')
})

test('encoding and decoding is lossless', () => {
  fc.assert(fc.property(packets, packet => {
    expect(decodePacket(encodePacket(packet))).toEqual(packet)
  }), { numRuns: 2000 })
})

test('the checksum covers every byte of a datagram, but only the first 1,200 of one that no network carries', () => {
  for (const [lengthBytes, unseenFrom] of [[9_000, Infinity], [9_001, 1_200], [DATAGRAM_BYTES_MAX, 1_200]] as const) {
    const bytes = new Uint8Array(lengthBytes)
    const view = new DataView(bytes.buffer)
    encodeStreamHeader(0, 0, false, false, view, encodeShortHeader(view, 0, 1, 1)) // its bytes extend to the end
    sealShort(bytes, view)
    for (const at of [SHORT_HEADER_BYTES, 1_199, 1_200, lengthBytes - 1]) {
      const damaged = bytes.slice()
      damaged[at] = (damaged[at] ?? 0) ^ 1
      if (at >= unseenFrom) expect(decodePacket(damaged).type).toBe('SHORT')
      else expect(() => decodePacket(damaged)).toThrow(MalformedPacket)
    }
  }
})

test('all of 20,000 damaged packets are malformed', () => {
  fc.assert(fc.property(packets, fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })), { minLength: 1, maxLength: 4 }), fc.nat(), (packet, damage, cut) => {
    const bytes = encodePacket(packet)
    const damaged = bytes.slice(0, cut % 5 === 0 ? cut % bytes.length : bytes.length)
    for (const [at, flip] of damage) if (damaged.length > 0) damaged[at % damaged.length] = (damaged[at % damaged.length] ?? 0) ^ flip
    fc.pre(damaged.length !== bytes.length || damaged.some((byte, at) => byte !== bytes[at]))
    expect(() => decodePacket(damaged)).toThrow(MalformedPacket)
  }), { numRuns: 20_000 })
}, 60_000)

test('random bytes with a correct checksum either decode or are malformed', () => {
  fc.assert(fc.property(fc.uint8Array({ minLength: LONG_HEADER_BYTES, maxLength: 300, size: 'max' }), fc.constantFrom(0x40, 0xc0, 0xd0, 0xe0, 0xf0, 0xff), fc.boolean(), (bytes, form, known) => {
    const view = new DataView(bytes.buffer)
    view.setUint8(0, form)
    if (form >= 0x80 && known) view.setUint32(1, VERSION)
    if (form === 0x40) sealShort(bytes, view)
    else sealLong(bytes, view)
    try {
      expect(decodePacket(bytes).destinationId).toBeLessThan(NUMBER_LIMIT)
    } catch (error) {
      expect(error).toBeInstanceOf(MalformedPacket)
    }
  }), { numRuns: 10_000 })
})

/** A packet with some bytes changed and the checksum recomputed. */
function changed(packet: Packet, at: number, ...values: number[]): Uint8Array {
  const bytes = encodePacket(packet)
  bytes.set(values, at)
  const view = new DataView(bytes.buffer)
  if (packet.type === 'SHORT') sealShort(bytes, view)
  else sealLong(bytes, view)
  return bytes
}

test.each([
  { name: 'an unknown first byte', bytes: changed(short, 0, 0x41) },
  { name: 'a long form with reserved bits set', bytes: changed(hello, 0, 0xc1) },
  { name: 'a destination id of 0', bytes: changed(short, 5, 0, 0, 0, 0, 0, 0, 0, 0) },
  { name: 'a destination id of 2^52', bytes: changed(short, 5, 0, 0x10, 0, 0, 0, 0, 0, 0) },
  { name: 'a HELLO without the sender\'s id', bytes: changed({ ...hello, sourceId: 0 }, 0, 0xc0) },
  { name: 'a WELCOME without the receiver\'s id', bytes: changed({ ...hello, type: 'WELCOME' }, 0, 0xd0) },
  { name: 'no frame after the header', bytes: (() => { const bytes = encodePacket(short).slice(0, SHORT_HEADER_BYTES); sealShort(bytes, new DataView(bytes.buffer)); return bytes })() },
  { name: 'an empty datagram', bytes: new Uint8Array(0) },
  { name: 'a datagram that is too long', bytes: new Uint8Array(DATAGRAM_BYTES_MAX + 1).fill(0x40) },
  { name: 'an empty list of versions', bytes: changed({ type: 'OTHER_VERSION', destinationId: 1, sourceId: 2, version: 9 }, 1, 0, 0, 0, 0) },
])('$name is malformed despite a correct checksum', ({ bytes }) => {
  expect(() => decodePacket(bytes)).toThrow(MalformedPacket)
})

test('a packet of another version yields its ids and version, so that it can be answered', () => {
  const foreign: Packet = { type: 'OTHER_VERSION', destinationId: 0, sourceId: 77, version: 0x48520009 }
  const bytes = Uint8Array.from([...encodePacket(foreign), 1, 2, 3])
  sealLong(bytes, new DataView(bytes.buffer))
  expect(decodePacket(bytes)).toEqual(foreign)
})
