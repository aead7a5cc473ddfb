import { expect, test } from 'vitest'
import type { ServiceEndpoint } from '../kit/host-protocol.ts'
import { plannedSettings, withFreePorts, type PlanInput } from './plan.ts'

const dns: ServiceEndpoint[] = [
  { name: 'dns', transport: 'udp', address: '127.0.0.1', port: 5300 },
  { name: 'dns', transport: 'udp', address: '192.0.2.10', port: 5300 },
  { name: 'admin', transport: 'udp', address: '127.0.0.1', port: 5399 },
]
const dhcp: ServiceEndpoint[] = [{ name: 'dhcp', transport: 'udp', address: '0.0.0.0', port: 6767 }]
const local: PlanInput = { mode: 'local', lanAddress: '192.0.2.10', endpoints: { dns, dhcp }, dnsHost: '127.0.0.1' }
const lan: PlanInput = { ...local, mode: 'lan', dnsHost: '0.0.0.0' }

test('in local mode every server stays on loopback', () => {
  for (const id of ['dns', 'dhcp', 'app-server'] as const) expect(plannedSettings(id, local, {})).toMatchObject({ host: '127.0.0.1' })
})

test('in LAN mode every server listens on all interfaces', () => {
  for (const id of ['dns', 'dhcp', 'app-server'] as const) expect(plannedSettings(id, lan, {})).toMatchObject({ host: '0.0.0.0' })
})

test('DHCP announces the DNS server that runs here, by the address that its clients can reach', () => {
  expect(plannedSettings('dhcp', local, {})).toMatchObject({ dns: '127.0.0.1:5300', dns_admin_port: 5399 })
  expect(plannedSettings('dhcp', { ...lan, dnsHost: '192.0.2.10' }, {})).toMatchObject({ dns: '192.0.2.10:5300' })
})

test('if the DNS server listens on every address, DHCP announces to each client the one in its network, even if that changes', () => {
  expect(plannedSettings('dhcp', lan, {})).toMatchObject({ dns: '0.0.0.0:5300' })
  expect(plannedSettings('dhcp', { ...lan, lanAddress: undefined, endpoints: { dns: dns.slice(0, 1) } }, {})).toMatchObject({ dns: '0.0.0.0:5300' })
})

test('the application server registers at the admin port that runs here, or nowhere', () => {
  expect(plannedSettings('app-server', lan, {})).toMatchObject({ dns: '127.0.0.1:5399' })
  expect(plannedSettings('app-server', { ...lan, endpoints: {} }, {})).toEqual({ host: '0.0.0.0' })
})

test('the client uses the DHCP server of this machine, or else its DNS server, or else any DHCP server', () => {
  expect(plannedSettings('client', lan, {})).toEqual({ dhcp: '127.0.0.1:6767' })
  expect(plannedSettings('client', { ...local, endpoints: { dns } }, {})).toEqual({ dns: '127.0.0.1:5300' })
  expect(plannedSettings('client', { ...lan, endpoints: {} }, {})).toEqual({})
})

test('what the user chose takes precedence over what is planned', () => {
  expect(plannedSettings('dns', local, { host: '192.0.2.7', port: 53 })).toEqual({ host: '192.0.2.7', port: 53 })
})

test('free ports replace the standard ones, first one at a time, then all, but never the chosen ones', () => {
  const host = '127.0.0.1'
  expect(withFreePorts('dns', { host, port: 53 }, {})).toEqual([{ host, port: 0 }, { host, port: 53, admin_port: 0 }, { host, port: 0, admin_port: 0 }])
  expect(withFreePorts('app-server', { tcp_port: 81 }, { tcp_port: 81 })).toEqual([{ tcp_port: 81, udp_port: 0 }])
  expect(withFreePorts('dhcp', {}, {})).toEqual([{ port: 0 }])
})
