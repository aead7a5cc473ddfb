import fc from 'fast-check'
import { expect, test } from 'vitest'
import { formatPath, parseTarget } from './request-target.ts'

test.each([
  ['/', ['']],
  ['/watch', ['watch']],
  ['/a/b%20c/', ['a', 'b c', '']],
  ['/a%2Fb', ['a/b']],
  ['/f%C3%BCnke.txt?x=1', ['fünke.txt']],
  ['http://anything.example.org/watch?x', ['watch']],
  ['http://example.org', ['']],
  ['http://example.org?x', ['']],
  [`/${'a/'.repeat(63)}`, [...Array.from({ length: 63 }, () => 'a'), '']],
])('%s has the segments %j', (target, segments) => {
  expect(parseTarget('GET', target)?.segments).toEqual(segments)
})

test('an asterisk stands for the whole server and is valid for OPTIONS only', () => {
  expect(parseTarget('OPTIONS', '*')?.segments).toEqual([])
  for (const method of ['GET', 'HEAD', 'POST', 'TRACE']) expect(parseTarget(method, '*')).toBeUndefined()
  for (const target of ['http://example.org', 'HTTP://example.org:80']) expect(parseTarget('OPTIONS', target)?.segments).toEqual([])
  expect(parseTarget('OPTIONS', 'http://example.org?x')?.segments).toEqual([''])
})

test.each(['', 'watch', '/%', '/%zz', '/%ff', 'ftp://example.org/', 'https://example.org/', 'example.org:443', `/${'a/'.repeat(64)}`])('"%s" is not a target', target => {
  expect(parseTarget('GET', target)).toBeUndefined()
})

test('a query is parsed and is not part of the path', () => {
  expect(parseTarget('GET', '/about?name=a%20b&name=c')).toEqual({ segments: ['about'], query: new URLSearchParams('name=a%20b&name=c'), search: '?name=a%20b&name=c' })
})

test('formatting any segments and parsing the path gives the same segments', () => {
  const segment = fc.string({ unit: 'grapheme' })
  fc.assert(fc.property(fc.array(segment, { minLength: 1, maxLength: 8 }), segments => {
    expect(parseTarget('GET', formatPath(segments))?.segments).toEqual(segments)
  }))
})

test('the parser never throws', () => {
  fc.assert(fc.property(fc.oneof(fc.string(), fc.string().map(text => `/${text}`)), target => {
    parseTarget('GET', target)
  }))
})
