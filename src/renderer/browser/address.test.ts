import fc from 'fast-check'
import { expect, test } from 'vitest'
import { readAddress, readPageAddress } from './address.ts'

const url = (typed: string) => {
  const reading = readAddress(typed)
  return reading.kind === 'open' ? `${reading.transport ?? 'as it is'} ${reading.url}` : reading.sentence
}

test('a bare name, an address and a port are http addresses', () => {
  expect(url('my-app.home')).toBe('as it is http://my-app.home/')
  expect(url('  my-app.home/watch?v=1#t ')).toBe('as it is http://my-app.home/watch?v=1#t')
  expect(url('localhost:3000')).toBe('as it is http://localhost:3000/')
  expect(url('192.0.2.1:8080/x')).toBe('as it is http://192.0.2.1:8080/x')
  expect(url('[2001:db8::1]:81')).toBe('as it is http://[2001:db8::1]:81/')
  expect(url('HTTPS://example.org')).toBe('as it is https://example.org/')
})

test('a rudp address is the same http address over RUDP, its port kept', () => {
  expect(url('rudp://my-app.home')).toBe('rudp http://my-app.home/')
  expect(url('RUDP://my-app.home:9000/watch')).toBe('rudp http://my-app.home:9000/watch')
})

test('RUDP port 80 is refused, since an http address would lose it', () => {
  expect(readAddress('rudp://my-app.home:80/').kind).toBe('refused')
  expect(url('rudp://my-app.home:8080/')).toBe('rudp http://my-app.home:8080/')
  expect(url('rudp://my-app.home/a:80')).toBe('rudp http://my-app.home/a:80')
})

test('words are refused with a sentence, not searched for', () => {
  expect(url('how does dns work')).toContain('no search engine')
  expect(readAddress('').kind).toBe('refused')
  expect(readAddress('http://').kind).toBe('refused')
  expect(readAddress(`my-app.home/${'x'.repeat(3000)}`).kind).toBe('refused')
})

test('addresses that reach out of the network are refused by their scheme', () => {
  for (const typed of ['javascript:alert(1)', 'file:///etc/passwd', 'data:text/html,x', 'about:blank', 'chrome://version', 'mailto:a@example.org']) {
    expect(readAddress(typed)).toEqual({ kind: 'refused', sentence: expect.stringContaining('Hamlet does not open') })
  }
})

test('a page that leads to another scheme is refused, also where that looks like a name and a port', () => {
  expect(readPageAddress('rudp://my-app.home/')).toEqual(readAddress('rudp://my-app.home/'))
  for (const [address, scheme] of [['tel:123', 'tel:'], ['mailto:a@example.org', 'mailto:'], ['file:///etc/passwd', 'file:']] as const) {
    expect(readPageAddress(address)).toEqual({ kind: 'refused', sentence: `Hamlet does not open ${scheme} addresses. It opens http, https and rudp.` })
  }
})

test('whatever is typed, what is opened is http or https', () => {
  fc.assert(fc.property(fc.string(), typed => {
    const reading = readAddress(typed)
    if (reading.kind === 'open') expect(reading.url).toMatch(/^https?:\/\/[^/]/)
    else expect(reading.sentence).not.toBe('')
  }))
})
