import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { repository } from './planted-tree.ts'
import { textFiles } from './tidy.ts'

const read = (path: string) => readFileSync(join(repository, path), 'utf8')

test('every test that docs/contract.md quotes is there', () => {
  const contract = read('docs/contract.md')
  const tests = textFiles(repository).filter(path => path.endsWith('.test.ts'))
  // `file`: "name", "name that goes on…"
  const quotes = [...contract.matchAll(/`([\w./-]+)`: ("[^"]+"(?:, "[^"]+")*)/g)].flatMap(([, file = '', names = '']) => [...names.matchAll(/"([^"]+)"/g)].map(([, name = '']) => ({ file, name })))
  const missing = quotes.filter(({ file, name }) => {
    const title = name.endsWith('…') ? `'${name.slice(0, -1)}` : `'${name}'`
    return !tests.some(path => `/${path}`.endsWith(file === 'village' ? '/test/e2e/village.test.ts' : `/${file}`) && read(path).replaceAll('\\\'', '\'').includes(title))
  })
  expect(missing).toEqual([])
  expect(quotes).toHaveLength([...contract.matchAll(/"[^"]+"/g)].length)
})
