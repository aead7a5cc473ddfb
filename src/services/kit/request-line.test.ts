import { expect, test } from 'vitest'
import { isSupportedVersion, requestLineErrorStatus } from './request-line.ts'

const fault = (code: string, text: string, bytesParsed = 0) => requestLineErrorStatus({ code, rawPacket: Uint8Array.from(text, character => character.charCodeAt(0)), bytesParsed })

test.each([
  ['HPE_INVALID_METHOD', 'FROB / HTTP/1.1\r\nHost: a\r\n\r\n', 0, 501],
  ['HPE_INVALID_METHOD', 'GEX / HTTP/1.0\r\n\r\n', 2, 501],
  ['HPE_INVALID_METHOD', 'get / HTTP/1.1\r\n\r\n', 0, 501],
  ['HPE_INVALID_METHOD', 'GET / HTTP/1.1\r\n\r\nFROB / HTTP/1.1\r\n\r\n', 18, 501],
  ['HPE_INVALID_METHOD', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 2, 505],
  ['HPE_INVALID_VERSION', 'GET / HTTP/1.2\r\n\r\n', 13, 505],
  ['HPE_INVALID_METHOD', 'hello\r\n\r\n', 0, 400],
  ['HPE_INVALID_METHOD', '\x16\x03\x01\x00', 0, 400],
  ['HPE_INVALID_METHOD', 'FR@B / HTTP/1.1\r\n\r\n', 0, 400],
  ['HPE_INVALID_METHOD', `F${'R'.repeat(10_000)} / HTTP/1.1\r\n\r\n`, 0, 400],
  ['HPE_INVALID_HEADER_TOKEN', 'GET / HTTP/1.1\r\nX\r\n\r\n', 17, 400],
])('%s in %j at %i is rejected with %i', (code, text, bytesParsed, status) => {
  expect(fault(code, text, bytesParsed)).toBe(status)
})

test('an error without the packet is rejected with 400', () => {
  expect(requestLineErrorStatus({ code: 'HPE_INVALID_METHOD' })).toBe(400)
  expect(requestLineErrorStatus({})).toBe(400)
})

test('two versions of HTTP are supported', () => {
  expect(['1.0', '1.1', '0.9', '2.0'].map(isSupportedVersion)).toEqual([true, true, false, false])
})
