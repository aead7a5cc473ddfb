import { expect, test } from 'vitest'
import { formatIpv4 } from '../../../kit/ip-address.ts'
import { TokenBuckets } from './token-buckets.ts'

test('a full bucket grants its tokens, then one for each token refilled', () => {
  const buckets = new TokenBuckets({ tokens: 3, tokensPerSecond: 2 })
  const take = (nowMs: number) => buckets.take('192.0.2.1', nowMs)
  expect([take(0), take(0), take(0), take(0)]).toEqual(['granted', 'granted', 'granted', 'refused'])
  expect([take(400), take(500), take(600)]).toEqual(['silenced', 'granted', 'silenced'])
  expect(take(1000)).toBe('granted')
  expect([take(1001), take(1001)]).toEqual(['refused', 'silenced'])
  expect([take(100_000), take(100_000), take(100_000), take(100_000)]).toEqual(['granted', 'granted', 'granted', 'refused'])
})

test('senders have separate buckets, but the addresses of an IPv6 /64 share one', () => {
  const buckets = new TokenBuckets({ tokens: 1, tokensPerSecond: 1 })
  expect(['192.0.2.1', '192.0.2.2', '2001:db8::1', '2001:db8::ff00:0:0:2', '2001:db8:0:1::1', 'fe80::1%eth0', 'fe80::2%eth0'].map(address => buckets.take(address, 0)))
    .toEqual(['granted', 'granted', 'granted', 'refused', 'granted', 'granted', 'refused'])
})

test('of a hundred thousand senders, the latest 4,096 are remembered', () => {
  const buckets = new TokenBuckets({ tokens: 1, tokensPerSecond: 1 })
  const take = (sender: number) => buckets.take(formatIpv4(sender), 0)
  for (let sender = 1; sender <= 100_000; sender++) take(sender)
  expect([take(100_000 - 4095), take(100_000)]).toEqual(['refused', 'refused'])
  expect(take(100_000 - 4096)).toBe('granted')
})
