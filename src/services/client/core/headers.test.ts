import { describe, expect, test } from 'vitest'
import { loadsDocument, requestFields, responseFields } from './headers.ts'

const names = (fields: readonly (readonly [string, readonly string[]])[]) => fields.map(([name]) => name)

describe('a request', () => {
  test('loses the fields about the connection to the proxy, and those that Connection names', () => {
    const raw = [
      'Host', 'evil.example', 'Proxy-Authorization', 'Basic x', 'Proxy-Connection', 'keep-alive', 'Connection', 'close, X-Private', 'X-Private', '1',
      'Keep-Alive', '1', 'TE', 'trailers', 'Trailer', 'a', 'Upgrade', 'h2c', 'Range', 'bytes=0-9',
    ]
    expect(requestFields(raw, '1.1', 'my-app.home')).toEqual([['Host', ['my-app.home']], ['Range', ['bytes=0-9']], ['Via', ['1.1 hamlet']]])
  })
  test('does not carry the header in which a tab names its transport, however it is spelled', () => {
    expect(names(requestFields(['X-Hamlet-Transport', 'rudp', 'x-hamlet-probe', '1', 'Cookie', 'a=b'], '1.1', 'h'))).toEqual(['Host', 'Cookie', 'Via'])
  })
  test('keeps the spelling and repetition of fields', () => {
    expect(requestFields(['COOKIE', 'a=1', 'Cookie', 'b=2', '__proto__', 'x'], '1.1', 'h')).toEqual([['Host', ['h']], ['COOKIE', ['a=1', 'b=2']], ['__proto__', ['x']], ['Via', ['1.1 hamlet']]])
  })
  test('keeps a chunked body chunked', () => {
    expect(requestFields(['Transfer-Encoding', 'gzip, chunked'], '1.1', 'h')).toContainEqual(['Transfer-Encoding', ['chunked']])
  })
  test('keeps the fields that frame and route it, even if Connection names them', () => {
    expect(requestFields(['Connection', 'Content-Length, host', 'Content-Length', '5', 'Host', 'a'], '1.1', 'h')).toEqual([['Host', ['h']], ['Via', ['1.1 hamlet']], ['Content-Length', ['5']]])
    expect(requestFields(['Connection', 'transfer-encoding', 'Transfer-Encoding', 'chunked'], '1.1', 'h')).toContainEqual(['Transfer-Encoding', ['chunked']])
  })
  test('has one framing field, however many it came with', () => {
    expect(names(requestFields(['Content-Length', '5', 'Transfer-Encoding', 'chunked'], '1.1', 'h'))).toEqual(['Host', 'Via', 'Transfer-Encoding'])
    expect(requestFields(['Content-Length', '5', 'content-length', '5'], '1.1', 'h')).toContainEqual(['Content-Length', ['5']])
  })
  test('keeps Expect in HTTP/1.1 only', () => {
    expect(names(requestFields(['Expect', '100-continue'], '1.1', 'h'))).toEqual(['Host', 'Expect', 'Via'])
    expect(names(requestFields(['expect', '100-continue'], '1.0', 'h'))).toEqual(['Host', 'Via'])
  })
  test('appends the proxy to Via', () => {
    expect(requestFields(['Via', '1.0 fred', 'via', '1.1 p'], '1.1', 'h')).toEqual([['Host', ['h']], ['Via', ['1.0 fred, 1.1 p, 1.1 hamlet']]])
  })
  test('says in Via which version of HTTP the proxy received, and so does a response', () => {
    expect(requestFields([], '1.0', 'h')).toContainEqual(['Via', ['1.0 hamlet']])
    expect(responseFields([], '1.0', 200)).toEqual([['Via', ['1.0 hamlet']]])
  })
})

test('a response keeps every cookie and cannot pretend to be an error of the gateway', () => {
  expect(responseFields(['Set-Cookie', 'a=1', 'X-Hamlet-Error', 'internal', 'Set-Cookie', 'b=2', 'Connection', 'keep-alive', 'Transfer-Encoding', 'chunked', 'ETag', '"x"'], '1.1', 200))
    .toEqual([['Set-Cookie', ['a=1', 'b=2']], ['ETag', ['"x"']], ['Via', ['1.1 hamlet']]])
})

test('a response keeps its length, even if Connection names it, and has it once', () => {
  expect(responseFields(['Connection', 'content-length', 'Content-Length', '5', 'Content-Length', '5'], '1.1', 200)).toEqual([['Via', ['1.1 hamlet']], ['Content-Length', ['5']]])
  expect(names(responseFields(['Content-Length', '5', 'Transfer-Encoding', 'chunked'], '1.1', 200))).toEqual(['Via'])
})

test('a response without content has no length, whatever its server says', () => {
  expect(responseFields(['Content-Length', '5', 'ETag', '"x"'], '1.1', 204)).toEqual([['ETag', ['"x"']], ['Via', ['1.1 hamlet']]])
  expect(names(responseFields(['Content-Length', '5', 'Link', '</a.css>'], '1.1', 103))).toEqual(['Link', 'Via'])
  expect(responseFields(['Content-Length', '5'], '1.1', 304)).toContainEqual(['Content-Length', ['5']])
})

test('a document load is recognized by Fetch Metadata, or else by Accept', () => {
  expect(loadsDocument(['Sec-Fetch-Dest', 'document', 'Accept', '*/*'])).toBe(true)
  expect(loadsDocument(['Sec-Fetch-Dest', 'image', 'Accept', 'text/html'])).toBe(false)
  expect(loadsDocument(['accept', 'text/html,*/*;q=0.8'])).toBe(true)
  expect(loadsDocument(['Accept', '*/*'])).toBe(false)
  expect(loadsDocument(['Accept', 'text/html', 'x-hamlet-frame', '1'])).toBe(false)
})
