import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { sendAdminLine } from '../dns/register.ts'
import { dnsService } from '../dns/service.ts'
import { systemClock } from '../kit/node/clock.ts'
import { secureRandom } from '../kit/node/random.ts'
import { startService, type Implementation, type ServiceListener, type StartedService } from '../kit/node/service.ts'
import { freePort } from '../kit/node/testing/free-port.ts'
import type { Contract } from '../kit/contract.ts'
import { TraceRing } from '../kit/trace.ts'
import { obtainLease } from './client.ts'
import { dhcpService } from './service.ts'
import { releaseLease } from './testing/release-lease.ts'

const toClose: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of toClose.splice(0).reverse()) await close()
})
const emptyFolder = () => mkdtempSync(join(tmpdir(), 'hamlet-names-'))

async function start(service: Implementation<Contract>, settings: Readonly<Record<string, unknown>>, log: string[] = [], dataFolder = emptyFolder()): Promise<StartedService> {
  const nothing = () => undefined
  const listener: ServiceListener = { contractLine: nothing, log: text => log.push(text), event: nothing, row: nothing, health: nothing, endpoints: nothing, failed: nothing }
  const started = await startService(service, { host: '127.0.0.1', ...settings }, { dataFolder, assetsFolder: '', secrets: {} }, listener)
  toClose.push(() => started.stop())
  return started
}

const adminOf = (dns: StartedService) => ({ address: '127.0.0.1', port: Number(dns.pinned['admin_port']) })
const clientOf = (dhcp: StartedService, client: number, hostName: string) => ({
  server: { address: '127.0.0.1', port: Number(dhcp.pinned['port']) }, mac: `02:00:5e:00:00:0${client}`, hostName, clock: systemClock, random: secureRandom(), trace: new TraceRing(),
})
const listed = async (dns: StartedService) => (await sendAdminLine(adminOf(dns), 'LIST')).slice(0, -1)

test('a client\'s name is registered with its lease, and withdrawn with it', async () => {
  const dns = await start(dnsService, { port: 0, admin_port: 0 })
  const dhcp = await start(dhcpService, { port: 0, dns_admin_port: adminOf(dns).port })
  const lease = await obtainLease(clientOf(dhcp, 1, 'Ophelia\'s Mac'))
  await expect.poll(() => listed(dns)).toEqual([`ophelia-s-mac.home A ${lease.address}`])
  await releaseLease(lease, clientOf(dhcp, 1, ''))
  await expect.poll(() => listed(dns)).toEqual([])
})

test('a client gets no name that others have registered, and the end of its lease does not remove that', async () => {
  const dns = await start(dnsService, { port: 0, admin_port: 0 })
  const dhcp = await start(dhcpService, { port: 0, dns_admin_port: adminOf(dns).port })
  await sendAdminLine(adminOf(dns), 'REGISTER my-app.home 192.0.2.1')
  const lease = await obtainLease(clientOf(dhcp, 1, 'my-app'))
  const other = await obtainLease(clientOf(dhcp, 2, 'kettle'))
  await expect.poll(() => listed(dns)).toEqual(['my-app.home A 192.0.2.1', `kettle.home A ${other.address}`])
  await releaseLease(lease, clientOf(dhcp, 1, ''))
  await releaseLease(other, clientOf(dhcp, 2, ''))
  await expect.poll(() => listed(dns)).toEqual(['my-app.home A 192.0.2.1'])
})

test.each([
  { name: 'an address of the pool', taken: '127.0.1.150' },
  { name: 'the address that the client gets', taken: '127.0.1.100' },
])('a name that others registered is left alone, even if it points to $name', async ({ taken }) => {
  const dns = await start(dnsService, { port: 0, admin_port: 0 })
  const dhcp = await start(dhcpService, { port: 0, dns_admin_port: adminOf(dns).port })
  await sendAdminLine(adminOf(dns), `REGISTER my-app.home ${taken}`)
  const lease = await obtainLease(clientOf(dhcp, 1, 'my-app'))
  const other = await obtainLease(clientOf(dhcp, 2, 'kettle'))
  await expect.poll(() => listed(dns)).toEqual([`my-app.home A ${taken}`, `kettle.home A ${other.address}`])
  await releaseLease(lease, clientOf(dhcp, 1, ''))
  await releaseLease(other, clientOf(dhcp, 2, ''))
  await expect.poll(() => listed(dns)).toEqual([`my-app.home A ${taken}`])
})

test('a client gets a name that others had registered with the first renewal after it is free', async () => {
  const dns = await start(dnsService, { port: 0, admin_port: 0 })
  const dhcp = await start(dhcpService, { port: 0, dns_admin_port: adminOf(dns).port })
  await sendAdminLine(adminOf(dns), 'REGISTER my-app.home 192.0.2.1')
  await obtainLease(clientOf(dhcp, 1, 'my-app'))
  const { address } = await obtainLease(clientOf(dhcp, 2, 'kettle'))
  await expect.poll(() => listed(dns)).toEqual(['my-app.home A 192.0.2.1', `kettle.home A ${address}`])
  await sendAdminLine(adminOf(dns), 'UNREGISTER my-app.home')
  const again = await obtainLease(clientOf(dhcp, 1, 'my-app'))
  await expect.poll(() => listed(dns)).toEqual(expect.arrayContaining([`my-app.home A ${again.address}`]))
})

test('a restarted server knows the names it registered: it moves one to an address of another pool, and withdraws another with its lease', async () => {
  const folder = emptyFolder()
  const dns = await start(dnsService, { port: 0, admin_port: 0 })
  const settings = { port: 0, dns_admin_port: adminOf(dns).port }
  const before = await start(dhcpService, settings, [], folder)
  const [kettle, teapot] = [await obtainLease(clientOf(before, 1, 'kettle')), await obtainLease(clientOf(before, 2, 'teapot'))]
  await expect.poll(() => listed(dns)).toEqual([`kettle.home A ${kettle.address}`, `teapot.home A ${teapot.address}`])
  await toClose.pop()?.()
  const again = await start(dhcpService, settings, [], folder)
  await releaseLease(teapot, clientOf(again, 2, ''))
  await expect.poll(() => listed(dns)).toEqual([`kettle.home A ${kettle.address}`])
  await toClose.pop()?.()
  const elsewhere = await start(dhcpService, { ...settings, pool: '127.0.2.10-127.0.2.20' }, [], folder)
  const { address } = await obtainLease(clientOf(elsewhere, 1, 'kettle'))
  expect(address).toBe('127.0.2.10')
  await expect.poll(() => listed(dns)).toEqual([`kettle.home A ${address}`])
})

test('a name that is now reserved is taken from the client that had it', async () => {
  const folder = emptyFolder()
  const dns = await start(dnsService, { port: 0, admin_port: 0 })
  const settings = { port: 0, dns_admin_port: adminOf(dns).port }
  const before = await start(dhcpService, settings, [], folder)
  const other = await obtainLease(clientOf(before, 2, 'printer'))
  await expect.poll(() => listed(dns)).toEqual([`printer.home A ${other.address}`])
  await toClose.pop()?.()
  const again = await start(dhcpService, { ...settings, reserve: ['02:00:5e:00:00:01=127.0.1.7=printer'] }, [], folder)
  await expect.poll(() => listed(dns)).toEqual([])
  await obtainLease(clientOf(again, 2, 'printer'))
  await obtainLease(clientOf(again, 1, 'whatever'))
  await expect.poll(() => listed(dns)).toEqual(['printer.home A 127.0.1.7'])
})

test('names are registered when the DNS server comes up; until then one line is logged', async () => {
  const port = await freePort()
  const log: string[] = []
  const dhcp = await start(dhcpService, { port: 0, dns_admin_port: port }, log)
  const lease = await obtainLease(clientOf(dhcp, 1, 'kettle'))
  await expect.poll(() => log.filter(line => line.includes('names of clients are not registered yet'))).toHaveLength(1)
  const dns = await start(dnsService, { port: 0, admin_port: port })
  await expect.poll(() => listed(dns)).toEqual([`kettle.home A ${lease.address}`])
  expect(log.filter(line => line.includes('not registered yet'))).toHaveLength(1)
})

test('with no_names no names are registered', async () => {
  const dns = await start(dnsService, { port: 0, admin_port: 0 })
  const named = await start(dhcpService, { port: 0, dns_admin_port: adminOf(dns).port })
  const nameless = await start(dhcpService, { port: 0, dns_admin_port: adminOf(dns).port, no_names: true, pool: '127.0.2.10-127.0.2.20' })
  await obtainLease(clientOf(nameless, 1, 'secret'))
  const { address } = await obtainLease(clientOf(named, 2, 'kettle'))
  await expect.poll(() => listed(dns)).toEqual([`kettle.home A ${address}`])
})
