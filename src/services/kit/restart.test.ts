import { expect, test } from 'vitest'
import { restartDelayMs } from './restart.ts'

const at = (count: number, everyMs = 1000) => Array.from({ length: count }, (_, index) => index * everyMs)

test.each([
  { name: 'the first crash waits half a second', crashes: [0], nowMs: 0, delay: 500 },
  { name: 'the second waits twice as long', crashes: at(2), nowMs: 1000, delay: 1000 },
  { name: 'the sixth waits 16 seconds', crashes: at(6), nowMs: 5000, delay: 16_000 },
  { name: 'the seventh is capped at 30 seconds', crashes: at(7), nowMs: 6000, delay: 30_000 },
  { name: 'so is every later one', crashes: at(100), nowMs: 99_000, delay: 30_000 },
  { name: 'a crash five minutes ago is forgotten', crashes: [0, 300_000], nowMs: 300_000, delay: 500 },
  { name: 'a crash just under five minutes ago counts', crashes: [1, 300_000], nowMs: 300_000, delay: 1000 },
  { name: 'of crashes every minute, five count', crashes: at(100, 60_000), nowMs: 99 * 60_000, delay: 8000 },
])('$name', ({ crashes, nowMs, delay }) => {
  expect(restartDelayMs(crashes, nowMs)).toBe(delay)
})
