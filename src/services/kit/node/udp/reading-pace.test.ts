import { expect, test } from 'vitest'
import { ReadingPace } from './reading-pace.ts'

/** When a socket rests that is read at these times, and brings so many each time. */
const rests = (...readings: readonly (readonly [atMs: number, count: number])[]) => {
  const pace = new ReadingPace(2)
  return readings.map(([atMs, count]) => pace.restsUntilMs(count, atMs))
}

test('few datagrams are read as each comes', () => {
  expect(rests([0, 1], [0.5, 1], [1, 1], [2, 1], [2.1, 1], [2.2, 1], [4, 3])).toEqual([undefined, undefined, undefined, undefined, undefined, undefined, undefined])
})

test('in a crowd the socket rests after each reading, whether they came one by one or together', () => {
  expect(rests([0, 1], [0.1, 1], [0.2, 1], [0.3, 1], [2.3, 8], [4.3, 8])).toEqual([undefined, undefined, undefined, 2.3, 4.3, 6.3])
})

test('after a crowd datagrams are read as each comes again', () => {
  expect(rests([0, 9], [2, 1], [4.5, 1])).toEqual([2, undefined, undefined])
})

test('in a flood the socket does not rest', () => {
  expect(rests([0, 64], [0.1, 64], [0.2, 32], [0.3, 8])).toEqual([undefined, undefined, undefined, 2.3])
})
