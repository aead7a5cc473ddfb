import { expect, test } from 'vitest'
import { loadFailure } from './failure.ts'

test('a closed gateway is told as the client that is off, not as a proxy fault', () => {
  const failure = loadFailure(-130, 'ERR_PROXY_CONNECTION_FAILED', 'http://my-app.home/')
  expect(failure).toMatchObject({ code: 'service-not-running', what: 'my-app.home cannot be opened yet', remedy: 'start everything' })
  expect(failure.proof).toContain('ERR_PROXY_CONNECTION_FAILED')
})

test('a number without words of its own keeps the browser\'s name as proof', () => {
  expect(loadFailure(-999, 'ERR_STRANGE', 'http://example.org:81/x')).toMatchObject({ what: 'example.org:81 could not be shown', proof: 'ERR_STRANGE (-999) at http://example.org:81/x' })
})

test('an untrusted certificate is named', () => {
  expect(loadFailure(-202, 'ERR_CERT_AUTHORITY_INVALID', 'https://example.org/').why).toBe('its certificate is not trusted')
})

test('a load without a readable address is told too', () => {
  expect(loadFailure(-300, 'ERR_INVALID_URL', '').what).toBe('The page could not be shown')
})
