import { expect, test } from 'vitest'
import { HamletError, jsonLine, MalformedPacket, oneLine, UsageError } from './errors.ts'

test('an error is one line in five parts', () => {
  const error = new HamletError({
    code: 'port-taken', what: 'UDP port 53 could not be opened', why: 'port 53 is in use by dnsmasq (pid 7)', done: 'serving on port 5353 instead',
    remedy: 'stop dnsmasq', proof: 'EADDRINUSE',
  })
  expect(oneLine(error)).toBe('UDP port 53 could not be opened: port 53 is in use by dnsmasq (pid 7). Serving on port 5353 instead. Stop dnsmasq. [EADDRINUSE]')
})

test('absent parts leave no gap', () => {
  expect(oneLine(new UsageError('--prot is not a flag', 'no such flag is declared', 'use --port'))).toBe('--prot is not a flag: no such flag is declared. Use --port.')
})

test('a bug says so, and stays on one line', () => {
  expect(oneLine(new Error('first\nsecond'))).toMatch(/^This is a bug in Hamlet: first second\. Report/)
})

test('a malformed packet error names the byte and the rule', () => {
  expect(oneLine(new MalformedPacket(12, 'RFC 1035 §4.1.4', 'a pointer points forwards'))).toContain('[byte 12, RFC 1035 §4.1.4]')
})

test('an error for a program is one line of JSON, without the absent parts', () => {
  expect(jsonLine(new UsageError('--prot is not a flag', 'no such\nflag', 'use --port'))).toBe('{"error":{"code":"usage","what":"--prot is not a flag","why":"no such\\nflag","remedy":"use --port"}}')
})
