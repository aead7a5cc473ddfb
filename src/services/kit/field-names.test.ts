import { expect, test } from 'vitest'
import { invalidFieldName } from './field-names.ts'

test.each([
  [['Host', 'a b', 'X-1', ''], undefined],
  [[], undefined],
  [['Host', 'a', 'X ', 'y'], 'X '],
  [[' X', 'y', 'Host', 'a'], ' X'],
  [['X Y', 'z'], 'X Y'],
  [['', 'y'], ''],
  [['X\u00fc', 'y'], 'X\u00fc'],
  [['X(', 'y'], 'X('],
])('in %j the invalid field name is %j', (rawHeaders, faulty) => {
  expect(invalidFieldName(rawHeaders)).toBe(faulty)
})
