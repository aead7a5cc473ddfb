import { expect, test } from 'vitest'
import { checkPreconditions, ifRangeHolds } from './preconditions.ts'

const modifiedAtMs = Date.UTC(2024, 4, 1, 12, 0, 0, 750)
const file = { etag: '"v2"', modifiedAtMs }
const date = 'Wed, 01 May 2024 12:00:00 GMT'
const earlier = 'Wed, 01 May 2024 11:59:59 GMT'

test.each([
  [{}, 'proceed'],
  [{ 'if-none-match': '"v2"' }, 'not-modified'],
  [{ 'if-none-match': 'W/"v2"' }, 'not-modified'],
  [{ 'if-none-match': '"v1", "v2"' }, 'not-modified'],
  [{ 'if-none-match': '*' }, 'not-modified'],
  [{ 'if-none-match': '"v1"' }, 'proceed'],
  [{ 'if-none-match': '"v1"', 'if-modified-since': date }, 'proceed'],
  [{ 'if-modified-since': date }, 'not-modified'],
  [{ 'if-modified-since': earlier }, 'proceed'],
  [{ 'if-modified-since': 'Wednesday, 01-May-24 12:00:00 GMT' }, 'not-modified'],
  [{ 'if-modified-since': 'Wed May  1 11:59:59 2024' }, 'proceed'],
  [{ 'if-unmodified-since': 'Wed May  1 11:59:59 2024' }, 'failed'],
  [{ 'if-modified-since': 'yesterday' }, 'proceed'],
  [{ 'if-match': '"v2"' }, 'proceed'],
  [{ 'if-match': 'W/"v2"' }, 'failed'],
  [{ 'if-match': '"v1"' }, 'failed'],
  [{ 'if-unmodified-since': date }, 'proceed'],
  [{ 'if-unmodified-since': earlier }, 'failed'],
] as const)('%j: %s', (headers, expected) => {
  expect(checkPreconditions({ method: 'GET', headers, receivedAtMs: modifiedAtMs + 60_000 }, file)).toBe(expected)
})

test.each([
  [{}, 'proceed', 'proceed'],
  [{ 'if-match': '*' }, 'proceed', 'proceed'],
  [{ 'if-match': '"v1"' }, 'failed', 'failed'],
  [{ 'if-match': 'W/""' }, 'failed', 'failed'],
  [{ 'if-none-match': '*' }, 'not-modified', 'failed'],
  [{ 'if-none-match': '"v1", W/""' }, 'proceed', 'proceed'],
  [{ 'if-unmodified-since': earlier }, 'proceed', 'proceed'],
  [{ 'if-modified-since': date }, 'proceed', 'proceed'],
] as const)('%j without validators: GET %s, POST %s', (headers, ofGet, ofPost) => {
  const check = (method: string) => checkPreconditions({ method, headers, receivedAtMs: modifiedAtMs + 60_000 }, undefined)
  expect([check('GET'), check('HEAD'), check('POST')]).toEqual([ofGet, ofGet, ofPost])
})

test('a request that is not GET or HEAD is never answered with 304', () => {
  const check = (headers: Readonly<Record<string, string>>) => checkPreconditions({ method: 'POST', headers, receivedAtMs: modifiedAtMs + 60_000 }, file)
  expect([check({ 'if-none-match': '"v2"' }), check({ 'if-modified-since': date })]).toEqual(['failed', 'proceed'])
})

test.each([
  [undefined, true],
  ['"v2"', true],
  ['"v1"', false],
  ['W/"v2"', false],
  [date, true],
  [earlier, false],
  ['nonsense', false],
])('whether a range with If-Range %s applies: %s', (ifRange, counts) => {
  const headers: Record<string, string> = ifRange === undefined ? {} : { 'if-range': ifRange }
  expect(ifRangeHolds({ headers, receivedAtMs: modifiedAtMs + 60_000 }, file)).toBe(counts)
})

test('the date of a file changed within the last second is no validator', () => {
  expect(ifRangeHolds({ headers: { 'if-range': date }, receivedAtMs: modifiedAtMs + 500 }, file)).toBe(false)
})
