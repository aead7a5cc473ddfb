import fc from 'fast-check'
import { expect, test } from 'vitest'
import { MalformedPacket } from '../../kit/errors.ts'
import { ednsOf, optRecord } from './edns.ts'
import { EDE, extendedErrorOption, extendedErrorsOf, formatExtendedError, formatOption, OPTION } from './edns-options.ts'
import { decodeMessage, encodeMessage, type Message, type ResourceRecord } from './message.ts'
import { RCODE } from './types.ts'

const messageWith = (...additionals: readonly ResourceRecord[]): Message => ({
  header: { id: 1, qr: true, opcode: 0, aa: false, tc: false, rd: true, ra: true, ad: false, cd: false, rcode: 0 }, questions: [], answers: [], authorities: [], additionals,
})
const opt = optRecord({ rcode: 0, dnssecOk: false })
const ascii = (text: string) => Uint8Array.from(text, character => character.charCodeAt(0))

test('options survive encoding in an OPT record, unknown ones too, in order', () => {
  const option = fc.record({ code: fc.nat(65_535), bytes: fc.uint8Array({ maxLength: 40, size: 'max' }) })
  fc.assert(fc.property(fc.array(option, { maxLength: 6 }), fc.nat(0xfff), fc.boolean(), (options, rcode, dnssecOk) => {
    const edns = ednsOf(decodeMessage(encodeMessage(messageWith(optRecord({ rcode, dnssecOk, options })))))
    expect(edns).toEqual({ udpPayloadBytes: 1232, version: 0, extendedRcode: rcode & 0xff0, dnssecOk, options })
  }))
})

test('a message without OPT has no EDNS', () => {
  expect(ednsOf(messageWith())).toBeUndefined()
})

test('BADVERS is carried in the upper bits', () => {
  expect(ednsOf(messageWith(optRecord({ rcode: RCODE.BADVERS, dnssecOk: false })))?.extendedRcode).toBe(RCODE.BADVERS)
})

test('a peer that announces less than 512 octets gets 512', () => {
  expect(ednsOf(messageWith({ ...opt, class: 100 }))?.udpPayloadBytes).toBe(512)
})

test.each([
  ['two OPT records', [opt, opt]], ['an OPT record whose owner is not the root', [{ ...opt, name: 'home' }]], ['half an option code', [{ ...opt, rdata: Uint8Array.of(0) }]],
  ['an option without length', [{ ...opt, rdata: Uint8Array.of(0, 10, 0) }]], ['a truncated option', [{ ...opt, rdata: Uint8Array.of(0, 10, 0, 2, 1) }]],
])('%s: malformed', (_title, additionals) => {
  expect(() => ednsOf(messageWith(...additionals))).toThrow(MalformedPacket)
})

test('an extended error survives encoding and decoding', () => {
  const error = { infoCode: EDE.STALE_ANSWER, text: 'no upstream answers' }
  expect(extendedErrorsOf([{ code: OPTION.COOKIE, bytes: new Uint8Array(8) }, { code: OPTION.EDE, bytes: new Uint8Array(1) }, extendedErrorOption(error)])).toEqual([error])
  expect(extendedErrorOption({ infoCode: 4711, text: '' }).bytes).toEqual(Uint8Array.of(0x12, 0x67))
  expect([formatExtendedError(EDE.NO_REACHABLE_AUTHORITY), formatExtendedError(4711)]).toEqual(['no reachable authority', 'code 4711'])
})

test.each([
  [OPTION.COOKIE, Uint8Array.of(1, 2, 255), 'COOKIE 0102ff'], [OPTION.NSID, new Uint8Array(0), 'NSID'], [OPTION.PADDING, new Uint8Array(32), 'PADDING 32 octets'],
  [OPTION.KEEPALIVE, Uint8Array.of(0, 100), 'KEEPALIVE 10 s'], [OPTION.ECS, Uint8Array.of(0, 1, 24, 0, 192, 0, 2), 'ECS 192.0.2.0/24/0'],
  [OPTION.ECS, Uint8Array.of(0, 2, 32, 0, 0x20, 1, 0x0d, 0xb8), 'ECS 2001:db8::/32/0'], [OPTION.ECS, Uint8Array.of(0, 3, 0, 0), 'ECS 00030000'], [OPTION.ECS, Uint8Array.of(0, 1), 'ECS 0001'],
  [OPTION.EDE, Uint8Array.of(0, 22), 'EDE 22 (no reachable authority)'], [OPTION.EDE, Uint8Array.of(0, 3, ...ascii('old\n')), 'EDE 3 (stale answer): old\\010'], [OPTION.EDE, Uint8Array.of(7), 'EDE 07'],
  [65_001, ascii('ab'), 'PROVENANCE ab'], [65_002, ascii('ab'), 'OPT65002 6162'],
])('option %i of %s is shown as "%s"', (code, bytes, shown) => {
  expect(formatOption({ code, bytes })).toBe(shown)
})
