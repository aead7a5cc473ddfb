import { expect, test } from 'vitest'
import { viewOfKey } from './shortcuts.ts'

const key = (text: string, held: Partial<{ ctrlKey: boolean; metaKey: boolean; altKey: boolean; shiftKey: boolean }> = {}) =>
  viewOfKey({ key: text, ctrlKey: false, metaKey: false, altKey: false, shiftKey: false, ...held })

test('Ctrl and a number chooses a view, in start order', () => {
  expect(['1', '2', '3', '4', '5', '6', '7'].map(number => key(number, { ctrlKey: true }))).toEqual(['browser', 'dns', 'dhcp', 'app-server', 'client', 'lab', undefined])
  expect(key('2', { metaKey: true })).toBe('dns')
})

test('a number alone, or with other keys, is typed text', () => {
  expect(key('2')).toBeUndefined()
  expect(key('2', { ctrlKey: true, altKey: true })).toBeUndefined()
})

test('Escape goes back to the browser', () => {
  expect(key('Escape')).toBe('browser')
})
