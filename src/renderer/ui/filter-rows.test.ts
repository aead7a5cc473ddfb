import { expect, test } from 'vitest'
import { filterRows } from './filter-rows.ts'
import type { RowEntry } from './sorted-rows.ts'

const rows: readonly RowEntry[] = [['1', { name: 'Kettle.home', type: 'A' }], ['2', { name: 'a.home', data: '192.0.2.7' }], ['3', { name: 'b.home', hidden: 'kettle' }]]
const found = (filter: string) => filterRows(rows, ['name', 'type', 'data'], filter).map(([key]) => key)

test('a row matches by part of any shown text, ignoring case', () => {
  expect([found('kett'), found('KETT'), found(' 0.2.7 '), found('home')]).toEqual([['1'], ['1'], ['2'], ['1', '2', '3']])
})

test('the filter is plain text, not a pattern, and matches within one column', () => {
  expect([found('.*'), found('homea'), found('[')]).toEqual([[], [], []])
})

test('an empty filter matches all rows', () => {
  expect([found(''), found('  ')]).toEqual([['1', '2', '3'], ['1', '2', '3']])
})
