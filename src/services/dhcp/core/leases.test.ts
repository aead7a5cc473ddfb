import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Client } from './binding.ts'
import { DECLINE_MS, LeaseTable, OFFER_MS } from './leases.ts'

const client = (name: string | number): Client => ({ key: `key-${name}`, mac: '02:00:5e:00:00:01', hostName: '' })
const [A, B, C] = [client('A'), client('B'), client('C')]
const table = (size = 3) => new LeaseTable({ first: 100, last: 99 + size }, [])
const HOUR_MS = 3_600_000

test('a client gets its address again after its lease has ended and others have come', () => {
  const leases = table(10)
  leases.lease(A, leases.offer(A, undefined, 0)?.yiaddr ?? 0, HOUR_MS, true)
  expect(leases.expire(HOUR_MS).map(({ client: { key }, state }) => [key, state])).toEqual([['key-A', 'leased']])
  for (let other = 0; other < 9; other++) leases.offer(client(other), undefined, HOUR_MS)
  expect(leases.offer(A, undefined, HOUR_MS)?.yiaddr).toBe(100)
})

test('the address that has been free the longest is offered first', () => {
  const leases = table(2)
  for (const [one, yiaddr] of [[A, 100], [B, 101]] as const) leases.lease(one, yiaddr, HOUR_MS, true)
  leases.release(101)
  leases.release(100)
  expect(leases.offer(C, undefined, 0)?.yiaddr).toBe(101)
})

test('an exhausted pool offers nothing until an offer expires', () => {
  const leases = table(2)
  leases.offer(A, undefined, 0)
  leases.offer(B, undefined, 5)
  expect(leases.offer(C, undefined, 10)).toBeUndefined()
  expect(leases.deadlineMs()).toBe(OFFER_MS)
  expect(leases.expire(OFFER_MS - 1)).toEqual([])
  expect(leases.expire(OFFER_MS)).toHaveLength(1)
  expect(leases.offer(C, undefined, OFFER_MS)?.yiaddr).toBe(100)
})

test('a client that did not accept its offer is not remembered', () => {
  const leases = table()
  leases.offer(A, undefined, 0)
  leases.withdrawOffer(A.key)
  expect(leases.offer(B, undefined, 0)?.yiaddr).toBe(100)
})

test('the requested address is offered if it is free', () => {
  const leases = table()
  expect(leases.offer(A, 102, 0)?.yiaddr).toBe(102)
  expect(leases.offer(B, 102, 0)?.yiaddr).toBe(100)
  expect(leases.offer(C, 999, 0)?.yiaddr).toBe(101)
})

test('a client cannot lease an address offered to another', () => {
  const leases = table()
  leases.offer(A, 100, 0)
  expect(leases.lease(B, 100, HOUR_MS, true)).toBeUndefined()
  expect(leases.lease(A, 100, HOUR_MS, true)?.state).toBe('leased')
})

test('a declined address is out of use for a time', () => {
  const leases = table(1)
  leases.offer(A, undefined, 0)
  leases.decline(100, 0)
  expect(leases.offer(A, undefined, DECLINE_MS - 1)).toBeUndefined()
  leases.expire(DECLINE_MS)
  expect(leases.offer(B, undefined, DECLINE_MS)?.yiaddr).toBe(100)
})

const step = fc.record({
  verb: fc.constantFrom('offer', 'lease', 'release', 'decline', 'withdraw', 'wait', 'restart'),
  number: fc.integer({ min: 0, max: 9 }), yiaddr: fc.integer({ min: 98, max: 107 }), ms: fc.integer({ min: 0, max: HOUR_MS }),
} as const)

test('whatever happens, no address has two clients, no client two addresses, and a restart loses no lease', () => {
  fc.assert(fc.property(fc.array(step, { maxLength: 150, size: 'max' }), steps => {
    let leases = table(6)
    let nowMs = 0
    /** Which client has an address until when, according to `lease`. */
    const leased = new Map<number, { key: string; untilMs: number }>()
    for (const { verb, number, yiaddr, ms } of steps) {
      const owner = client(number)
      if (verb === 'offer') {
        const offered = leases.offer(owner, yiaddr, nowMs)
        const holder = offered === undefined ? undefined : leased.get(offered.yiaddr)
        if (holder !== undefined && holder.untilMs > nowMs) expect(holder.key).toBe(owner.key)
      } else if (verb === 'lease') {
        if (leases.lease(owner, yiaddr, nowMs + ms, number % 2 === 0) === undefined) continue
        const holder = leased.get(yiaddr)
        if (holder !== undefined && holder.untilMs > nowMs) expect(holder.key).toBe(owner.key)
        leased.set(yiaddr, { key: owner.key, untilMs: nowMs + ms })
      } else if (verb === 'release') {
        if (leases.release(yiaddr) !== undefined) leased.delete(yiaddr)
      } else if (verb === 'decline') {
        if (leases.bindingOf(owner.key)?.yiaddr === yiaddr) {
          leases.decline(yiaddr, nowMs)
          leased.delete(yiaddr)
        }
      } else if (verb === 'withdraw') leases.withdrawOffer(owner.key)
      else if (verb === 'wait') nowMs += ms
      else {
        const [records, before] = [leases.records(), known(leases)]
        leases = table(6)
        expect(records.every(record => leases.restore(record))).toBe(true)
        expect(known(leases)).toEqual(before)
      }
      leases.expire(nowMs)
      const taken = leases.taken()
      const clients = taken.filter(({ state }) => state !== 'declined').map(({ client: { key } }) => key)
      expect(new Set(clients).size).toBe(clients.length)
      expect(taken.length + leases.free).toBe(6)
      for (const [address, { key, untilMs }] of leased) if (untilMs > nowMs) expect(leases.bindingAt(address)?.client.key).toBe(key)
    }
  }), { numRuns: 60 })
})

/** The binding of each address, remembered clients included. Offers are left out: a restart loses them. */
function known(leases: LeaseTable): unknown[] {
  return [100, 101, 102, 103, 104, 105].map(yiaddr => leases.bindingAt(yiaddr)).map(binding => binding?.state === 'offered' ? undefined : binding)
}

test('a pool of 200,000 is allocated and freed quickly', () => {
  const size = 200_000
  const leases = table(size)
  for (let index = 0; index < size; index++) leases.offer(client(index), undefined, index)
  expect(leases.nextFree()).toBeUndefined()
  expect(leases.expire(size + OFFER_MS)).toHaveLength(size)
  expect(leases.free).toBe(size)
}, 5000)
