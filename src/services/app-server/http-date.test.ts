import { expect, test } from 'vitest'
import { formatHttpDate, parseHttpDate } from './http-date.ts'

const nowMs = Date.UTC(2026, 5, 1)
const atMs = Date.UTC(1994, 10, 6, 8, 49, 37)

test('a date is formatted as an HTTP date, without fractions of a second', () => {
  expect(formatHttpDate(atMs + 750)).toBe('Sun, 06 Nov 1994 08:49:37 GMT')
})

test.each([
  ['Sun, 06 Nov 1994 08:49:37 GMT', atMs],
  ['Sunday, 06-Nov-94 08:49:37 GMT', atMs],
  ['Sun Nov  6 08:49:37 1994', atMs],
  ['Wed Nov 16 08:49:37 1994', atMs + 10 * 86_400_000],
  ['Monday, 01-Jun-76 00:00:00 GMT', Date.UTC(2076, 5, 1)],
  ['Wednesday, 01-Jun-77 00:00:00 GMT', Date.UTC(1977, 5, 1)],
  ['Thu, 31 Dec 1998 23:59:60 GMT', undefined],
  ['Sun, 31 Apr 1994 08:49:37 GMT', undefined],
  ['Sun, 06 Nov 1994 24:00:00 GMT', undefined],
  ['Sun, 06 Nov 1994 08:49:37 CET', undefined],
  ['Sun, 06 Non 1994 08:49:37 GMT', undefined],
  ['1994-11-06T08:49:37Z', undefined],
  ['', undefined],
])('"%s" is parsed as %s', (text, expected) => {
  expect(parseHttpDate(text, nowMs)).toBe(expected)
})
