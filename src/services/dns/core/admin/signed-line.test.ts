import { expect, test } from 'vitest'
import { UsageError } from '../../../kit/errors.ts'
import { nodeHmac } from '../../hmac.ts'
import { isSigned, signLine, verifyLine } from './signed-line.ts'
import type { TsigKey } from './tsig.ts'

const KEY: TsigKey = { name: 'Laptop', algorithm: 'hmac-sha256', secret: new TextEncoder().encode('0123456789abcdef0123456789abcdef') }
const NOW_SECONDS = 1_767_225_600
/** Made with `printf '%s' 'REGISTER my-app.home 192.168.1.50 HMAC Laptop 1767225600 5f0c9e31' | openssl dgst -sha256 -hmac 0123456789abcdef0123456789abcdef`. */
const LINE = 'REGISTER my-app.home 192.168.1.50 HMAC Laptop 1767225600 5f0c9e31 fbe624019c3d5efb744511d06d6e7d775f259de31c7ee6d80b58027ce1e51460'

const verify = (line: string, nowSeconds = NOW_SECONDS) => verifyLine(line, name => name.toLowerCase() === 'laptop' ? KEY : undefined, nodeHmac, nowSeconds)

test('a line has the signature that OpenSSL makes, and it verifies', () => {
  expect(signLine('REGISTER my-app.home 192.168.1.50\n', KEY, NOW_SECONDS + 0.9, '5f0c9e31', nodeHmac)).toBe(LINE)
  expect(verify(LINE)).toMatchObject({ line: 'REGISTER my-app.home 192.168.1.50', keyName: 'laptop', signedAtSeconds: NOW_SECONDS })
  expect(verify(`${LINE}\n`, NOW_SECONDS + 300).line).toBe('REGISTER my-app.home 192.168.1.50')
})

test('a line with any character changed is rejected', () => {
  for (let at = 0; at < LINE.length; at++) {
    const changed = `${LINE.slice(0, at)}${LINE[at] === '7' ? '8' : '7'}${LINE.slice(at + 1)}`
    if (isSigned(changed)) expect(() => verify(changed), changed).toThrow(UsageError)
  }
})

test.each([
  ['an unknown key', LINE.replace('Laptop', 'tablet'), NOW_SECONDS, /there is no key "tablet"/],
  ['an old line', LINE, NOW_SECONDS + 301, /signed at 1767225600, but the time here is 1767225901/],
  ['a line from the future', LINE, NOW_SECONDS - 301, /the time here is 1767225299/],
  ['a truncated line', LINE.slice(0, -2), NOW_SECONDS, /does not match/],
])('%s is rejected with the reason', (_what, line, nowSeconds, reason) => {
  expect(() => verify(line, nowSeconds)).toThrow(reason)
})

test.each(['REGISTER a.home 192.0.2.1', 'LIST', 'REGISTER a.home TXT HMAC laptop 1 abcd', 'REGISTER a.home TXT "HMAC laptop 1767225600 5f0c9e31 00"'])('%s is not a signed line', line => {
  expect(isSigned(line)).toBe(false)
})
