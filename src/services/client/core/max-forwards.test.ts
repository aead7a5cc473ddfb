import { expect, test } from 'vitest'
import { isFinalRecipient, decrementMaxForwards } from './max-forwards.ts'

test('OPTIONS and TRACE end at the proxy with no hop left', () => {
  expect([isFinalRecipient('OPTIONS', '0'), isFinalRecipient('TRACE', '0'), isFinalRecipient('TRACE', '1'), isFinalRecipient('TRACE', undefined), isFinalRecipient('OPTIONS', 'x'), isFinalRecipient('GET', '0')])
    .toEqual([true, true, false, false, false, false])
})

test('every proxy takes one hop, for these methods only, and only from a number', () => {
  const fields = [['Host', ['h']], ['max-Forwards', ['10']]] as const
  expect(decrementMaxForwards('TRACE', fields)).toEqual([['Host', ['h']], ['max-Forwards', ['9']]])
  expect(decrementMaxForwards('OPTIONS', [['Max-Forwards', ['many']]])).toEqual([['Max-Forwards', ['many']]])
  expect(decrementMaxForwards('GET', fields)).toEqual(fields)
})
