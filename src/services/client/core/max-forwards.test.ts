import { expect, test } from 'vitest'
import { endsHere, withOneHopLess } from './max-forwards.ts'

test('OPTIONS and TRACE end at the proxy at which no hop is left', () => {
  expect([endsHere('OPTIONS', '0'), endsHere('TRACE', '0'), endsHere('TRACE', '1'), endsHere('TRACE', undefined), endsHere('OPTIONS', 'x'), endsHere('GET', '0')])
    .toEqual([true, true, false, false, false, false])
})

test('every proxy takes one hop, of these methods alone, and of what is a number', () => {
  const fields = [['Host', ['h']], ['max-Forwards', ['10']]] as const
  expect(withOneHopLess('TRACE', fields)).toEqual([['Host', ['h']], ['max-Forwards', ['9']]])
  expect(withOneHopLess('OPTIONS', [['Max-Forwards', ['many']]])).toEqual([['Max-Forwards', ['many']]])
  expect(withOneHopLess('GET', fields)).toEqual(fields)
})
