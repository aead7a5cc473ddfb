import { expect, test } from 'vitest'
import { shortcutFor, views } from './shortcuts.ts'

const key = (text: string, held: Partial<{ ctrlKey: boolean; metaKey: boolean; altKey: boolean; shiftKey: boolean }> = {}) =>
  shortcutFor({ key: text, ctrlKey: false, metaKey: false, altKey: false, shiftKey: false, ...held })

test('Ctrl and a digit select a view, the services in start order', () => {
  expect(['1', '2', '3', '4', '5', '6', '7', '8'].map(number => key(number, { ctrlKey: true }))).toEqual(['1', '2', '3', '4', '5', '6', '7', undefined])
  expect(views).toEqual(['browser', 'dns', 'dhcp', 'app-server', 'client', 'lab', 'packets'])
  expect(key('2', { metaKey: true })).toBe('2')
})

test('a digit alone, or with other modifiers, is no shortcut', () => {
  expect(key('2')).toBeUndefined()
  expect(key('2', { ctrlKey: true, altKey: true })).toBeUndefined()
})

test('Escape returns to the browser', () => {
  expect(key('Escape')).toBe('1')
})

test('the usual browser shortcuts work', () => {
  expect([key('F5'), key('r', { ctrlKey: true }), key('l', { ctrlKey: true }), key('f', { ctrlKey: true }), key('p', { ctrlKey: true })]).toEqual(['reload', 'reload', 'address', 'find', 'print'])
  expect([key('ArrowLeft', { altKey: true }), key('ArrowRight', { altKey: true }), key('ArrowLeft')]).toEqual(['back', 'forward', undefined])
  expect([key('+', { ctrlKey: true, shiftKey: true }), key('=', { ctrlKey: true }), key('-', { ctrlKey: true }), key('0', { ctrlKey: true })]).toEqual(['larger', 'larger', 'smaller', 'usual size'])
})
