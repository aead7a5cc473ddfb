import { expect, test } from 'vitest'
import type { Field } from '../../services/kit/dissection.ts'
import { bytesOfLine, pathAbove, pathAt, visibleFields } from './details.ts'

const fields: readonly Field[] = [
  { name: 'id', value: '7', from: 0, to: 2 },
  { name: 'answer', value: '', from: 2, to: 8, fields: [{ name: 'name', value: '', from: 2, to: 4 }, { name: 'data', value: '', from: 4, to: 8, fields: [{ name: 'address', value: '', from: 4, to: 8 }] }] },
]

test('the fields inside a field are visible when it is open', () => {
  const names = (...open: string[]) => visibleFields(fields, new Set(open)).map(({ path, level }) => `${level} ${path}`)
  expect(names()).toEqual(['1 id 0', '1 answer 0'])
  expect(names('answer 0', 'answer 0/data 0')).toEqual(['1 id 0', '1 answer 0', '2 answer 0/name 0', '2 answer 0/data 0', '3 answer 0/data 0/address 0'])
  expect(names('answer 0/data 0')).toEqual(['1 id 0', '1 answer 0'])
})

test('a path identifies a field across packets, and counts fields of the same name', () => {
  const [id, answer] = fields
  if (id === undefined || answer === undefined) return expect.unreachable('both exist')
  const other = [answer, id, answer]
  expect(visibleFields(other, new Set(['answer 1'])).map(({ path }) => path)).toEqual(['answer 0', 'id 0', 'answer 1', 'answer 1/name 0', 'answer 1/data 0'])
})

test('a byte leads to its innermost field, and a field to its parent', () => {
  expect(pathAt(fields, 1)).toEqual({ path: 'id 0', ancestors: [] })
  expect(pathAt(fields, 5)).toEqual({ path: 'answer 0/data 0/address 0', ancestors: ['answer 0', 'answer 0/data 0'] })
  expect(pathAt(fields, 9)).toEqual({ path: '', ancestors: [] })
  expect(pathAbove('answer 0/data 0/address 0')).toBe('answer 0/data 0')
})

test('a line of the dump shows each byte as two hex digits and as a character', () => {
  expect(bytesOfLine(Uint8Array.of(0, 0x41, 0x20, 0xff), 1)).toEqual([{ at: 1, hex: '41', text: 'A' }, { at: 2, hex: '20', text: '\u00a0' }, { at: 3, hex: 'ff', text: '·' }])
})
