import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import type { Endpoint } from '../kit/endpoint.ts'
import { systemClock } from '../kit/node/clock.ts'
import { secureRandom } from '../kit/node/random.ts'
import { SleepClock } from '../kit/node/sleep-clock.ts'
import { startService, type StartedService } from '../kit/node/service.ts'
import { openDoor } from '../kit/node/udp/open-door.ts'
import { below, seededRandom } from '../kit/random.ts'
import { TraceRing } from '../kit/trace.ts'
import { keepLease, obtainLease, storedMac, type Lease } from './client.ts'
import { dhcpService } from './service.ts'
import { releaseLease } from './testing/release-lease.ts'
import { decodeMessage, encodeMessage, MESSAGE_TYPE, type Message } from './wire/message.ts'

const toClose: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of toClose.splice(0).reverse()) await close()
})

const emptyFolder = () => mkdtempSync(join(tmpdir(), 'hamlet-dhcp-'))

/** A running service, with its output. */
class Running {
  readonly lines: string[] = []
  readonly logged: string[] = []
  readonly rows = new Map<string, Readonly<Record<string, string>>>()
  readonly events: { name: string; data: unknown }[] = []
  service: StartedService | undefined
  #changed = () => {}

  static async start(settings: Readonly<Record<string, unknown>> = {}, dataFolder = emptyFolder()): Promise<Running> {
    const running = new Running()
    const changed = (change: () => void) => {
      change()
      running.#changed()
    }
    running.service = await startService(dhcpService, { host: '127.0.0.1', port: 0, ...settings }, { dataFolder, assetsFolder: '', secrets: {} }, {
      contractLine: text => running.lines.push(text), log: text => running.logged.push(text), health: () => undefined, endpoints: () => undefined, failed: () => undefined,
      event: (name, data) => changed(() => running.events.push({ name, data })),
      row: (key, row) => changed(() => row === undefined ? running.rows.delete(key) : running.rows.set(key, row)),
    })
    toClose.push(() => running.stop())
    return running
  }

  get server(): Endpoint {
    return { address: '127.0.0.1', port: Number(this.service?.pinned['port']) }
  }

  /** Waits until the rows and events meet a condition. */
  until(isSo: () => boolean): Promise<void> {
    return new Promise(resolve => {
      this.#changed = () => { if (isSo()) resolve() }
      this.#changed()
    })
  }

  async stop(): Promise<void> {
    const service = this.service
    this.service = undefined
    await service?.stop()
  }
}

const clientOf = (server: Endpoint, client: number) => ({
  server, mac: `02:00:5e:00:00:${String(client).padStart(2, '0')}`, hostName: `host-${client}`, clock: systemClock, random: secureRandom(), trace: new TraceRing(),
})

test('a client gets an address, and the DNS server with its ports', async () => {
  const running = await Running.start({ dns: '127.0.0.1:5300', dns_admin_port: 5355, lease: 600 })
  expect(running.lines).toEqual([`Server is running on port ${running.server.port}. Press Ctrl+C to stop.`])
  expect(running.service?.endpoints).toEqual([{ name: 'dhcp', transport: 'udp', ...running.server }])
  const lease = await obtainLease(clientOf(running.server, 1))
  expect(lease).toMatchObject({ address: '127.0.1.100', subnetMask: '255.0.0.0', server: '127.0.0.1', dns: '127.0.0.1', dnsPort: 5300, dnsAdminPort: 5355, domain: 'home', leaseSeconds: 600 })
  expect(Math.abs(lease.obtainedAtMs - Date.now())).toBeLessThan(60_000)
  expect([...running.rows.values()]).toMatchObject([{ address: '127.0.1.100', client: '02:00:5e:00:00:01', host: 'host-1', state: 'leased', until: expect.stringMatching(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/) }])
  expect(running.events.map(({ name }) => name)).toEqual(['offered', 'leased'])
  expect(running.service?.trace.read(0, 100).records.map(({ direction, kind }) => `${direction} ${kind}`)).toEqual(['in packet', 'out packet', 'none event', 'in packet', 'out packet', 'none event'])
})

test('two clients get two addresses, and each gets the same again after a restart', async () => {
  const folder = emptyFolder()
  const running = await Running.start({}, folder)
  const before = [await obtainLease(clientOf(running.server, 1)), await obtainLease(clientOf(running.server, 2))].map(({ address }) => address)
  expect(new Set(before).size).toBe(2)
  await running.stop()
  const again = await Running.start({}, folder)
  expect([...again.rows.keys()].sort()).toEqual([...before].sort())
  expect([await obtainLease(clientOf(again.server, 2)), await obtainLease(clientOf(again.server, 1))].map(({ address }) => address)).toEqual(before.reverse())
})

test('stopping ends no lease, and logs how many addresses remain leased and until when', async () => {
  const unused = await Running.start()
  await unused.stop()
  expect(unused.logged.filter(line => line.includes('remain'))).toEqual([])
  const running = await Running.start({ lease: 600 })
  for (const client of [1, 2]) await obtainLease(clientOf(running.server, client))
  const last = running.rows.get('127.0.1.101')?.['until'] ?? 'no row'
  await running.stop()
  expect(running.logged.at(-1)).toBe(`2 addresses remain leased until ${last} at the latest, and cannot be renewed while the server is stopped`)
})

test('options that may not fit into the smallest message are logged at startup', async () => {
  const routes = Array.from({ length: 70 }, (_, index) => `classless-routes=10.${index}.0.0/16=192.0.2.9`)
  const running = await Running.start({ option: [...routes, '42=192.0.2.7', `224=${'x'.repeat(250)}`] })
  expect(running.logged.filter(line => line.includes('576'))).toEqual([expect.stringMatching(/^option 121, 224 may be left out: /)])
  const fits = await Running.start({ option: ['42=192.0.2.7', `224=${'x'.repeat(100)}`, `225=${'x'.repeat(100)}`] })
  expect(fits.logged.filter(line => line.includes('576'))).toEqual([])
})

test('a probe shows what would be offered, and takes nothing', async () => {
  const running = await Running.start()
  expect(await obtainLease({ ...clientOf(running.server, 1), probe: true })).toMatchObject({ address: '127.0.1.100', dns: '127.0.0.1', dnsPort: 53 })
  expect(await obtainLease({ ...clientOf(running.server, 2), probe: true })).toMatchObject({ address: '127.0.1.100' })
  expect([running.rows.size, running.events]).toEqual([0, []])
})

test('an address is free after its client or a command has released it', async () => {
  const running = await Running.start()
  const lease = await obtainLease(clientOf(running.server, 1))
  await releaseLease(lease, clientOf(running.server, 1))
  await running.until(() => running.events.some(({ name }) => name === 'released') && running.rows.size === 0)
  const { address } = await obtainLease(clientOf(running.server, 2))
  expect(await running.service?.command('release', { yiaddr: address })).toEqual({ released: true })
  await running.until(() => running.rows.size === 0)
  expect(await running.service?.command('release', { yiaddr: address })).toEqual({ released: false })
})

test('a kept lease is reported, and remains when the client stops renewing it', async () => {
  const running = await Running.start()
  const obtained = await new Promise<Lease | undefined>(resolve => {
    const kept = keepLease({ ...clientOf(running.server, 1), onLease: lease => resolve(lease) })
    toClose.push(() => kept.stop())
  })
  await toClose.pop()?.()
  expect(obtained?.address).toBe('127.0.1.100')
  expect(running.rows.get('127.0.1.100')?.['state']).toBe('leased')
})

test('a kept lease whose renewal came due during sleep is renewed afterwards', async () => {
  const running = await Running.start({ lease: 3600 })
  let sleptMs = 0
  const clock = new SleepClock({ clock: systemClock, uptimeMs: () => systemClock.nowMs() + sleptMs })
  const obtainedAt: number[] = []
  const kept = keepLease({ ...clientOf(running.server, 1), clock, onLease: lease => { obtainedAt.push(lease?.obtainedAtMs ?? 0) } })
  toClose.push(() => kept.stop())
  await expect.poll(() => obtainedAt.length).toBe(1)
  clock.look()
  sleptMs = 2_000_000
  clock.look()
  await expect.poll(() => obtainedAt.length).toBe(2)
  expect((obtainedAt[1] ?? 0) - (obtainedAt[0] ?? 0)).toBeGreaterThanOrEqual(sleptMs)
  clock.stop()
})

test('a silent server and an exhausted one give a no-lease error with a remedy', async () => {
  const silent = await openDoor({ addresses: ['127.0.0.1'], port: 0, receive: () => undefined })
  toClose.push(() => silent.close())
  const nobody = silent.locals[0] ?? { address: '127.0.0.1', port: 9 }
  await expect(obtainLease({ ...clientOf(nobody, 1), timeoutMs: 50 })).rejects.toMatchObject({ code: 'no-lease', parts: { why: expect.stringContaining(`127.0.0.1:${nobody.port}`), remedy: expect.stringContaining('hamlet dhcp') } })
  const full = await Running.start({ pool: '127.0.1.7-127.0.1.7' })
  await obtainLease(clientOf(full.server, 1))
  await expect(obtainLease({ ...clientOf(full.server, 2), timeoutMs: 100 })).rejects.toMatchObject({ code: 'no-lease' })
  expect(full.events).toContainEqual({ name: 'refused', data: { client: '02:00:5e:00:00:02', why: 'no address is free on lo (pool of 1)' } })
})

test('a server that goes silent after its offer is reported differently from one that did not answer', async () => {
  const options = { messageType: MESSAGE_TYPE.OFFER, serverIdentifier: 0x7f000001, leaseSeconds: 600 }
  const door = await openDoor({
    addresses: ['127.0.0.1'], port: 0,
    receive(batch) {
      const { xid, options: { messageType } } = decodeMessage(batch.slab.subarray(batch.offsets[0], (batch.offsets[0] ?? 0) + (batch.lengths[0] ?? 0)))
      if (messageType === MESSAGE_TYPE.DISCOVER) door.send(batch.path(0), encodeMessage({ ...request, op: 2, xid, yiaddr: 0x7f000164, options }))
      door.flush()
    },
  })
  toClose.push(() => door.close())
  const server = door.locals[0] ?? { address: '127.0.0.1', port: 9 }
  await expect(obtainLease({ ...clientOf(server, 1), timeoutMs: 500 })).rejects.toMatchObject({ code: 'no-lease', parts: { why: `the DHCP server on 127.0.0.1:${server.port} offered an address, but did not confirm it` } })
})

test('a BOOTP lease is reported without an end, and survives a restart', async () => {
  const [folder, reserve] = [emptyFolder(), ['02:00:5e:00:00:09=127.0.1.9']]
  const running = await Running.start({ reserve }, folder)
  const replies: Message[] = []
  const door = await openDoor({
    addresses: ['127.0.0.1'], port: 0,
    receive(batch) { replies.push(decodeMessage(batch.slab.slice(batch.offsets[0], (batch.offsets[0] ?? 0) + (batch.lengths[0] ?? 0)))) },
  })
  toClose.push(() => door.close())
  door.send(door.pathTo(running.server), encodeMessage({ ...request, chaddr: Uint8Array.of(2, 0, 0x5e, 0, 0, 9), options: {} }))
  door.flush()
  await expect.poll(() => replies).toMatchObject([{ op: 2, yiaddr: 0x7f000109, options: { subnetMask: 0xff000000 } }])
  const row = { address: '127.0.1.9', client: '02:00:5e:00:00:09', host: '', state: 'leased', until: 'no end' }
  await running.until(() => running.events.length > 0)
  expect([[...running.rows.values()], running.events]).toEqual([[row], [{ name: 'leased', data: { yiaddr: '127.0.1.9', client: '02:00:5e:00:00:09', hostName: '', expiresAtMs: null } }]])
  await running.stop()
  expect(running.logged.at(-1)).toBe('1 address remains leased, and cannot be renewed while the server is stopped')
  expect([...(await Running.start({ reserve }, folder)).rows.values()]).toEqual([row])
})

test('it survives malformed datagrams', async () => {
  const running = await Running.start()
  const random = seededRandom(7)
  const door = await openDoor({ addresses: ['127.0.0.1'], port: 0, receive: () => undefined })
  toClose.push(() => door.close())
  const whole = encodeMessage({ ...request, options: { messageType: MESSAGE_TYPE.REQUEST, requestedAddress: 1, hostName: 'x', parameterRequestList: [1, 2, 3] } })
  for (let round = 0; round < 300; round++) {
    const bytes = whole.slice(0, below(random, whole.length))
    for (let change = 0; change < 5 && bytes.length > 0; change++) bytes[below(random, bytes.length)] = random.uint32()
    door.send(door.pathTo(running.server), bytes)
  }
  door.flush()
  expect(await obtainLease(clientOf(running.server, 1))).toMatchObject({ address: '127.0.1.100' })
})

test('the journal does not grow with renewals', async () => {
  const folder = emptyFolder()
  const running = await Running.start({}, folder)
  const { address } = await obtainLease(clientOf(running.server, 1))
  let acks = 0
  let signalDone = () => {}
  const door = await openDoor({ addresses: ['127.0.0.1'], port: 0, receive: ({ count }) => { if ((acks += count) % 50 === 0) signalDone() } })
  toClose.push(() => door.close())
  const renewal = encodeMessage({ ...request, ciaddr: 0x7f000164, chaddr: Uint8Array.of(2, 0, 0x5e, 0, 0, 1), options: { messageType: MESSAGE_TYPE.REQUEST } })
  for (let round = 0; round < 25; round++) {
    const answered = new Promise<void>(resolve => { signalDone = resolve })
    for (let index = 0; index < 50; index++) door.send(door.pathTo(running.server), renewal)
    door.flush()
    await answered
  }
  await running.stop()
  expect(readFileSync(join(folder, 'leases.jsonl'), 'utf8').split('\n').length).toBeLessThan(600)
  const again = await Running.start({}, folder)
  expect([...again.rows.keys()]).toEqual([address])
})

test('a second server on the port is refused, on loopback and on all interfaces, and so is one on the same folder', async () => {
  const folder = emptyFolder()
  const local = await Running.start({}, folder)
  await expect(Running.start({ port: local.server.port })).rejects.toMatchObject({ code: 'port-taken' })
  await expect(Running.start({}, folder)).rejects.toMatchObject({ code: 'folder-locked' })
  const lan = await Running.start({ host: '0.0.0.0' })
  const secondFolder = emptyFolder()
  await expect(Running.start({ host: '0.0.0.0', port: lan.server.port }, secondFolder)).rejects.toMatchObject({ code: 'port-taken' })
  expect(await Running.start({}, secondFolder)).toBeInstanceOf(Running)
})

test('on all interfaces it serves loopback too', async () => {
  const running = await Running.start({ host: '0.0.0.0' })
  expect(await obtainLease(clientOf(running.server, 1))).toMatchObject({ address: '127.0.1.100', server: '127.0.0.1' })
})

test.each([
  { name: 'an IPv6 host', settings: { host: '::1' } },
  { name: 'an IPv6 DNS server', settings: { dns: '[::1]:53' } },
  { name: 'an interface that does not exist', settings: { host: '0.0.0.0', interface: 'none0' } },
  { name: 'an interface that does not exist, with a host', settings: { interface: 'none0' } },
  { name: 'an interface without the host\'s address', settings: { host: '203.0.113.1', interface: 'lo' } },
  { name: 'a pool without an address to lease', settings: { pool: '127.0.1.7-127.0.1.7', exclude: ['127.0.1.7'] } },
  { name: 'a pool in no subnet', settings: { host: '0.0.0.0', pool: '203.0.113.1-203.0.113.9' } },
])('$name is a usage error', async ({ settings }) => {
  await expect(Running.start(settings)).rejects.toMatchObject({ code: 'usage' })
})

test('concurrent calls generate the stored hardware address once, and it is locally administered', async () => {
  const folder = emptyFolder()
  const addresses = await Promise.all(Array.from({ length: 8 }, () => storedMac(folder, secureRandom())))
  expect(new Set(addresses).size).toBe(1)
  expect(addresses[0]).toMatch(/^[0-9a-f][26ae](:[0-9a-f]{2}){5}$/)
  expect(await storedMac(folder, secureRandom())).toBe(addresses[0])
})

test('a damaged hardware address is left as it is', async () => {
  const folder = emptyFolder()
  writeFileSync(join(folder, 'mac'), 'not an address')
  await expect(storedMac(folder, secureRandom())).rejects.toMatchObject({ code: 'file-damaged' })
  expect(readFileSync(join(folder, 'mac'), 'utf8')).toBe('not an address')
})

const request: Message = {
  op: 1, htype: 1, hops: 0, xid: 1, secs: 0, broadcast: false, ciaddr: 0, yiaddr: 0, siaddr: 0, giaddr: 0, chaddr: new Uint8Array(6), sname: '', file: '', options: {},
}
