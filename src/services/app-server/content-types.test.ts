import { expect, test } from 'vitest'
import { contentTypeOf } from './content-types.ts'

test.each([
  ['index.html', 'text/html; charset=utf-8'],
  ['SITE.CSS', 'text/css; charset=utf-8'],
  ['a.min.js', 'text/javascript; charset=utf-8'],
  ['film.webm', 'video/webm'],
  ['icon.svg', 'image/svg+xml'],
  ['inter.woff2', 'font/woff2'],
  ['core.wasm', 'application/wasm'],
  ['README', 'application/octet-stream'],
  ['x.constructor', 'application/octet-stream'],
  ['x.', 'application/octet-stream'],
])('%s is %s', (name, type) => {
  expect(contentTypeOf(name)).toBe(type)
})
