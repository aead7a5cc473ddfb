import { expect, test } from 'vitest'
import { formatBytes, formatMs } from './amounts.ts'

test('times have no more digits than a reader needs', () => {
  expect([0.418, 1, 3.14, 9.94, 9.96, 48.2, 999.4, 999.6, 1530, 119_900].map(formatMs)).toEqual(['0.42 ms', '1.0 ms', '3.1 ms', '9.9 ms', '10 ms', '48 ms', '999 ms', '1.0 s', '1.5 s', '119.9 s'])
  expect([120_000, 2_700_000, 7_140_000, 7_200_000, 27_000_000].map(formatMs)).toEqual(['2 min', '45 min', '119 min', '2.0 h', '7.5 h'])
})

test('sizes use the unit that fits', () => {
  expect([0, 999, 1000, 9940, 9996, 14_720, 999_400, 999_600, 2_500_000, 12e6, 3.2e9, 7e15].map(formatBytes)).toEqual(['0 B', '999 B', '1.0 kB', '9.9 kB', '10 kB', '15 kB', '999 kB', '1.0 MB', '2.5 MB', '12 MB', '3.2 GB', '7000 TB'])
})
