import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseAddress, parsePageAddress } from './address.ts'

const url = (typed: string) => {
  const parsed = parseAddress(typed)
  return parsed.kind === 'open' ? `${parsed.transport ?? 'unchanged'} ${parsed.url}` : parsed.sentence
}

test('a bare name, an IP address and a port become http addresses', () => {
  expect(url('my-app.home')).toBe('unchanged http://my-app.home/')
  expect(url('  my-app.home/watch?v=1#t ')).toBe('unchanged http://my-app.home/watch?v=1#t')
  expect(url('localhost:3000')).toBe('unchanged http://localhost:3000/')
  expect(url('192.0.2.1:8080/x')).toBe('unchanged http://192.0.2.1:8080/x')
  expect(url('[2001:db8::1]:81')).toBe('unchanged http://[2001:db8::1]:81/')
  expect(url('HTTPS://example.org')).toBe('unchanged https://example.org/')
})

test('a rudp address becomes the same http address over RUDP, with its port', () => {
  expect(url('rudp://my-app.home')).toBe('rudp http://my-app.home/')
  expect(url('RUDP://my-app.home:9000/watch')).toBe('rudp http://my-app.home:9000/watch')
})

test('RUDP port 80 is refused, because an http address would lose it', () => {
  expect(parseAddress('rudp://my-app.home:80/').kind).toBe('refused')
  expect(url('rudp://my-app.home:8080/')).toBe('rudp http://my-app.home:8080/')
  expect(url('rudp://my-app.home/a:80')).toBe('rudp http://my-app.home/a:80')
})

test('text that is not an address is refused, not searched for', () => {
  expect(url('how does dns work')).toContain('no search engine')
  expect(parseAddress('').kind).toBe('refused')
  expect(parseAddress('http://').kind).toBe('refused')
  expect(parseAddress(`my-app.home/${'x'.repeat(3000)}`).kind).toBe('refused')
})

test('other schemes are refused', () => {
  for (const typed of ['javascript:alert(1)', 'file:///etc/passwd', 'data:text/html,x', 'about:blank', 'chrome://version', 'mailto:a@example.org']) {
    expect(parseAddress(typed)).toEqual({ kind: 'refused', sentence: expect.stringContaining('Hamlet does not open') })
  }
})

test('a page cannot open other schemes, even where the address looks like a name and a port', () => {
  expect(parsePageAddress('rudp://my-app.home/')).toEqual(parseAddress('rudp://my-app.home/'))
  for (const [address, scheme] of [['tel:123', 'tel:'], ['mailto:a@example.org', 'mailto:'], ['file:///etc/passwd', 'file:']] as const) {
    expect(parsePageAddress(address)).toEqual({ kind: 'refused', sentence: `Hamlet does not open ${scheme} addresses. It opens http, https and rudp.` })
  }
})

test('any text is either opened as http or https, or refused', () => {
  fc.assert(fc.property(fc.string(), typed => {
    const parsed = parseAddress(typed)
    if (parsed.kind === 'open') expect(parsed.url).toMatch(/^https?:\/\/[^/]/)
    else expect(parsed.sentence).not.toBe('')
  }))
})
