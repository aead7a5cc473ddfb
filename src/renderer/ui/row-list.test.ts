import { expect, test } from 'vitest'
import { endPx, rowsDrawn, topPxFor } from './row-list.ts'

const geometry = { rowPx: 20, rowsInView: 10 }

test('all rows in view are rendered, and hardly any others', () => {
  for (const topPx of [0, 1, 100, 777, endPx(geometry, 4000)]) {
    const { from, to } = rowsDrawn(geometry, topPx, 4000)
    expect(from * 20).toBeLessThanOrEqual(topPx)
    expect(to * 20).toBeGreaterThanOrEqual(topPx + 200)
    expect(to - from).toBeLessThanOrEqual(13)
  }
  expect([rowsDrawn(geometry, 0, 0), rowsDrawn(geometry, 0, 3)]).toEqual([{ from: 0, to: 0 }, { from: 0, to: 3 }])
  expect(rowsDrawn(geometry, 90_000, 20)).toEqual({ from: 10, to: 20 }) // scrolled beyond the last row, after the list became shorter
})

test('a list shorter than the view does not scroll', () => {
  expect([endPx(geometry, 3), endPx(geometry, 30)]).toEqual([0, 400])
})

test('bringing a row into view scrolls no farther than needed', () => {
  expect([topPxFor(geometry, 5, 60), topPxFor(geometry, 2, 60), topPxFor(geometry, 20, 60)]).toEqual([60, 40, 220])
})
