import { expect, test } from 'vitest'
import { registerLine } from './register-line.ts'

test('a name and an address make one line, without surrounding spaces', () => {
  expect(registerLine(' printer.home ', '192.0.2.7\n')).toBe('REGISTER printer.home 192.0.2.7')
  expect(registerLine('printer.home', '2001:db8::7')).toBe('REGISTER printer.home 2001:db8::7')
})

test('input that could be read as a second line or word is refused', () => {
  expect(() => registerLine('printer.home\nFLUSH', '192.0.2.7')).toThrow('No name was registered')
  expect(() => registerLine('printer.home', '192.0.2.7 x')).toThrow('No name was registered')
  expect(() => registerLine('', '192.0.2.7')).toThrow('No name was registered')
})
