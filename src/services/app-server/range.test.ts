import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseRange } from './range.ts'

test.each([
  ['bytes=0-0', { kind: 'part', first: 0, last: 0 }],
  ['bytes=0-', { kind: 'part', first: 0, last: 999 }],
  ['bytes=500-599', { kind: 'part', first: 500, last: 599 }],
  ['bytes=900-5000', { kind: 'part', first: 900, last: 999 }],
  ['bytes=-1', { kind: 'part', first: 999, last: 999 }],
  ['bytes=-5000', { kind: 'part', first: 0, last: 999 }],
  ['Bytes=1-2', { kind: 'part', first: 1, last: 2 }],
  ['bytes=0-99999999999999999999999999', { kind: 'part', first: 0, last: 999 }],
  ['bytes=1000-', { kind: 'unsatisfiable' }],
  ['bytes=1000-2000', { kind: 'unsatisfiable' }],
  ['bytes=-0', { kind: 'unsatisfiable' }],
  ['bytes=5-4', { kind: 'whole' }],
  ['bytes=', { kind: 'whole' }],
  ['bytes=-', { kind: 'whole' }],
  ['bytes=a-b', { kind: 'whole' }],
  ['bytes=0x1-2', { kind: 'whole' }],
  ['bytes=1-2,4-5', { kind: 'whole' }],
  ['bytes=+1-2', { kind: 'whole' }],
  ['bytes=1.5-2', { kind: 'whole' }],
  ['items=0-1', { kind: 'whole' }],
  ['', { kind: 'whole' }],
  [undefined, { kind: 'whole' }],
] as const)('of 1000 bytes, "%s" is %j', (field, expected) => {
  expect(parseRange(field, 1000)).toEqual(expected)
})

test('every range of an empty file is unsatisfiable', () => {
  expect(parseRange('bytes=0-', 0)).toEqual({ kind: 'unsatisfiable' })
  expect(parseRange('bytes=-5', 0)).toEqual({ kind: 'unsatisfiable' })
})

test('a part always lies within the file', () => {
  fc.assert(fc.property(fc.oneof(fc.string(), fc.stringMatching(/^bytes=\d{0,20}-\d{0,20}$/)), fc.nat(), (field, lengthBytes) => {
    const range = parseRange(field, lengthBytes)
    if (range.kind !== 'part') return
    expect(range.first).toBeGreaterThanOrEqual(0)
    expect(range.last).toBeGreaterThanOrEqual(range.first)
    expect(range.last).toBeLessThan(lengthBytes)
  }))
})
