import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Deadlines } from './deadlines.ts'

const change = fc.record({ slot: fc.integer({ min: 0, max: 30 }), atMs: fc.option(fc.integer({ min: 0, max: 1000 }), { nil: undefined }) })

test('after any changes the earliest deadline is known, and slots come out in order of time', () => {
  fc.assert(fc.property(fc.array(change, { maxLength: 200, size: 'max' }), changes => {
    const deadlines = new Deadlines(31)
    const model = new Map<number, number>()
    for (const { slot, atMs } of changes) {
      if (atMs === undefined) {
        deadlines.clear(slot)
        model.delete(slot)
      } else {
        deadlines.set(slot, atMs)
        model.set(slot, atMs)
      }
      expect(deadlines.earliestMs()).toBe(Math.min(...model.values()))
    }
    const times: number[] = []
    for (let slot = deadlines.takeDue(1000); slot !== undefined; slot = deadlines.takeDue(1000)) {
      times.push(model.get(slot) ?? -1)
      model.delete(slot)
    }
    expect(times).toEqual([...times].sort((one, other) => one - other))
    expect(model.size).toBe(0)
  }))
})

test('nothing is due before its time', () => {
  const deadlines = new Deadlines(31)
  deadlines.set(3, 500)
  expect(deadlines.takeDue(499)).toBeUndefined()
  expect(deadlines.takeDue(500)).toBe(3)
  expect(deadlines.earliestMs()).toBe(Infinity)
})

test('shifted deadlines keep their order', () => {
  const deadlines = new Deadlines(3)
  for (const [slot, atMs] of [[0, 300], [1, 100], [2, 200]] as const) deadlines.set(slot, atMs)
  deadlines.clear(2)
  deadlines.shift(-50)
  expect([deadlines.earliestMs(), deadlines.takeDue(250), deadlines.takeDue(250), deadlines.takeDue(1000)]).toEqual([50, 1, 0, undefined])
})
