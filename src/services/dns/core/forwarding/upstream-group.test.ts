import { expect, test } from 'vitest'
import { parseUpstream } from './upstream.ts'
import { UpstreamGroup, UpstreamHealth, type Tried } from './upstream-group.ts'

const UNTRIED: Tried = { times: () => 0, hasFailed: () => false }
const group = (...addresses: string[]) => new UpstreamGroup('.', addresses.map(parseUpstream))
const chosen = (group: UpstreamGroup, nowMs: number, tried = UNTRIED) => group.choose(tried, nowMs)?.upstream.endpoint.address
const [A, B, C] = ['192.0.2.1', '192.0.2.2', '192.0.2.3'] as const
const member = (group: UpstreamGroup, index: number): UpstreamHealth => group.members[index] ?? expect.unreachable(`there is a member ${index}`)

test('chooses the fastest; before any measurement, the first', () => {
  const three = group(A, B, C)
  expect(chosen(three, 0)).toBe(A)
  member(three, 0).answered(40, 0)
  member(three, 2).answered(10, 0)
  expect(chosen(three, 0)).toBe(C)
  for (let round = 0; round < 20; round++) member(three, 2).answered(90, 0)
  expect(chosen(three, 0)).toBe(A)
})

test('usualMs is a time within which nearly every answer comes', () => {
  const health = member(group(A), 0)
  expect(health.usualMs).toBeUndefined()
  health.answered(100, 0)
  expect(health.usualMs).toBe(300)
  for (let round = 0; round < 100; round++) health.answered(round % 2 === 0 ? 90 : 110, 0)
  expect(health.usualMs).toBeGreaterThan(115)
  expect(health.usualMs).toBeLessThan(160)
  for (let round = 0; round < 100; round++) health.answered(0.2, 0)
  expect(health.usualMs).toBe(30)
})

test('a failing server is avoided for a second, two, at most a minute; one answer restores it', () => {
  const two = group(A, B)
  const restsMs: number[] = []
  let nowMs = 0
  for (let round = 0; round < 8; round++) {
    member(two, 0).failed(nowMs)
    expect(chosen(two, nowMs)).toBe(B)
    const failedAtMs = nowMs
    while (!member(two, 0).isHealthy(nowMs)) nowMs += 500
    restsMs.push(nowMs - failedAtMs)
  }
  expect(restsMs).toEqual([1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000])
  member(two, 0).failed(nowMs)
  member(two, 0).answered(1, nowMs)
  expect(chosen(two, nowMs)).toBe(A)
  member(two, 0).failed(nowMs)
  expect([member(two, 0).isHealthy(nowMs + 999), member(two, 0).isHealthy(nowMs + 1000)]).toEqual([false, true])
})

test('when all servers are backed off, one is chosen anyway', () => {
  const two = group(A, B)
  for (const health of two.members) health.failed(0)
  expect(chosen(two, 0)).toBe(A)
})

test('a server queried less often goes first; a failed one is never chosen', () => {
  const two = group(A, B)
  member(two, 0).answered(1, 0)
  expect(chosen(two, 0, { times: health => health === member(two, 0) ? 1 : 0, hasFailed: () => false })).toBe(B)
  expect(chosen(two, 0, { times: () => 0, hasFailed: health => health === member(two, 0) })).toBe(B)
  expect(chosen(two, 0, { times: () => 0, hasFailed: () => true })).toBeUndefined()
})

test('a server not measured for half a minute is due for a probe, once, and not while it is backed off', () => {
  const two = group(A, B)
  const due = (nowMs: number) => two.dueForProbe(member(two, 0), nowMs)?.upstream.endpoint.address
  expect([due(0), due(29_999), due(30_000), due(30_001), due(60_000)]).toEqual([undefined, undefined, B, undefined, B])
  member(two, 1).failed(89_500)
  member(two, 1).failed(89_500)
  expect([due(90_000), due(119_499), due(119_500)]).toEqual([undefined, undefined, B])
  expect(group(A).dueForProbe(member(two, 0), 1e9)).toBeUndefined()
})
