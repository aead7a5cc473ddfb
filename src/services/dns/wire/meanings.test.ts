import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Field } from '../../kit/dissection.ts'
import { anyMessage } from '../testing/records.ts'
import { dissectMessage } from './dissect.ts'
import { encodeMessage } from './message.ts'
import { meaningsOf } from './meanings.ts'

const says = (name: string, value = '') => meaningsOf({ name, value, from: 0, to: 0 }).map(meaning => meaning.says)

test('every field of every message has a meaning, except unknown options', () => {
  const unexplained = (fields: readonly Field[]): string[] => fields.flatMap(field => [...meaningsOf(field).length === 0 ? [field.name] : [], ...unexplained(field.fields ?? [])])
  fc.assert(fc.property(anyMessage(), message => {
    expect(unexplained(dissectMessage(encodeMessage(message)).fields).filter(name => !/^option \d/.test(name))).toEqual([])
  }), { numRuns: 200 })
})

test('a known value is explained after its field', () => {
  expect(says('rcode', 'NXDOMAIN')).toEqual(['The outcome of the request.', 'NXDOMAIN: there is no such name, and nothing below it.'])
  expect(says('qtype', 'AAAA').at(-1)).toBe('AAAA: an IPv6 address.')
  expect(says('type', 'TYPE731')).toHaveLength(1)
  expect(says('malformed')).toEqual([])
})
