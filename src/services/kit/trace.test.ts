import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Path } from './endpoint.ts'
import { TraceRing } from './trace.ts'

const path: Path = { local: { address: '127.0.0.1', port: 53 }, interfaceName: '', peer: { address: '127.0.0.1', port: 40_000 } }

test('a packet is read as it was written', () => {
  const ring = new TraceRing(16_384)
  ring.packet('in', 'dns', path, Uint8Array.of(1, 2, 3), 12.5)
  expect(ring.read(0, 10)).toEqual({
    missed: 0,
    records: [{ sequence: 0, atMs: 12.5, direction: 'in', protocol: 'dns', kind: 'packet', path: '127.0.0.1:53 > 127.0.0.1:40000', bytes: Uint8Array.of(1, 2, 3), wholeBytes: 3 }],
  })
})

test('an event keeps its fields, in any script', () => {
  const ring = new TraceRing(16_384)
  ring.event('dhcp', { host: 'fünke – 山 😀' }, 1)
  const [record] = ring.read(0, 1).records
  expect(record).toMatchObject({ protocol: 'dhcp', kind: 'event', direction: 'none', path: '' })
  expect(JSON.parse(new TextDecoder().decode(record?.bytes))).toEqual({ host: 'fünke – 山 😀' })
})

test('the limit bounds a read, and the next read continues there', () => {
  const ring = new TraceRing(16_384)
  for (let index = 0; index < 5; index++) ring.packet('out', 'rudp', path, Uint8Array.of(index), index)
  expect(ring.read(0, 2).records.map(record => record.sequence)).toEqual([0, 1])
  expect(ring.read(2, 9).records.map(record => record.bytes[0])).toEqual([2, 3, 4])
  expect(ring.read(5, 9).records).toEqual([])
})

test('overwritten records are counted as missed, and the rest are whole and in order', () => {
  fc.assert(fc.property(fc.array(fc.integer({ min: 0, max: 3000 }), { minLength: 1, maxLength: 400, size: 'max' }), lengths => {
    const ring = new TraceRing(16_384)
    for (const [index, length] of lengths.entries()) ring.packet('in', 'rudp', path, new Uint8Array(length).fill(index & 255), index)
    const { records, missed } = ring.read(0, 10_000)
    expect(missed + records.length).toBe(lengths.length)
    for (const [place, record] of records.entries()) {
      const index = missed + place
      expect(record.sequence).toBe(index)
      expect([record.bytes.length, record.wholeBytes]).toEqual([Math.min(lengths[index] ?? 0, 2048), lengths[index]])
      expect(record.bytes.every(byte => byte === (index & 255))).toBe(true)
    }
  }))
})
