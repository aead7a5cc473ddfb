import { expect, test } from 'vitest'
import { UsageError } from '../../kit/errors.ts'
import { formatIpv4, parseIpv4 } from '../../kit/ip-address.ts'
import { parseExclusion, parseRelayedSubnet, parseReservation } from './address-settings.ts'
import { networksToServe } from './pools.ts'

const at = (address: string) => parseIpv4(address) ?? 0
const LAN = [{ interfaceName: 'if0', address: at('192.0.2.1'), prefixBits: 24, loopback: false, gateway: at('192.0.2.254') }]

test('a reservation is parsed by hardware address and by client identifier, with or without a name', () => {
  expect(parseReservation('02:00:5E:00:00:01=192.0.2.10=kettle')).toEqual({ key: '0102005e000001', yiaddr: at('192.0.2.10'), hostName: 'kettle' })
  expect(parseReservation('id:01AABB=192.0.2.11')).toEqual({ key: '01aabb', yiaddr: at('192.0.2.11'), hostName: '' })
})

test('an exclusion is an address or a range; a relayed subnet has a router and a pool', () => {
  expect([parseExclusion('192.0.2.7'), parseExclusion('192.0.2.7-192.0.2.9')]).toEqual([{ first: at('192.0.2.7'), last: at('192.0.2.7') }, { first: at('192.0.2.7'), last: at('192.0.2.9') }])
  expect(parseRelayedSubnet('10.3.0.1/24=10.3.0.100-10.3.0.199')).toEqual({ subnet: { network: at('10.3.0.0'), prefixBits: 24 }, router: at('10.3.0.1'), pool: { first: at('10.3.0.100'), last: at('10.3.0.199') } })
})

test.each([
  [parseReservation, '02:00:5e:00:00=192.0.2.10'], [parseReservation, '02:00:5e:00:00:01'], [parseReservation, '02:00:5e:00:00:01=192.0.2'], [parseReservation, 'id:1=192.0.2.10'],
  [parseReservation, 'id:01aabb=192.0.2.10=not a name'], [parseReservation, 'id:01aabb=192.0.2.10=a=b'], [parseReservation, '01aabb=192.0.2.10'],
  [parseExclusion, '192.0.2.9-192.0.2.7'], [parseExclusion, '192.0.2.7-'], [parseExclusion, '192.0.2.1-192.0.2.2-192.0.2.3'], [parseExclusion, ''],
  [parseRelayedSubnet, '10.3.0.1=10.3.0.100-10.3.0.199'], [parseRelayedSubnet, '10.3.0.1/31=10.3.0.0-10.3.0.1'], [parseRelayedSubnet, '10.3.0.1/24=10.3.0.100-10.3.1.5'], [parseRelayedSubnet, '10.3.0.1/0=0.0.0.1-0.0.0.2'],
] as const)('%o rejects %s with a reason', (read, text) => {
  expect(() => read(text)).toThrow(UsageError)
})

test.each([
  { name: 'a reservation in no served network', settings: { reserve: ['02:00:5e:00:00:01=198.51.100.7'] } },
  { name: 'the server\'s own address', settings: { reserve: ['02:00:5e:00:00:01=192.0.2.1'] } },
  { name: 'the router\'s address', settings: { reserve: ['02:00:5e:00:00:01=192.0.2.254'] } },
  { name: 'the broadcast address', settings: { reserve: ['02:00:5e:00:00:01=192.0.2.255'] } },
  { name: 'an address reserved twice', settings: { reserve: ['02:00:5e:00:00:01=192.0.2.7', '02:00:5e:00:00:02=192.0.2.7'] } },
  { name: 'a client with two reservations in one network', settings: { reserve: ['02:00:5e:00:00:01=192.0.2.7', 'id:0102005e000001=192.0.2.8'] } },
  { name: 'a relayed subnet that is already served', settings: { subnet: ['192.0.2.129/25=192.0.2.130-192.0.2.140'] } },
])('rejected at startup: $name', ({ settings }) => {
  expect(() => networksToServe(LAN, settings)).toThrow(UsageError)
})

test('a client may have a reservation in each network, reservations may lie in an excluded range, and exclusions outside a pool cost nothing', () => {
  const networks = networksToServe(LAN, { exclude: ['192.0.2.100-192.0.2.109', '0.0.0.0-255.255.255.255'], subnet: ['10.3.0.1/24=10.3.0.100-10.3.0.199'], reserve: ['02:00:5e:00:00:01=192.0.2.105', '02:00:5e:00:00:01=10.3.0.5'] })
  expect(networks.map(({ reservations, excluded }) => [[...reservations.values()].map(({ yiaddr }) => formatIpv4(yiaddr)), excluded.length])).toEqual([[['192.0.2.105'], 4 + 10 + 100], [['10.3.0.5'], 3 + 100]])
})
