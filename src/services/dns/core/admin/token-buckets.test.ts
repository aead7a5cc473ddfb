import { expect, test } from 'vitest'
import { TokenBuckets } from './token-buckets.ts'

test('a full bucket grants its tokens, then one for each that has grown', () => {
  const buckets = new TokenBuckets({ tokens: 3, tokensPerSecond: 2 })
  const take = (nowMs: number) => buckets.take('192.0.2.1', nowMs)
  expect([take(0), take(0), take(0), take(0)]).toEqual(['granted', 'granted', 'granted', 'refused'])
  expect([take(400), take(500), take(600)]).toEqual(['silenced', 'granted', 'silenced'])
  expect(take(1000)).toBe('granted')
  expect([take(1001), take(1001)]).toEqual(['refused', 'silenced'])
  expect([take(100_000), take(100_000), take(100_000), take(100_000)]).toEqual(['granted', 'granted', 'granted', 'refused'])
})

test('senders do not share, but addresses of one IPv6 network do', () => {
  const buckets = new TokenBuckets({ tokens: 1, tokensPerSecond: 1 })
  expect(['192.0.2.1', '192.0.2.2', '2001:db8::1', '2001:db8::2', '2001:db8:0:1::1', 'fe80::1%eth0', 'fe80::2%eth0'].map(address => buckets.take(address, 0)))
    .toEqual(['granted', 'granted', 'granted', 'refused', 'granted', 'granted', 'refused'])
})

test('a hundred thousand senders are not all remembered', () => {
  const buckets = new TokenBuckets({ tokens: 1, tokensPerSecond: 1 })
  buckets.take('192.0.2.1', 0)
  for (let number = 0; number < 100_000; number++) buckets.take(`10.${number >>> 16}.${(number >>> 8) & 255}.${number & 255}`, 0)
  expect(buckets.take('10.1.134.159', 0)).toBe('refused')
  expect(buckets.take('192.0.2.1', 0)).toBe('granted')
})
