import { expect, test } from 'vitest'
import { io, ipAddress, parsedText, port } from './contract.ts'
import { UsageError } from './errors.ts'

test.each([['0:0:0:0:0:0:0:0', '::'], ['2001:DB8::01', '2001:db8::1'], ['127.0.0.1', '127.0.0.1']])('the address %s in a setting is normalized to %s', (text, kept) => {
  expect(ipAddress('').parse(text)).toBe(kept)
})

test('text that is not an address is refused', () => {
  expect(() => ipAddress('').parse('localhost')).toThrow('not an IP address')
})

test('the message for text that a parser refuses says what to write instead', () => {
  const pool = parsedText(text => { throw new UsageError(`--pool cannot be ${text}`, 'it is not two addresses', 'write FIRST-LAST') })
  expect(pool.safeParse('192.0.2.1').error?.issues[0]?.message).toBe('it is not two addresses; write FIRST-LAST')
})

test.each([
  [port(''), 70000, 'it must be at most 65535'],
  [port(''), -1, 'it must be at least 0'],
  [io(), 'fast', 'it must be one of auto, batch, dgram'],
] as const)('a value out of range, or not one of the choices, is explained in plain words: %#', (setting, given, why) => {
  expect(setting.safeParse(given).error?.issues[0]?.message).toBe(why)
})
