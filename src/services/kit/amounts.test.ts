import { expect, test } from 'vitest'
import { formatBytes, formatMs } from './amounts.ts'

test('times have no more digits than a person compares', () => {
  expect([0.418, 3.14, 9.96, 48.2, 999.4, 1530].map(formatMs)).toEqual(['0.42 ms', '3.1 ms', '10.0 ms', '48 ms', '999 ms', '1.5 s'])
})

test('sizes go up to the unit that fits', () => {
  expect([0, 999, 1000, 14_720, 2_500_000, 12e6, 3.2e9, 7e15].map(formatBytes)).toEqual(['0 B', '999 B', '1.0 kB', '15 kB', '2.5 MB', '12 MB', '3.2 GB', '7000 TB'])
})
