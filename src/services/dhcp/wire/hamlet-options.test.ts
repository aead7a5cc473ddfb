import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decodeHamletPorts, encodeHamletPorts } from './hamlet-options.ts'

const port = fc.option(fc.integer({ min: 0, max: 65_535 }), { nil: undefined })

test('ports survive a round trip', () => {
  fc.assert(fc.property(port, port, (dnsPort, dnsAdminPort) => {
    expect(decodeHamletPorts(encodeHamletPorts({ dnsPort, dnsAdminPort }))).toEqual({ dnsPort, dnsAdminPort })
  }))
})

test('ports 53 and 5354 are encoded as these bytes', () => {
  expect([...encodeHamletPorts({ dnsPort: 53, dnsAdminPort: 5354 })]).toEqual([1, 2, 0, 53, 2, 2, 0x14, 0xea, 255])
})

test('sub-options that a newer Hamlet may add are ignored', () => {
  expect(decodeHamletPorts(Uint8Array.of(9, 3, 1, 2, 3, 2, 2, 0, 80, 255))).toEqual({ dnsPort: undefined, dnsAdminPort: 80 })
  expect(decodeHamletPorts(Uint8Array.of(1, 3, 0, 53, 0, 2, 1, 80))).toEqual({ dnsPort: undefined, dnsAdminPort: undefined })
})

test('decoding stops at the last byte, at the end mark and at a truncated port', () => {
  expect(decodeHamletPorts(Uint8Array.of(1, 2, 1, 53))).toEqual({ dnsPort: 309, dnsAdminPort: undefined })
  expect(decodeHamletPorts(Uint8Array.of(1, 2, 0, 53, 255, 0, 2, 2, 0, 80))).toEqual({ dnsPort: 53, dnsAdminPort: undefined })
  expect(decodeHamletPorts(Uint8Array.of(1, 2, 0, 53, 2, 2, 0))).toEqual({ dnsPort: 53, dnsAdminPort: undefined })
})

test('any bytes decode to valid ports or none', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 40, size: 'max' }), bytes => {
    for (const value of Object.values(decodeHamletPorts(bytes))) expect(value ?? 0).toBeLessThanOrEqual(65_535)
  }))
})
