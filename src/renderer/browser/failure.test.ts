import { expect, test } from 'vitest'
import { loadFailure } from './failure.ts'

test('an unreachable gateway is reported as a client that does not answer, not as a proxy error', () => {
  const failure = loadFailure(-130, 'ERR_PROXY_CONNECTION_FAILED', 'http://my-app.home/')
  expect(failure).toMatchObject({ what: 'my-app.home cannot be opened yet', remedy: 'switch the client off and on again' })
  expect(failure.proof).toContain('ERR_PROXY_CONNECTION_FAILED')
})

test('an error code without its own text keeps the browser\'s name for it as proof', () => {
  const { what, proof } = loadFailure(-999, 'ERR_STRANGE', 'http://example.org:81/x')
  expect([what, proof]).toEqual(['example.org:81 could not be shown', 'ERR_STRANGE (-999) at http://example.org:81/x'])
})

test('a port that browsers block is explained', () => {
  expect(loadFailure(-312, 'ERR_UNSAFE_PORT', 'http://my-app.home:6000/')).toMatchObject({ what: 'my-app.home:6000 was not opened', remedy: 'run the server on another port, such as 8080' })
})

test('an untrusted certificate is given as the reason', () => {
  expect(loadFailure(-202, 'ERR_CERT_AUTHORITY_INVALID', 'https://example.org/').why).toBe('its certificate is not trusted')
})

test('an https address that fails is not blamed on the client', () => {
  for (const [number, name] of [[-111, 'ERR_TUNNEL_CONNECTION_FAILED'], [-107, 'ERR_SSL_PROTOCOL_ERROR']] as const) {
    expect(loadFailure(number, name, 'https://my-app.home/')).toMatchObject({ what: 'my-app.home cannot be reached by https', remedy: 'try http://my-app.home/' })
  }
})

test('redirect loops, and redirects to a forbidden scheme, are explained', () => {
  expect(loadFailure(-310, 'ERR_TOO_MANY_REDIRECTS', 'http://my-app.home/a').what).toBe('my-app.home redirects in a loop')
  expect(loadFailure(-311, 'ERR_UNSAFE_REDIRECT', 'http://my-app.home/a').what).toBe('my-app.home redirects to a forbidden address')
})

test('a failed load without a valid address is reported too', () => {
  expect(loadFailure(-300, 'ERR_INVALID_URL', '').what).toBe('The page could not be shown')
})
