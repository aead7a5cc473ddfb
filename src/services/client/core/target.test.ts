import fc from 'fast-check'
import { expect, test } from 'vitest'
import { UsageError } from '../../kit/errors.ts'
import { formatAuthority, parseAuthority, parseTarget } from './target.ts'

test('an absolute URL is parsed into scheme, host, port and path', () => {
  expect(parseTarget('http://my-app.home/watch?film=1')).toEqual({ scheme: 'http', host: 'my-app.home', port: undefined, path: '/watch?film=1' })
  expect(parseTarget('HTTP://My-App.Home:8081')).toEqual({ scheme: 'http', host: 'my-app.home', port: 8081, path: '/' })
  expect(parseTarget('rudp://192.0.2.7:8080/a#part')).toEqual({ scheme: 'rudp', host: '192.0.2.7', port: 8080, path: '/a' })
  expect(parseTarget('http://[2001:db8::1]:80/')).toEqual({ scheme: 'http', host: '2001:db8::1', port: 80, path: '/' })
  expect(parseTarget('http://example.org?q')).toEqual({ scheme: 'http', host: 'example.org', port: undefined, path: '/?q' })
})

test('OPTIONS without a path is about the server as a whole', () => {
  expect(parseTarget('http://my-app.home:8081', 'OPTIONS').path).toBe('*')
  expect(['http://my-app.home/', 'http://my-app.home?q'].map(text => parseTarget(text, 'OPTIONS').path)).toEqual(['/', '/?q'])
})

test('non-ASCII characters in a path are percent-encoded as UTF-8, and existing encoding stays as it is', () => {
  expect(parseTarget('http://example.org/gr\u00fc\u00dfe?\u{1f3ad}=%ff').path).toBe('/gr%C3%BC%C3%9Fe?%F0%9F%8E%AD=%ff')
})

test('anything but the URL of a page is refused with a sentence', () => {
  const refused = [
    '/', '*', '', 'example.org', 'http://', 'http:///path', 'ftp://example.org/', 'https://example.org/', 'http://user:secret@example.org/',
    'http://a..b/', 'http://exa mple.org/', 'http://example.org:99999/', 'http://example.org:0/', 'http://[::1', 'http://[example]/',
    'http://example.org/a b', 'http://example.org/\r\nX: y', 'http://example.org/\ud800', 'http://2001:db8::1/', `http://${'a.'.repeat(130)}org/`,
  ]
  for (const text of refused) expect(() => parseTarget(text), text).toThrowError(/cannot be fetched/)
  for (const text of ['', ':80', '[]:80']) expect(() => parseAuthority(text), text).toThrowError(/names no host/)
  for (const text of ['[192.0.2.1]', '[example]:80', '2001:db8::1']) expect(() => parseAuthority(text), text).toThrowError(/cannot be fetched/)
})

test('names and ports may be as long and as high as DNS and TCP allow', () => {
  const longest = `${'a'.repeat(63)}.`.repeat(3) + 'a'.repeat(61)
  expect([parseAuthority(`${longest}:65535`), parseAuthority(`${longest}.`).host.length]).toEqual([{ host: longest, port: 65_535 }, 254])
  for (const text of [`a${longest}`, `a${longest}.`, `${'a'.repeat(64)}.org`, 'a:65536', 'a:0', 'a:00']) expect(() => parseAuthority(text), text).toThrowError(/cannot be fetched/)
})

test('an error shows only the beginning of a long URL', () => {
  expect(() => parseTarget('x'.repeat(100))).toThrowError(`"${'x'.repeat(100)}" cannot be fetched`)
  expect(() => parseTarget('x'.repeat(101))).toThrowError(`"${'x'.repeat(100)}…" cannot be fetched`)
})

test.each([
  ['user:secret@example.org', /it must not contain a user name/],
  ['example.org:http', /not HOST or HOST:PORT/],
  ['2001:db8::1', /an IPv6 address in brackets/],
  ['', /it names no host/],
])('the refusal of %s says what is wrong', (text, why) => {
  expect(() => parseAuthority(text)).toThrowError(expect.objectContaining({ parts: expect.objectContaining({ why: expect.stringMatching(why) }) }))
})

test('an authority is formatted as it was parsed', () => {
  for (const text of ['my-app.home', 'my-app.home:8081', '192.0.2.7:80', '[2001:db8::1]:443', '[::1]']) expect(formatAuthority(parseAuthority(text))).toBe(text)
})

test('the parser throws nothing but usage errors, and what it accepts is valid on a request line', () => fc.assert(fc.property(
  fc.oneof(fc.string({ unit: 'binary' }), fc.string().map(rest => `http://${rest}/`), fc.string({ unit: 'binary' }).map(rest => `http://example.org/${rest}`)), text => {
    try {
      const { host, path } = parseTarget(text)
      expect(`${host} ${path}`).toMatch(/^[a-z0-9._:-]+ \/[\u0021-\u007e]*$/)
    } catch (error) {
      if (!(error instanceof UsageError)) throw error
    }
  })))
