import { expect, test } from 'vitest'
import { RCODE, TYPE } from '../wire/types.ts'
import { withoutPrivateAddresses } from './rebinding.ts'
import { record } from './testing/net.ts'

const filtered = (...addresses: string[]) => withoutPrivateAddresses({
  rcode: RCODE.NOERROR, authorities: [], authentic: true,
  answers: addresses.map(address => record('www.example.org', address.includes(':') ? TYPE.AAAA : TYPE.A, address)),
})

test.each([
  '0.0.0.0', '10.1.2.3', '127.0.0.1', '127.255.1.1', '169.254.169.254', '172.16.0.1', '172.31.255.255', '192.168.0.1',
  '::', '::1', '::10.0.0.1', '::ffff:192.168.1.1', '::ffff:127.0.0.1', 'fc00::1', 'fd12:3456::1', 'fe80::1', 'fec0::1', '64:ff9b::10.0.0.1', '2002:c0a8:101::1',
])('%s leads home', address => {
  expect(filtered(address)?.finding).toMatchObject({ answers: [], authentic: false, filtered: true })
})

test.each(['1.1.1.1', '9.255.255.255', '11.0.0.0', '172.15.255.255', '172.32.0.0', '192.167.1.1', '192.0.2.1', '100.64.0.1', '2001:db8::1', '::ffff:1.1.1.1', '64:ff9b::1.1.1.1', '2002:101:101::1', 'ff02::1', '2600::1'])('%s leads elsewhere', address => {
  expect(filtered(address)).toBeUndefined()
})

test('what is public stays, and the one taken out is named', () => {
  const { finding, record: out } = filtered('203.0.113.1', '10.0.0.1', '203.0.113.2') ?? expect.unreachable('something was taken out')
  expect(finding.answers.map(({ rdata }) => rdata[3])).toEqual([1, 2])
  expect([...out.rdata]).toEqual([10, 0, 0, 1])
})

test('octets in other types are no addresses', () => {
  expect(withoutPrivateAddresses({ rcode: RCODE.NOERROR, authorities: [], authentic: false, answers: [record('a.example.org', TYPE.TXT, '"10.0.0.1"')] })).toBeUndefined()
})
