import { expect, test } from 'vitest'
import { sortedRows, type RowEntry } from './sorted-rows.ts'

const rows = ['192.0.2.10', '192.0.2.9', '192.0.2.100'].map((address): RowEntry => [address, { address }])
const keys = (direction?: 'ascending' | 'descending') => sortedRows(rows, direction && { column: 'address', direction }).map(([key]) => key)

test('without an order, rows stay as they are', () => {
  expect(keys()).toEqual(['192.0.2.10', '192.0.2.9', '192.0.2.100'])
})

test('numbers inside texts are compared by value', () => {
  expect(keys('ascending')).toEqual(['192.0.2.9', '192.0.2.10', '192.0.2.100'])
  expect(keys('descending')).toEqual(['192.0.2.100', '192.0.2.10', '192.0.2.9'])
})

test('a column that a row lacks counts as empty', () => {
  expect(sortedRows([['b', { x: '1' }], ['a', {}]], { column: 'x', direction: 'ascending' }).map(([key]) => key)).toEqual(['a', 'b'])
})
