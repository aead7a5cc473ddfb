import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Field } from '../../kit/dissection.ts'
import { anyMessage } from '../testing/records.ts'
import { dissectMessage } from './dissect.ts'
import { encodeMessage } from './message.ts'
import { meaningsOf } from './meanings.ts'

const says = (name: string, value = '') => meaningsOf({ name, value, from: 0, to: 0 }).map(meaning => meaning.says)

test('every field of every message has a meaning, but for options that nobody knows', () => {
  const unsaid = (fields: readonly Field[]): string[] => fields.flatMap(field => [...meaningsOf(field).length === 0 ? [field.name] : [], ...unsaid(field.fields ?? [])])
  fc.assert(fc.property(anyMessage(), message => {
    expect(unsaid(dissectMessage(encodeMessage(message)).fields).filter(name => !/^option \d/.test(name))).toEqual([])
  }), { numRuns: 200 })
})

test('a value that has a name says what it is, behind what the field is for', () => {
  expect(says('rcode', 'NXDOMAIN')).toEqual(['What became of the request.', 'NXDOMAIN: there is no such name, and nothing below it.'])
  expect(says('qtype', 'AAAA').at(-1)).toBe('AAAA: an IPv6 address.')
  expect(says('type', 'TYPE731')).toHaveLength(1)
  expect(says('malformed')).toEqual([])
})
