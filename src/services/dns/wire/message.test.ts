import fc from 'fast-check'
import { expect, test } from 'vitest'
import { MalformedPacket } from '../../kit/errors.ts'
import { anyMessage, record } from '../testing/records.ts'
import { parseHex } from './base-encodings.ts'
import { ednsOf, optRecord } from './edns.ts'
import { encodeFrame, FrameReader } from './frame.ts'
import { decodeMessage, encodeMessage, type Message, type ResourceRecord } from './message.ts'
import { formatRdata } from './rdata.ts'
import { CLASS, formatType, OPCODE, TYPE } from './types.ts'

const fromHex = (hex: string) => parseHex(hex.replace(/\s/g, '')) ?? new Uint8Array(0)
const header = { id: 1, qr: true, opcode: 0, aa: false, tc: false, rd: true, ra: true, ad: false, cd: false, rcode: 0 }
const message = (answers: readonly ResourceRecord[], additionals: readonly ResourceRecord[] = []): Message =>
  ({ header, questions: [{ name: 'example.org', type: TYPE.A, class: CLASS.IN }], answers, authorities: [], additionals })

/** `dig my-app.home` as sent by dig 9.18: RD and AD set, EDNS with a cookie. */
const DIG_QUERY = fromHex('1f0a 0120 0001 0000 0000 0001 066d792d61707004686f6d6500 0001 0001 00 0029 04d0 00000000 000c 000a 0008 0102030405060708')
/** A response with a CNAME and an address, with compressed names. */
const RESPONSE = fromHex(`1234 8180 0001 0002 0000 0000 03777777 07657861 6d706c65 036f7267 00 0001 0001
  c00c 0005 0001 0000003c 0006 03 636466 c010   c02d 0001 0001 0000001e 0004 c0000207`)

test('a query from dig is decoded with its EDNS', () => {
  const query = decodeMessage(DIG_QUERY)
  expect(query.header).toMatchObject({ id: 0x1f0a, qr: false, opcode: 0, rd: true, ad: true, tc: false, rcode: 0 })
  expect(query.questions).toEqual([{ name: 'my-app.home', type: TYPE.A, class: CLASS.IN }])
  expect(ednsOf(query)).toEqual({ udpPayloadBytes: 1232, version: 0, extendedRcode: 0, dnssecOk: false, options: [{ code: 10, bytes: fromHex('0102030405060708') }] })
})

test('a compressed response is decoded, and encoded to the same octets', () => {
  const response = decodeMessage(RESPONSE)
  expect(response.answers.map(({ name, type, ttl, rdata }) => [name, formatType(type), ttl, formatRdata(type, rdata)])).toEqual([
    ['www.example.org', 'CNAME', 60, 'cdf.example.org.'], ['cdf.example.org', 'A', 30, '192.0.2.7'],
  ])
  expect(encodeMessage(response)).toEqual(RESPONSE)
})

test('every message survives encoding and decoding', () => {
  fc.assert(fc.property(anyMessage(), sent => {
    expect(decodeMessage(encodeMessage(sent))).toEqual(sent)
  }), { numRuns: 500 })
})

test('a message truncated at any octet is malformed', () => {
  fc.assert(fc.property(anyMessage(), fc.nat(), (sent, at) => {
    const bytes = encodeMessage(sent)
    expect(() => decodeMessage(bytes.subarray(0, at % bytes.length))).toThrow(MalformedPacket)
  }), { numRuns: 500 })
})

test('a message beyond its limit keeps its header and questions, sets TC and has no records', () => {
  fc.assert(fc.property(anyMessage(), fc.integer({ min: 100, max: 600 }), (sent, limitBytes) => {
    const bytes = encodeMessage(sent, limitBytes)
    const whole = encodeMessage(sent)
    if (whole.length <= limitBytes) expect(bytes).toEqual(whole)
    else expect(decodeMessage(bytes)).toEqual({ ...sent, header: { ...sent.header, tc: true }, answers: [], authorities: [], additionals: [] })
  }), { numRuns: 500 })
})

test('a decoded message does not change when its buffer is reused', () => {
  fc.assert(fc.property(anyMessage(), sent => {
    const bytes = Buffer.from(encodeMessage(sent))
    const read = decodeMessage(bytes)
    bytes.fill(0xff)
    expect(read).toEqual(sent)
  }), { numRuns: 200 })
})

test('an answer has the case of its question, however the zone spells the name', () => {
  const asked = { ...message([record('www.example.org', 'A', '192.0.2.1')]), questions: [{ name: 'wWw.ExAmPlE.oRg', type: TYPE.A, class: CLASS.IN }] }
  const answer = decodeMessage(encodeMessage(asked))
  expect(answer.answers[0]?.name).toBe('wWw.ExAmPlE.oRg')
  expect(encodeMessage(asked).subarray(-16, -14)).toEqual(Uint8Array.of(0xc0, 12))
})

test('the case of other names is kept', () => {
  const sent = message([record('example.org', 'PTR', 'My-Printer.Office.example.')])
  expect(formatRdata(TYPE.PTR, decodeMessage(encodeMessage(sent)).answers[0]?.rdata ?? new Uint8Array(0))).toBe('My-Printer.Office.example.')
})

test('a record of an update that stands for all of its name and type has no data', () => {
  const any = { name: 'example.org', type: TYPE.MX, class: CLASS.ANY, ttl: 0, rdata: new Uint8Array(0) }
  const none = { ...any, class: CLASS.NONE, type: TYPE.A }
  const sent = { ...message([any, none]), header: { ...header, qr: false, opcode: OPCODE.UPDATE } }
  expect(decodeMessage(encodeMessage(sent))).toEqual(sent)
  expect(() => decodeMessage(encodeMessage(message([{ ...any, class: CLASS.IN }])))).toThrow(MalformedPacket)
})

test('a message that does not fit keeps its question and OPT record, and sets TC', () => {
  const many = Array.from({ length: 100 }, (_, index) => record('example.org', 'A', `192.0.2.${index}`))
  const sent = encodeMessage(message(many, [optRecord({ rcode: 0, dnssecOk: false })]), 512)
  const cut = decodeMessage(sent)
  expect(sent.length).toBeLessThanOrEqual(512)
  expect(cut.header.tc).toBe(true)
  expect([cut.questions.length, cut.answers.length, cut.additionals.length]).toEqual([1, 0, 1])
  expect(decodeMessage(encodeMessage(message(many))).answers).toHaveLength(100)
})

test('frames are extracted whole, however the stream is split', () => {
  fc.assert(fc.property(fc.array(fc.uint8Array({ maxLength: 300, size: 'max' }), { maxLength: 8 }), fc.nat(50), (messages, step) => {
    const stream = Uint8Array.from(messages.flatMap(one => [...encodeFrame(one)]))
    const reader = new FrameReader()
    const out: Uint8Array[] = []
    for (let at = 0; at < stream.length; at += step + 1) out.push(...reader.push(stream.subarray(at, at + step + 1)))
    expect(out).toEqual(messages)
  }))
})
