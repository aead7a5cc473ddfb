import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { request, type IncomingMessage } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { appServer } from '../app-server/contract.ts'
import { appServerService } from '../app-server/service.ts'
import { dhcpService } from '../dhcp/service.ts'
import { dnsService } from '../dns/service.ts'
import type { Endpoint } from '../kit/endpoint.ts'
import { secureRandom } from '../kit/node/random.ts'
import { systemClock } from '../kit/node/clock.ts'
import { freePort } from '../kit/node/testing/free-port.ts'
import { TraceRing } from '../kit/trace.ts'
import { TRANSPORTS, type client } from './contract.ts'
import type { EventsOf, ReplyOf } from '../kit/contract.ts'
import { basicAuthorization } from './credentials.ts'
import { chooseDnsServer } from './dns-server.ts'
import { fetchUrl } from './fetch.ts'
import { clientService } from './service.ts'
import { CREDENTIALS, GATEWAY_SECRETS, GATEWAY_SETTINGS, proxyPort, startHeard, tunnelTo, visit, type Heard } from './testing/browser.ts'

const assets = fileURLToPath(new URL('../../../assets', import.meta.url))
const environment = { clock: systemClock, random: secureRandom(), trace: new TraceRing(64 * 1024) }
const FILM = Buffer.from(Array.from({ length: 300_000 }, (_, index) => index % 251))

/** A whole village on loopback: two registered sites on separate ports; the gateway finds the DNS server by DHCP. */
let folder: string
let dns: Heard
let dhcp: Heard
let demo: Heard
let films: Heard
let gateway: Heard

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hamlet-village-'))
  await writeFile(join(folder, 'index.html'), '<h1>Films</h1>')
  await writeFile(join(folder, 'film.bin'), FILM)
  await writeFile(join(folder, 'endless.bin'), Buffer.alloc(60_000_000))
  dns = await startHeard(dnsService, { port: 0, admin_port: 0, upstream: ['127.0.0.1:1'] })
  dhcp = await startHeard(dhcpService, { host: '127.0.0.1', port: 0, dns: at(dns, 'dns'), dns_admin_port: endpoint(dns, 'admin').port })
  demo = await startHeard(appServerService, { tcp_port: 0, udp_port: 0, dns: at(dns, 'admin'), domain: 'my-app.home' }, {}, assets)
  films = await startFilms()
  await demo.event('registered')
  gateway = await startHeard(clientService, { dhcp: at(dhcp, 'dhcp') }, GATEWAY_SECRETS)
  await gateway.event('leased')
})
afterAll(async () => {
  for (const heard of [gateway, films, demo, dhcp, dns]) await heard.stop()
  await rm(folder, { recursive: true })
})

async function startFilms(ports?: Readonly<Record<string, unknown>>): Promise<Heard> {
  const started = await startHeard(appServerService, { ...ports ?? { tcp_port: await freePort(), udp_port: await freePort() }, dns: at(dns, 'admin'), domain: 'films.home', site: folder })
  await started.event('registered')
  return started
}

function endpoint({ service }: Heard, name: string): Endpoint {
  const found = service.endpoints.find(known => known.name === name)
  if (found === undefined) throw new Error(`there is no endpoint ${name}`)
  return found
}

function at(heard: Heard, name: string): string {
  const { address, port } = endpoint(heard, name)
  return `${address}:${port}`
}

function journeys({ events }: Heard): EventsOf<typeof client>['journey'][] {
  // The service emits what its contract says; the compiler checked it there.
  return events.filter(({ name }) => name === 'journey').map(({ data }) => data as EventsOf<typeof client>['journey'])
}

async function probe(service: string, where: string, more: Readonly<Record<string, string>> = {}): Promise<ReplyOf<typeof client, 'probe'>> {
  // As above.
  return await gateway.service.command('probe', { service, endpoint: where, ...more }) as ReplyOf<typeof client, 'probe'>
}

describe.each(TRANSPORTS)('by name over %s', transport => {
  const over = { 'X-Hamlet-Transport': transport }

  test('a page arrives complete, and its journey has four steps', async () => {
    const page = await visit(gateway, 'http://my-app.home/', { headers: { ...over, Accept: 'text/html' } })
    expect([page.status, page.complete]).toEqual([200, true])
    expect(page.body.toString()).toContain('</html>')
    const journey = journeys(gateway).find(known => known.transport === transport && known.url === 'http://my-app.home/')
    expect(journey).toMatchObject({ status: 200, bytes: page.body.length })
    expect(journey?.steps.map(({ step, failed }) => [step, failed])).toEqual([['address', false], ['name', false], ['connect', false], ['page', false]])
    const port = endpoint(demo, transport === 'tcp' ? 'http' : 'rudp').port
    expect(journey?.steps.map(({ sentence }) => sentence)).toEqual([
      expect.stringMatching(/^127\..* was leased from the DHCP server 127\.0\.0\.1 .* ago, for 3600 s$/),
      expect.stringMatching(new RegExp(`^my-app\\.home is 127\\.0\\.0\\.1, .*; _\\w+\\._\\w+\\.my-app\\.home names port ${port}$`)),
      expect.stringMatching(new RegExp(`^${transport.toUpperCase()} connection to 127\\.0\\.0\\.1:${port} opened in `)),
      expect.stringMatching(/^Status 200, /),
    ])
  })

  test('the connection is reused for the next page, and the journey says so', async () => {
    const seen = journeys(gateway).length
    await visit(gateway, 'http://my-app.home/', { headers: { ...over, Accept: 'text/html' } })
    expect(journeys(gateway).slice(seen).map(({ steps }) => steps.find(({ step }) => step === 'connect')?.sentence)).toEqual([expect.stringMatching(/reused, for its request number [23]$/)])
  })

  test('a range of a film is that range', async () => {
    const page = await visit(gateway, 'http://films.home/film.bin', { headers: { ...over, Range: 'bytes=1000-200999' } })
    expect([page.status, page.headers['content-range']]).toEqual([206, 'bytes 1000-200999/300000'])
    expect(page.body.equals(FILM.subarray(1000, 201_000))).toBe(true)
  })

  test('a form can be submitted', async () => {
    const body = Buffer.from(`name=Ophelia&message=by+${transport}`)
    const signed = await visit(gateway, 'http://my-app.home/guestbook', { method: 'POST', body, headers: { ...over, 'Content-Type': 'application/x-www-form-urlencoded', Origin: 'http://my-app.home' } })
    expect(signed.status).toBe(303)
    expect((await visit(gateway, 'http://my-app.home/guestbook', { headers: over })).body.toString()).toContain(`by ${transport}`)
  })

  test('the port in a URL is used as it is', async () => {
    const { port } = endpoint(films, transport === 'tcp' ? 'http' : 'rudp')
    expect((await visit(gateway, `http://my-app.home:${port}/`, { headers: over })).body.toString()).toContain('Films')
  })

  test('a server that stops in the middle of a film aborts the transfer; once it is back, it is found again', async () => {
    const asked = request({ host: '127.0.0.1', port: proxyPort(gateway), path: 'http://films.home/endless.bin', headers: { ...over, 'Proxy-Authorization': basicAuthorization(CREDENTIALS) } }).end()
    const [response] = await once(asked, 'response') as [IncomingMessage]
    response.on('error', () => undefined)
    await once(response, 'readable') // and nothing reads: the film cannot end before the server stops
    await films.stop()
    await new Promise(resolve => response.resume().once('close', resolve))
    expect(response.complete).toBe(false)

    films = await startFilms(films.service.pinned)
    const again = await visit(gateway, 'http://films.home/', { headers: over })
    expect(again.body.toString()).toContain('Films')
  })

  test('hamlet fetch gets the same bytes', async () => {
    const choice = await chooseDnsServer({ dns: undefined, dhcp: at(dhcp, 'dhcp'), dataFolder: folder, ...environment })
    expect([choice.server, choice.lease?.dns]).toEqual([{ address: '127.0.0.1', port: endpoint(dns, 'dns').port }, '127.0.0.1'])
    expect(choice.sentence).toBe(`The DNS server is ${at(dns, 'dns')}, as announced by DHCP`)
    const chunks: Buffer[] = []
    const output = new Writable({ highWaterMark: 1000, write: (chunk: Buffer, _encoding, done) => { chunks.push(Buffer.from(chunk)); setImmediate(done) } })
    const fetched = await fetchUrl(`${transport === 'tcp' ? 'http' : 'rudp'}://films.home/film.bin`, { choose: () => Promise.resolve(choice), output: () => output, ...environment })
    expect(fetched).toMatchObject({ status: 200, bytes: FILM.length, transport, steps: [{ step: 'address' }, { step: 'name' }, { step: 'connect' }, { step: 'page', failed: false }] })
    expect(Buffer.concat(chunks).equals(FILM)).toBe(true)
  })
})

test('an unregistered name becomes an error page, and a journey that ends there', async () => {
  const page = await visit(gateway, 'http://nowhere.home/', { headers: { 'Sec-Fetch-Dest': 'document' } })
  expect([page.status, page.headers['x-hamlet-error']]).toEqual([502, 'name-unknown'])
  expect(page.body.toString()).toContain('No address is known for nowhere.home')
  expect(journeys(gateway).find(({ url }) => url.includes('nowhere'))?.steps.map(({ step, failed }) => [step, failed])).toEqual([['address', false], ['name', true]])
})

test('a server that comes back on another port is found there, despite the cache', async () => {
  expect((await visit(gateway, 'http://films.home/')).status).toBe(200)
  await films.stop()
  films = await startFilms()
  expect((await visit(gateway, 'http://films.home/')).body.toString()).toContain('Films')
})

test('an encrypting gateway gets pages from an encrypting server, remembers its key by name, and reports it', async () => {
  const offered = await startHeard(appServerService, { tcp_port: 0, udp_port: 0, dns: at(dns, 'admin'), domain: 'sealed.home', encryption: 'required' }, {}, assets)
  await offered.event('registered')
  const encrypting = await startHeard(clientService, { dhcp: at(dhcp, 'dhcp'), encrypt: true }, GATEWAY_SECRETS)
  const over = { 'x-hamlet-transport': 'rudp', 'Sec-Fetch-Dest': 'document' }
  expect((await visit(encrypting, 'http://sealed.home/', { headers: over })).body.toString()).toContain('Welcome to sealed.home')
  const [, key = ''] = /identity is x25519 (\S+)$/.exec(offered.logs.find(line => line.startsWith('encrypted RUDP is required')) ?? '') ?? []
  await expect.poll(() => encrypting.logs).toContainEqual(`added sealed.home to the known servers: x25519 ${key}`)
  expect(journeys(encrypting)[0]?.steps.map(({ sentence }) => sentence)).toContainEqual(expect.stringMatching(/^Encrypted RUDP connection to /))
  const readable = await visit(encrypting, 'http://my-app.home/', { headers: over })
  expect([readable.headers['x-hamlet-error'], readable.body.toString()]).toEqual(['refused', expect.stringContaining('it does not offer encryption')])
  for (const heard of [encrypting, offered]) await heard.stop()
})

test('without a DNS server, an error page says so', async () => {
  const alone = await startHeard(clientService, GATEWAY_SETTINGS, GATEWAY_SECRETS)
  const page = await visit(alone, 'http://my-app.home/')
  expect([page.status, page.headers['x-hamlet-error']]).toEqual([502, 'upstream-unreachable'])
  await alone.stop()
})

test.each(TRANSPORTS)('an upload that the server refuses ends with its 413, over %s', async transport => {
  for (const bytes of [200_000, 5_000_000, 30_000_000]) {
    const page = await visit(gateway, 'http://my-app.home/guestbook', { method: 'POST', headers: { 'X-Hamlet-Transport': transport }, body: Buffer.alloc(bytes) })
    expect([bytes, page.status, page.headers['x-hamlet-error'], page.complete]).toEqual([bytes, 413, undefined, true])
  }
})

test('a tunnel to one of our own names uses the port of its SRV record', async () => {
  const { status, stream } = await tunnelTo(gateway, 'films.home:80')
  expect(status).toBe(200)
  stream.write('GET / HTTP/1.1\r\nHost: films.home\r\nConnection: close\r\n\r\n')
  let answer = ''
  stream.on('data', (chunk: Buffer) => { answer += chunk.toString() })
  await once(stream, 'end')
  stream.end()
  expect(answer).toMatch(/^HTTP\/1\.1 200 [^]*<h1>Films<\/h1>$/)
})

test('the lease is what the server assigned, and the lease command returns it', async () => {
  const lease = await gateway.event('leased')
  expect(lease).toMatchObject({ server: '127.0.0.1', dns: '127.0.0.1', dnsPort: endpoint(dns, 'dns').port, dnsAdminPort: endpoint(dns, 'admin').port, leaseSeconds: 3600 })
  expect(await gateway.service.command('lease', {})).toEqual(lease)
  expect(await gateway.service.command('lease', { renew: true })).toMatchObject({ dnsPort: endpoint(dns, 'dns').port })
  expect(gateway.logs).toContain(`The DNS server is ${at(dns, 'dns')}, as announced by DHCP`)
})

test('a load over a bad link can be watched at the server, and its end is reported; another load is stopped', async () => {
  await demo.service.command('link', { link: 'loss=5% delay=5ms mtu=1500 overhead=28 direction=out seed=4' })
  await demo.service.command('congestion', { congestion: 'reno' })
  const watch = async () => appServer.commands.watch.reply.parse(await demo.service.command('watch', {}))
  await watch()
  await gateway.service.command('load', { url: 'rudp://my-app.home/bytes/500000' })
  expect(await gateway.event('loaded')).toMatchObject({ url: 'rudp://my-app.home/bytes/500000', status: 200, bytes: 500_000 })
  expect((await watch()).samples.some(({ lost, ssthreshBytes }) => lost > 0 && ssthreshBytes !== null)).toBe(true)
  const { rows } = appServer.commands.connections.reply.parse(await demo.service.command('connections', {}))
  expect(rows.map(([, { congestion }]) => congestion)).toContain('reno')
  await demo.service.command('link', { link: 'rate=100kbit' })
  await gateway.service.command('load', { url: 'rudp://my-app.home/bytes/5000000' })
  expect(await gateway.service.command('stop_loads', {})).toEqual({ stopped: 1 })
  await expect.poll(() => gateway.events.filter(({ name }) => name === 'loaded').map(({ data }) => data)).toContainEqual(expect.objectContaining({ failure: 'stopped' }))
  await demo.service.command('link', { link: 'perfect' })
})

test('a response over RUDP ends its stream, so that parity can restore a lost packet', async () => {
  await demo.service.command('link', { link: 'mtu=1500 overhead=28' })
  await demo.service.command('watch', {})
  const fresh = await startHeard(clientService, { dhcp: at(dhcp, 'dhcp') }, GATEWAY_SECRETS)
  const page = await visit(fresh, 'http://my-app.home/bytes/20000', { headers: { 'X-Hamlet-Transport': 'rudp' } })
  expect(page.body.length).toBe(20_000)
  const { rows } = appServer.commands.connections.reply.parse(await demo.service.command('connections', {}))
  const qlogs = await Promise.all(rows.map(([connection]) => demo.service.command('qlog', { connection }).then(JSON.stringify, String)))
  expect(qlogs.filter(qlog => qlog.includes('\\"parity\\"')).length).toBe(1)
  await fresh.stop()
  await demo.service.command('link', { link: 'perfect' })
})

test('an invalid load is refused at once', async () => {
  await expect(gateway.service.command('load', { url: 'ftp://my-app.home/' })).rejects.toThrow()
  await expect(gateway.service.command('link', { link: 'loss=200%' })).rejects.toThrow(/The command "link" was refused/)
})

test('the resolve command returns records', async () => {
  expect(await gateway.service.command('resolve', { name: 'my-app.home' })).toMatchObject({ rcode: 'NOERROR', records: [expect.stringMatching(/^my-app\.home \d+ A 127\.0\.0\.1$/)] })
  expect(await gateway.service.command('resolve', { name: 'nowhere.home', type: 'aaaa' })).toMatchObject({ rcode: 'NXDOMAIN', records: [] })
})

describe('a probe', () => {
  const result = async (...asked: Parameters<typeof probe>): Promise<string> => {
    const { ok, sentence } = await probe(...asked)
    return `${ok ? 'healthy' : 'failed'}: ${sentence}`
  }

  test('of each service says what came back', async () => {
    expect(await result('dns', at(dns, 'dns'))).toBe('healthy: my-app.home A 127.0.0.1')
    expect(await result('dns', at(dns, 'dns'), { name: 'nowhere.home' })).toMatch(/^healthy: home SOA .*; it does not know nowhere\.home$/)
    expect(await result('app-server', at(demo, 'http'))).toMatch(/^healthy: Status 200 with .* over TCP$/)
    expect(await result('app-server', at(demo, 'rudp'), { transport: 'rudp' })).toMatch(/^healthy: Status 200 with .* over RUDP$/)
    for (const transport of TRANSPORTS) expect(await result('client', at(gateway, 'proxy'), { transport })).toMatch(/^healthy: Status 200 with /)
  })

  test('of DHCP takes no address, and one of the gateway adds no table row', async () => {
    const counts = () => [dhcp.events.filter(({ name }) => name === 'leased').length, dhcp.rows.size, gateway.rows.size]
    const before = counts()
    expect(await result('dhcp', at(dhcp, 'dhcp'))).toMatch(/^healthy: It offers 127\.[\d.]+ for 3600 s$/)
    expect(await result('client', at(gateway, 'proxy'))).toMatch(/^healthy: /)
    expect(counts()).toEqual(before)
  })

  test('is not among the visitors\' requests that the application server reports', async () => {
    const asked = () => demo.events.filter(({ name }) => name === 'request').length
    const seen = () => [asked(), demo.logs.length, [...demo.rows.values()].map(({ requests }) => Number(requests)).reduce((sum, count) => sum + count, 0)]
    const before = seen()
    const rowsBefore = demo.rows.size
    expect(await result('app-server', at(demo, 'http'))).toMatch(/^healthy: /)
    for (const transport of TRANSPORTS) expect(await result('client', at(gateway, 'proxy'), { transport })).toMatch(/^healthy: /)
    expect(seen()).toEqual(before)
    expect(demo.rows.size).toBeLessThanOrEqual(rowsBefore)
    await visit(gateway, 'http://my-app.home/')
    expect(asked()).toBe((before[0] ?? 0) + 1)
  })

  test('of a service that does not exist says so and does not throw', async () => {
    expect(await result('dns', '127.0.0.1:1')).toMatch(/^failed: .* could not be looked up/)
    expect(await result('app-server', '127.0.0.1:1')).toMatch(/^failed: 127\.0\.0\.1:1 could not be reached by TCP/)
    expect(await result('client', at(gateway, 'proxy'), { name: 'nowhere.home' })).toMatch(/^failed: .*status 502 \(name-unknown\)$/)
  })
})
