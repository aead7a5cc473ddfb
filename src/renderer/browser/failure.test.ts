import { expect, test } from 'vitest'
import { loadFailure } from './failure.ts'

test('a closed gateway is told as the client that does not answer, not as a proxy fault', () => {
  const failure = loadFailure(-130, 'ERR_PROXY_CONNECTION_FAILED', 'http://my-app.home/')
  expect(failure).toMatchObject({ what: 'my-app.home cannot be opened yet', remedy: 'switch the client off and on again' })
  expect(failure.proof).toContain('ERR_PROXY_CONNECTION_FAILED')
})

test('a number without words of its own keeps the browser\'s name as proof', () => {
  const { what, proof } = loadFailure(-999, 'ERR_STRANGE', 'http://example.org:81/x')
  expect([what, proof]).toEqual(['example.org:81 could not be shown', 'ERR_STRANGE (-999) at http://example.org:81/x'])
})

test('a port that browsers keep pages from is told as that', () => {
  expect(loadFailure(-312, 'ERR_UNSAFE_PORT', 'http://my-app.home:6000/')).toMatchObject({ what: 'my-app.home:6000 was not asked', remedy: 'let the server listen on another port, such as 8080' })
})

test('an untrusted certificate is named', () => {
  expect(loadFailure(-202, 'ERR_CERT_AUTHORITY_INVALID', 'https://example.org/').why).toBe('its certificate is not trusted')
})

test('an https address that fails is not blamed on the client, which did its part', () => {
  for (const [number, name] of [[-111, 'ERR_TUNNEL_CONNECTION_FAILED'], [-107, 'ERR_SSL_PROTOCOL_ERROR']] as const) {
    expect(loadFailure(number, name, 'https://my-app.home/')).toMatchObject({ what: 'my-app.home cannot be reached by https', remedy: 'try http://my-app.home/' })
  }
})

test('redirects without an end, or to where no page may lead, have words of their own', () => {
  expect(loadFailure(-310, 'ERR_TOO_MANY_REDIRECTS', 'http://my-app.home/a').what).toBe('my-app.home leads in a circle')
  expect(loadFailure(-311, 'ERR_UNSAFE_REDIRECT', 'http://my-app.home/a').what).toBe('my-app.home leads to an address that is not opened')
})

test('a load without a readable address is told too', () => {
  expect(loadFailure(-300, 'ERR_INVALID_URL', '').what).toBe('The page could not be shown')
})
