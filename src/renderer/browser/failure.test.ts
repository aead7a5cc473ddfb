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

test('an untrusted certificate is named', () => {
  expect(loadFailure(-202, 'ERR_CERT_AUTHORITY_INVALID', 'https://example.org/').why).toBe('its certificate is not trusted')
})

test('a load without a readable address is told too', () => {
  expect(loadFailure(-300, 'ERR_INVALID_URL', '').what).toBe('The page could not be shown')
})
