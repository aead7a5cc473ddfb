import { describe, expect, test } from 'vitest'
import { decodeMessage, encodeMessage, type Message, type ResourceRecord } from '../../wire/message.ts'
import { CLASS, TYPE } from '../../wire/types.ts'
import { optRecord } from '../../wire/edns.ts'
import { queryFor } from '../forwarding/query.ts'
import { HotAnswers } from './hot-answers.ts'

type Change = (query: Message) => Message

function plain(name = 'my-app.home'): Message {
  const query = queryFor({ name, type: TYPE.A, class: CLASS.IN }, 77)
  return { ...query, header: { ...query.header, ad: false }, additionals: [] }
}
const withEdns = (name?: string): Message => ({ ...plain(name), additionals: [optRecord({ rcode: 0, dnssecOk: false })] })
const record = (name: string, ttl: number): ResourceRecord => ({ name, type: TYPE.A, class: CLASS.IN, ttl, rdata: Uint8Array.of(192, 0, 2, 1) })

/** A response as the server gives it. */
function answerTo(query: Message, answers: readonly ResourceRecord[] = [record(query.questions[0]?.name ?? '', 300)]): Message {
  return { ...query, header: { ...query.header, qr: true, aa: true, ra: true }, answers }
}

function ask(hot: HotAnswers, query: Message | Uint8Array, nowMs = 0): Message | undefined {
  const bytes = query instanceof Uint8Array ? query : encodeMessage(query)
  const slab = new Uint8Array(bytes.length + 20)
  slab.set(bytes, 7)
  const out = new Uint8Array(2000)
  const length = hot.answer(slab, 7, bytes.length, out, 100, 1232, nowMs)
  return length === 0 ? undefined : decodeMessage(out.slice(100, 100 + length))
}

const remember = (hot: HotAnswers, query: Message, answer = answerTo(query), holdsUntilMs = Infinity, nowMs = 0) =>
  hot.remember(encodeMessage(query), encodeMessage(answer), holdsUntilMs, nowMs)

describe('the same question', () => {
  test('gets the same answer with its own id, RD and letters', () => {
    const hot = new HotAnswers()
    remember(hot, plain())
    const other = { ...plain('MY-app.HOME'), header: { ...plain().header, id: 0x1234, rd: false } }
    const answer = ask(hot, other)
    expect(answer).toEqual(answerTo(other, [record('MY-app.HOME', 300)]))
  })

  test('with EDNS is another one than without, and a cookie changes nothing', () => {
    const hot = new HotAnswers()
    remember(hot, withEdns())
    expect(ask(hot, plain())).toBe(undefined)
    const cookie = { ...optRecord({ rcode: 0, dnssecOk: false }), rdata: Uint8Array.of(0, 10, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8) }
    expect(ask(hot, { ...plain(), additionals: [cookie] })?.additionals).toEqual([optRecord({ rcode: 0, dnssecOk: false })])
  })

  test.each<[string, Change]>([
    ['DO', query => ({ ...query, additionals: [optRecord({ rcode: 0, dnssecOk: true })] })],
    ['AD', query => ({ ...query, header: { ...query.header, ad: true } })],
    ['CD', query => ({ ...query, header: { ...query.header, cd: true } })],
    ['another type', query => ({ ...query, questions: [{ name: 'my-app.home', type: TYPE.AAAA, class: CLASS.IN }] })],
    ['another class', query => ({ ...query, questions: [{ name: 'my-app.home', type: TYPE.A, class: CLASS.CH }] })],
    ['another name', query => ({ ...query, questions: [{ name: 'my-apq.home', type: TYPE.A, class: CLASS.IN }] })],
  ])('with %s is another one', (_title, change) => {
    const hot = new HotAnswers()
    remember(hot, withEdns())
    expect(ask(hot, withEdns())).toBeDefined()
    expect(ask(hot, change(withEdns()))).toBe(undefined)
  })
})

describe('time', () => {
  test('TTLs are counted down, EDNS is no TTL, and what has expired is not answered', () => {
    const hot = new HotAnswers()
    remember(hot, withEdns(), answerTo(withEdns(), [record('my-app.home', 300), record('my-app.home', 20)]), 20_000, 0)
    const later = ask(hot, withEdns(), 12_500)
    expect(later?.answers.map(({ ttl }) => ttl)).toEqual([287, 7])
    expect(later?.additionals).toEqual([optRecord({ rcode: 0, dnssecOk: false })])
    expect(ask(hot, withEdns(), 20_000)).toBe(undefined)
  })

  test('what is registered holds until all is forgotten', () => {
    const hot = new HotAnswers()
    remember(hot, plain())
    expect(ask(hot, plain(), 1e12)?.answers[0]?.ttl).toBe(300)
    hot.forget()
    expect(ask(hot, plain())).toBe(undefined)
  })

  test('a newer answer takes the older one\'s place', () => {
    const hot = new HotAnswers()
    remember(hot, plain(), answerTo(plain(), [record('my-app.home', 1)]), 1000)
    remember(hot, plain(), answerTo(plain(), [record('my-app.home', 2)]))
    expect(ask(hot, plain(), 5000)?.answers[0]?.ttl).toBe(2)
  })
})

describe('size', () => {
  const large = (query: Message) => answerTo(query, Array.from({ length: 40 }, (_, index) => ({ ...record('my-app.home', 300), rdata: Uint8Array.of(10, 0, 0, index) })))

  test('an answer over 512 octets needs a client that takes it, and one over 1232 is not kept', () => {
    const hot = new HotAnswers()
    const payload = (octets: number): Message => ({ ...plain(), additionals: [{ ...optRecord({ rcode: 0, dnssecOk: false }), class: octets }] })
    remember(hot, payload(1232), large(payload(1232)))
    expect(ask(hot, payload(600))).toBe(undefined)
    expect(ask(hot, payload(4096))?.answers.length).toBe(40)
  })

  test('a truncated answer is not kept', () => {
    const hot = new HotAnswers()
    const answer = answerTo(plain())
    remember(hot, plain(), { ...answer, header: { ...answer.header, tc: true } })
    expect(ask(hot, plain())).toBe(undefined)
  })

  test('of 20,000 answers the newest is known, and none is mistaken for another', () => {
    const hot = new HotAnswers()
    for (let n = 0; n < 20_000; n++) remember(hot, plain(`host-${n}.home`), answerTo(plain(`host-${n}.home`), [record(`host-${n}.home`, n)]))
    expect(ask(hot, plain('host-19999.home'))?.answers[0]?.ttl).toBe(19_999)
    const known = Array.from({ length: 20_000 }, (_, n) => ask(hot, plain(`host-${n}.home`))?.answers[0]?.ttl)
    expect(known.every((ttl, n) => ttl === undefined || ttl === n)).toBe(true)
    expect(known.filter(ttl => ttl !== undefined).length).toBeGreaterThan(15_000)
  })
})

describe('what is not the usual query is left to the machine', () => {
  test.each<[string, (query: Uint8Array) => Uint8Array]>([
    ['an answer', query => { query[2] = 0x81; return query }],
    ['another opcode', query => { query[2] = 0x29; return query }],
    ['two questions announced', query => { query[5] = 2; return query }],
    ['an answer record announced', query => { query[7] = 1; return query }],
    ['octets behind its end', query => Uint8Array.of(...query, 0)],
    ['less than its end', query => query.slice(0, -1)],
    ['a pointer as its name', query => { query[12] = 0xc0; return query }],
    ['a label over the end', query => { query[12] = 63; return query }],
    ['twelve octets', query => query.slice(0, 12)],
    ['EDNS of another version', () => encodeMessage({ ...plain(), additionals: [{ ...optRecord({ rcode: 0, dnssecOk: false }), ttl: 0x10000 }] })],
    ['an EDNS option that wants an answer', () => encodeMessage({ ...plain(), additionals: [{ ...optRecord({ rcode: 0, dnssecOk: false }), rdata: Uint8Array.of(0xfd, 0xe9, 0, 0) }] })],
  ])('%s', (_title, damage) => {
    const hot = new HotAnswers()
    remember(hot, plain())
    remember(hot, withEdns())
    const damaged = damage(encodeMessage(plain()))
    expect(ask(hot, damaged)).toBe(undefined)
    hot.remember(damaged, encodeMessage(answerTo(plain())), Infinity, 0)
    expect(ask(hot, damaged)).toBe(undefined)
  })
})
