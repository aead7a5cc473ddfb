import { expect, test } from 'vitest'
import { QueryLog, TOLD_PER_SECOND_MAX } from './query-log.ts'

test('the first answers of a second are told, the others summed up at its end', () => {
  const log = new QueryLog()
  expect(log.deadlineMs()).toBe(Infinity)
  log.begin(100)
  const told = Array.from({ length: TOLD_PER_SECOND_MAX + 7 }, () => log.answered()).filter(Boolean).length
  log.limited()
  expect([told, log.deadlineMs()]).toEqual([TOLD_PER_SECOND_MAX, 1100])
  expect(log.sum()).toEqual({ answers: TOLD_PER_SECOND_MAX + 7, untold: 7, limited: 1 })
  expect([log.deadlineMs(), log.answered()]).toEqual([Infinity, true])
})

test('a second of which all was told has no sum', () => {
  const log = new QueryLog()
  log.begin(0)
  log.answered()
  expect(log.sum()).toBe(undefined)
})
