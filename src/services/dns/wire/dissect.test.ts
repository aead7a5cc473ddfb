import fc from 'fast-check'
import { expect, test } from 'vitest'
import { firstGap } from '../../kit/testing/tiling.ts'
import { anyMessage, record } from '../testing/records.ts'
import { dissectMessage } from './dissect.ts'
import { optRecord } from './edns.ts'
import { EDE, extendedErrorOption } from './edns-options.ts'
import { encodeMessage, type Message } from './message.ts'
import { CLASS, OPCODE, RCODE, TYPE } from './types.ts'

const header = { id: 0x1f0a, qr: true, opcode: OPCODE.QUERY, aa: true, tc: false, rd: true, ra: true, ad: false, cd: false, rcode: RCODE.NOERROR }
const response: Message = {
  header, questions: [{ name: 'my-app.home', type: TYPE.A, class: CLASS.IN }], answers: [record('my-app.home', 'A', '192.168.1.50')], authorities: [],
  additionals: [optRecord({ rcode: 0, dnssecOk: true, options: [extendedErrorOption({ infoCode: EDE.STALE_ANSWER, text: 'old' })] })],
}

test('a response is dissected field by field', () => {
  const { summary, fields } = dissectMessage(encodeMessage(response))
  expect(summary).toBe('response 0x1f0a A my-app.home NOERROR: A 192.168.1.50')
  expect(fields.map(({ name, value, from, to }) => `${from}-${to} ${name}: ${value}`)).toEqual([
    '0-2 id: 0x1f0a', '2-4 flags: QUERY qr aa rd ra NOERROR', '4-6 questions: 1', '6-8 answers: 1', '8-10 authorities: 0', '10-12 additionals: 1',
    '12-29 question: A my-app.home', '29-45 answer: A my-app.home, a pointer to byte 12, 300 s: 192.168.1.50',
    '45-65 additional: OPT, UDP payload of 1232 octets, version 0, DNSSEC OK (DO)',
  ])
  expect(fields[7]?.fields?.map(({ name, from, to }) => `${from}-${to} ${name}`)).toEqual(['29-31 name', '31-33 type', '33-35 class', '35-39 ttl', '39-41 rdlength', '41-45 rdata'])
  expect(fields[8]?.fields?.at(-1)?.fields).toEqual([{ name: 'option 15', value: 'EDE 3 (stale answer): old', from: 56, to: 65 }])
})

test('the sections of an update have their own names (RFC 2136 §2)', () => {
  const update: Message = { ...response, header: { ...header, qr: false, opcode: OPCODE.UPDATE }, questions: [{ name: 'home', type: TYPE.SOA, class: CLASS.IN }], answers: [], authorities: [record('new.home', 'A', '192.168.1.9')], additionals: [] }
  expect(dissectMessage(encodeMessage(update)).fields.map(({ name }) => name).slice(2)).toEqual(['zones', 'prerequisites', 'updates', 'additionals', 'zone', 'update'])
})

test('the fields of any message cover each of its octets', () => {
  fc.assert(fc.property(anyMessage(), message => {
    const bytes = encodeMessage(message)
    expect(firstGap(dissectMessage(bytes).fields, bytes.length)).toBeUndefined()
  }), { numRuns: 300 })
})

test('a truncated message keeps the fields read so far and says what is wrong', () => {
  const bytes = encodeMessage(response).subarray(0, 40)
  const { summary, fields } = dissectMessage(bytes)
  expect(summary).toMatch(/^malformed: /)
  expect(fields.map(({ name }) => name).slice(-2)).toEqual(['question', 'malformed'])
  expect(firstGap(fields, bytes.length)).toBeUndefined()
})

test('the fields of random octets cover each of them', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 80, size: 'max' }), bytes => {
    expect(firstGap(dissectMessage(bytes).fields, bytes.length)).toBeUndefined()
  }), { numRuns: 2000 })
})
