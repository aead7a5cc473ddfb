import { expect, test } from 'vitest'
import { HyStart } from './hystart.ts'

/**
 * Simulates rounds of acknowledgments, by default eight in each, which is enough samples.
 * @returns the growth factor for each acknowledgment of the last round
 */
function growth(rounds: readonly number[], count = 8): number[] {
  const hyStart = new HyStart()
  return rounds.map((rttMs, round) => Array.from({ length: count }, (_, index) => hyStart.growth({
    rttMs, priorDeliveredBytes: round * 1000, deliveredBytes: round * 1000 + 1 + index, nowMs: 0, ackedBytes: 1, flightBytes: 0, newestSentAtMs: 0, srttMs: rttMs, minRttMs: 0, bytesPerMs: 0,
    isAppLimited: false, isHeldBack: true,
  }))).at(-1) ?? []
}
const all = (part: number, count = 8): number[] => Array<number>(count).fill(part)

test.each([[16, 4], [64, 8], [400, 16]])('a round trip of %i ms that grows by %i ms from one round to the next shows a queue (RFC 9406 §4.3)', (rttMs, moreMs) => {
  expect(growth([rttMs, rttMs + moreMs - 0.1])).toEqual(all(1))
  expect(growth([rttMs, rttMs + moreMs])).toEqual([...all(1, 7), 1 / 4])
})

test('seven samples in a round are not enough', () => {
  expect(growth([50, 80], 7)).toEqual(all(1, 7))
})

test('conservative slow start lasts to the end of the fifth round, and then slow start is over', () => {
  expect(growth([50, 60, 60, 60, 60, 60])).toEqual(all(1 / 4))
  expect(growth([50, 60, 60, 60, 60, 60, 60])[0]).toBe(0)
})

test('if the round trip shrinks again the growth was chance: slow start resumes, and the count of rounds restarts', () => {
  expect(growth([50, 60, 60, 60, 55])).toEqual([...all(1 / 4, 7), 1])
  expect(growth([50, 60, 60, 60, 55, 55])).toEqual(all(1))
  expect(growth([50, 60, 60, 60, 55, 55, 65, 65, 65, 65, 65])).toEqual(all(1 / 4))
})
