import fc from 'fast-check'
import { expect, test } from 'vitest'
import { firstGap } from '../../kit/testing/tiling.ts'
import { dissectPacket } from './dissect.ts'
import { encodeEncryptedRetry, encodeEncryptedShortHeader, ENCRYPTED_VERSION } from './encrypted-packet.ts'
import { encodeStreamHeader } from './frames.ts'
import { encodePacket, encodeShortHeader, LONG_HEADER_BYTES, sealLong, sealShort, SHORT_HEADER_BYTES, VERSION, type Packet } from './packet.ts'

const short: Packet = {
  type: 'SHORT', destinationId: 0x0102030405060, number: 12,
  frames: [{ kind: 'ACK', delayMs: 1.5, ranges: [{ first: 12, last: 12 }, { first: 1, last: 10 }] }, { kind: 'STREAM', streamId: 4, offset: 3456, fin: true, data: new TextEncoder().encode('GET / HTTP/1.1\r\n') }],
}
const lines = (bytes: Uint8Array, wholeBytes?: number) => dissectPacket(bytes, wholeBytes).fields.map(({ name, value, from, to }) => `${from}-${to} ${name}: ${value}`)

test('a packet is dissected byte by byte, with text shown as text', () => {
  const bytes = encodePacket(short)
  expect(dissectPacket(bytes).summary).toBe('SHORT #12: ACK 12 1-10, STREAM 4 at 3456+16 FIN')
  expect(lines(bytes)).toEqual([
    '0-1 form: short', expect.stringMatching(/^1-5 checksum: 0x[0-9a-f]{8}, correct$/), '5-13 destination id: 0102030405060', '13-17 packet number: 12',
    '17-25 ACK: 12 1-10, delayed by 1.5 ms', '25-46 STREAM: stream 4, offset 3456, 16 bytes, end of stream',
  ])
  expect(dissectPacket(bytes).fields.at(-1)?.fields?.at(-1)).toEqual({ name: 'bytes', value: 'GET / HTTP/1.1⏎', from: 30, to: 46 })
})

test('a damaged packet shows its header and a wrong checksum', () => {
  const bytes = encodePacket(short)
  bytes[40] = 0
  expect(lines(bytes)[1]).toMatch(/wrong: damaged in transit$/)
  expect(lines(bytes).at(-1)).toMatch(/^17-46 malformed: .*checksum/)
})

test('a packet that was not kept whole shows its beginning', () => {
  const bytes = encodePacket({ ...short, frames: [{ kind: 'STREAM', streamId: 4, offset: 0, fin: false, data: new Uint8Array(5000) }] })
  const { summary, fields } = dissectPacket(bytes.subarray(0, 2048), bytes.length)
  expect(summary).toBe(`the first 2048 of ${bytes.length} bytes`)
  expect(fields[0]).toEqual({ name: 'kept', value: `2048 of ${bytes.length} bytes`, from: 0, to: 0 })
  expect(fields.map(({ name }) => name)).toEqual(['kept', 'form', 'checksum', 'destination id', 'packet number'])
})

test('lengths count the bytes that were not kept', () => {
  const stream = encodeStreamHeader(4, 0, false, false, new DataView(new ArrayBuffer(20)), 0)
  const bytes = new Uint8Array(17 + stream + 5000)
  const view = new DataView(bytes.buffer)
  encodeStreamHeader(4, 0, false, false, view, encodeShortHeader(view, 0, 9, 1))
  expect(lines(bytes.subarray(0, 2048), bytes.length).at(-1)).toBe('17-2048 STREAM: stream 4, offset 0, 5000 bytes')
  const encrypted = new Uint8Array(5000)
  encodeEncryptedShortHeader(new DataView(encrypted.buffer), 0, 9, 7)
  const { summary, fields } = dissectPacket(encrypted.subarray(0, 2048), encrypted.length)
  expect(summary).toBe('SHORT #7: encrypted, 4971 bytes')
  expect(fields.at(-1)).toEqual({ name: 'frames', value: 'encrypted, 4971 bytes', from: 13, to: 2048 })
})

test('an encrypted packet shows its clear fields', () => {
  const bytes = new Uint8Array(60)
  encodeEncryptedShortHeader(new DataView(bytes.buffer), 0, 0x0102030405060, 7)
  expect(dissectPacket(bytes).summary).toBe('SHORT #7: encrypted, 31 bytes')
  expect(firstGap(dissectPacket(bytes).fields, bytes.length)).toBeUndefined()
  const retry = encodeEncryptedRetry(5, 0, { identity: new Uint8Array(32), prekeyNumber: 1, prekey: new Uint8Array(32) }, new Uint8Array(24))
  expect(dissectPacket(retry).summary).toBe("RETRY #0: the server's keys, and a token of 24 bytes")
  expect(firstGap(dissectPacket(retry).fields, retry.length)).toBeUndefined()
})

test.each<[string, Packet]>([
  ['HELLO #0: PING', { type: 'HELLO', destinationId: 0, sourceId: 9, number: 0, frames: [{ kind: 'PING' }] }],
  ['VERSIONS 48520002', { type: 'VERSIONS', destinationId: 4, sourceId: 9, versions: [0x48520002] }],
  ['a packet of version 48520003', { type: 'OTHER_VERSION', destinationId: 4, sourceId: 9, version: 0x48520003 }],
])('the fields of a long packet leave no gap: %s', (summary, packet) => {
  const bytes = encodePacket(packet)
  expect(dissectPacket(bytes).summary).toBe(summary)
  expect(firstGap(dissectPacket(bytes).fields, bytes.length)).toBeUndefined()
})

test('whatever the bytes and the checksum, the fields leave no gap', () => {
  const forms = fc.constantFrom(0x40, 0x60, 0xc0, 0xd0, 0xe0, 0xf0, 0x12)
  const versions = fc.constantFrom(0, VERSION, ENCRYPTED_VERSION, 9)
  fc.assert(fc.property(forms, versions, fc.uint8Array({ maxLength: 120, size: 'max' }), fc.boolean(), (form, version, rest, isSealed) => {
    const bytes = Uint8Array.of(form, ...rest)
    const view = new DataView(bytes.buffer)
    if (form >= 0x80 && bytes.length >= LONG_HEADER_BYTES) {
      view.setUint32(1, version)
      if (isSealed) sealLong(bytes, view)
    } else if (form === 0x40 && isSealed && bytes.length >= SHORT_HEADER_BYTES) sealShort(bytes, view)
    expect(firstGap(dissectPacket(bytes).fields, bytes.length)).toBeUndefined()
  }), { numRuns: 5000 })
})
