import { expect, test } from 'vitest'
import { HamletError, jsonLine, MalformedPacket, oneLine, UsageError } from './errors.ts'

test('an error is one line in five parts', () => {
  const error = new HamletError({
    code: 'port-taken', what: 'UDP port 53 could not be opened', why: 'dnsmasq (pid 7) holds it', done: 'serving on port 5353 instead',
    remedy: 'stop dnsmasq', proof: 'EADDRINUSE',
  })
  expect(oneLine(error)).toBe('UDP port 53 could not be opened: dnsmasq (pid 7) holds it. Serving on port 5353 instead. You may stop dnsmasq. [EADDRINUSE]')
})

test('parts that are not there leave no gap', () => {
  expect(oneLine(new UsageError('--prot is not a flag', 'no such flag is declared', 'mean --port'))).toBe('--prot is not a flag: no such flag is declared. You may mean --port.')
})

test('a fault of ours says so, and stays on one line', () => {
  expect(oneLine(new Error('first\nsecond'))).toMatch(/^Hamlet met a fault of its own: first second\. You may report/)
})

test('a malformed packet names the byte and the rule', () => {
  expect(oneLine(new MalformedPacket(12, 'RFC 1035 §4.1.4', 'a pointer points forwards'))).toContain('[byte 12, RFC 1035 §4.1.4]')
})

test('an error for a program is one line of JSON, without the parts that are not there', () => {
  expect(jsonLine(new UsageError('--prot is not a flag', 'no such\nflag', 'mean --port'))).toBe('{"error":{"code":"usage","what":"--prot is not a flag","why":"no such\\nflag","remedy":"mean --port"}}')
})
