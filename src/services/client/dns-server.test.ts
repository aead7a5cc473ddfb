import { expect, test } from 'vitest'
import { leasedDnsServer, localDnsServer, namedDnsServer } from './dns-server.ts'

const lease = {
  address: '192.0.2.20', router: '', subnetMask: '255.255.255.0', server: '192.0.2.1', dns: '192.0.2.53', dnsPort: 5353, dnsAdminPort: 5354,
  domain: 'home', leaseSeconds: 3600, obtainedAtMs: 0, askedAtMs: 0, tookMs: 1,
}

test('a DNS server that the user named is used with its port, 53 by default', () => {
  expect(namedDnsServer('192.0.2.53')?.server).toEqual({ address: '192.0.2.53', port: 53 })
  expect(namedDnsServer('[2001:db8::53]:5353')?.server).toEqual({ address: '2001:db8::53', port: 5353 })
  expect(namedDnsServer(undefined)).toBeUndefined()
  expect(() => namedDnsServer('dns.example.org')).toThrowError(/is not an address/)
})

test('a lease provides the DNS server and its port', () => {
  expect(leasedDnsServer(lease)).toMatchObject({ server: { address: '192.0.2.53', port: 5353 }, sentence: 'The DNS server is 192.0.2.53:5353, as announced by DHCP', lease })
})

test('without a DNS server in the lease, this machine is used, and the sentence says why', () => {
  const choice = leasedDnsServer({ ...lease, dns: '' })
  expect([choice.server, choice.lease?.address]).toEqual([{ address: '127.0.0.1', port: 53 }, '192.0.2.20'])
  expect(choice.sentence).toContain('the DHCP server 192.0.2.1 announces no DNS server')
  expect(localDnsServer('No answer came').sentence).toBe('The DNS server is 127.0.0.1:53, this machine, because no answer came')
})
