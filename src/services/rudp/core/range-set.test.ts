import fc from 'fast-check'
import { expect, test } from 'vitest'
import { RangeSet } from './range-set.ts'

const span = fc.tuple(fc.nat(60), fc.nat(12))
const step = fc.tuple(fc.constantFrom('add', 'remove', 'removeBelow', 'advance'), span)

test('after any operations it equals a plain set of numbers, in ranges that neither touch nor overlap', () => {
  fc.assert(fc.property(fc.array(step, { maxLength: 40, size: 'max' }), span, (steps, [from, length]) => {
    const ranges = new RangeSet()
    const plain = new Set<number>()
    for (const [what, [start, count]] of steps) {
      if (what === 'advance') {
        let end = start
        while (plain.has(end)) end++
        expect(ranges.advance(start)).toBe(end)
        for (const value of plain) if (value < end) plain.delete(value)
        continue
      }
      if (what === 'removeBelow') ranges.removeBelow(start)
      else if (what === 'add') ranges.add(start, start + count)
      else ranges.remove(start, start + count)
      for (let value = what === 'removeBelow' ? 0 : start; value < (what === 'removeBelow' ? start : start + count); value++) {
        if (what === 'add') plain.add(value)
        else plain.delete(value)
      }
    }
    const held: number[] = []
    for (let index = 0, lastEnd = -1; index < ranges.count; index++) {
      const range = ranges.at(index)
      if (range === undefined) continue
      expect(range.start).toBeGreaterThan(lastEnd)
      for (let value = range.start; value < range.end; value++) held.push(value)
      lastEnd = range.end
    }
    expect(held).toEqual([...plain].sort((a, b) => a - b))
    const gaps: number[] = []
    ranges.forEachGap(from, from + length, (start, end) => { for (let value = start; value < end; value++) gaps.push(value) })
    expect(gaps).toEqual(Array.from({ length }, (_, index) => from + index).filter(value => !plain.has(value)))
    const touches = Array.from({ length: length + 2 }, (_, index) => from - 1 + index).some(value => plain.has(value))
    if (length > 0) expect(ranges.isApart(from, from + length)).toBe(!touches)
  }), { numRuns: 500 })
})
