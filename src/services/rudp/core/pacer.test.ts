import { expect, test } from 'vitest'
import { INITIAL_WINDOW_DATAGRAMS } from './limits.ts'
import { Pacer } from './pacer.ts'

test('packets leave at the pacing rate, after an initial window at once', () => {
  const pacer = new Pacer(1000)
  let left = 0
  for (let nowMs = 0; nowMs < 1000; nowMs++) {
    while (pacer.mayLeave(100, 1000, 50, nowMs)) {
      pacer.sent(1000)
      left += 1000
    }
  }
  expect(left / 1000).toBeGreaterThan(INITIAL_WINDOW_DATAGRAMS + 95)
  expect(left / 1000).toBeLessThan(INITIAL_WINDOW_DATAGRAMS + 105)
})

test('after long datagrams and unpaced probes, the next packet waits for no more than one packet, however low the rate is now', () => {
  const pacer = new Pacer(61_440)
  for (let number = 0; number < INITIAL_WINDOW_DATAGRAMS + 5; number++) pacer.sent(61_440)
  expect(pacer.mayLeave(4, 1200, 50, 10)).toBe(false)
  expect(pacer.nextAtMs(4, 1200) - 10).toBeLessThan(2 * 1200 / 4)
})
