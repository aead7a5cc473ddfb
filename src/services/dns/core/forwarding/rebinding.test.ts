import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { ResourceRecord } from '../../wire/message.ts'
import { CLASS, RCODE, TYPE } from '../../wire/types.ts'
import { withoutPrivateAddresses } from './rebinding.ts'
import { record } from '../testing/net.ts'

const NAME = 'www.example.org'
const filtered = (...addresses: string[]) => withoutPrivateAddresses({
  rcode: RCODE.NOERROR, authorities: [], authentic: true,
  answers: addresses.map(address => record(NAME, address.includes(':') ? TYPE.AAAA : TYPE.A, address)),
})

test.each([
  '0.0.0.0', '10.1.2.3', '127.0.0.1', '127.255.1.1', '169.254.169.254', '172.16.0.1', '172.31.255.255', '192.168.0.1',
  '::', '::1', '::10.0.0.1', '::ffff:192.168.1.1', '::ffff:127.0.0.1', 'fc00::1', 'fd12:3456::1', 'fe80::1', 'fec0::1', '64:ff9b::10.0.0.1', '2002:c0a8:101::1',
])('%s is private', address => {
  expect(filtered(address)?.finding).toMatchObject({ answers: [], authentic: false, filtered: true })
})

test.each(['1.1.1.1', '9.255.255.255', '11.0.0.0', '172.15.255.255', '172.32.0.0', '192.167.1.1', '192.0.2.1', '100.64.0.1', '2001:db8::1', '::ffff:1.1.1.1', '64:ff9b::1.1.1.1', '2002:101:101::1', 'ff02::1', '2600::1'])('%s is public', address => {
  expect(filtered(address)).toBeUndefined()
})

test('public addresses stay, and a removed one is reported', () => {
  const { finding, record: out } = filtered('203.0.113.1', '10.0.0.1', '203.0.113.2') ?? expect.unreachable('an address was removed')
  expect(finding.answers.map(({ rdata }) => rdata[3])).toEqual([1, 2])
  expect([...out.rdata]).toEqual([10, 0, 0, 1])
})

test('the data of other types is not taken for addresses', () => {
  expect(withoutPrivateAddresses({ rcode: RCODE.NOERROR, authorities: [], authentic: false, answers: [record('a.example.org', TYPE.TXT, '"10.0.0.1"')] })).toBeUndefined()
})

describe('a service binding', () => {
  const binding = (...params: number[]): ResourceRecord => ({ name: NAME, type: TYPE.HTTPS, class: CLASS.IN, ttl: 300, rdata: Uint8Array.of(0, 1, 3, 119, 119, 119, 0, ...params) })
  const ALPN = [0, 1, 0, 3, 2, 104, 50]
  const ipv4hint = (...octets: number[]) => [0, 4, 0, octets.length, ...octets]
  const passes = (...params: number[]) => withoutPrivateAddresses({ rcode: RCODE.NOERROR, authorities: [], authentic: false, answers: [binding(...params)] }) === undefined

  test('is private if any of its hints is', () => {
    expect([passes(), passes(...ALPN), passes(...ALPN, ...ipv4hint(203, 0, 113, 1)), passes(...ipv4hint(203, 0, 113, 1, 203, 0, 113, 2))]).toEqual([true, true, true, true])
    expect([passes(...ALPN, ...ipv4hint(10, 0, 0, 1)), passes(...ipv4hint(203, 0, 113, 1, 192, 168, 1, 1))]).toEqual([false, false])
    expect([passes(0, 6, 0, 16, 0xfd, ...new Array<number>(15).fill(1)), passes(0, 6, 0, 16, 0x20, 1, ...new Array<number>(14).fill(1))]).toEqual([false, true])
  })

  test('that is malformed is removed, and parsing always terminates', () => {
    expect(passes(0, 1, 0, 9, 1)).toBe(false)
    fc.assert(fc.property(fc.uint8Array({ maxLength: 60, size: 'max' }), rdata => {
      withoutPrivateAddresses({ rcode: RCODE.NOERROR, authorities: [], authentic: false, answers: [{ ...binding(), rdata }] })
    }))
  })
})
