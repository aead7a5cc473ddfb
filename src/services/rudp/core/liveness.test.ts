import { expect, test } from 'vitest'
import { Liveness } from './liveness.ts'

test('the shorter idle timeout of both ends applies, but at least one second, so a peer cannot make us give up at once', () => {
  for (const [peerTimeoutMs, timedOutAtMs] of [[20_000, 20_000], [40_000, 30_000], [0, 1_000]] as const) {
    const liveness = new Liveness(30_000, 0)
    liveness.setPeerTimeout(peerTimeoutMs)
    expect([liveness.isTimedOut(timedOutAtMs - 1), liveness.isTimedOut(timedOutAtMs), liveness.deadlineMs(false)]).toEqual([false, true, timedOutAtMs])
  }
})

test('with streams open, PING is due after a quarter of the idle timeout, and again after another quarter', () => {
  const liveness = new Liveness(20_000, 0)
  expect([liveness.isPingDue(true, 4_999), liveness.isPingDue(true, 5_000), liveness.isPingDue(false, 5_000), liveness.deadlineMs(true)]).toEqual([false, true, false, 5_000])
  liveness.onPingSent(5_000)
  expect([liveness.isPingDue(true, 9_999), liveness.isPingDue(true, 10_000), liveness.deadlineMs(true)]).toEqual([false, true, 10_000])
  liveness.onReceived(7_000)
  expect([liveness.isPingDue(true, 11_999), liveness.deadlineMs(true), liveness.deadlineMs(false)]).toEqual([false, 12_000, 27_000])
})
