import { expect, test } from 'vitest'
import { Liveness } from './liveness.ts'

test('the shorter idle time of both ends holds, but none under a second: a peer cannot make us give up at once', () => {
  for (const [peersMs, goneAtMs] of [[20_000, 20_000], [40_000, 30_000], [0, 1_000]] as const) {
    const liveness = new Liveness(30_000, 0)
    liveness.learn(peersMs)
    expect([liveness.isGone(goneAtMs - 1), liveness.isGone(goneAtMs), liveness.deadlineMs(false)]).toEqual([false, true, goneAtMs])
  }
})

test('a peer is asked after a quarter of the idle time, and again after another, as long as something keeps the connection', () => {
  const liveness = new Liveness(20_000, 0)
  expect([liveness.shallAsk(true, 4_999), liveness.shallAsk(true, 5_000), liveness.shallAsk(false, 5_000), liveness.deadlineMs(true)]).toEqual([false, true, false, 5_000])
  liveness.asked(5_000)
  expect([liveness.shallAsk(true, 9_999), liveness.shallAsk(true, 10_000), liveness.deadlineMs(true)]).toEqual([false, true, 10_000])
  liveness.heard(7_000)
  expect([liveness.shallAsk(true, 11_999), liveness.deadlineMs(true), liveness.deadlineMs(false)]).toEqual([false, 12_000, 27_000])
})
