import fc from 'fast-check'
import { expect, test } from 'vitest'
import { MalformedPacket } from '../../kit/errors.ts'
import {
  TOKENLESS_HELLO_BYTES, decodeEncryptedPacket, encodeEncryptedHelloHeader, encodeEncryptedReset, encodeEncryptedRetry, encodeEncryptedShortHeader, encodeEncryptedWelcomeHeader, isEncryptedVersion,
} from './encrypted-packet.ts'
import { DATAGRAM_BYTES_MAX, decodePacket, encodePacket, sealLong } from './packet.ts'

const id = fc.tuple(fc.nat(0xfffff), fc.integer({ min: 1, max: 0xffffffff })).map(([high, low]) => high * 2 ** 32 + low)
const number = fc.nat(0xffffffff)
const key = fc.uint8Array({ minLength: 32, maxLength: 32 })
const token = fc.uint8Array({ minLength: 1, maxLength: 64, size: 'max' })

/** A datagram with this header and that many bytes in place of encrypted content. */
function withContent(header: (bytes: Uint8Array, view: DataView) => number, contentBytes: number): { bytes: Uint8Array; contentAt: number } {
  const slab = new Uint8Array(400)
  const contentAt = header(slab, new DataView(slab.buffer))
  const bytes = slab.slice(0, contentAt + contentBytes).fill(0xee, contentAt)
  if (bytes[0] !== 0x60) sealLong(bytes, new DataView(bytes.buffer))
  return { bytes, contentAt }
}

test('encoding and decoding is lossless', () => {
  fc.assert(fc.property(id, id, number, number, key, key, token, (one, other, count, prekeyNumber, first, second, shown) => {
    const keys = { identity: first, prekeyNumber, prekey: second }
    expect(decodeEncryptedPacket(encodeEncryptedRetry(one, count, keys, shown))).toEqual({ type: 'RETRY', destinationId: one, sourceId: 0, number: count, ...keys, token: shown })
    const resetToken = first.slice(0, 16)
    expect(decodeEncryptedPacket(encodeEncryptedReset(one, other, 2, resetToken))).toEqual({ type: 'RESET', destinationId: one, sourceId: other, number: 0, code: 2, resetToken })
    const short = withContent((_bytes, view) => encodeEncryptedShortHeader(view, 0, one, count), 17)
    expect(decodeEncryptedPacket(short.bytes)).toEqual({ type: 'SHORT', destinationId: one, number: count, contentAt: 13 })
    const welcome = withContent((_bytes, view) => encodeEncryptedWelcomeHeader(view, 0, one, other, count), 17)
    expect(decodeEncryptedPacket(welcome.bytes)).toEqual({ type: 'WELCOME', destinationId: one, sourceId: other, number: count, contentAt: 29 })
    const fields = { prekeyNumber, share: first, token: shown }
    const hello = withContent((bytes, view) => encodeEncryptedHelloHeader(bytes, view, 0, one, count, fields), 17)
    expect(decodeEncryptedPacket(hello.bytes)).toEqual({ type: 'HELLO', destinationId: 0, sourceId: one, number: count, ...fields, contentAt: hello.contentAt })
  }), { numRuns: 1000 })
})

test('the first bytes tell encrypted packets apart, and to a peer without encryption they are of another version', () => {
  const retry = encodeEncryptedRetry(1, 0, { identity: new Uint8Array(32), prekeyNumber: 1, prekey: new Uint8Array(32) }, Uint8Array.of(1))
  expect([retry, Uint8Array.of(0x60)].map(isEncryptedVersion)).toEqual([true, true])
  expect(decodePacket(retry)).toMatchObject({ type: 'OTHER_VERSION', version: 0x48520102 })
  const readable = [encodePacket({ type: 'SHORT', destinationId: 1, number: 0, frames: [{ kind: 'PING' }] }), encodePacket({ type: 'VERSIONS', destinationId: 1, sourceId: 1, versions: [1] })]
  expect([...readable, new Uint8Array(0), Uint8Array.of(0xc0, 0x48, 0x52)].map(isEncryptedVersion)).toEqual([false, false, false, false])
})

/** A HELLO of this length, with this token length in its field. */
function hello(length: number, tokenLength: number): Uint8Array {
  const bytes = new Uint8Array(length)
  encodeEncryptedHelloHeader(bytes, new DataView(bytes.buffer), 0, 5, 0, { prekeyNumber: 1, share: new Uint8Array(32), token: new Uint8Array(0) })
  bytes[65] = tokenLength
  sealLong(bytes, new DataView(bytes.buffer))
  return bytes
}

/** A packet with one byte changed and the checksum recomputed. */
function changed(packet: Uint8Array, at: number, value: number): Uint8Array {
  const bytes = packet.slice()
  bytes[at] = value
  if (bytes[0] !== 0x60) sealLong(bytes, new DataView(bytes.buffer))
  return bytes
}

const retry = encodeEncryptedRetry(1, 0, { identity: new Uint8Array(32), prekeyNumber: 1, prekey: new Uint8Array(32) }, Uint8Array.of(1))
const short = withContent((_bytes, view) => encodeEncryptedShortHeader(view, 0, 1, 0), 17).bytes
const welcome = withContent((_bytes, view) => encodeEncryptedWelcomeHeader(view, 0, 1, 1, 0), 17).bytes
test.each([
  { name: 'a short packet with nothing before its tag', bytes: short.slice(0, -1) },
  { name: 'a short packet longer than a datagram', bytes: new Uint8Array(DATAGRAM_BYTES_MAX + 1).fill(0x60) },
  { name: 'a short packet to id 0', bytes: changed(short, 8, 0) },
  { name: 'a short packet to id 2^52', bytes: changed(short, 2, 0x10) },
  { name: 'a WELCOME without content', bytes: encodeAs(welcome.slice(0, 45)) },
  { name: 'a WELCOME without the sender\'s id', bytes: changed(welcome, 24, 0) },
  { name: 'a RETRY without the receiver\'s id', bytes: changed(retry, 16, 0) },
  { name: 'a RETRY without a token', bytes: changed(retry, 97, 0) },
  { name: 'a RETRY whose token extends past its end', bytes: changed(retry, 97, 2) },
  { name: 'a RESET that is a byte too long', bytes: encodeAs(Uint8Array.from([...encodeEncryptedReset(1, 0, 1, new Uint8Array(16)), 0])) },
  { name: 'a HELLO without a token that is shorter than its RETRY', bytes: hello(TOKENLESS_HELLO_BYTES - 1, 0) },
  { name: 'a HELLO whose token is too long', bytes: hello(400, 65) },
  { name: 'a HELLO with a token and nothing after it', bytes: hello(66 + 21 + 16, 21) },
  { name: 'a form with reserved bits set', bytes: changed(welcome, 0, 0xd1) },
  { name: 'a damaged RETRY', bytes: Uint8Array.from([...retry.slice(0, -1), 0x77]) },
])('$name is malformed', ({ bytes }) => {
  expect(isEncryptedVersion(bytes)).toBe(true)
  expect(() => decodeEncryptedPacket(bytes)).toThrow(MalformedPacket)
})

function encodeAs(bytes: Uint8Array): Uint8Array {
  sealLong(bytes, new DataView(bytes.buffer))
  return bytes
}

test('the shortest HELLO without a token and the shortest with one are valid', () => {
  expect(decodeEncryptedPacket(hello(TOKENLESS_HELLO_BYTES, 0))).toMatchObject({ type: 'HELLO', token: new Uint8Array(0) })
  expect(decodeEncryptedPacket(hello(66 + 21 + 17, 21))).toMatchObject({ type: 'HELLO', contentAt: 87 })
})
