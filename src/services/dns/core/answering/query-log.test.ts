import { expect, test } from 'vitest'
import { QueryLog, REPORTED_PER_SECOND_MAX } from './query-log.ts'

test('the first answers of a second are reported, the others summed up at its end', () => {
  const log = new QueryLog()
  const reported = Array.from({ length: REPORTED_PER_SECOND_MAX + 7 }, () => log.answered()).filter(Boolean).length
  log.limited()
  expect(reported).toBe(REPORTED_PER_SECOND_MAX)
  expect(log.sum()).toEqual({ answers: REPORTED_PER_SECOND_MAX + 7, untold: 7, limited: 1 })
  expect(log.answered()).toBe(true)
})

test('a second in which everything was reported has no summary', () => {
  const log = new QueryLog()
  log.answered()
  expect(log.sum()).toBe(undefined)
})
