import { expect, test } from 'vitest'
import { UsageError } from '../../kit/errors.ts'
import { formatIpv4, parseIpv4 } from '../../kit/ip-address.ts'
import { LeaseTable } from './leases.ts'
import { networksToServe, type Candidate } from './pools.ts'

const at = (address: string) => parseIpv4(address) ?? 0
const candidate = (text: string, gateway?: string): Candidate => {
  const [address = '', bits] = text.split('/')
  return { interfaceName: `if-${address}`, address: at(address), prefixBits: Number(bits), loopback: address.startsWith('127.'), gateway: gateway === undefined ? undefined : at(gateway) }
}
const LOOPBACK = candidate('127.0.0.1/8')
const pools = (candidates: Candidate[], pool?: string) =>
  networksToServe(candidates, { pool }).map(network => `${network.interfaceName} ${formatIpv4(network.pool.first)}-${formatIpv4(network.pool.last)}`)

test.each([
  { name: 'loopback has a fixed pool', machine: [LOOPBACK], served: ['if-127.0.0.1 127.0.1.100-127.0.1.199'] },
  { name: 'a /24 gets a pool of .100 to .199', machine: [candidate('192.168.1.5/24')], served: ['if-192.168.1.5 192.168.1.100-192.168.1.199'] },
  { name: 'a /16 gets a pool in the block of the machine\'s own address', machine: [candidate('10.7.3.9/16')], served: ['if-10.7.3.9 10.7.3.100-10.7.3.199'] },
  { name: 'a /28 gets its upper half', machine: [candidate('192.0.2.17/28')], served: ['if-192.0.2.17 192.0.2.24-192.0.2.30'] },
  { name: 'a /31 is not served', machine: [candidate('192.0.2.0/31')], served: [] },
  { name: 'a /30 is not served if this machine has the upper address', machine: [candidate('192.0.2.2/30')], served: [] },
  { name: 'a link-local network is not served', machine: [LOOPBACK, candidate('169.254.7.7/16')], served: ['if-127.0.0.1 127.0.1.100-127.0.1.199'] },
  { name: 'a link-local network is served if a pool names it', machine: [LOOPBACK, candidate('169.254.7.7/16')], pool: '169.254.9.1-169.254.9.9', served: ['if-127.0.0.1 127.0.1.100-127.0.1.199', 'if-169.254.7.7 169.254.9.1-169.254.9.9'] },
  { name: 'a link-local network is served if its address is named', machine: [{ ...candidate('169.254.7.7/16'), named: true }], served: ['if-169.254.7.7 169.254.7.100-169.254.7.199'] },
  { name: 'two interfaces in one subnet are one network', machine: [candidate('192.0.2.5/24'), candidate('192.0.2.6/24')], served: ['if-192.0.2.5 192.0.2.100-192.0.2.199'] },
  { name: 'a subnet within another is not served separately', machine: [candidate('10.0.0.5/16'), candidate('10.0.0.6/24')], served: ['if-10.0.0.5 10.0.0.100-10.0.0.199'] },
  { name: 'a pool applies to the interface whose subnet contains it, and loopback is still served', machine: [LOOPBACK, candidate('192.0.2.5/24'), candidate('198.51.100.5/24')], pool: '198.51.100.7-198.51.100.9',
    served: ['if-127.0.0.1 127.0.1.100-127.0.1.199', 'if-198.51.100.5 198.51.100.7-198.51.100.9'] },
  { name: 'loopback alone takes any pool', machine: [LOOPBACK], pool: '192.168.1.10-192.168.1.20', served: ['if-127.0.0.1 192.168.1.10-192.168.1.20'] },
])('$name', ({ machine, pool, served }) => {
  expect(pools(machine, pool)).toEqual(served)
})

test.each([
  { name: 'it is in no subnet of this machine', pool: '203.0.113.1-203.0.113.9' },
  { name: 'it extends past the subnet', pool: '192.0.2.250-192.0.3.4' },
  { name: 'it runs backwards', pool: '192.0.2.9-192.0.2.1' },
  { name: 'it is not two addresses', pool: '192.0.2.1-192.0.2.256' },
  { name: 'it is too large', pool: '10.0.0.0-10.255.255.255' },
])('a pool is rejected: $name', ({ pool }) => {
  expect(() => networksToServe([LOOPBACK, candidate('192.0.2.5/24')], { pool })).toThrow(UsageError)
})

test('the network, broadcast and gateway addresses and all addresses of this machine are never offered', () => {
  const [network] = networksToServe([candidate('192.0.2.5/29', '192.0.2.6')], { pool: '192.0.2.0-192.0.2.7' }, [at('192.0.2.5'), at('192.0.2.2'), at('198.51.100.2')])
  const table = new LeaseTable(network?.pool ?? { first: 0, last: 0 }, network?.excluded ?? [])
  const offered = Array.from({ length: 8 }, (_, index) => table.offer({ key: `c${index}`, mac: '', hostName: '' }, undefined, 0)?.yiaddr)
  expect(offered.map(yiaddr => yiaddr === undefined ? 'none' : formatIpv4(yiaddr))).toEqual(['192.0.2.1', '192.0.2.3', '192.0.2.4', 'none', 'none', 'none', 'none', 'none'])
})

test('a gateway in another subnet is not used as router', () => {
  expect(networksToServe([candidate('192.0.2.5/24', '198.51.100.1')], {})[0]?.router).toBeUndefined()
  expect(networksToServe([candidate('192.0.2.5/24', '192.0.2.1')], {})[0]?.router).toBe(at('192.0.2.1'))
})

test.each([
  { name: 'is this machine\'s own', settings: { pool: '192.0.2.5-192.0.2.5' } },
  { name: 'is excluded', settings: { exclude: ['192.0.2.1-192.0.2.254'] } },
  { name: 'is excluded behind a relay', settings: { subnet: ['10.3.0.1/24=10.3.0.100-10.3.0.199'], exclude: ['10.3.0.0-10.3.0.255'] } },
])('a pool is rejected if all of it $name, unless there is a reservation', ({ settings }) => {
  expect(() => networksToServe([candidate('192.0.2.5/24')], settings)).toThrow(/^no address of .* can be leased/)
  const reserve = ['02:00:5e:00:00:01=192.0.2.10', '02:00:5e:00:00:01=10.3.0.9'].slice(0, 'subnet' in settings ? 2 : 1)
  expect(networksToServe([candidate('192.0.2.5/24')], { ...settings, reserve })).not.toEqual([])
})
