import { expect, test } from 'vitest'
import { UsageError } from '../../kit/errors.ts'
import { parseIpv4 } from '../../kit/ip-address.ts'
import { parseOptionSettings } from './option-settings.ts'

const at = (address: string) => parseIpv4(address) ?? 0

test('numbers and names are equivalent, and lists accumulate', () => {
  expect(parseOptionSettings(['42=192.0.2.7', 'ntp-servers=192.0.2.8', 'classless-routes=10.0.0.0/8=192.0.2.9', '121=0.0.0.0/0=192.0.2.1', 'domain-search=example.org.', '60=PXEClient'])).toEqual({
    ntpServers: [at('192.0.2.7'), at('192.0.2.8')],
    classlessRoutes: [{ destination: { network: at('10.0.0.0'), prefixBits: 8 }, router: at('192.0.2.9') }, { destination: { network: 0, prefixBits: 0 }, router: at('192.0.2.1') }],
    domainSearch: ['example.org'], vendorClass: 'PXEClient',
  })
  expect(parseOptionSettings([])).toEqual({})
})

test('unknown options and vendor-specific information are bytes or text', () => {
  expect(parseOptionSettings(['224=0x00ff', '225=a=b', '43=0x0104'])).toEqual({
    unknown: new Map([[224, Uint8Array.of(0, 255)], [225, Uint8Array.of(97, 61, 98)]]), vendorSpecific: Uint8Array.of(1, 4),
  })
})

test.each([
  ['42', '"42" is not an option'], ['=x', '"=x" is not an option'], ['no-such=1', '"no-such" is not an option'], ['256=x', '"256" is not an option'], ['0=x', 'sets option 0 itself'],
  ['51=60', 'sets option 51 itself'], ['lease-seconds=60', 'sets option 51 itself'], ['42=', 'no value'], ['42=192.0.2', 'is not valid for option 42'], ['26=70000', 'is not valid for option 26'],
  ['26=-1', 'is not valid for option 26'], ['119=a..b', 'is not valid for option 119'], ['121=10.0.0.0/33=192.0.2.1', 'is not valid for option 121'], ['224=0x0', 'neither bytes nor text'], ['114=a\u0007', 'is not valid for option 114'],
  [`224=${'x'.repeat(1025)}`, 'more than 1024 characters'],
])('%s is rejected: %s', (written, why) => {
  expect(() => parseOptionSettings([written])).toThrow(UsageError)
  expect(() => parseOptionSettings([written])).toThrow(why)
})

test('a single-valued option may be set once, and a list is limited', () => {
  expect(() => parseOptionSettings(['26=1400', '26=1500'])).toThrow('set twice')
  expect(() => parseOptionSettings(Array.from({ length: 129 }, () => '42=192.0.2.7'))).toThrow('already has 128 values')
})

test.each(['58=0', '59=0', 'renewal-seconds=0'])('%s is not a valid time', text => {
  expect(() => parseOptionSettings([text])).toThrow(UsageError)
})
