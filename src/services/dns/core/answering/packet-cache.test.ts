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

/** A response as the server sends it. */
function answerTo(query: Message, answers: readonly ResourceRecord[] = [record(query.questions[0]?.name ?? '', 300)]): Message {
  return { ...query, header: { ...query.header, qr: true, aa: true, ra: true }, answers }
}

function ask(cache: PacketCache, query: Message | Uint8Array, nowMs = 0): Message | undefined {
  const bytes = query instanceof Uint8Array ? query : encodeMessage(query)
  const slab = new Uint8Array(bytes.length + 20)
  slab.set(bytes, 7)
  const out = new Uint8Array(2000)
  const length = cache.answer(slab, 7, bytes.length, out, 100, 1232, nowMs)
  return length === 0 ? undefined : decodeMessage(out.slice(100, 100 + length))
}

const put = (cache: PacketCache, query: Message, answer = answerTo(query), holdsUntilMs = Infinity, nowMs = 0) =>
  cache.put(encodeMessage(query), encodeMessage(answer), holdsUntilMs, nowMs)

describe('the same question', () => {
  test('gets the same answer with its own id, RD and case', () => {
    const cache = new PacketCache()
    put(cache, plain())
    const other = { ...plain('MY-app.HOME'), header: { ...plain().header, id: 0x1234, rd: false } }
    const answer = ask(cache, other)
    expect(answer).toEqual(answerTo(other, [record('MY-app.HOME', 300)]))
  })

  test('with EDNS is a different entry than without; a cookie makes no difference', () => {
    const cache = new PacketCache()
    put(cache, withEdns())
    expect(ask(cache, plain())).toBe(undefined)
    const cookie = { ...optRecord({ rcode: 0, dnssecOk: false }), rdata: Uint8Array.of(0, 10, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8) }
    expect(ask(cache, { ...plain(), additionals: [cookie] })?.additionals).toEqual([optRecord({ rcode: 0, dnssecOk: false })])
  })

  test.each<[string, Change]>([
    ['DO', query => ({ ...query, additionals: [optRecord({ rcode: 0, dnssecOk: true })] })],
    ['AD', query => ({ ...query, header: { ...query.header, ad: true } })],
    ['CD', query => ({ ...query, header: { ...query.header, cd: true } })],
    ['another type', query => ({ ...query, questions: [{ name: 'my-app.home', type: TYPE.AAAA, class: CLASS.IN }] })],
    ['another class', query => ({ ...query, questions: [{ name: 'my-app.home', type: TYPE.A, class: CLASS.CH }] })],
    ['another name', query => ({ ...query, questions: [{ name: 'my-apq.home', type: TYPE.A, class: CLASS.IN }] })],
  ])('with %s is a different entry', (_title, change) => {
    const cache = new PacketCache()
    put(cache, withEdns())
    expect(ask(cache, withEdns())).toBeDefined()
    expect(ask(cache, change(withEdns()))).toBe(undefined)
  })
})

test('names with equal hashes are told apart', () => {
  const cache = new PacketCache()
  put(cache, plain('n162789.home'))
  expect([ask(cache, plain('n162789.home')), ask(cache, plain('n379192.home'))]).toEqual([answerTo(plain('n162789.home')), undefined])
})

describe('time', () => {
  test('the TTLs of all sections are counted down from when the answer was stored, and stop at 0', () => {
    const cache = new PacketCache()
    const answer = (...ttls: readonly [number, number, number]): Message => ({
      ...answerTo(withEdns(), [record('my-app.home', ttls[0]), record('web.example.org', ttls[1])]), authorities: [record('deep.web.example.org', ttls[2])],
    })
    put(cache, withEdns(), answer(100_000, 2, 65_536), 50_000_000, 5_000)
    expect(ask(cache, withEdns(), 7_500)).toEqual(answer(99_997, 0, 65_533))
  })

  test('the TTL field of OPT is not counted down, and an expired answer is not used', () => {
    const cache = new PacketCache()
    put(cache, withEdns(), answerTo(withEdns(), [record('my-app.home', 300), record('my-app.home', 20)]), 20_000, 0)
    const later = ask(cache, withEdns(), 12_500)
    expect(later?.answers.map(({ ttl }) => ttl)).toEqual([287, 7])
    expect(later?.additionals).toEqual([optRecord({ rcode: 0, dnssecOk: false })])
    expect(ask(cache, withEdns(), 20_000)).toBe(undefined)
  })

  test('an answer from the zone is valid until the cache is cleared', () => {
    const cache = new PacketCache()
    put(cache, plain())
    expect(ask(cache, plain(), 1e12)?.answers[0]?.ttl).toBe(300)
    cache.clear()
    expect(ask(cache, plain())).toBe(undefined)
  })

  test('a newer answer replaces the older one', () => {
    const cache = new PacketCache()
    put(cache, plain(), answerTo(plain(), [record('my-app.home', 1)]), 1000)
    put(cache, plain(), answerTo(plain(), [record('my-app.home', 2)]))
    expect(ask(cache, plain(), 5000)?.answers[0]?.ttl).toBe(2)
  })
})

describe('size', () => {
  const large = (query: Message) => answerTo(query, Array.from({ length: 40 }, (_, index) => ({ ...record('my-app.home', 300), rdata: Uint8Array.of(10, 0, 0, index) })))

  const payload = (octets: number): Message => ({ ...plain(), additionals: [{ ...optRecord({ rcode: 0, dnssecOk: false }), class: octets }] })
  /** An answer of the given size. */
  const sized = (query: Message, octets: number) => {
    const ofData = (count: number) => answerTo(query, [{ ...record('my-app.home', 300), type: 65_280, rdata: new Uint8Array(count).fill(7) }])
    return ofData(octets - encodeMessage(ofData(0)).length)
  }

  test('a long answer is returned whole, with its TTLs counted down', () => {
    const cache = new PacketCache()
    put(cache, payload(1232), large(payload(1232)), 300_000)
    expect(ask(cache, payload(4096), 1000)?.answers).toEqual(large(plain()).answers.map(answer => ({ ...answer, ttl: 299 })))
  })

  test.each([
    ['without EDNS', plain(), 512], ['with a payload of less than 512 octets', payload(100), 512], ['with a payload of 600 octets', payload(600), 600], ['with a payload of more than 1,232 octets', payload(4096), 1232],
  ])('a client %s gets an answer that fits, and not one that is an octet longer', (_title, query, limit) => {
    const cache = new PacketCache()
    put(cache, query, sized(query, limit))
    expect(ask(cache, query)).toEqual(sized(query, limit))
    cache.clear()
    put(cache, query, sized(query, limit + 1))
    expect(ask(cache, query)).toBe(undefined)
  })

  test('the longest possible name is cached like any other', () => {
    const longest = [...Array.from({ length: 3 }, () => 'a'.repeat(63)), 'b'.repeat(61)].join('.')
    const cache = new PacketCache()
    put(cache, plain(longest))
    expect(ask(cache, plain(longest))).toEqual(answerTo(plain(longest)))
  })

  test('an answer that does not fit in the output is left to the machine', () => {
    const cache = new PacketCache()
    const [query, answer] = [encodeMessage(plain()), encodeMessage(answerTo(plain()))]
    cache.put(query, answer, Infinity, 0)
    const out = new Uint8Array(600)
    expect([answer.length, answer.length - 1].map(roomBytes => cache.answer(query, 0, query.length, out, 0, roomBytes, 0))).toEqual([answer.length, 0])
  })

  test('a truncated answer is not stored', () => {
    const cache = new PacketCache()
    const answer = answerTo(plain())
    put(cache, plain(), { ...answer, header: { ...answer.header, tc: true } })
    expect(ask(cache, plain())).toBe(undefined)
  })

  test('of 20,000 answers the newest is present, and none is mistaken for another', () => {
    const cache = new PacketCache()
    for (let n = 0; n < 20_000; n++) put(cache, plain(`host-${n}.home`), answerTo(plain(`host-${n}.home`), [record(`host-${n}.home`, n)]))
    expect(ask(cache, plain('host-19999.home'))?.answers[0]?.ttl).toBe(19_999)
    const known = Array.from({ length: 20_000 }, (_, n) => ask(cache, plain(`host-${n}.home`))?.answers[0]?.ttl)
    expect(known.every((ttl, n) => ttl === undefined || ttl === n)).toBe(true)
    expect(known.filter(ttl => ttl !== undefined).length).toBeGreaterThan(15_000)
  })
})

describe('an unusual query is left to the machine', () => {
  test.each<[string, (query: Uint8Array) => Uint8Array]>([
    ['a response', query => { query[2] = 0x81; return query }],
    ['another opcode', query => { query[2] = 0x29; return query }],
    ['a count of two questions', query => { query[5] = 2; return query }],
    ['a count of one answer', query => { query[7] = 1; return query }],
    ['trailing octets', query => Uint8Array.of(...query, 0)],
    ['a missing last octet', query => query.slice(0, -1)],
    ['a compression pointer as its name', query => { query[12] = 0xc0; return query }],
    ['a label beyond the end', query => { query[12] = 63; return query }],
    ['twelve octets', query => query.slice(0, 12)],
    ['EDNS of another version', () => encodeMessage({ ...plain(), additionals: [{ ...optRecord({ rcode: 0, dnssecOk: false }), ttl: 0x10000 }] })],
    ['an unknown EDNS flag', () => encodeMessage({ ...plain(), additionals: [{ ...optRecord({ rcode: 0, dnssecOk: false }), ttl: 1 }] })],
    ['another record in place of OPT', () => encodeMessage({ ...plain(), additionals: [{ ...record('', 0), name: '.', class: 512, rdata: new Uint8Array(0), type: 65_321 }] })],
    ['option 266, which is not a cookie', () => encodeMessage({ ...plain(), additionals: [{ ...optRecord({ rcode: 0, dnssecOk: false }), rdata: Uint8Array.of(1, 10, 0, 1, 1) }] })],
    ['a truncated cookie', () => encodeMessage({ ...plain(), additionals: [{ ...optRecord({ rcode: 0, dnssecOk: false }), rdata: Uint8Array.of(0, 10, 0, 8, 1, 2, 3) }] })],
    ['a cookie and another option', () => encodeMessage({ ...plain(), additionals: [{ ...optRecord({ rcode: 0, dnssecOk: false }), rdata: Uint8Array.of(0, 10, 0, 1, 1, 0, 3, 0, 0) }] })],
    ['an EDNS option that expects an answer', () => encodeMessage({ ...plain(), additionals: [{ ...optRecord({ rcode: 0, dnssecOk: false }), rdata: Uint8Array.of(0xfd, 0xe9, 0, 0) }] })],
  ])('%s', (_title, damage) => {
    const cache = new PacketCache()
    put(cache, plain())
    put(cache, withEdns())
    const damaged = damage(encodeMessage(plain()))
    expect(ask(cache, damaged)).toBe(undefined)
    cache.put(damaged, encodeMessage(answerTo(plain())), Infinity, 0)
    expect(ask(cache, damaged)).toBe(undefined)
  })
})
