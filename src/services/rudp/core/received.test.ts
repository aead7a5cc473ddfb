import { expect, test } from 'vitest'
import { RANGES_MAX } from '../wire/frames.ts'
import { Received } from './received.ts'

/**
 * Records ack-eliciting packets in order, all at one time, and sends each ACK when it is due.
 * @returns the packets after which one was
 */
function acknowledgedAfter(received: Received, numbers: readonly number[], sizeBytes: number, nowMs = 0): number[] {
  return numbers.filter(number => {
    received.record(number, true, false, sizeBytes, nowMs)
    if (received.dueAtMs > nowMs) return false
    received.sent()
    return true
  })
}
const upTo = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index)

test('at the beginning every second packet is acknowledged at once, later every 5,500 bytes', () => {
  const received = new Received()
  expect(acknowledgedAfter(received, upTo(0, 98), 1000)).toEqual(upTo(0, 98).filter(number => number % 2 === 1))
  expect(acknowledgedAfter(received, upTo(99, 109), 1000)).toEqual([103, 109])
  expect(acknowledgedAfter(received, upTo(110, 113), 2750)).toEqual([111, 113])
  expect(acknowledgedAfter(received, upTo(114, 119), 2749)).toEqual([116, 119])
  expect(acknowledgedAfter(received, upTo(120, 121), 9000)).toEqual([121])
  for (const [number, nowMs] of [[122, 0], [123, 4]] as const) received.record(number, true, false, 100, nowMs)
  expect(received.dueAtMs).toBe(10)
})

test('a single packet is acknowledged within 10 ms, and one that is not ack-eliciting never', () => {
  const received = new Received()
  received.record(0, false, false, 100, 5)
  expect([received.dueAtMs, received.isWaiting]).toEqual([Infinity, false])
  received.record(1, true, false, 100, 7)
  expect([received.dueAtMs, received.isWaiting, received.delayMs(12)]).toEqual([17, true, 5])
  received.sent()
  expect([received.dueAtMs, received.isWaiting]).toEqual([Infinity, false])
})

test('a gap, a packet out of order, and one that asks for it are acknowledged at once (RFC 9000 §13.2.1)', () => {
  const received = new Received()
  for (const [number, atOnce] of [[0, true], [2, false], [1, false]] as const) {
    received.record(number, true, atOnce, 100, 3)
    expect(received.dueAtMs).toBe(3)
    received.sent()
  }
  received.record(3, true, false, 100, 3)
  expect(received.dueAtMs).toBe(13)
})

test('a number is new once, and a settled one never', () => {
  const received = new Received()
  for (const number of [0, 1, 5]) received.record(number, false, false, 100, 0)
  expect(upTo(0, 6).map(number => received.isNew(number))).toEqual([false, false, true, true, true, false, true])
  expect([received.ranges(), received.largest]).toEqual([[{ first: 5, last: 5 }, { first: 0, last: 1 }], 5])
  received.settle(4)
  expect([upTo(0, 6).map(number => received.isNew(number)), received.ranges()]).toEqual([[false, false, false, false, true, false, true], [{ first: 5, last: 5 }]])
  received.settle(100)
  expect([received.isNew(5), received.isNew(6), received.ranges()]).toEqual([false, true, [{ first: 5, last: 5 }]])
})

test('of many ranges the newest are acknowledged, and twice as many remembered', () => {
  const received = new Received()
  for (let index = 0; index < 2 * RANGES_MAX; index++) received.record(2 * index, false, false, 100, 0)
  const told = received.ranges().map(({ first }) => first)
  expect([told.length, told[0], told[RANGES_MAX - 1]]).toEqual([RANGES_MAX, 4 * RANGES_MAX - 2, 2 * RANGES_MAX])
  expect(received.isNew(1)).toBe(true)
  received.record(4 * RANGES_MAX, false, false, 100, 0)
  expect([received.isNew(1), received.isNew(3)]).toEqual([false, true])
})
