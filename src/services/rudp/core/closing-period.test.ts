import { expect, test } from 'vitest'
import { ClosingPeriod } from './closing-period.ts'

test('a closed connection lingers for three probe times', () => {
  const closing = new ClosingPeriod()
  expect(closing.deadlineMs).toBe(Infinity)
  closing.begin(100, 1_000)
  expect(closing.deadlineMs).toBe(1_300)
})

test('it answers the first, second, fourth, eighth … packet, so a peer that does not hear it cannot make it send much', () => {
  const closing = new ClosingPeriod()
  const answered = Array.from({ length: 1_000 }, (_, index) => index + 1).filter(() => closing.shouldAnswer())
  expect(answered).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, 512])
})
