import fc from 'fast-check'
import { posix, win32 } from 'node:path'
import { expect, test } from 'vitest'
import { areSafeNames } from './safe-path.ts'

test.each([
  'index.html', 'fünke.txt', 'with space.txt', 'a+b&c.txt', '山.txt', 'console.log', 'nul1.txt', 'company.txt', 'a..b', '%2e%2e', '~1', 'x'.repeat(255), `${'ü'.repeat(127)}x`,
])('"%s" may be requested', name => {
  expect(areSafeNames(['folder', name])).toBe(true)
})

test.each([
  '', '.', '..', '.git', '.env', '../x', 'a/b', 'a\\b', '..\\x', 'C:', 'C:x', 'x::$DATA', 'a\0.txt', 'a\nb', 'a\u007f',
  'CON', 'con.txt', 'nul', 'NUL .txt', 'aux.h', 'prn', 'COM1', 'lpt9.log', 'com¹', 'CONIN$', 'conout$.x', 'file.', 'file ', 'x'.repeat(256), 'ü'.repeat(128),
])('"%s" is refused', name => {
  expect(areSafeNames(['folder', name])).toBe(false)
})

test('every accepted path stays inside the folder, on every system', () => {
  const nasty = fc.constantFrom('..', '.', '/', '\\', 'C:', '\0', 'a', ' ', '%2e')
  fc.assert(fc.property(fc.array(fc.oneof(fc.string(), fc.array(nasty).map(parts => parts.join(''))), { minLength: 1, maxLength: 6 }), segments => {
    if (!areSafeNames(segments)) return
    expect(posix.relative('/site', posix.join('/site', ...segments))).toBe(segments.join('/'))
    expect(win32.relative('C:\\site', win32.join('C:\\site', ...segments))).toBe(segments.join('\\'))
  }))
})
