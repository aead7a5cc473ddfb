import { expect, test } from 'vitest'
import { seededRandom } from '../../../kit/random.ts'
import { decodeMessage, encodeMessage } from '../../wire/message.ts'
import { CLASS, TYPE } from '../../wire/types.ts'
import { ClientLimit, truncatedAnswer } from './client-limit.ts'
import { queryFor } from '../forwarding/query.ts'

test('a client is limited each second, then gets one empty answer in four; other clients are unaffected', () => {
  const limit = new ClientLimit(10, seededRandom(1))
  const verdicts = Array.from({ length: 18 }, () => limit.judge(1, 500))
  expect(verdicts.slice(0, 10).every(verdict => verdict === 'answer')).toBe(true)
  expect(verdicts.slice(10)).toEqual(['drop', 'truncate', 'drop', 'drop', 'drop', 'truncate', 'drop', 'drop'])
  expect(limit.judge(2, 500)).toBe('answer')
  expect(limit.judge(1, 1000)).toBe('answer')
})

test('an exempt client is unlimited until the second ends', () => {
  const limit = new ClientLimit(1, seededRandom(1))
  limit.judge(1, 0)
  limit.exempt(1)
  expect(Array.from({ length: 5000 }, () => limit.judge(1, 900)).every(verdict => verdict === 'answer')).toBe(true)
  expect([limit.judge(1, 1000), limit.judge(1, 1000)]).toEqual(['answer', 'drop'])
})

test('0 means no limit', () => {
  const limit = new ClientLimit(0, seededRandom(1))
  expect(Array.from({ length: 5000 }, () => limit.judge(1, 0)).every(verdict => verdict === 'answer')).toBe(true)
})

test('the empty answer has the question and TC, and is never longer than the query', () => {
  const query = encodeMessage(queryFor({ name: 'my-app.home', type: TYPE.A, class: CLASS.IN }, 77))
  const out = new Uint8Array(512)
  const length = truncatedAnswer(query, 0, query.length, out, 0)
  const { header, questions, answers } = decodeMessage(out.slice(0, length))
  expect([header.id, header.qr, header.tc, header.rd, header.rcode, questions[0]?.name, answers.length]).toEqual([77, true, true, true, 0, 'my-app.home', 0])
  expect(length).toBeLessThanOrEqual(query.length)
})

test('the empty answer is written at its offset from the query at its offset, and takes no flag from it but RD', () => {
  const name = [...Array.from({ length: 3 }, () => 'a'.repeat(63)), 'b'.repeat(61)].join('.')
  for (const [question, rd] of [[name, false], ['.', true]] as const) {
    const { header, ...rest } = queryFor({ name: question, type: TYPE.A, class: CLASS.IN }, 0x1234)
    const query = encodeMessage({ ...rest, header: { ...header, rd, ad: true, cd: true, rcode: 9 }, additionals: [] })
    const out = new Uint8Array(600).fill(0xee)
    const length = truncatedAnswer(Uint8Array.from([1, 2, 3, ...query]), 3, query.length, out, 5)
    const expected = encodeMessage({ ...rest, header: { ...header, qr: true, tc: true, rd, ra: true, ad: false, cd: false }, additionals: [] })
    expect(out.subarray(0, 5 + length + 1)).toEqual(Uint8Array.from([...new Uint8Array(5).fill(0xee), ...expected, 0xee]))
  }
})

test.each([
  ['a question without its last octet', (query: Uint8Array) => query.length - 1],
  ['a header alone', () => 12],
])('%s gets no empty answer, whatever follows it in memory', (_title, lengthOf) => {
  const query = encodeMessage({ ...queryFor({ name: 'my-app.home', type: TYPE.A, class: CLASS.IN }, 77), additionals: [] })
  expect(truncatedAnswer(query, 0, lengthOf(query), new Uint8Array(512), 0)).toBe(0)
})

test.each([
  ['another opcode', (query: Uint8Array) => { query[2] = 0x08 }],
  ['256 questions', (query: Uint8Array) => { query[4] = 1 }],
  ['a response', (query: Uint8Array) => { query[2] = 0x80 }],
  ['two questions', (query: Uint8Array) => { query[5] = 2 }],
  ['an unterminated name', (query: Uint8Array) => { query.fill(1, 12) }],
  ['a compression pointer as the name', (query: Uint8Array) => { query[12] = 0xc0 }],
])('%s gets no empty answer', (_title, damage) => {
  const query = encodeMessage(queryFor({ name: 'my-app.home', type: TYPE.A, class: CLASS.IN }, 77))
  damage(query)
  expect(truncatedAnswer(query, 0, query.length, new Uint8Array(512), 0)).toBe(0)
})
