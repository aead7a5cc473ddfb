import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, expect, test } from 'vitest'
import { sendAdminLine } from '../dns/register.ts'
import { dnsService } from '../dns/service.ts'
import type { Endpoint } from '../kit/endpoint.ts'
import { sourceAddressFor } from '../kit/node/source-address.ts'
import { localIpv4Addresses } from '../kit/node/local-addresses.ts'
import { freePort } from '../kit/node/testing/free-port.ts'
import { startService, type ServiceListener, type StartedService } from '../kit/node/service.ts'
import { appServerService } from './service.ts'

const assetsFolder = fileURLToPath(new URL('../../../assets', import.meta.url))
const quiet: ServiceListener = {
  contractLine: () => undefined, log: () => undefined, event: () => undefined, row: () => undefined, health: () => undefined, endpoints: () => undefined,
  failed: error => { throw error },
}

const cleanup: (() => Promise<unknown>)[] = []
afterEach(async () => { for (const clean of cleanup.splice(0).reverse()) await clean() })

async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'hamlet-registration-'))
  cleanup.push(() => rm(folder, { recursive: true }))
  return folder
}

/** @returns the admin port */
async function startDns(adminPort = 0, onEvent: ServiceListener['event'] = () => undefined): Promise<Endpoint> {
  const dns = await startService(dnsService, { port: 0, admin_port: adminPort, upstream: [] }, { dataFolder: await newFolder(), assetsFolder, secrets: {} }, { ...quiet, event: onEvent })
  cleanup.push(() => dns.stop())
  const admin = dns.endpoints.find(({ name }) => name === 'admin')
  if (admin === undefined) throw new Error('the DNS server has no admin endpoint')
  return admin
}

interface Registering {
  readonly service: StartedService
  /** Its health, in order of change. */
  readonly healths: (string | undefined)[]
  readonly failed: Promise<void>
  readonly registered: Promise<unknown>
}

async function startServer(admin: Endpoint, settings: Readonly<Record<string, unknown>> = {}): Promise<Registering> {
  const healths: (string | undefined)[] = []
  const dataFolder = await newFolder()
  let tellFailed = () => {}
  let tellRegistered: (data: unknown) => void = () => {}
  const failed = new Promise<void>(resolve => { tellFailed = resolve })
  const registered = new Promise<unknown>(resolve => { tellRegistered = resolve })
  const service = await startService(appServerService, { tcp_port: 0, udp_port: 0, dns: `${admin.address}:${admin.port}`, ...settings }, { dataFolder, assetsFolder, secrets: {} }, {
    ...quiet,
    health: reason => {
      healths.push(reason)
      if (reason !== undefined) tellFailed()
    },
    event: (name, data) => { if (name === 'registered') tellRegistered(data) },
  })
  cleanup.push(() => service.stop())
  return { service, healths, failed, registered }
}

const portOf = (service: StartedService, name: string) => service.endpoints.find(found => found.name === name)?.port

test('name and ports are registered; the next server replaces the ports without a gap', async () => {
  const events: string[] = []
  const admin = await startDns(0, name => events.push(name))
  const first = await startServer(admin)
  expect(await first.registered).toEqual({ domain: 'my-app.home', address: '127.0.0.1' })
  const second = await startServer(admin)
  await second.registered
  const list = (await sendAdminLine(admin, 'LIST')).join('\n')
  expect(list).toMatch(/my-app\.home\S*\s.*\bA\s+127\.0\.0\.1/)
  expect(list.match(/\bSRV\b.*/g)?.map(line => /SRV\s+0 0 (\d+) my-app\.home/.exec(line)?.[1])).toEqual([String(portOf(second.service, 'http')), String(portOf(second.service, 'rudp'))])
  expect([...new Set(events)]).toEqual(['registered'])
})

test('a DNS server that starts late is found; until then the health reports the failure', async () => {
  const port = await freePort()
  const server = await startServer({ address: '127.0.0.1', port }, { domain: 'late.home' })
  await server.failed
  expect(server.healths[0]).toContain('late.home is not registered')
  await startDns(port)
  expect(await server.registered).toEqual({ domain: 'late.home', address: '127.0.0.1' })
  expect(server.healths.at(-1)).toBeUndefined()
})

test('a server on all addresses registers the one at which others reach it', async () => {
  const admin = await startDns()
  const { registered } = await startServer(admin, { host: '0.0.0.0' })
  const lan = await sourceAddressFor({ address: '192.0.2.1', port: 53 }) ?? localIpv4Addresses().find(({ loopback }) => !loopback)?.address ?? '127.0.0.1'
  expect(await registered).toEqual({ domain: 'my-app.home', address: lan })
})

test('the route to this machine itself is loopback', async () => {
  expect(await sourceAddressFor({ address: '127.0.0.1', port: 9 })).toBe('127.0.0.1')
})
