import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Deadlines, type Scheduled } from './deadlines.ts'

test('items come out in the order of their deadlines, however they were set, moved and deleted', () => {
  const steps = fc.array(fc.tuple(fc.nat(19), fc.option(fc.nat(100), { nil: undefined })), { maxLength: 200, size: 'max' })
  fc.assert(fc.property(steps, steps => {
    const items = Array.from({ length: 20 }, (): Scheduled => ({ deadlineMs: 0, heapIndex: -1 }))
    const deadlines = new Deadlines<Scheduled>()
    const expected = new Map<Scheduled, number>()
    for (const [index, atMs] of steps) {
      const item = items[index] ?? expect.unreachable('there are 20 items')
      if (atMs === undefined) deadlines.delete(item)
      else deadlines.set(item, atMs)
      if (atMs === undefined) expected.delete(item)
      else expected.set(item, atMs)
      expect([deadlines.size, deadlines.nextMs]).toEqual([expected.size, Math.min(Infinity, ...expected.values())])
    }
    const taken: number[] = []
    for (let item = deadlines.takeDue(50); item !== undefined; item = deadlines.takeDue(50)) taken.push(item.deadlineMs)
    expect(taken).toEqual([...expected.values()].filter(atMs => atMs <= 50).sort((a, b) => a - b))
    expect(deadlines.size).toBe(expected.size - taken.length)
  }))
})
