import { expect, test } from 'vitest'
import { readDataFlag } from './data-flag.ts'

test('--data takes its folder after a space or after =', () => {
  expect(readDataFlag(['electron', '.', '--data', 'here', '--disable-gpu'])).toBe('here')
  expect(readDataFlag(['electron', '.', '--data=/srv/hamlet'])).toBe('/srv/hamlet')
  expect(readDataFlag(['hamlet', '--database=x'])).toBeUndefined()
})

test('a missing or repeated --data is refused in one line', () => {
  for (const argv of [['--data'], ['--data='], ['--data', '--smoke']]) expect(() => readDataFlag(argv)).toThrow('--data needs a value: none was given')
  expect(() => readDataFlag(['--data', 'a', '--data=b'])).toThrow('--data is given twice')
})
