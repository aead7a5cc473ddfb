import { expect, test } from 'vitest'
import { Farewell } from './farewell.ts'

test('an end that has closed is there for three probe times more', () => {
  const farewell = new Farewell()
  expect(farewell.deadlineMs).toBe(Infinity)
  farewell.begin(100, 1_000)
  expect(farewell.deadlineMs).toBe(1_300)
})

test('it answers the first, second, fourth, eighth packet, and so on: who does not hear cannot make it loud', () => {
  const farewell = new Farewell()
  const answered = Array.from({ length: 1_000 }, (_, index) => index + 1).filter(() => farewell.shallAnswer())
  expect(answered).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, 512])
})
