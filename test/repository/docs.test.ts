import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { ERROR_CODES } from '../../src/services/kit/errors.ts'
import { repository } from './planted-tree.ts'
import { textFiles } from './text-checks.ts'

const read = (path: string) => readFileSync(join(repository, path), 'utf8')

test('docs/errors.md lists exactly the error codes', () => {
  expect([...read('docs/errors.md').matchAll(/^\| `([a-z-]+)` \|/gm)].map(([, code]) => code)).toEqual([...ERROR_CODES])
})

test('every error code is used', () => {
  const sources = textFiles(repository, 'src').filter(path => /\.tsx?$/.test(path) && !/\.test\.tsx?$/.test(path))
  const uses = sources.map(path => path === 'src/services/kit/errors.ts' ? read(path).replace(/ERROR_CODES = \[[^\]]*\]/, '') : read(path)).join('')
  expect(ERROR_CODES.filter(code => !uses.includes(`'${code}'`))).toEqual([])
})

test('every test that docs/contract.md quotes exists', () => {
  const contract = read('docs/contract.md')
  const tests = textFiles(repository).filter(path => path.endsWith('.test.ts'))
  // `file`: "whole title", "beginning of a title…"
  const quotes = [...contract.matchAll(/`([\w./-]+)`: ("[^"]+"(?:, "[^"]+")*)/g)].flatMap(([, file = '', names = '']) => [...names.matchAll(/"([^"]+)"/g)].map(([, name = '']) => ({ file, name })))
  const missing = quotes.filter(({ file, name }) => {
    const title = name.endsWith('…') ? `'${name.slice(0, -1)}` : `'${name}'`
    return !tests.some(path => `/${path}`.endsWith(file === 'village' ? '/test/e2e/village.test.ts' : `/${file}`) && read(path).replaceAll('\\\'', '\'').includes(title))
  })
  expect(missing).toEqual([])
  expect(quotes).toHaveLength([...contract.matchAll(/"[^"]+"/g)].length)
})
