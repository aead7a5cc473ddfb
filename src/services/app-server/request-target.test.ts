import fc from 'fast-check'
import { expect, test } from 'vitest'
import { formatPath, hostIsInOrder, parseTarget } from './request-target.ts'

test.each([
  ['/', ['']],
  ['/watch', ['watch']],
  ['/a/b%20c/', ['a', 'b c', '']],
  ['/a%2Fb', ['a/b']],
  ['/f%C3%BCnke.txt?x=1', ['fünke.txt']],
  ['http://anything.example.org/watch?x', ['watch']],
  ['http://example.org', ['']],
  ['*', []],
])('%s has the segments %j', (target, segments) => {
  expect(parseTarget(target)?.segments).toEqual(segments)
})

test.each(['', 'watch', '/%', '/%zz', '/%ff', 'ftp://example.org/', 'example.org:443', `/${'a/'.repeat(64)}`])('"%s" is no target', target => {
  expect(parseTarget(target)).toBeUndefined()
})

test('a query is read, and the path does not see it', () => {
  expect(parseTarget('/about?name=a%20b&name=c')).toEqual({ segments: ['about'], query: new URLSearchParams('name=a%20b&name=c'), search: '?name=a%20b&name=c' })
})

test('whatever the segments are, the path that is written of them is read as the same', () => {
  const segment = fc.string({ unit: 'grapheme' })
  fc.assert(fc.property(fc.array(segment, { minLength: 1, maxLength: 8 }), segments => {
    expect(parseTarget(formatPath(segments))?.segments).toEqual(segments)
  }))
})

test('no target makes the parser throw', () => {
  fc.assert(fc.property(fc.oneof(fc.string(), fc.string().map(text => `/${text}`)), target => {
    parseTarget(target)
  }))
})

test.each([
  { hosts: [], version: '1.0', ok: true },
  { hosts: [], version: '1.1', ok: false },
  { hosts: ['my-app.home'], version: '1.1', ok: true },
  { hosts: ['my-app.home:8080'], version: '1.1', ok: true },
  { hosts: ['[::1]:80'], version: '1.1', ok: true },
  { hosts: [''], version: '1.1', ok: true },
  { hosts: ['a.example.org', 'b.example.org'], version: '1.1', ok: false },
  { hosts: ['a.example.org', 'a.example.org'], version: '1.0', ok: false },
  { hosts: ['a.example.org, b.example.org'], version: '1.1', ok: false },
  { hosts: ['user@example.org'], version: '1.1', ok: false },
  { hosts: ['example.org/x'], version: '1.1', ok: false },
])('HTTP/$version with the hosts $hosts: in order is $ok', ({ hosts, version, ok }) => {
  expect(hostIsInOrder(version, ['Accept', 'host', ...hosts.flatMap(host => ['HOST', host])])).toBe(ok)
})
