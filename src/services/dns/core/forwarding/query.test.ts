import fc from 'fast-check'
import { expect, test } from 'vitest'
import { seededRandom } from '../../../kit/random.ts'
import { decodeMessage, encodeMessage } from '../../wire/message.ts'
import { nameKey } from '../../wire/name.ts'
import { CLASS, TYPE } from '../../wire/types.ts'
import { encodeQuery, judgeReply, queryFor, withQuestionOf, withRandomCase } from './query.ts'
import { record } from '../testing/net.ts'

const WANTED = { name: 'www.example.org', type: TYPE.A, class: CLASS.IN }
const replyTo = (query: Uint8Array) => {
  const reply = query.slice()
  reply[2] = (reply[2] ?? 0) | 0x80
  return reply
}

test('case randomization changes nothing but case, and differs from query to query', () => {
  const query = encodeQuery(WANTED, 7)
  const spellings = new Set<string>()
  for (let seed = 0; seed < 50; seed++) {
    const scrambled = withRandomCase(query, seededRandom(seed))
    const [question] = decodeMessage(scrambled).questions
    spellings.add(question?.name ?? '')
    expect([nameKey(question?.name ?? ''), question?.type, scrambled.length]).toEqual([WANTED.name, TYPE.A, query.length])
    expect(encodeMessage({ ...decodeMessage(scrambled), questions: [WANTED] })).toEqual(query)
  }
  expect(spellings.size).toBeGreaterThan(45)
})

test('a long name is randomized over its whole length', () => {
  const name = Array.from({ length: 3 }, () => 'a'.repeat(60)).join('.')
  const scrambled = decodeMessage(withRandomCase(encodeQuery({ ...WANTED, name }, 7), seededRandom(1))).questions[0]?.name ?? ''
  for (const label of scrambled.split('.')) expect(label).toMatch(/a.*A|A.*a/)
})

test('a reply has the same id and question; a different case is told apart', () => {
  const query = withRandomCase(encodeQuery(WANTED, 0x1234), seededRandom(3))
  const change = (at: number, xor: number) => {
    const reply = replyTo(query)
    reply[at] = (reply[at] ?? 0) ^ xor
    return judgeReply(query, reply)
  }
  expect(judgeReply(query, replyTo(query))).toBe('reply')
  expect(judgeReply(query, query)).toBe('other')
  expect([change(0, 1), change(1, 128), change(2, 8), change(5, 3), change(13, 0x20), change(13, 1), change(12, 0x20), change(16, 0x20)]).toEqual(['other', 'other', 'other', 'other', 'other case', 'other', 'other', 'other'])
  // Type (A is 1, SRV is 33) and class are not letters.
  expect([change(12 + 17 + 1, 0x20), change(12 + 17 + 3, 0x20)]).toEqual(['other', 'other'])
})

test('a reply without a question can only report an error', () => {
  const query = encodeQuery(WANTED, 7)
  const reply = replyTo(query).subarray(0, 12)
  reply[5] = 0
  expect(judgeReply(query, reply)).toBe('other')
  reply[3] = 1
  expect(judgeReply(query, reply)).toBe('bare')
})

test('random bytes are never more than "other"', () => {
  const query = encodeQuery(WANTED, 7)
  fc.assert(fc.property(fc.uint8Array({ maxLength: 80, size: 'max' }), bytes => {
    expect(judgeReply(query, bytes)).toBe('other')
  }))
})

test('a reply truncated anywhere in its question is not a reply', () => {
  const query = encodeQuery(WANTED, 7)
  for (let length = 0; length < 33; length++) expect(judgeReply(query, replyTo(query).subarray(0, length))).toBe('other')
})

test('names compressed to the question get its original case back', () => {
  const plain = encodeQuery(WANTED, 7)
  const scrambled = withRandomCase(plain, seededRandom(5))
  const { header, questions } = decodeMessage(scrambled)
  const asked = questions[0]?.name ?? ''
  const reply = encodeMessage({ header: { ...header, qr: true }, questions, answers: [record(asked, TYPE.CNAME, `cdn.${asked.slice(4)}.`)], authorities: [], additionals: [] })
  const { answers } = decodeMessage(withQuestionOf(plain, reply))
  expect(answers[0]?.name).toBe('www.example.org')
  expect(answers[0]?.rdata).toEqual(record('x.', TYPE.CNAME, 'cdn.example.org.').rdata)
})

test('a padded query is a multiple of 128 octets, whatever it contains, and asks the same question', () => {
  fc.assert(fc.property(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 0, max: 200 }), fc.boolean(), (nameLength, optionLength, dnssecOk) => {
    const wanted = { ...WANTED, name: `${'a'.repeat(nameLength)}.example.org`, dnssecOk }
    const query = encodeQuery(wanted, 7, { options: [{ code: 65_001, bytes: new Uint8Array(optionLength) }], padded: true })
    expect(query.length % 128).toBe(0)
    expect(decodeMessage(query).questions).toEqual([{ name: wanted.name, type: TYPE.A, class: CLASS.IN }])
  }))
})

test('DO, CD and AD are set in the right places', () => {
  const { header, additionals } = queryFor({ ...WANTED, dnssecOk: true, checkingDisabled: true }, 7)
  expect([header.ad, header.cd, header.rd, ((additionals[0]?.ttl ?? 0) & 0x8000) !== 0]).toEqual([true, true, true, true])
})
