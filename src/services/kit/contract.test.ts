import { expect, test } from 'vitest'
import { ipAddress } from './contract.ts'

test.each([['0:0:0:0:0:0:0:0', '::'], ['2001:DB8::01', '2001:db8::1'], ['127.0.0.1', '127.0.0.1']])('the address %s of a setting is kept as %s', (text, kept) => {
  expect(ipAddress('').parse(text)).toBe(kept)
})

test('what is no address is refused as it was written', () => {
  expect(() => ipAddress('').parse('localhost')).toThrow('not an IP address')
})
