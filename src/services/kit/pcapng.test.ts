import { expect, test } from 'vitest'
import { formatPcapng } from './pcapng.ts'

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')

test('a capture has exactly these bytes: section, interface, one IPv4 packet', () => {
  const bytes = formatPcapng([{
    atMs: 2 ** 32 / 1000 + 0.001, from: { address: '192.0.2.1', port: 53 }, to: { address: '192.0.2.2', port: 40_000 }, bytes: Uint8Array.of(1, 2, 3), wholeBytes: 3,
  }], 'dns')
  expect(hex(bytes)).toBe([
    '0a0d0d0a', '1c000000', '4d3c2b1a', '01000000', 'ffffffffffffffff', '1c000000',
    '01000000', '20000000', '65000000', '00000000', '02000300', '646e7300', '00000000', '20000000',
    '06000000', '40000000', '00000000', '01000000', '01000000', '1f000000', '1f000000',
    '4500001f', '00000000', '4011f6ca', 'c0000201', 'c0000202', '00359c40', '000bdb5c', '010203', '00', '40000000',
  ].join(''))
})

test('a truncated packet has its original length and no checksum', () => {
  const bytes = formatPcapng([{ atMs: 0, from: { address: '::1', port: 1 }, to: { address: '::1', port: 2 }, bytes: new Uint8Array(2048), wholeBytes: 61_440 }], 'rudp')
  const view = new DataView(bytes.buffer)
  const packetAt = 28 + view.getUint32(28 + 4, true)
  expect([view.getUint32(packetAt + 20, true), view.getUint32(packetAt + 24, true)]).toEqual([48 + 2048, 48 + 61_440])
  expect(hex(bytes.subarray(packetAt + 28 + 40, packetAt + 28 + 48))).toBe(`00010002${(61_448).toString(16)}0000`)
})
