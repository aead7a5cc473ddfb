import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Endpoint } from '../kit/endpoint.ts'
import { HamletError } from '../kit/errors.ts'
import { systemClock } from '../kit/node/clock.ts'
import { secureRandom } from '../kit/node/random.ts'
import { startService, type StartedService } from '../kit/node/service.ts'
import { connectStream } from '../kit/node/streams.ts'
import type { Io } from '../kit/node/udp/door.ts'
import { freePort } from '../kit/node/testing/free-port.ts'
import { openDoor } from '../kit/node/udp/open-door.ts'
import { TraceRing } from '../kit/trace.ts'
import { queryFor } from './core/forwarding/query.ts'
import { sendAdminLine } from './register.ts'
import { createResolver, type Resolver } from './resolver.ts'
import { dnsService } from './service.ts'
import { encodeFrame, FrameReader } from './wire/frame.ts'
import { decodeMessage, encodeMessage } from './wire/message.ts'
import { CLASS, TYPE } from './wire/types.ts'

const LOOPBACK = '127.0.0.1'
let folder: string
const closers: (() => Promise<unknown>)[] = []
beforeEach(async () => { folder = await mkdtemp(join(tmpdir(), 'hamlet-dns-')) })
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
  await rm(folder, { recursive: true })
})

interface Started {
  readonly service: StartedService
  readonly dns: Endpoint
  readonly admin: Endpoint
  readonly lines: string[]
  readonly logs: string[]
  readonly events: { name: string; data: unknown }[]
  readonly rows: Map<string, Readonly<Record<string, string>>>
  readonly health: (string | undefined)[]
  stop(): Promise<void>
}

/** The UDP implementation; the suite runs over each. */
let io: Io = 'auto'

async function start(settings: Record<string, unknown> = {}, dataFolder = folder): Promise<Started> {
  const heard = { lines: [] as string[], logs: [] as string[], events: [] as { name: string; data: unknown }[],
    rows: new Map<string, Readonly<Record<string, string>>>(), health: [] as (string | undefined)[] }
  const service = await startService(dnsService, { port: 0, admin_port: 0, upstream: [], io, ...settings }, { dataFolder, assetsFolder: '', secrets: {} }, {
    contractLine: text => heard.lines.push(text), log: text => heard.logs.push(text), event: (name, data) => heard.events.push({ name, data }),
    row: (key, row) => row === undefined ? heard.rows.delete(key) : heard.rows.set(key, row), health: reason => heard.health.push(reason), endpoints: () => undefined, failed: error => { throw error },
  })
  let stopped = false
  const stop = async () => {
    if (!stopped) await service.stop()
    stopped = true
  }
  closers.push(stop)
  const endpoint = (name: string): Endpoint => service.endpoints.find(each => each.name === name) ?? expect.unreachable(`${name} is an endpoint`)
  return { service, dns: endpoint('dns'), admin: endpoint('admin'), ...heard, stop }
}

function resolverFor(...servers: Endpoint[]): Resolver {
  const resolver = createResolver({ servers, clock: systemClock, random: secureRandom(), trace: new TraceRing() })
  closers.push(() => resolver.close())
  return resolver
}

/** A UDP socket on which nothing ever answers. */
async function silentPeer(): Promise<Endpoint> {
  const door = await openDoor({ addresses: [LOOPBACK], port: 0, receive: () => undefined })
  closers.push(() => door.close())
  return door.locals[0] ?? expect.unreachable('a socket is bound')
}

/** A port on which nothing listens. */
const closedPort = async (): Promise<Endpoint> => ({ address: LOOPBACK, port: await freePort() })

const text = ({ address, port }: Endpoint) => `${address}:${port}`

// The batch add-on exists for Linux only.
describe.each<Io>(process.platform === 'linux' ? ['batch', 'dgram'] : ['dgram'])('the DNS server over %s', implementation => {
  beforeAll(() => { io = implementation })

  test('the contract lines are printed with the actual port, which UDP and TCP share', async () => {
    const { lines, service, dns } = await start()
    expect(lines).toEqual([`DNS Server is running on 127.0.0.1:${dns.port}...`, 'Waiting for requests...'])
    expect(service.endpoints.filter(({ name }) => name === 'dns').map(({ transport, port }) => [transport, port])).toEqual([['udp', dns.port], ['tcp', dns.port]])
    expect(service.pinned).toEqual({ port: dns.port, admin_port: service.endpoints.find(({ name }) => name === 'admin')?.port })
  })

  test('a registered name is resolved, shown, reported as an event, and survives a restart', async () => {
    const first = await start()
    expect(await sendAdminLine(first.admin, 'REGISTER my-app.home 192.168.1.50')).toEqual(['OK my-app.home A 192.168.1.50'])
    expect(await resolverFor(first.dns).resolve('my-app.home', 'A')).toMatchObject({
      rcode: 'NOERROR', records: [{ name: 'my-app.home', type: 'A', ttl: 10, data: '192.168.1.50' }], source: 'server', server: text(first.dns),
      sentence: expect.stringMatching(/^my-app\.home is 192\.168\.1\.50, answered by 127\.0\.0\.1:\d+ in \d+ ms \(zone\)$/),
    })
    expect([...first.rows.values()]).toEqual([{ name: 'my-app.home', type: 'A', data: '192.168.1.50', ttl: '10', source: 'registered' }])
    expect(first.events.map(({ name }) => name)).toEqual(['registered', 'answered'])
    await first.stop()
    expect(await readFile(join(folder, 'dns.zone'), 'latin1')).toMatch(/^my-app +IN A +192\.168\.1\.50$/m)
    const second = await start()
    expect((await resolverFor(second.dns).resolve('50.1.168.192.in-addr.arpa', 'PTR')).records).toMatchObject([{ data: 'my-app.home' }])
    expect([...second.rows.values()]).toHaveLength(1)
  })

  test('changes in the journal that are not yet in dns.zone survive a crash', async () => {
    const crashed = await start()
    await sendAdminLine(crashed.admin, 'REGISTER my-app.home 192.168.1.50')
    const copy = await mkdtemp(join(tmpdir(), 'hamlet-dns-'))
    closers.push(() => rm(copy, { recursive: true }))
    await writeFile(join(copy, 'dns.journal'), await readFile(join(folder, 'dns.journal')))
    const { admin } = await start({}, copy)
    expect(await sendAdminLine(admin, 'LIST')).toEqual(['my-app.home A 192.168.1.50', 'OK 1 name'])
  })

  test('admin lines: replaced, listed, unregistered; an ERROR is thrown as a refusal', async () => {
    const { admin, dns, service, rows } = await start()
    await sendAdminLine(admin, 'REGISTER a.home 192.0.2.1')
    await sendAdminLine(admin, 'REGISTER a.home 192.0.2.2')
    await sendAdminLine(admin, 'REGISTER a.home 2001:db8::1')
    expect(await service.command('admin', { line: 'LIST' })).toEqual({ lines: ['a.home A 192.0.2.2', 'a.home AAAA 2001:db8::1', 'OK 1 name'] })
    await sendAdminLine(admin, 'UNREGISTER a.home A')
    expect((await resolverFor(dns).resolve('a.home', 'A')).records).toEqual([])
    expect(rows.size).toBe(1)
    await expect(sendAdminLine(admin, 'REGISTER x.local 192.0.2.1')).rejects.toMatchObject({ code: 'refused', parts: { why: expect.stringContaining('multicast DNS') } })
  })

  test('LIST returns all of three hundred names', async () => {
    const { admin } = await start()
    await Promise.all(Array.from({ length: 300 }, (_, index) => sendAdminLine(admin, `REGISTER n${index}.home 192.0.2.${index % 250}`)))
    const lines = await sendAdminLine(admin, 'LIST')
    expect([lines.length, lines[300]]).toEqual([301, 'OK 300 names'])
  })

  test('a closed admin port and a silent one are told apart', async () => {
    await expect(sendAdminLine(await closedPort(), 'LIST')).rejects.toMatchObject({ code: 'upstream-unreachable' })
    await expect(sendAdminLine(await silentPeer(), 'LIST', { timeoutMs: 20, attempts: 2 })).rejects.toMatchObject({ code: 'timed-out' })
  })

  test('an unknown name is forwarded to the upstream and cached', async () => {
    const upstream = await start({}, await mkdtemp(join(folder, 'upstream-')))
    await sendAdminLine(upstream.admin, 'REGISTER www.example.org 203.0.113.7')
    const { dns, events, rows, service } = await start({ upstream: [text(upstream.dns)] })
    for (let round = 0; round < 2; round++) expect((await resolverFor(dns).resolve('www.example.org', 'A')).records).toMatchObject([{ data: '203.0.113.7' }])
    expect(events.map(({ data }) => data)).toMatchObject([{ source: 'upstream' }, { source: 'cache' }])
    expect([...rows.values()]).toMatchObject([{ name: 'www.example.org', source: 'cached' }])
    expect(await service.command('admin', { line: 'FLUSH' })).toEqual({ lines: ['OK 1 cached answer forgotten'] })
    expect(rows.size).toBe(0)
  })

  test('an answer too large for UDP comes over TCP, through two servers and the resolver', async () => {
    const upstream = await start({}, await mkdtemp(join(folder, 'upstream-')))
    await Promise.all(Array.from({ length: 90 }, (_, index) => sendAdminLine(upstream.admin, `REGISTER big.example.org A 203.0.113.${index}`)))
    const { dns } = await start({ upstream: [text(upstream.dns)] })
    expect((await resolverFor(dns).resolve('big.example.org', 'A')).records).toHaveLength(90)
  })

  test('a closed upstream: SERVFAIL within 2 s and the reason as health, until it opens', async () => {
    const closed = await closedPort()
    const { dns, health } = await start({ upstream: [text(closed)] })
    const resolver = resolverFor(dns)
    const { rcode, tookMs } = await resolver.resolve('www.example.org', 'A')
    expect(rcode).toBe('SERVFAIL')
    expect(tookMs).toBeLessThan(2000)
    expect(health).toEqual([expect.stringContaining(`${text(closed)} refuses`)])
    const upstream = await start({ port: closed.port }, await mkdtemp(join(folder, 'upstream-')))
    await sendAdminLine(upstream.admin, 'REGISTER www.example.org 203.0.113.7')
    expect((await resolver.resolve('www.example.org', 'A')).records).toMatchObject([{ data: '203.0.113.7' }])
    expect(health[1]).toBeUndefined()
  })

  test('a silent upstream: SERVFAIL by 4 s', async () => {
    const { dns } = await start({ upstream: [text(await silentPeer())] })
    const { rcode, tookMs } = await resolverFor(dns).resolve('www.example.org', 'A')
    expect([rcode, tookMs < 4000]).toEqual(['SERVFAIL', true])
  })

  test('many queries on one TCP connection are all answered, wherever the stream is split', async () => {
    const { admin, dns } = await start()
    await sendAdminLine(admin, 'REGISTER my-app.home 192.168.1.50')
    const socket = await connectStream(dns, 1000)
    closers.push(async () => socket.destroy())
    const stream = Buffer.concat(Array.from({ length: 200 }, (_, id) => encodeFrame(encodeMessage(queryFor({ name: 'my-app.home', type: TYPE.A, class: CLASS.IN }, id)))))
    const frames = new FrameReader()
    const ids = new Set<number>()
    await new Promise<void>((resolve, reject) => {
      socket.on('close', () => reject(new Error('the server closed the connection')))
      socket.on('data', chunk => {
        for (const message of frames.push(chunk)) ids.add(decodeMessage(message).header.id)
        if (ids.size === 200) resolve()
      })
      socket.write(stream.subarray(0, 1001))
      setImmediate(() => socket.write(stream.subarray(1001)))
    })
    expect(ids.size).toBe(200)
  })

  test('a hand-written dns.zone is served; one edited meanwhile is kept, with the newer changes on top', async () => {
    await writeFile(join(folder, 'dns.zone'), '$TTL 120\nprinter A 192.0.2.9 ; by hand\n')
    const { admin, dns, stop } = await start()
    expect((await resolverFor(dns).resolve('printer.home', 'A')).records).toMatchObject([{ ttl: 120, data: '192.0.2.9' }])
    await writeFile(join(folder, 'dns.zone'), 'scanner A 192.0.2.10\n')
    await sendAdminLine(admin, 'REGISTER my-app.home 192.168.1.50')
    await stop()
    expect((await readFile(join(folder, 'dns.zone'), 'latin1')).split('\n').filter(line => / A /.test(line)).map(line => line.split(' ')[0])).toEqual(['scanner', 'my-app'])
  })

  test('a hand-written dns.zone stays unchanged if nothing is registered', async () => {
    const written = 'printer A 192.0.2.9 ; by hand\n'
    await writeFile(join(folder, 'dns.zone'), written)
    const { stop } = await start()
    await stop()
    expect(await readFile(join(folder, 'dns.zone'), 'latin1')).toBe(written)
  })

  test('a damaged dns.zone is left alone, its line is reported, and the names in the journal are served', async () => {
    const first = await start()
    await sendAdminLine(first.admin, 'REGISTER my-app.home 192.168.1.50')
    const journal = await readFile(join(folder, 'dns.journal'))
    await first.stop()
    const damaged = 'printer A 192.0.2.9\nbroken A 1.2.3\n'
    await writeFile(join(folder, 'dns.zone'), damaged)
    await writeFile(join(folder, 'dns.journal'), journal)
    const { dns, logs, health } = await start()
    expect(logs.join('\n')).toMatch(/dns\.zone could not be read: line 2: .*1\.2\.3.*It is left as it is/)
    expect(health[0]).toContain('line 2')
    expect(await readFile(join(folder, 'dns.zone'), 'latin1')).toBe(damaged)
    expect((await resolverFor(dns).resolve('my-app.home', 'A')).records).toHaveLength(1)
  })

  test('dns.zone is rewritten after a change, and the journal restarted', async () => {
    const { admin } = await start()
    await sendAdminLine(admin, 'REGISTER my-app.home 192.168.1.50')
    const journal = join(folder, 'dns.journal')
    const full = (await stat(journal)).size
    await expect.poll(async () => (await readdir(folder)).includes('dns.zone') && (await stat(journal)).size < full).toBe(true)
  })

  test('a second server on the same folder is refused', async () => {
    await start()
    await expect(start()).rejects.toMatchObject({ code: 'folder-locked' })
  })

  test('if the TCP port is taken, UDP is not left open, and the folder is unlocked', async () => {
    const taken = createServer()
    await new Promise<void>(resolve => taken.listen(0, LOOPBACK, resolve))
    closers.push(() => new Promise(resolve => taken.close(resolve)))
    const address = taken.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    await expect(start({ port })).rejects.toMatchObject({ code: 'port-taken' })
    const { dns } = await start()
    expect(dns.port).toBeGreaterThan(0)
  })

  test('a server cannot be its own upstream', async () => {
    const { port } = await closedPort()
    await expect(start({ port, upstream: [`127.0.0.1:${port}`] })).rejects.toMatchObject({ code: 'usage' })
  })

  test('the resolver says why: nothing listens, silence, NXDOMAIN, NODATA', async () => {
    const { admin, dns } = await start()
    await sendAdminLine(admin, 'REGISTER my-app.home 192.168.1.50')
    await expect(resolverFor(await closedPort()).resolve('a.home', 'A')).rejects.toMatchObject({ code: 'upstream-unreachable' })
    const silent = createResolver({
      servers: [await silentPeer()], clock: systemClock, random: secureRandom(), trace: new TraceRing(), timings: { sendAgainAtMs: [20], staleAtMs: Infinity, failAtMs: 60 },
    })
    await expect(silent.resolve('a.home', 'A')).rejects.toMatchObject({ code: 'timed-out' })
    const resolver = resolverFor(await closedPort(), dns)
    expect((await resolver.resolve('nope.home', 'A'))).toMatchObject({ rcode: 'NXDOMAIN', records: [], sentence: expect.stringContaining('nope.home does not exist') })
    expect((await resolver.resolve('my-app.home', 'MX'))).toMatchObject({ rcode: 'NOERROR', records: [], sentence: expect.stringContaining('has no MX record') })
    expect(await resolver.resolve('my-app.home', 'A')).toMatchObject({ source: 'server' })
    expect(await resolver.resolve('MY-APP.home', 'A')).toMatchObject({ source: 'cache', server: '', sentence: expect.stringContaining('cached') })
    await expect(resolver.resolve('a..home', 'A')).rejects.toBeInstanceOf(HamletError)
    await expect(resolver.resolve('a.home', 'FROG')).rejects.toMatchObject({ code: 'usage' })
  })

  test('closing a resolver rejects its pending lookups', async () => {
    const resolver = resolverFor(await silentPeer())
    const waiting = resolver.resolve('a.home', 'A')
    await resolver.close()
    await expect(waiting).rejects.toMatchObject({ code: 'refused' })
  })
})
