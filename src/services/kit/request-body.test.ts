import { expect, test } from 'vitest'
import { hasBody, transferCodingErrorStatus } from './request-body.ts'

test.each([[{}, false], [{ 'content-length': '0' }, false], [{ 'content-length': '1' }, true], [{ 'transfer-encoding': 'chunked' }, true]])('%j announces a body: %s', (headers, expected) => {
  expect(hasBody({ headers })).toBe(expected)
})

test.each([
  [{}, undefined],
  [{ 'transfer-encoding': 'Chunked' }, undefined],
  [{ 'transfer-encoding': 'gzip, chunked' }, 501],
  [{ 'transfer-encoding': 'gzip' }, 400],
  [{ 'transfer-encoding': 'chunked, gzip' }, 400],
  [{ 'transfer-encoding': 'xchunked' }, 400],
])('%j is rejected with %s', (headers, expected) => {
  expect(transferCodingErrorStatus({ headers })).toBe(expected)
})
