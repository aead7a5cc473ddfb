import { expect, test } from 'vitest'
import type { Field } from '../../services/kit/dissection.ts'
import { bytesOfLine, pathAt, visibleFields } from './details.ts'

const fields: readonly Field[] = [
  { name: 'id', value: '7', from: 0, to: 2 },
  { name: 'answer', value: '', from: 2, to: 8, fields: [{ name: 'name', value: '', from: 2, to: 4 }, { name: 'data', value: '', from: 4, to: 8, fields: [{ name: 'address', value: '', from: 4, to: 8 }] }] },
]

test('what is within a field is seen when it is open', () => {
  const names = (...open: string[]) => visibleFields(fields, new Set(open)).map(({ path, level, field }) => `${path} ${level} ${field.name}`)
  expect(names()).toEqual(['0 1 id', '1 1 answer'])
  expect(names('1', '1.1')).toEqual(['0 1 id', '1 1 answer', '1.0 2 name', '1.1 2 data', '1.1.0 3 address'])
  expect(names('1.1')).toEqual(['0 1 id', '1 1 answer'])
})

test('a byte leads to the innermost field that it stands in', () => {
  expect(pathAt(fields, 1)).toEqual({ path: '0', ancestors: [] })
  expect(pathAt(fields, 5)).toEqual({ path: '1.1.0', ancestors: ['1', '1.1'] })
  expect(pathAt(fields, 9)).toEqual({ path: '', ancestors: [] })
})

test('a line of the dump has each byte as two digits and as a character', () => {
  expect(bytesOfLine(Uint8Array.of(0, 0x41, 0x20, 0xff), 1)).toEqual([{ at: 1, hex: '41', text: 'A' }, { at: 2, hex: '20', text: '\u00a0' }, { at: 3, hex: 'ff', text: '·' }])
})
