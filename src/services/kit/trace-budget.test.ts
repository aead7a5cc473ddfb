import { expect, test } from 'vitest'
import { TraceBudget } from './trace-budget.ts'

test('packets beyond a second\'s budget are counted, and the next second has a new budget', () => {
  const budget = new TraceBudget(100)
  expect([budget.take(64, 0), budget.take(64, 1), budget.take(64, 999)]).toEqual([64, 36, 0])
  expect(budget.owesCount).toBe(false)
  expect(budget.take(10, 1000)).toBe(10)
  expect(budget.owesCount).toBe(true)
  expect([budget.takeUntraced(), budget.owesCount]).toEqual([92, false])
})
