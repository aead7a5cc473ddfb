import { expect, test } from 'vitest'
import { readDataFlag } from './data-flag.ts'

test('the data folder is read as the command line writes it, behind a blank or behind =', () => {
  expect(readDataFlag(['electron', '.', '--data', 'here', '--disable-gpu'])).toBe('here')
  expect(readDataFlag(['electron', '.', '--data=/srv/hamlet'])).toBe('/srv/hamlet')
  expect(readDataFlag(['hamlet', '--database=x'])).toBeUndefined()
})

test('a flag without its folder, or two of them, is one clear line', () => {
  for (const argv of [['--data'], ['--data='], ['--data', '--smoke']]) expect(() => readDataFlag(argv)).toThrow('--data needs a value: none was given')
  expect(() => readDataFlag(['--data', 'a', '--data=b'])).toThrow('--data stands twice')
})
