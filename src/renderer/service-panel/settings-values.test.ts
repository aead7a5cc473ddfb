import fc from 'fast-check'
import { expect, test } from 'vitest'
import { contracts } from '../../services/contracts.ts'
import { appServer } from '../../services/app-server/contract.ts'
import { dhcp } from '../../services/dhcp/contract.ts'
import { dns } from '../../services/dns/contract.ts'
import { settingFields, type Contract } from '../../services/kit/contract.ts'
import { placeholderOf, readValues, valuesOf } from './settings-values.ts'

test('an untouched form yields no settings, for every service', () => {
  for (const contract of contracts) expect(readValues(contract, valuesOf(settingFields(contract), {}))).toEqual({ settings: {}, errors: {} })
})

test('saved settings pass through the form unchanged', () => {
  fc.assert(fc.property(
    fc.record({
      host: fc.ipV4(), port: fc.integer({ min: 0, max: 65535 }), upstream: fc.array(fc.ipV4(), { minLength: 1, maxLength: 8 }),
    }, { requiredKeys: [] }),
    saved => { expect(readValues(dns, valuesOf(settingFields(dns), saved))).toEqual({ settings: saved, errors: {} }) },
  ))
})

test('a list has one item per line; empty lines are ignored', () => {
  expect(readValues(dns, { upstream: ' 192.0.2.1\n\n192.0.2.2:5353 \r\n' }).settings).toEqual({ upstream: ['192.0.2.1', '192.0.2.2:5353'] })
})

test('a list item may contain commas and spaces, as a time zone does', () => {
  const option = ['100=EST5EDT4,M3.2.0/02:00,M11.1.0/02:00', '12=a name']
  expect(readValues(dhcp, valuesOf(settingFields(dhcp), { option }))).toEqual({ settings: { option }, errors: {} })
})

test('each invalid field has its own error', () => {
  expect(readValues(dns, { host: 'somewhere', port: '70000', admin_port: '53x', upstream: '192.0.2.1\nexample.org' }).errors).toEqual({
    host: 'not an IP address', port: 'not between 0 and 65535', admin_port: 'not a whole number', upstream: 'example.org: "example.org" is not an IP address; write IP or IP:PORT, such as 127.0.0.1:53',
  })
  expect(readValues(appServer, { domain: 'no spaces please' }).errors).toEqual({ domain: 'not a domain name' })
  expect(readValues(dhcp, { lease: '59' }).errors).toEqual({ lease: 'not between 60 and 31536000' })
})

test('an empty field shows its default, or the expected format', () => {
  const placeholders = (contract: Contract) => Object.fromEntries(settingFields(contract).map(field => [field.name, placeholderOf(field)]))
  expect(placeholders(dns)).toMatchObject({ host: '127.0.0.1', port: '53', upstream: '8.8.8.8', forward: 'ZONE=IP[:PORT]' })
  expect(placeholders(dhcp)).toMatchObject({ pool: 'FIRST-LAST' })
})
