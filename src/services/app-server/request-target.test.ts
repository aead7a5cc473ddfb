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

test('an asterisk is the whole server, which can be asked for its options alone', () => {
  expect(parseTarget('OPTIONS', '*')?.segments).toEqual([])
  for (const method of ['GET', 'HEAD', 'POST', 'TRACE']) expect(parseTarget(method, '*')).toBeUndefined()
  for (const target of ['http://example.org', 'HTTP://example.org:80']) expect(parseTarget('OPTIONS', target)?.segments).toEqual([])
  expect(parseTarget('OPTIONS', 'http://example.org?x')?.segments).toEqual([''])
})

test.each(['', 'watch', '/%', '/%zz', '/%ff', 'ftp://example.org/', 'https://example.org/', 'example.org:443', `/${'a/'.repeat(64)}`])('"%s" is no target', target => {
  expect(parseTarget('GET', target)).toBeUndefined()
})

test('a query is read, and the path does not see it', () => {
  expect(parseTarget('GET', '/about?name=a%20b&name=c')).toEqual({ segments: ['about'], query: new URLSearchParams('name=a%20b&name=c'), search: '?name=a%20b&name=c' })
})

test('whatever the segments are, the path that is written of them is read as the same', () => {
  const segment = fc.string({ unit: 'grapheme' })
  fc.assert(fc.property(fc.array(segment, { minLength: 1, maxLength: 8 }), segments => {
    expect(parseTarget('GET', formatPath(segments))?.segments).toEqual(segments)
  }))
})

test('no target makes the parser throw', () => {
  fc.assert(fc.property(fc.oneof(fc.string(), fc.string().map(text => `/${text}`)), target => {
    parseTarget('GET', target)
  }))
})
