import { describe, expect, test } from 'vitest'
import { decodeMessage, encodeMessage, type Message, type ResourceRecord } from '../../wire/message.ts'
import { CLASS, TYPE } from '../../wire/types.ts'
import { optRecord } from '../../wire/edns.ts'
import { queryFor } from '../forwarding/query.ts'
import { PacketCache } from './packet-cache.ts'

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

function ask(hot: PacketCache, query: Message | Uint8Array, nowMs = 0): Message | undefined {
  const bytes = query instanceof Uint8Array ? query : encodeMessage(query)
  const slab = new Uint8Array(bytes.length + 20)
  slab.set(bytes, 7)
  const out = new Uint8Array(2000)
  const length = hot.answer(slab, 7, bytes.length, out, 100, 1232, nowMs)
  return length === 0 ? undefined : decodeMessage(out.slice(100, 100 + length))
}

const remember = (hot: PacketCache, query: Message, answer = answerTo(query), holdsUntilMs = Infinity, nowMs = 0) =>
  hot.remember(encodeMessage(query), encodeMessage(answer), holdsUntilMs, nowMs)

describe('the same question', () => {
  test('gets the same answer with its own id, RD and letters', () => {
    const hot = new PacketCache()
    remember(hot, plain())
    const other = { ...plain('MY-app.HOME'), header: { ...plain().header, id: 0x1234, rd: false } }
    const answer = ask(hot, other)
    expect(answer).toEqual(answerTo(other, [record('MY-app.HOME', 300)]))
  })

  test('with EDNS is another one than without, and a cookie changes nothing', () => {
    const hot = new PacketCache()
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
    const hot = new PacketCache()
    remember(hot, withEdns())
    expect(ask(hot, withEdns())).toBeDefined()
    expect(ask(hot, change(withEdns()))).toBe(undefined)
  })
})

test('names whose hashes are equal are told apart', () => {
  const hot = new PacketCache()
  remember(hot, plain('n162789.home'))
  expect([ask(hot, plain('n162789.home')), ask(hot, plain('n379192.home'))]).toEqual([answerTo(plain('n162789.home')), undefined])
})

describe('time', () => {
  test('the TTLs of all sections are counted down from when the answer was kept, to 0 at least', () => {
    const hot = new PacketCache()
    const answer = (...ttls: readonly [number, number, number]): Message => ({
      ...answerTo(withEdns(), [record('my-app.home', ttls[0]), record('web.example.org', ttls[1])]), authorities: [record('deep.web.example.org', ttls[2])],
    })
    remember(hot, withEdns(), answer(100_000, 2, 65_536), 50_000_000, 5_000)
    expect(ask(hot, withEdns(), 7_500)).toEqual(answer(99_997, 0, 65_533))
  })

  test('TTLs are counted down, EDNS is no TTL, and what has expired is not answered', () => {
    const hot = new PacketCache()
    remember(hot, withEdns(), answerTo(withEdns(), [record('my-app.home', 300), record('my-app.home', 20)]), 20_000, 0)
    const later = ask(hot, withEdns(), 12_500)
    expect(later?.answers.map(({ ttl }) => ttl)).toEqual([287, 7])
    expect(later?.additionals).toEqual([optRecord({ rcode: 0, dnssecOk: false })])
    expect(ask(hot, withEdns(), 20_000)).toBe(undefined)
  })

  test('what is registered holds until all is forgotten', () => {
    const hot = new PacketCache()
    remember(hot, plain())
    expect(ask(hot, plain(), 1e12)?.answers[0]?.ttl).toBe(300)
    hot.forget()
    expect(ask(hot, plain())).toBe(undefined)
  })

  test('a newer answer takes the older one\'s place', () => {
    const hot = new PacketCache()
    remember(hot, plain(), answerTo(plain(), [record('my-app.home', 1)]), 1000)
    remember(hot, plain(), answerTo(plain(), [record('my-app.home', 2)]))
    expect(ask(hot, plain(), 5000)?.answers[0]?.ttl).toBe(2)
  })
})

describe('size', () => {
  const large = (query: Message) => answerTo(query, Array.from({ length: 40 }, (_, index) => ({ ...record('my-app.home', 300), rdata: Uint8Array.of(10, 0, 0, index) })))

  const payload = (octets: number): Message => ({ ...plain(), additionals: [{ ...optRecord({ rcode: 0, dnssecOk: false }), class: octets }] })
  /** An answer of so many octets. */
  const sized = (query: Message, octets: number) => {
    const ofData = (count: number) => answerTo(query, [{ ...record('my-app.home', 300), type: 65_280, rdata: new Uint8Array(count).fill(7) }])
    return ofData(octets - encodeMessage(ofData(0)).length)
  }

  test('a long answer is the whole answer, and its TTLs are counted down', () => {
    const hot = new PacketCache()
    remember(hot, payload(1232), large(payload(1232)), 300_000)
    expect(ask(hot, payload(4096), 1000)?.answers).toEqual(large(plain()).answers.map(answer => ({ ...answer, ttl: 299 })))
  })

  test.each([
    ['without EDNS', plain(), 512], ['with a payload of less than 512 octets', payload(100), 512], ['with its payload', payload(600), 600], ['with a payload of more than 1,232 octets', payload(4096), 1232],
  ])('a client %s gets an answer that fits, and none that is an octet longer', (_title, query, limit) => {
    const hot = new PacketCache()
    remember(hot, query, sized(query, limit))
    expect(ask(hot, query)).toEqual(sized(query, limit))
    hot.forget()
    remember(hot, query, sized(query, limit + 1))
    expect(ask(hot, query)).toBe(undefined)
  })

  test('the longest name is known as any other', () => {
    const longest = [...Array.from({ length: 3 }, () => 'a'.repeat(63)), 'b'.repeat(61)].join('.')
    const hot = new PacketCache()
    remember(hot, plain(longest))
    expect(ask(hot, plain(longest))).toEqual(answerTo(plain(longest)))
  })

  test('where there is no room for it, an answer is left to the machine', () => {
    const hot = new PacketCache()
    const [query, answer] = [encodeMessage(plain()), encodeMessage(answerTo(plain()))]
    hot.remember(query, answer, Infinity, 0)
    const out = new Uint8Array(600)
    expect([answer.length, answer.length - 1].map(roomBytes => hot.answer(query, 0, query.length, out, 0, roomBytes, 0))).toEqual([answer.length, 0])
  })

  test('a truncated answer is not kept', () => {
    const hot = new PacketCache()
    const answer = answerTo(plain())
    remember(hot, plain(), { ...answer, header: { ...answer.header, tc: true } })
    expect(ask(hot, plain())).toBe(undefined)
  })

  test('of 20,000 answers the newest is known, and none is mistaken for another', () => {
    const hot = new PacketCache()
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
    ['a set bit of EDNS that nobody knows', () => encodeMessage({ ...plain(), additionals: [{ ...optRecord({ rcode: 0, dnssecOk: false }), ttl: 1 }] })],
    ['another record in the place of EDNS', () => encodeMessage({ ...plain(), additionals: [{ ...record('', 0), name: '.', class: 512, rdata: new Uint8Array(0), type: 65_321 }] })],
    ['option 266, which is no cookie', () => encodeMessage({ ...plain(), additionals: [{ ...optRecord({ rcode: 0, dnssecOk: false }), rdata: Uint8Array.of(1, 10, 0, 1, 1) }] })],
    ['a cookie that is cut', () => encodeMessage({ ...plain(), additionals: [{ ...optRecord({ rcode: 0, dnssecOk: false }), rdata: Uint8Array.of(0, 10, 0, 8, 1, 2, 3) }] })],
    ['a cookie and another option', () => encodeMessage({ ...plain(), additionals: [{ ...optRecord({ rcode: 0, dnssecOk: false }), rdata: Uint8Array.of(0, 10, 0, 1, 1, 0, 3, 0, 0) }] })],
    ['an EDNS option that wants an answer', () => encodeMessage({ ...plain(), additionals: [{ ...optRecord({ rcode: 0, dnssecOk: false }), rdata: Uint8Array.of(0xfd, 0xe9, 0, 0) }] })],
  ])('%s', (_title, damage) => {
    const hot = new PacketCache()
    remember(hot, plain())
    remember(hot, withEdns())
    const damaged = damage(encodeMessage(plain()))
    expect(ask(hot, damaged)).toBe(undefined)
    hot.remember(damaged, encodeMessage(answerTo(plain())), Infinity, 0)
    expect(ask(hot, damaged)).toBe(undefined)
  })
})
