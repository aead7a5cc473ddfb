import { expect, test } from 'vitest'
import { commandsFor } from './apply.ts'
import { INFINITE_LEASE, type Lease } from './lease.ts'

const lease: Lease = {
  address: '192.0.2.100', subnetMask: '255.255.255.128', router: '192.0.2.1', server: '192.0.2.1', dns: '192.0.2.1', dnsPort: 53, dnsAdminPort: 5354, domain: 'home',
  leaseSeconds: 3600, obtainedAtMs: 1_000_000, askedAtMs: 1_000_000, tookMs: 4,
}
const lines = (commands: readonly (readonly string[])[]) => commands.map(command => command.join(' '))

test('address and route are added, and removed in reverse order', () => {
  const { apply, undo } = commandsFor(lease, 'eth0', 1_000_000)
  expect(lines(apply)).toEqual(['ip address add 192.0.2.100/25 dev eth0 valid_lft 3600 preferred_lft 3600', 'ip route add default via 192.0.2.1 dev eth0 metric 4096'])
  expect(lines(undo)).toEqual(['ip route delete default via 192.0.2.1 dev eth0 metric 4096', 'ip address delete 192.0.2.100/25 dev eth0'])
})

test('without a router there is no route, without a mask the address is a /32, and the lifetime is what is left of the lease', () => {
  const { apply, undo } = commandsFor({ ...lease, router: '', subnetMask: '' }, 'eth0', 1_600_000)
  expect(lines(apply)).toEqual(['ip address add 192.0.2.100/32 dev eth0 valid_lft 3000 preferred_lft 3000'])
  expect(lines(undo)).toEqual(['ip address delete 192.0.2.100/32 dev eth0'])
  expect(commandsFor(lease, 'eth0', 9e15).apply[0]).toContain('1')
})

test('an infinite lease gives an infinite lifetime', () => {
  expect(lines(commandsFor({ ...lease, leaseSeconds: INFINITE_LEASE }, 'eth0', 1_600_000).apply)[0]).toBe('ip address add 192.0.2.100/25 dev eth0 valid_lft forever preferred_lft forever')
})

test('a router outside the subnet is reached on-link', () => {
  const { apply, undo } = commandsFor({ ...lease, subnetMask: '255.255.255.255' }, 'eth0', 1_000_000)
  expect(lines(apply)[1]).toBe('ip route add default via 192.0.2.1 dev eth0 onlink metric 4096')
  expect(lines(undo)[0]).toBe('ip route delete default via 192.0.2.1 dev eth0 onlink metric 4096')
})
