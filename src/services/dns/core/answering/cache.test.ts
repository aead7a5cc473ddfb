import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Question, ResourceRecord } from '../../wire/message.ts'
import { EntryReader } from '../../wire/presentation.ts'
import { parseRdata } from '../../wire/rdata.ts'
import { CLASS, RCODE, TYPE } from '../../wire/types.ts'
import { Cache } from './cache.ts'
import type { Finding } from '../forwarding/finding.ts'

const FROM = '192.0.2.53:53'
const question = (name: string, type: number = TYPE.A): Question => ({ name, type, class: CLASS.IN })
const record = (name: string, type: number, text: string, ttl: number): ResourceRecord => ({ name, type, class: CLASS.IN, ttl, rdata: parseRdata(type, new EntryReader(text).next()?.tokens ?? []) })
const found = (ttl: number): Finding => ({ rcode: RCODE.NOERROR, answers: [record('a.example.org', TYPE.A, '192.0.2.1', ttl)], authorities: [], authentic: false })
const missing = (rcode: number, ttl = 60, minimum = 30): Finding => ({ rcode, answers: [], authorities: [record('example.org', TYPE.SOA, `ns.example.org. x.example.org. 1 2 3 4 ${minimum}`, ttl)], authentic: false })
const ttlsAt = (cache: Cache, nowMs: number) => cache.get(question('a.example.org'), nowMs)?.finding.answers.map(({ ttl }) => ttl)

test('a TTL is counted down, and the answer expires with it', () => {
  const cache = new Cache()
  expect(cache.put(question('A.example.org'), found(10), FROM, 1000)).toBe(11_000)
  expect([ttlsAt(cache, 1000), ttlsAt(cache, 4999), ttlsAt(cache, 10_999), ttlsAt(cache, 11_000)]).toEqual([[10], [7], [1], undefined])
})

test('a TTL of years is reduced to a day, and an answer with TTL 0 is not cached', () => {
  const cache = new Cache()
  expect(cache.put(question('a.example.org'), found(100_000_000), FROM, 0)).toBe(86_400_000)
  expect(ttlsAt(cache, 0)).toEqual([86_400])
  expect(cache.put(question('a.example.org'), found(0), FROM, 0)).toBeUndefined()
  expect(cache.size).toBe(0)
})

test('the shortest TTL of a chain applies to all of it', () => {
  const cache = new Cache()
  const answers = [record('a.example.org', TYPE.CNAME, 'b.example.org.', 5), record('b.example.org', TYPE.A, '192.0.2.1', 500)]
  cache.put(question('a.example.org'), { rcode: RCODE.NOERROR, answers, authorities: [], authentic: false }, FROM, 0)
  expect([ttlsAt(cache, 2000), ttlsAt(cache, 5000)]).toEqual([[3, 3], undefined])
})

test('NXDOMAIN applies to every type, NODATA to its own; the SOA says for how long', () => {
  const cache = new Cache()
  cache.put(question('x.example.org'), missing(RCODE.NXDOMAIN), FROM, 0)
  cache.put(question('y.example.org'), missing(RCODE.NOERROR, 60, 30), FROM, 0)
  expect(cache.get(question('X.example.org', TYPE.MX), 29_999)?.finding.rcode).toBe(RCODE.NXDOMAIN)
  expect(cache.get(question('x.example.org', TYPE.MX), 30_000)).toBeUndefined()
  expect(cache.get(question('y.example.org'), 10_000)?.finding.authorities[0]?.ttl).toBe(20)
  expect(cache.get(question('y.example.org', TYPE.MX), 10_000)).toBeUndefined()
  expect(cache.put(question('z.example.org'), { rcode: RCODE.NXDOMAIN, answers: [], authorities: [], authentic: false }, FROM, 0)).toBeUndefined()
  expect(cache.put(question('z.example.org'), missing(RCODE.NXDOMAIN, 1e6, 1e6), FROM, 0)).toBe(900_000)
})

test('a name that appears replaces its cached NXDOMAIN', () => {
  const cache = new Cache()
  cache.put(question('a.example.org', TYPE.MX), missing(RCODE.NXDOMAIN), FROM, 0)
  cache.put(question('a.example.org'), found(10), FROM, 1000)
  expect(cache.get(question('a.example.org', TYPE.MX), 1000)).toBeUndefined()
})

test('an expired answer is served stale for another day, with a TTL of 30 s', () => {
  const cache = new Cache()
  cache.put(question('a.example.org'), found(10), FROM, 0)
  expect(cache.stale(question('a.example.org'), 10_000 + 86_399_999)?.finding.answers[0]?.ttl).toBe(30)
  expect(cache.stale(question('a.example.org'), 10_000 + 86_400_000)).toBeUndefined()
})

test('a failed refresh is not repeated for 30 s (RFC 8767 §5)', () => {
  const cache = new Cache()
  cache.put(question('a.example.org'), found(10), FROM, 0)
  const hasFailed = (nowMs: number) => cache.stale(question('a.example.org'), nowMs)?.refreshFailed
  expect(hasFailed(20_000)).toBe(false)
  cache.refreshFailed(question('a.example.org'), 20_000)
  expect([hasFailed(20_000), hasFailed(49_999), hasFailed(50_000)]).toEqual([true, true, false])
})

test('the least recently used entry is evicted', () => {
  const cache = new Cache({ entriesMax: 2, octetsMax: 1e6 })
  for (const name of ['a', 'b']) cache.put(question(name), found(10), FROM, 0)
  cache.get(question('a'), 0)
  cache.put(question('c'), found(10), FROM, 0)
  expect(['a', 'b', 'c'].map(name => cache.get(question(name), 0) !== undefined)).toEqual([true, false, true])
  expect([cache.flush(), cache.size]).toEqual([2, 0])
})

test('octets are bounded too', () => {
  const cache = new Cache({ entriesMax: 1e6, octetsMax: 10_000 })
  const fill = () => { for (let index = 0; index < 1000; index++) cache.put(question(`n${index}.example.org`), found(10), FROM, 0) }
  fill()
  expect(cache.size).toBeGreaterThan(5)
  expect(cache.size).toBeLessThan(50)
  const before = cache.flush()
  fill()
  expect(cache.size).toBe(before)
})

test('an answer larger than the whole cache is not cached, and the next one is', () => {
  const cache = new Cache({ entriesMax: 10, octetsMax: 2000 })
  cache.put(question('a.example.org'), { ...found(10), answers: Array.from({ length: 10 }, () => record('a.example.org', TYPE.A, '192.0.2.1', 10)) }, FROM, 0)
  expect(cache.size).toBe(0)
  cache.put(question('a.example.org'), found(10), FROM, 0)
  expect(ttlsAt(cache, 0)).toEqual([10])
})

test('whatever is put, used and flushed, the least recently used names are the ones evicted', () => {
  const steps = fc.array(fc.tuple(fc.constantFrom('put', 'put', 'get', 'flush'), fc.nat(9)), { maxLength: 300, size: 'max' })
  fc.assert(fc.property(steps, fc.integer({ min: 1, max: 6 }), (steps, entriesMax) => {
    const cache = new Cache({ entriesMax, octetsMax: 1e6 })
    let expected: number[] = []
    for (const [step, name] of steps) {
      if (step === 'flush') {
        expect(cache.flush()).toBe(expected.length)
        expected = []
      } else if (step === 'get') {
        expect(cache.get(question(`n${name}`), 0) !== undefined).toBe(expected.includes(name))
        if (expected.includes(name)) expected = [...expected.filter(each => each !== name), name]
      } else {
        cache.put(question(`n${name}`), found(10), FROM, 0)
        expected = [...expected.filter(each => each !== name), name].slice(-entriesMax)
      }
      expect(cache.size).toBe(expected.length)
    }
  }))
})

test('the answers about one name are limited', () => {
  const cache = new Cache()
  for (let type = 256; type < 400; type++) cache.put(question('a.example.org', type), { ...missing(RCODE.NOERROR), answers: [] }, FROM, 0)
  expect(cache.size).toBe(32)
  expect([399, 368, 367].map(type => cache.get(question('a.example.org', type), 0)?.upstream)).toEqual([FROM, FROM, undefined])
})

test('an entry knows its upstream and its age', () => {
  const cache = new Cache()
  cache.put(question('a.example.org'), found(10), FROM, 1000)
  expect(cache.get(question('a.example.org'), 5000)).toMatchObject({ ageMs: 4000, upstream: FROM, shouldPrefetch: false })
  for (let use = 0; use < 3; use++) cache.get(question('a.example.org'), 9_900)
  expect([cache.get(question('a.example.org'), 9_900)?.shouldPrefetch, cache.get(question('a.example.org'), 10_000)?.shouldPrefetch]).toEqual([false, true])
})

test('the third use in the last tenth of the TTL asks for a prefetch', () => {
  const cache = new Cache()
  cache.put(question('a.example.org'), found(10), FROM, 0)
  expect([8999, 9000, 9000].map(nowMs => cache.get(question('a.example.org'), nowMs)?.shouldPrefetch)).toEqual([false, false, true])
})
