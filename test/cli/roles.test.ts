import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { partsOf } from '../../src/services/kit/errors.ts'
import { freePort } from '../../src/services/kit/node/testing/free-port.ts'
import { emptyFolder, runHamlet, RunningHamlet } from '../support/hamlet.ts'

/** A site not made for Hamlet: the trace viewer in playwright-core, with pages, styles, scripts, a font and images. */
const SITE = join(import.meta.dirname, '..', '..', 'node_modules', 'playwright-core', 'lib', 'vite', 'traceViewer')

const all: RunningHamlet[] = []
let dns = ''
let dhcp = ''

function start(...args: string[]): RunningHamlet {
  const hamlet = new RunningHamlet([...args, '--data', emptyFolder()])
  all.push(hamlet)
  return hamlet
}

/** Starts an application server that registers `domain`, and waits until it reports that. */
async function serve(domain: string, ...more: string[]): Promise<{ server: RunningHamlet; tcpPort: number; udpPort: number }> {
  const server = start('server', '--host', '127.0.0.1', '--tcp_port', '0', '--udp_port', '0', '--dns', admin, '--domain', domain, ...more)
  const [, tcp] = await server.line(/^\[server\] listening on 127\.0\.0\.1:(\d+)$/)
  const [, udp] = await server.line(/^\[server\] RUDP listening on 127\.0\.0\.1:(\d+)$/)
  await server.line(/regist/i, 'stderr')
  return { server, tcpPort: Number(tcp), udpPort: Number(udp) }
}
let admin = ''

beforeAll(async () => {
  const adminPort = await freePort()
  admin = `127.0.0.1:${adminPort}`
  const names = start('dns', '--port', '0', '--admin_port', String(adminPort))
  const [, port] = await names.line(/running on 127\.0\.0\.1:(\d+)/)
  dns = `127.0.0.1:${port}`
  const addresses = start('dhcp', '--host', '127.0.0.1', '--port', '0', '--dns', dns)
  const [, dhcpPort] = await addresses.line(/^Server is running on port (\d+)\. Press Ctrl\+C to stop\.$/)
  dhcp = `127.0.0.1:${dhcpPort}`
})
afterAll(async () => { for (const hamlet of all.reverse()) await hamlet.stop() })

test('a lease gives address, DNS server with its port, and duration; the next lease has the same address', async () => {
  const folder = emptyFolder()
  const first = await runHamlet(['lease', '--dhcp', dhcp, '--data', folder, '--json'])
  expect(first.status).toBe(0)
  expect(JSON.parse(first.stdout)).toMatchObject({ dns: '127.0.0.1', dnsPort: Number(dns.split(':')[1]), leaseSeconds: 3600 })
  const second = await runHamlet(['lease', '--dhcp', dhcp, '--data', folder, '--json'])
  const address = (text: string): unknown => JSON.parse(text).address
  expect(address(second.stdout)).toBe(address(first.stdout))
  const other = await runHamlet(['lease', '--dhcp', dhcp, '--data', emptyFolder(), '--json'])
  expect(address(other.stdout)).not.toBe(address(first.stdout))
})

test('without a DHCP server, lease ends with status 1 and one line', async () => {
  const { status, stderr } = await runHamlet(['lease', '--dhcp', '127.0.0.1:9', '--data', emptyFolder()])
  expect(status).toBe(1)
  expect(stderr).toMatch(/^hamlet: [^\n]+: [^\n]+\. [A-Z][^\n]+\n$/)
})

test('a page fetched by name is the same over TCP and over RUDP', async () => {
  await serve('my-app.home')
  const tcp = await runHamlet(['fetch', 'http://my-app.home/css/site.css', '--dns', dns])
  const rudp = await runHamlet(['fetch', 'rudp://my-app.home/css/site.css', '--dns', dns])
  expect([tcp.status, rudp.status]).toEqual([0, 0])
  expect(tcp.body.length).toBeGreaterThan(500)
  expect(rudp.body.equals(tcp.body)).toBe(true)
  expect(tcp.stderr).toMatch(/TCP/)
  expect(rudp.stderr).toMatch(/RUDP/)
})

test('a page is fetched encrypted, from a server that must keep its key', async () => {
  const { server } = await serve('sealed.home', '--encryption', 'offered')
  const [, key] = await server.line(/identity is x25519 (\S+)$/, 'stderr')
  const folder = emptyFolder()
  const fetched = (...more: string[]) => runHamlet(['fetch', 'rudp://sealed.home/css/site.css', '--encrypt', '--dns', dns, '--data', folder, ...more])
  const log = join(folder, 'keys.txt')
  const [first, second] = [await fetched(), await fetched('--key_log', log)]
  expect([first.status, second.status, second.body.equals(first.body)]).toEqual([0, 0, true])
  expect(first.stderr).toContain(`added sealed.home to the known servers: x25519 ${key}\n`)
  expect(second.stderr).not.toContain('known servers')
  expect(second.stderr).toContain('Encrypted RUDP connection to')
  expect(readFileSync(log, 'utf8')).toMatch(/^48520102 [0-9a-f]{218,} [0-9a-f]{112}\n$/)
  expect((statSync(log).mode & 0o777).toString(8)).toBe('600')
  writeFileSync(join(folder, 'rudp-known-servers'), `sealed.home x25519 ${'A'.repeat(43)}=\n`)
  const refused = await fetched()
  expect([refused.status, refused.stdout]).toEqual([1, ''])
  expect(refused.stderr).toMatch(/hamlet: sealed\.home presented a different key than before: [^\n]+\. [A-Z][^\n]+\n$/)
})

test('a key log that has no encryption or cannot be written is refused in one line', async () => {
  const log = join(emptyFolder(), 'missing', 'keys.txt')
  const readable = await runHamlet(['fetch', 'rudp://127.0.0.1:9/', '--key_log', log])
  expect([readable.status, readable.stderr]).toEqual([2, expect.stringMatching(/^hamlet: --key_log cannot be used here: nothing would be encrypted\. [A-Z][^\n]+\n$/)])
  const unwritable = await runHamlet(['fetch', 'rudp://127.0.0.1:9/', '--encrypt', '--key_log', log, '--data', emptyFolder()])
  expect([unwritable.status, unwritable.stderr]).toEqual([1, expect.stringMatching(/^hamlet: \S+keys\.txt could not be written: [^\n]+Choose another file with --key_log\.\n$/)])
})

test('a name is resolved by the server given with --dns', async () => {
  await serve('other.home')
  const page = await runHamlet(['resolve', 'other.home', '--dns', dns])
  expect(page.status).toBe(0)
})

test('every file of a site not made for Hamlet arrives intact over both transports', async () => {
  await serve('site.home', '--site', SITE)
  const files = readdirSync(SITE, { recursive: true, withFileTypes: true }).filter(entry => entry.isFile()).map(entry => join(entry.parentPath, entry.name))
  expect(files.length).toBeGreaterThan(10)
  for (const file of files) {
    const path = file.slice(SITE.length + 1).split('/').map(encodeURIComponent).join('/')
    for (const scheme of ['http', 'rudp']) {
      const { status, body } = await runHamlet(['fetch', `${scheme}://site.home/${path}`, '--dns', dns])
      expect(status, `${scheme} ${path}`).toBe(0)
      expect(sha256(body), `${scheme} ${path}`).toBe(sha256(readFileSync(file)))
    }
  }
}, 180_000)

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')

test('--link makes the link as bad as it says, at the server or the client, and pages arrive intact', async () => {
  const { server } = await serve('far.home', '--link', 'delay=30ms loss=3% seed=2')
  await server.line(/a simulated link with delay=30ms loss=3% seed=2/, 'stderr')
  const far = await runHamlet(['fetch', 'rudp://far.home/bytes/100000', '--dns', dns, '--link', 'delay=20ms direction=out', '--json'])
  expect([far.status, far.body.length]).toEqual([0, 100_000])
  const { tookMs } = JSON.parse(far.stderr.split('\n').find(line => line.startsWith('{')) ?? '')
  expect(tookMs).toBeGreaterThan(2 * 80) // a handshake and a page: 30 ms each way at the server, and 20 ms more towards it
})

test.each([
  [['http://far.home/', '--link', 'loss=5%'], /--link cannot be used here: it conditions RUDP/], [['http://far.home/', '--encrypt'], /--encrypt cannot be used here: it encrypts RUDP/],
  [['http://far.home/', '--qlog', '/dev/null'], /--qlog cannot be used here: it records RUDP/], [['rudp://far.home/', '--link', 'lossy'], /--link cannot be "lossy": it is neither a preset/],
  [['rudp://far.home/', '--link', 'loss=500%'], /--link cannot be "loss=500%": the value is not between 0% and 100%/],
])('fetch %j is refused with status 2 and one line', async (args, line) => {
  const { status, stdout, stderr } = await runHamlet(['fetch', ...args])
  expect([status, stdout]).toEqual([2, ''])
  expect(stderr).toMatch(line)
  expect(stderr.trim().split('\n')).toHaveLength(1)
})

test('a fetch can write to a file', async () => {
  await serve('file.home')
  const folder = emptyFolder()
  const { status, body } = await runHamlet(['fetch', 'http://file.home/', '--dns', dns, '--output', join(folder, 'page.html')])
  expect(status).toBe(0)
  expect(body.length).toBe(0)
  expect(readFileSync(join(folder, 'page.html'), 'utf8')).toContain('Welcome to file.home')
})

test('a full disk is reported in one line and as a failure, whether for the body, the qlog or standard output', async () => {
  const { udpPort } = await serve('full.home')
  const url = `rudp://127.0.0.1:${udpPort}/css/site.css`
  const onFullDisk = { runtime: ['sh', '-c', 'exec "$0" "$@" > /dev/full', process.execPath] }
  const fetched = [await runHamlet(['fetch', url, '--output', '/dev/full']), await runHamlet(['fetch', url, '--qlog', '/dev/full']), await runHamlet(['fetch', url], onFullDisk), await runHamlet(['--help'], onFullDisk), await runHamlet(['key', '--data', emptyFolder()], onFullDisk)]
  for (const { status, stderr } of fetched) {
    expect(status).toBe(1)
    expect(stderr).toMatch(/^hamlet: [^\n]+ could not be written: [^\n]*ENOSPC[^\n]+\. [A-Z][^\n]+\n$/m)
    expect(stderr).not.toContain(partsOf(new Error('a bug')).what)
  }
})

test('Ctrl+C ends a command at once, whatever it waits for', async () => {
  const silent = createSocket('udp4').bind(0, '127.0.0.1')
  await once(silent, 'listening')
  const nobody = `127.0.0.1:${silent.address().port}`
  for (const command of [['resolve', 'x.home', '--dns', nobody], ['lease', '--dhcp', nobody, '--data', emptyFolder()], ['fetch', 'http://x.home/', '--dns', nobody], ['fetch', `rudp://${nobody}/`]]) {
    const asked = once(silent, 'message')
    const waiting = new RunningHamlet(command)
    all.push(waiting)
    await asked
    expect(await waiting.stop('SIGINT'), command.join(' ')).toBe(null)
  }
  silent.close()
})

test('a canceled fetch writes its qlog and fails', async () => {
  const { udpPort } = await serve('slow.home', '--link', 'rate=1mbit')
  const log = join(emptyFolder(), 'page.qlog')
  const fetch = start('fetch', `rudp://127.0.0.1:${udpPort}/bytes/5000000`, '--qlog', log)
  await expect.poll(() => fetch.stdout.length, { timeout: 10_000 }).toBeGreaterThan(0)
  expect(await fetch.stop('SIGINT')).toBe(1)
  expect(fetch.stderr).toMatch(/^hamlet: The fetch of \S+ was canceled: [^\n]+\. [A-Z][^\n]+\n$/m)
  expect(readFileSync(log, 'utf8')).toContain('packet_received')
})

test('a fetch whose reader goes away is silent about it and writes its qlog', async () => {
  const { udpPort } = await serve('head.home')
  const log = join(emptyFolder(), 'page.qlog')
  const intoHead = { runtime: ['sh', '-c', '"$0" "$@" | head -c 10', process.execPath] }
  const { body, stderr } = await runHamlet(['fetch', `rudp://127.0.0.1:${udpPort}/bytes/5000000`, '--qlog', log], intoHead)
  expect([body.length, stderr]).toEqual([10, ''])
  expect(readFileSync(log, 'utf8')).toContain('packet_received')
})

test('every command creates its data folder on the first run', async () => {
  const missing = () => join(emptyFolder(), 'Hamlet', 'data')
  const lease = await runHamlet(['lease', '--dhcp', dhcp, '--data', missing()])
  expect([lease.status, lease.stderr]).toEqual([0, ''])
  const client = new RunningHamlet(['client', '--proxy_port', '0', '--dns', dns, '--data', missing()])
  all.push(client)
  await client.line(/(http:\/\/[^\s]+@127\.0\.0\.1:\d+)/)
  expect(await client.stop()).toBe(0)
  const server = new RunningHamlet(['server', '--tcp_port', '0', '--udp_port', '0', '--site', SITE, '--encryption', 'offered', '--data', missing()])
  all.push(server)
  await server.line(/this server's identity is x25519/, 'stderr')
})

test('every command that stores something reports an unusable data folder before anything else', async () => {
  const folder = join(emptyFolder(), 'data')
  writeFileSync(folder, '')
  for (const command of [['dns'], ['dhcp'], ['server'], ['client'], ['up'], ['lease'], ['key']]) {
    const { status, stdout, stderr } = await runHamlet([...command, '--data', folder])
    expect([status, stdout, stderr], command.join()).toEqual([1, '', expect.stringMatching(/^hamlet: the data folder \S+ cannot be used: a file of that name is in the way\. Choose another folder with --data\. \[EEXIST \S+\]\n$/)])
  }
})

test.each([['dns'], ['up'], ['up', '--config']])('an invalid saved setting is reported with its file and role: %j', async (...command) => {
  const folder = emptyFolder()
  const file = join(folder, 'settings.json')
  writeFileSync(file, '{"version":1,"roles":{"dns":{"on":true,"settings":{"port":"abc"}}}}')
  const { status, stdout, stderr } = await runHamlet([...command, ...command.length === 1 ? ['--data', folder] : [file, '--data', emptyFolder()]])
  expect([status, stdout, stderr]).toEqual([1, '', `hamlet: settings.json cannot be used for dns: its port cannot be "abc": Invalid input: expected number, received string. It was left as it is. Correct roles.dns.settings.port in that file. [${file}]\n`])
})

test('a flag overrides an invalid saved setting', async () => {
  const folder = emptyFolder()
  writeFileSync(join(folder, 'settings.json'), '{"version":1,"roles":{"dns":{"settings":{"port":"abc"}}}}')
  const named = new RunningHamlet(['dns', '--port', '0', '--admin_port', '0', '--data', folder])
  all.push(named)
  await named.line(/^Waiting for requests/)
})

test('an unknown name, a stopped server and a missing page each end with status 1 and one line', async () => {
  const { server } = await serve('gone.home')
  const missing = await runHamlet(['fetch', 'http://gone.home/no-such-page', '--dns', dns])
  expect(missing.status).toBe(1)
  expect(missing.stderr).toContain('404')
  await server.stop()
  for (const url of ['http://gone.home/', 'rudp://gone.home/', 'http://unknown.home/']) {
    const { status, stdout, stderr } = await runHamlet(['fetch', url, '--dns', dns])
    expect(status, url).toBe(1)
    expect(stdout).toBe('')
    expect(stderr).toMatch(/hamlet: [^\n]+: [^\n]+\. [A-Z][^\n]+\n$/)
  }
})

test('a missing site folder ends with status 1 and one line', async () => {
  const { status, stderr } = await runHamlet(['server', '--tcp_port', '0', '--udp_port', '0', '--site', join(emptyFolder(), 'nothing'), '--data', emptyFolder()])
  expect(status).toBe(1)
  expect(stderr).toMatch(/^hamlet: [^\n]*nothing[^\n]+\. [A-Z][^\n]+\n$/)
})

/** What curl gets through a proxy; blocks. @throws if there is no answer in time */
function curl(proxy: string, url: string, ...more: string[]): string {
  return execFileSync('curl', ['-sS', '--max-time', '20', '--noproxy', '', '-x', proxy, ...more, url], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
}

test('a file that the server may not read is answered with 404, and one line says why', async () => {
  const site = emptyFolder()
  writeFileSync(join(site, 'locked.txt'), 'locked', { mode: 0o000 })
  // Root may read everything unless these capabilities are dropped.
  const asUser = ['setpriv', '--bounding-set=-dac_override,-dac_read_search', '--inh-caps=-dac_override,-dac_read_search', process.execPath]
  const server = new RunningHamlet(['server', '--tcp_port', '0', '--udp_port', '0', '--site', site, '--data', emptyFolder()], { runtime: asUser })
  all.push(server)
  const [, port] = await server.line(/^\[server\] listening on 127\.0\.0\.1:(\d+)$/)
  for (const method of ['GET', 'HEAD', 'GET']) expect((await fetch(`http://127.0.0.1:${port}/locked.txt`, { method })).status).toBe(404)
  await server.line(/locked\.txt is answered with 404: the user that runs Hamlet may not read it/, 'stderr')
  expect(server.stderr.match(/may not read/g)).toHaveLength(1)
})

test('any browser can use the client as a proxy, with the credentials that it prints', async () => {
  await serve('proxied.home')
  const client = start('client', '--dns', dns, '--dhcp', dhcp)
  const [, proxy = ''] = await client.line(/(http:\/\/[^\s]+@127\.0\.0\.1:\d+)/)
  expect(curl(proxy, 'http://proxied.home/')).toContain('Welcome to proxied.home')
  expect(curl(proxy, 'http://proxied.home/', '-H', 'x-hamlet-transport: rudp')).toContain('Welcome to proxied.home')
  expect(curl(proxy.replace(/\/\/.*@/, '//'), 'http://proxied.home/', '-o', '/dev/null', '-w', '%{http_code}')).toBe('407')
})

test('hamlet up starts all roles, uses free ports in place of taken ones, and restarts what crashes', async () => {
  const holder = createServer()
  const folder = emptyFolder()
  writeFileSync(join(folder, 'settings.json'), JSON.stringify({ version: 1, mode: 'local', roles: {} }))
  await new Promise<void>(resolve => holder.listen(80, '127.0.0.1', resolve).once('error', () => resolve()))
  const up = new RunningHamlet(['up', '--local', '--data', folder])
  all.push(up)
  await up.line(/^DNS Server is running on 127\.0\.0\.1:\d+\.\.\.$/)
  await up.line(/^Server is running on port \d+\. Press Ctrl\+C to stop\.$/)
  const [, tcpPort] = await up.line(/^\[server\] listening on 127\.0\.0\.1:(\d+)$/)
  await up.line(/^\[server\] RUDP listening on 127\.0\.0\.1:\d+$/)
  await up.line(/port 80 .*in use by .*instead/i, 'stderr')
  expect(up.stderr.match(/port 80 .*in use by/gi), 'reported once').toHaveLength(1)
  const [, proxy = ''] = await up.line(/(http:\/\/[^\s]+@127\.0\.0\.1:\d+)/)
  const servers = execFileSync('pgrep', ['-P', String(up.pid)], { encoding: 'utf8' }).trim().split('\n').map(Number)
  expect(servers.length).toBe(4)
  for (const pid of servers) process.kill(pid, 'SIGKILL')
  await up.line(/Application server ended unexpectedly: .*restarted in 0\.5 s/i, 'stderr')
  await expect.poll(() => up.stdout.split(`[server] listening on 127.0.0.1:${tcpPort}\n`).length).toBe(3)
  await expect.poll(() => {
    try {
      return curl(proxy, 'http://my-app.home/')
    } catch (error) {
      return String(error)
    }
  }, { timeout: 15_000, interval: 500 }).toContain('Welcome to my-app.home')
  // As with Ctrl+C, the signal reaches the services, too. They wait for their supervisor, and it is not taken for a crash.
  const before = up.stderr.length
  for (const pid of execFileSync('pgrep', ['-P', String(up.pid)], { encoding: 'utf8' }).trim().split('\n')) process.kill(Number(pid), 'SIGTERM')
  expect(await up.stop('SIGTERM')).toBe(0)
  expect(up.stderr.slice(before)).not.toContain('ended unexpectedly')
  await new Promise(resolve => holder.close(resolve))
})

test('a server that cannot get one of its ports does not claim to listen on the other', async () => {
  const holder = createSocket('udp4').bind(0, '127.0.0.1')
  await once(holder, 'listening')
  const { status, stdout, stderr } = await runHamlet(['server', '--host', '127.0.0.1', '--tcp_port', '0', '--udp_port', String(holder.address().port), '--data', emptyFolder()])
  expect([status, stdout, stderr]).toEqual([1, '', expect.stringContaining(`port ${holder.address().port} is in use`)])
  holder.close()
})

test('hamlet up that is stopped while it starts does not start anything else', async () => {
  const up = new RunningHamlet(['up', '--local', '--data', emptyFolder()])
  all.push(up)
  await up.line(/^DNS Server is running/)
  expect(await up.stop('SIGTERM')).toBe(0)
  expect(up.stdout).not.toContain('[server] listening')
})

test('a signal that ends a service before it has started is not taken for a crash', async () => {
  const up = new RunningHamlet(['up', '--local', '--data', emptyFolder()])
  all.push(up)
  const children = () => readFileSync(`/proc/${up.pid}/task/${up.pid}/children`, 'utf8').trim()
  await expect.poll(children, { interval: 1 }).not.toBe('')
  const child = Number(children())
  const stopped = up.stop('SIGTERM')
  process.kill(child, 'SIGTERM')
  expect(await stopped).toBe(0)
  expect(up.stderr).toBe('')
})

test('hamlet up retries a service that could not start, reports why once, and then tells the others its address', async () => {
  const holder = createSocket('udp4').bind(0, '127.0.0.1')
  await once(holder, 'listening')
  const { port } = holder.address()
  const folder = emptyFolder()
  const on = (settings: Record<string, unknown>) => ({ on: true, settings })
  writeFileSync(join(folder, 'settings.json'), JSON.stringify({ version: 1, roles: { 'dns': on({ port, admin_port: 0 }), 'app-server': on({ tcp_port: 0, udp_port: 0 }) } }))
  const up = new RunningHamlet(['up', '--local', '--data', folder])
  all.push(up)
  await up.line(/^\[server\] RUDP listening/)
  holder.close()
  await up.line(new RegExp(`^DNS Server is running on 127\\.0\\.0\\.1:${port}\\.`))
  await up.line(/registered my-app\.home/, 'stderr')
  expect(up.stderr.match(/could not be opened/g)).toHaveLength(1)
  expect(await up.stop()).toBe(0)
})
