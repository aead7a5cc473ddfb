import { expect, test } from 'vitest'
import { headFault } from './response-head.ts'

test.each([
  [200, 'OK', ['ETag', '"x"'], undefined],
  [799, '', ['X', 'caf\u00e9\t1'], undefined],
  [200, 'OK', ['Transfer-Encoding', 'Chunked'], undefined],
  [103, 'Early Hints', ['Link', '</a.css>'], undefined],
  [200, 'OK', ['Transfer-Encoding', 'gzip, chunked'], 'its body has a transfer coding other than "chunked"'],
  [0, 'X', [], '000 is not the status of a response'],
  [99, 'X', [], '099 is not the status of a response'],
  [101, 'Switching Protocols', [], '101 is not the status of a response'],
  [200, 'O\u0001K', [], 'its reason phrase has control characters'],
  [200, 'OK', ['a', '1', 'Foo Bar', '2'], '"Foo Bar" is not a header field name'],
  [200, 'OK', ['a', '\u0000'], 'its field a has control characters'],
  [200, 'OK', ['a', '1', 'b', 'x\u0000'], 'its field b has control characters'],
] as const)('%j %j %j: %s', (status, reason, rawHeaders, fault) => {
  expect(headFault(status, reason, rawHeaders)).toBe(fault)
})
