import fc from 'fast-check'
import { expect, test } from 'vitest'
import { RecentMap } from './recent-map.ts'

const GENERATION_MAX = 4

test('the most recently used entries are kept', () => {
  fc.assert(fc.property(fc.array(fc.nat(20), { maxLength: 200, size: 'max' }), uses => {
    const map = new RecentMap<number, string>(GENERATION_MAX)
    for (const key of uses) if (map.get(key) === undefined) map.set(key, `value ${key}`)
    const lastUsed = [...new Set(uses.reverse())].slice(0, GENERATION_MAX)
    expect(lastUsed.map(key => map.get(key))).toEqual(lastUsed.map(key => `value ${key}`))
  }))
})

test('at most two generations are kept', () => {
  const map = new RecentMap<number, string>(GENERATION_MAX)
  const keys = Array.from({ length: 1000 }, (_, key) => key)
  for (const key of keys) map.set(key, 'value')
  expect(keys.filter(key => map.get(key) !== undefined).length).toBeLessThanOrEqual(2 * GENERATION_MAX)
})
