import fc from 'fast-check'
import { expect, test } from 'vitest'
import { MalformedPacket } from '../../kit/errors.ts'
import { seededRandom } from '../../kit/random.ts'
import { ednsOf, optRecord } from './edns.ts'
import { encodeFrame, FrameReader } from './frame.ts'
import { decodeMessage, encodeMessage, type Message, type ResourceRecord } from './message.ts'
import { EntryReader } from './presentation.ts'
import { formatRdata, parseRdata } from './rdata.ts'
import { CLASS, formatType, OPCODE, parseType, TYPE } from './types.ts'

const fromHex = (hex: string) => Uint8Array.from(hex.replace(/\s/g, '').match(/../g) ?? [], pair => parseInt(pair, 16))
const rdata = (type: number, text: string) => parseRdata(type, new EntryReader(text).next()?.tokens ?? [])
const record = (name: string, type: number, text: string, ttl = 300): ResourceRecord => ({ name, type, class: CLASS.IN, ttl, rdata: rdata(type, text) })
const header = { id: 1, qr: true, opcode: 0, aa: false, tc: false, rd: true, ra: true, ad: false, cd: false, rcode: 0 }
const message = (answers: readonly ResourceRecord[], additionals: readonly ResourceRecord[] = []): Message =>
  ({ header, questions: [{ name: 'example.org', type: TYPE.A, class: CLASS.IN }], answers, authorities: [], additionals })

/** `dig my-app.home`, as dig 9.18 sends it: RD and AD set, EDNS with a cookie. */
const DIG_QUERY = fromHex('1f0a 0120 0001 0000 0000 0001 066d792d61707004686f6d6500 0001 0001 00 0029 04d0 00000000 000c 000a 0008 0102030405060708')
/** A response with a CNAME and an address, names compressed. */
const RESPONSE = fromHex(`1234 8180 0001 0002 0000 0000 03777777 07657861 6d706c65 036f7267 00 0001 0001
  c00c 0005 0001 0000003c 0006 03 636466 c010   c02d 0001 0001 0000001e 0004 c0000207`)

test('a query of dig is read with its EDNS', () => {
  const query = decodeMessage(DIG_QUERY)
  expect(query.header).toMatchObject({ id: 0x1f0a, qr: false, opcode: 0, rd: true, ad: true, tc: false, rcode: 0 })
  expect(query.questions).toEqual([{ name: 'my-app.home', type: TYPE.A, class: CLASS.IN }])
  expect(ednsOf(query)).toEqual({ udpPayloadBytes: 1232, version: 0, extendedRcode: 0, dnssecOk: false })
})

test('a compressed response is read, and written again to the same octets', () => {
  const response = decodeMessage(RESPONSE)
  expect(response.answers.map(({ name, type, ttl, rdata }) => [name, formatType(type), ttl, formatRdata(type, rdata)])).toEqual([
    ['www.example.org', 'CNAME', 60, 'cdf.example.org.'], ['cdf.example.org', 'A', 30, '192.0.2.7'],
  ])
  expect(encodeMessage(response)).toEqual(RESPONSE)
})

test.each([
  ['A', '192.0.2.1'], ['AAAA', '2001:db8::1'], ['CNAME', 'www.example.org.'], ['NS', 'ns.example.org.'], ['PTR', '.'], ['MX', '10 mail.example.org.'],
  ['TXT', '"two words" "a \\"quote\\" and \\\\" "\\195\\164"'], ['SRV', '0 5 8080 my-app.home.'],
  ['SOA', 'localhost. nobody.invalid. 2026010101 3600 1200 604800 5'], ['HINFO', '"RFC8482" ""'], ['TYPE731', '\\# 3 abcdef'], ['TYPE731', '\\# 0'],
])('%s data %s is the same after text, octets, message and text', (typeName, text) => {
  const type = parseType(typeName) ?? 0
  const through = decodeMessage(encodeMessage(message([record('example.org', type, text)]))).answers[0]
  expect(formatRdata(type, through?.rdata ?? new Uint8Array(0))).toBe(text)
})

test('an answer shows the letters of its question, however the zone spells the name', () => {
  const asked = { ...message([record('www.example.org', TYPE.A, '192.0.2.1')]), questions: [{ name: 'wWw.ExAmPlE.oRg', type: TYPE.A, class: CLASS.IN }] }
  const answer = decodeMessage(encodeMessage(asked))
  expect(answer.answers[0]?.name).toBe('wWw.ExAmPlE.oRg')
  expect(encodeMessage(asked).subarray(-16, -14)).toEqual(Uint8Array.of(0xc0, 12))
})

test('letters that no question has are kept', () => {
  const sent = message([record('example.org', TYPE.PTR, 'My-Printer.Office.example.')])
  expect(formatRdata(TYPE.PTR, decodeMessage(encodeMessage(sent)).answers[0]?.rdata ?? new Uint8Array(0))).toBe('My-Printer.Office.example.')
})

test('a record of an update that stands for all of its kind has no data', () => {
  const any = { name: 'example.org', type: TYPE.MX, class: CLASS.ANY, ttl: 0, rdata: new Uint8Array(0) }
  const none = { ...any, class: CLASS.NONE, type: TYPE.A }
  const sent = { ...message([any, none]), header: { ...header, qr: false, opcode: OPCODE.UPDATE } }
  expect(decodeMessage(encodeMessage(sent))).toEqual(sent)
  expect(() => decodeMessage(encodeMessage(message([{ ...any, class: CLASS.IN }])))).toThrow(MalformedPacket)
})

test('a message that does not fit keeps its question and EDNS, and says TC', () => {
  const many = Array.from({ length: 100 }, (_, index) => record('example.org', TYPE.A, `192.0.2.${index}`))
  const sent = encodeMessage(message(many, [optRecord({ rcode: 0, dnssecOk: false })]), 512)
  const cut = decodeMessage(sent)
  expect(sent.length).toBeLessThanOrEqual(512)
  expect(cut.header.tc).toBe(true)
  expect([cut.questions.length, cut.answers.length, cut.additionals.length]).toEqual([1, 0, 1])
  expect(decodeMessage(encodeMessage(message(many))).answers).toHaveLength(100)
})

test('20,000 damaged packets are read or malformed, and nothing else', () => {
  const random = seededRandom(20_231)
  let malformed = 0
  for (let round = 0; round < 20_000; round++) {
    const base = round % 2 === 0 ? RESPONSE : DIG_QUERY
    const bytes = round % 5 === 4 ? new Uint8Array(random.uint32() % 600).map(() => random.uint32()) : base.slice(0, base.length - (round % 7 === 0 ? random.uint32() % base.length : 0))
    for (let damage = random.uint32() % 6; damage >= 0 && bytes.length > 0; damage--) bytes[random.uint32() % bytes.length] = random.uint32()
    try {
      const read = decodeMessage(bytes)
      ednsOf(read)
      for (const { type, rdata } of read.answers) formatRdata(type, rdata)
      encodeMessage(read)
    } catch (error) {
      if (!(error instanceof MalformedPacket)) throw error
      malformed++
    }
  }
  expect(malformed).toBeGreaterThan(5000)
  expect(malformed).toBeLessThan(20_000)
})

test('twelve octets that announce 65,535 records cost nothing', () => {
  expect(() => decodeMessage(fromHex('0000 0000 ffff ffff ffff ffff'))).toThrow(MalformedPacket)
})

test('a message of the largest size cannot blow up by pointers', () => {
  // One name of 249 octets, then as many records as fit that each put another label before it.
  const name = [...Array.from({ length: 123 }, () => [1, 97]).flat(), 0]
  const records = Array.from({ length: 4000 }, () => [1, 98, 0xc0, 12, 255, 99, 0, 1, 0, 0, 0, 0, 0, 0]).flat()
  const bytes = Uint8Array.from([0, 0, 0x80, 0, 0, 1, 0x0f, 0xa0, 0, 0, 0, 0, ...name, 0, 1, 0, 1, ...records])
  expect(() => decodeMessage(bytes)).toThrow(/too large in sum/)
})

test('an address of three octets is malformed', () => {
  const bytes = encodeMessage(message([record('example.org', TYPE.A, '192.0.2.1')]))
  bytes[bytes.length - 5] = 3
  expect(() => decodeMessage(bytes)).toThrow(MalformedPacket)
})

test('frames come out whole however the stream is cut', () => {
  fc.assert(fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 8 }), fc.nat(50), (messages, step) => {
    const stream = Uint8Array.from(messages.flatMap(one => [...encodeFrame(one)]))
    const reader = new FrameReader()
    const out: Uint8Array[] = []
    for (let at = 0; at < stream.length; at += step + 1) out.push(...reader.push(stream.subarray(at, at + step + 1)))
    expect(out).toEqual(messages)
  }))
})
