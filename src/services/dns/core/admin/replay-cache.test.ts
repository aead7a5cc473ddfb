import { expect, test } from 'vitest'
import { seededRandom } from '../../../kit/random.ts'
import { ReplayCache } from './replay-cache.ts'
import { FUDGE_SECONDS } from './tsig.ts'

const macOf = (number: number) => Uint8Array.from([number >>> 16, number >>> 8, number])

test('a request is new once, pending until it is answered, and then gets the same answer', () => {
  const cache = new ReplayCache<string>(1000)
  expect(cache.check(macOf(1), 1000, 1000)).toEqual({ kind: 'new' })
  expect(cache.check(macOf(1), 1000, 1001)).toEqual({ kind: 'pending' })
  cache.answered(macOf(1), 1000, 'OK')
  expect(cache.check(macOf(1), 1000, 1002)).toEqual({ kind: 'done', answer: 'OK' })
  expect(cache.check(macOf(2), 1000, 1002)).toEqual({ kind: 'new' })
})

test('what was signed before the server was started is too old', () => {
  expect(new ReplayCache(1000).check(macOf(1), 999, 1000)).toEqual({ kind: 'too-old' })
})

test('after the clock is set back, requests are accepted from the new time on, and earlier ones stay remembered', () => {
  const cache = new ReplayCache<string>(100_000)
  cache.check(macOf(1), 100_001, 100_001)
  cache.answered(macOf(1), 100_001, 'OK')
  expect(cache.check(macOf(2), 1001, 1001)).toEqual({ kind: 'new' })
  expect([cache.check(macOf(3), 1000, 1001), cache.check(macOf(1), 100_001, 100_001)]).toEqual([{ kind: 'too-old' }, { kind: 'done', answer: 'OK' }])
})

test('an expired and forgotten request is not new again when the clock is set back', () => {
  const cache = new ReplayCache<string>(1000, 1)
  cache.check(macOf(1), 1000, 1000)
  const laterSeconds = 1001 + FUDGE_SECONDS
  expect(cache.check(macOf(2), laterSeconds, laterSeconds)).toEqual({ kind: 'new' })
  expect(cache.check(macOf(1), 1000, 1000)).toEqual({ kind: 'too-old' })
})

test('if none has expired, the oldest second is dropped and no longer accepted', () => {
  const cache = new ReplayCache(1000, 4)
  for (const [mac, second] of [[1, 1001], [2, 1001], [3, 1002], [4, 1002]] as const) cache.check(macOf(mac), second, 1002)
  expect(cache.check(macOf(5), 1003, 1003)).toEqual({ kind: 'new' })
  expect(cache.check(macOf(1), 1001, 1003)).toEqual({ kind: 'too-old' })
  expect(cache.check(macOf(3), 1002, 1003)).toEqual({ kind: 'pending' })
  expect([cache.check(macOf(6), 1002, 1003), cache.check(macOf(7), 1002, 1003)]).toEqual([{ kind: 'new' }, { kind: 'too-old' }])
})

test('expired requests are dropped first, and the others are kept', () => {
  const cache = new ReplayCache(1000, 2)
  cache.check(macOf(1), 1000, 1000)
  cache.check(macOf(2), 1000 + FUDGE_SECONDS, 1000)
  const laterSeconds = 1001 + FUDGE_SECONDS
  expect(cache.check(macOf(3), laterSeconds, laterSeconds)).toEqual({ kind: 'new' })
  expect(cache.check(macOf(4), laterSeconds - FUDGE_SECONDS, laterSeconds)).toEqual({ kind: 'too-old' })
  expect(cache.check(macOf(2), 1000 + FUDGE_SECONDS, laterSeconds)).toEqual({ kind: 'pending' })
})

test('no request is new twice, in any order of requests and times', () => {
  for (let seed = 1; seed <= 50; seed++) {
    const random = seededRandom(seed)
    const cache = new ReplayCache<string>(1000, 1 + random.uint32() % 30)
    const done = new Set<string>()
    for (let step = 0; step < 2000; step++) {
      // Occasionally the clock is up to ten minutes slow or fast.
      const nowSeconds = 1000 + Math.floor(step / 4) + (random.uint32() % 50 === 0 ? random.uint32() % 1200 - 600 : 0)
      const [mac, second] = [random.uint32() % 20, nowSeconds - 20 + random.uint32() % 40]
      if (cache.check(macOf(mac), second, nowSeconds).kind !== 'new') continue
      expect(done.has(`${mac} ${second}`), `seed ${seed}`).toBe(false)
      done.add(`${mac} ${second}`)
    }
  }
})
