import { expect, test } from 'vitest'
import { filterRows } from './filter-rows.ts'
import type { RowEntry } from './sorted-rows.ts'

const rows: readonly RowEntry[] = [['1', { name: 'Kettle.home', type: 'A' }], ['2', { name: 'a.home', data: '192.0.2.7' }], ['3', { name: 'b.home', hidden: 'kettle' }]]
const found = (filter: string) => filterRows(rows, ['name', 'type', 'data'], filter).map(([key]) => key)

test('a row is found by a part of any text that is shown, large letters or small', () => {
  expect([found('kett'), found('KETT'), found(' 0.2.7 '), found('home')]).toEqual([['1'], ['1'], ['2'], ['1', '2', '3']])
})

test('texts are taken as they are, and one at a time', () => {
  expect([found('.*'), found('homea'), found('[')]).toEqual([[], [], []])
})

test('where nothing is asked for all are found', () => {
  expect([found(''), found('  ')]).toEqual([['1', '2', '3'], ['1', '2', '3']])
})
