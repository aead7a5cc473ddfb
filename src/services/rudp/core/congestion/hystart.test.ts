import { expect, test } from 'vitest'
import { HyStart } from './hystart.ts'

/** Rounds of acknowledgments, eight in each unless said otherwise: enough to be believed. @returns by what part the window grows with each of the last round */
function growth(rounds: readonly number[], count = 8): number[] {
  const hyStart = new HyStart()
  return rounds.map((rttMs, round) => Array.from({ length: count }, (_, index) => hyStart.growth({
    rttMs, priorDeliveredBytes: round * 1000, deliveredBytes: round * 1000 + 1 + index, nowMs: 0, ackedBytes: 1, flightBytes: 0, newestSentAtMs: 0, srttMs: rttMs, minRttMs: 0, bytesPerMs: 0,
    isAppLimited: false, isHeldBack: true,
  }))).at(-1) ?? []
}
const all = (part: number, count = 8): number[] => Array<number>(count).fill(part)

test.each([[16, 4], [64, 8], [400, 16]])('a round trip of %i ms that is %i ms longer than that of the round before shows a queue (RFC 9406 §4.3)', (rttMs, moreMs) => {
  expect(growth([rttMs, rttMs + moreMs - 0.1])).toEqual(all(1))
  expect(growth([rttMs, rttMs + moreMs])).toEqual([...all(1, 7), 1 / 4])
})

test('seven samples of a round show nothing', () => {
  expect(growth([50, 80], 7)).toEqual(all(1, 7))
})

test('slow start goes on slowly to the end of the fifth round, and is over', () => {
  expect(growth([50, 60, 60, 60, 60, 60])).toEqual(all(1 / 4))
  expect(growth([50, 60, 60, 60, 60, 60, 60])[0]).toBe(0)
})

test('a round trip that is shorter again was chance: slow start goes on as before, and its patience begins anew', () => {
  expect(growth([50, 60, 60, 60, 55])).toEqual([...all(1 / 4, 7), 1])
  expect(growth([50, 60, 60, 60, 55, 55])).toEqual(all(1))
  expect(growth([50, 60, 60, 60, 55, 55, 65, 65, 65, 65, 65])).toEqual(all(1 / 4))
})
