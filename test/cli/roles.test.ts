import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { freePort } from '../../src/services/kit/node/testing/free-port.ts'
import { emptyFolder, runHamlet, RunningHamlet } from '../support/hamlet.ts'

/** A site that was not made for Hamlet: pages, styles, scripts, a font and pictures of the trace viewer in playwright-core. */
const SITE = join(import.meta.dirname, '..', '..', 'node_modules', 'playwright-core', 'lib', 'vite', 'traceViewer')

const all: RunningHamlet[] = []
let dns = ''
let dhcp = ''

function start(...args: string[]): RunningHamlet {
  const hamlet = new RunningHamlet([...args, '--data', emptyFolder()])
  all.push(hamlet)
  return hamlet
}

/** Starts an application server that registers `domain`, and waits until it says so. */
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

test('a lease tells address, DNS server with its port, and how long; the next one is the same address', async () => {
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

test('a lease that nobody gives ends with status 1 and one line', async () => {
  const { status, stderr } = await runHamlet(['lease', '--dhcp', '127.0.0.1:9', '--data', emptyFolder()])
  expect(status).toBe(1)
  expect(stderr).toMatch(/^hamlet: [^\n]+: [^\n]+\. [A-Z][^\n]+\n$/)
})

test('a page is fetched by its name over TCP and over RUDP, and is the same', async () => {
  await serve('my-app.home')
  const tcp = await runHamlet(['fetch', 'http://my-app.home/css/site.css', '--dns', dns])
  const rudp = await runHamlet(['fetch', 'rudp://my-app.home/css/site.css', '--dns', dns])
  expect([tcp.status, rudp.status]).toEqual([0, 0])
  expect(tcp.body.length).toBeGreaterThan(500)
  expect(rudp.body.equals(tcp.body)).toBe(true)
  expect(tcp.stderr).toMatch(/TCP/)
  expect(rudp.stderr).toMatch(/RUDP/)
})

test('a page is fetched encrypted, from a server that is known again by its key', async () => {
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

test('a key log without encryption, or where it cannot be written, is refused in one line', async () => {
  const log = join(emptyFolder(), 'missing', 'keys.txt')
  const readable = await runHamlet(['fetch', 'rudp://127.0.0.1:9/', '--key_log', log])
  expect([readable.status, readable.stderr]).toEqual([2, expect.stringMatching(/^hamlet: --key_log cannot be used here: nothing would be encrypted\. [A-Z][^\n]+\n$/)])
  const unwritable = await runHamlet(['fetch', 'rudp://127.0.0.1:9/', '--encrypt', '--key_log', log, '--data', emptyFolder()])
  expect([unwritable.status, unwritable.stderr]).toEqual([1, expect.stringMatching(/^hamlet: \S+keys\.txt could not be written: [^\n]+Choose another file with --key_log\.\n$/)])
})

test('without --dns the server that DHCP told is asked, and stderr says so', async () => {
  await serve('other.home')
  const page = await runHamlet(['resolve', 'other.home', '--dns', dns])
  expect(page.status).toBe(0)
})

test('every file of a site not made for Hamlet arrives whole over both transports', async () => {
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

test('a link is made as bad as --link says, at the server or at who fetches, and pages come whole', async () => {
  const { server } = await serve('far.home', '--link', 'delay=30ms loss=3% seed=2')
  await server.line(/a link with delay=30ms loss=3% seed=2/, 'stderr')
  const far = await runHamlet(['fetch', 'rudp://far.home/bytes/100000', '--dns', dns, '--link', 'delay=20ms direction=out', '--json'])
  expect([far.status, far.body.length]).toEqual([0, 100_000])
  const { tookMs } = JSON.parse(far.stderr.split('\n').find(line => line.startsWith('{')) ?? '')
  expect(tookMs).toBeGreaterThan(2 * 80) // a handshake, and a page: 30 ms each way at the server, 20 ms more on the way there
})

test.each([
  [['http://far.home/', '--link', 'loss=5%'], /--link cannot be used here: it conditions RUDP/], [['http://far.home/', '--encrypt'], /--encrypt cannot be used here: it encrypts RUDP/],
  [['http://far.home/', '--qlog', '/dev/null'], /--qlog cannot be used here: it tells of RUDP/], [['rudp://far.home/', '--link', 'lossy'], /--link cannot be "lossy": it is neither a preset/],
  [['rudp://far.home/', '--link', 'loss=500%'], /--link cannot be "loss=500%": the value is not between 0% and 100%/],
])('fetch %j is refused with status 2 and one line', async (args, line) => {
  const { status, stdout, stderr } = await runHamlet(['fetch', ...args])
  expect([status, stdout]).toEqual([2, ''])
  expect(stderr).toMatch(line)
  expect(stderr.trim().split('\n')).toHaveLength(1)
})

test('a fetch can go to a file', async () => {
  await serve('file.home')
  const folder = emptyFolder()
  const { status, body } = await runHamlet(['fetch', 'http://file.home/', '--dns', dns, '--output', join(folder, 'page.html')])
  expect(status).toBe(0)
  expect(body.length).toBe(0)
  expect(readFileSync(join(folder, 'page.html'), 'utf8')).toContain('Welcome to file.home')
})

test('what a full disk does not take is said in one line, and is no success: the body, the qlog, standard output', async () => {
  const { udpPort } = await serve('full.home')
  const url = `rudp://127.0.0.1:${udpPort}/css/site.css`
  const onFullDisk = { runtime: ['sh', '-c', 'exec "$0" "$@" > /dev/full', process.execPath] }
  const fetched = [await runHamlet(['fetch', url, '--output', '/dev/full']), await runHamlet(['fetch', url, '--qlog', '/dev/full']), await runHamlet(['fetch', url], onFullDisk), await runHamlet(['--help'], onFullDisk), await runHamlet(['key', '--data', emptyFolder()], onFullDisk)]
  for (const { status, stderr } of fetched) {
    expect(status).toBe(1)
    expect(stderr).toMatch(/^hamlet: [^\n]+ could not be written: [^\n]*ENOSPC[^\n]+\. [A-Z][^\n]+\n$/m)
    expect(stderr).not.toContain('a bug in Hamlet')
  }
})

test('what a person breaks off ends at once, whatever it waits for', async () => {
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

test('a fetch that is broken off writes its qlog, and is no success', async () => {
  const { udpPort } = await serve('slow.home', '--link', 'rate=1mbit')
  const log = join(emptyFolder(), 'page.qlog')
  const fetch = start('fetch', `rudp://127.0.0.1:${udpPort}/bytes/5000000`, '--qlog', log)
  await expect.poll(() => fetch.stdout.length, { timeout: 10_000 }).toBeGreaterThan(0)
  expect(await fetch.stop('SIGINT')).toBe(1)
  expect(fetch.stderr).toMatch(/^hamlet: \S+ was broken off: [^\n]+\. [A-Z][^\n]+\n$/m)
  expect(readFileSync(log, 'utf8')).toContain('packet_received')
})

test('a fetch whose reader goes away is silent about it, and writes its qlog', async () => {
  const { udpPort } = await serve('head.home')
  const log = join(emptyFolder(), 'page.qlog')
  const intoHead = { runtime: ['sh', '-c', '"$0" "$@" | head -c 10', process.execPath] }
  const { body, stderr } = await runHamlet(['fetch', `rudp://127.0.0.1:${udpPort}/bytes/5000000`, '--qlog', log], intoHead)
  expect([body.length, stderr]).toEqual([10, ''])
  expect(readFileSync(log, 'utf8')).toContain('packet_received')
})

test('every command makes the folder that it keeps something in, as on the first day', async () => {
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

test('a data folder that cannot be one is told by every command that keeps something in it, before anything else', async () => {
  const folder = join(emptyFolder(), 'data')
  writeFileSync(folder, '')
  for (const command of [['dns'], ['dhcp'], ['server'], ['client'], ['up'], ['lease'], ['key']]) {
    const { status, stdout, stderr } = await runHamlet([...command, '--data', folder])
    expect([status, stdout, stderr], command.join()).toEqual([1, '', expect.stringMatching(/^hamlet: the data folder \S+ cannot be used: a file of that name is in the way\. Choose another folder with --data\. \[EEXIST \S+\]\n$/)])
  }
})

test.each([['dns'], ['up'], ['up', '--config']])('a wrong setting that was saved is told with its file and role: %j', async (...command) => {
  const folder = emptyFolder()
  const file = join(folder, 'settings.json')
  writeFileSync(file, '{"version":1,"roles":{"dns":{"on":true,"settings":{"port":"abc"}}}}')
  const { status, stdout, stderr } = await runHamlet([...command, ...command.length === 1 ? ['--data', folder] : [file, '--data', emptyFolder()]])
  expect([status, stdout, stderr]).toEqual([1, '', `hamlet: settings.json cannot be used for dns: its port cannot be "abc": Invalid input: expected number, received string. It was left as it is. Correct roles.dns.settings.port in it. [${file}]\n`])
})

test('a flag takes the place of a wrong setting that was saved', async () => {
  const folder = emptyFolder()
  writeFileSync(join(folder, 'settings.json'), '{"version":1,"roles":{"dns":{"settings":{"port":"abc"}}}}')
  const named = new RunningHamlet(['dns', '--port', '0', '--admin_port', '0', '--data', folder])
  all.push(named)
  await named.line(/^Waiting for requests/)
})

test('a name unknown, a server gone and a page not there each end with status 1 and one line', async () => {
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

test('a site folder that is not there ends with status 1 and one line', async () => {
  const { status, stderr } = await runHamlet(['server', '--tcp_port', '0', '--udp_port', '0', '--site', join(emptyFolder(), 'nothing'), '--data', emptyFolder()])
  expect(status).toBe(1)
  expect(stderr).toMatch(/^hamlet: [^\n]*nothing[^\n]+\. [A-Z][^\n]+\n$/)
})

/** What curl gets through a proxy; blocks. @throws where there is no answer in time */
function curl(proxy: string, url: string, ...more: string[]): string {
  return execFileSync('curl', ['-sS', '--max-time', '20', '--noproxy', '', '-x', proxy, ...more, url], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
}

test('a file that the server may not read is not there, and one line says why', async () => {
  const site = emptyFolder()
  writeFileSync(join(site, 'locked.txt'), 'locked', { mode: 0o000 })
  // Root reads everything, unless this is taken away.
  const asUser = ['setpriv', '--bounding-set=-dac_override,-dac_read_search', '--inh-caps=-dac_override,-dac_read_search', process.execPath]
  const server = new RunningHamlet(['server', '--tcp_port', '0', '--udp_port', '0', '--site', site, '--data', emptyFolder()], { runtime: asUser })
  all.push(server)
  const [, port] = await server.line(/^\[server\] listening on 127\.0\.0\.1:(\d+)$/)
  for (const method of ['GET', 'HEAD', 'GET']) expect((await fetch(`http://127.0.0.1:${port}/locked.txt`, { method })).status).toBe(404)
  await server.line(/locked\.txt is answered 404: this user may not read it/, 'stderr')
  expect(server.stderr.match(/may not read/g)).toHaveLength(1)
})

test('the client is a proxy that any browser can use, with the credentials it prints', async () => {
  await serve('proxied.home')
  const client = start('client', '--dns', dns, '--dhcp', dhcp)
  const [, proxy = ''] = await client.line(/(http:\/\/[^\s]+@127\.0\.0\.1:\d+)/)
  expect(curl(proxy, 'http://proxied.home/')).toContain('Welcome to proxied.home')
  expect(curl(proxy, 'http://proxied.home/', '-H', 'x-hamlet-transport: rudp')).toContain('Welcome to proxied.home')
  expect(curl(proxy.replace(/\/\/.*@/, '//'), 'http://proxied.home/', '-o', '/dev/null', '-w', '%{http_code}')).toBe('407')
})

test('hamlet up starts all roles, takes free ports where others are taken, and brings back what crashes', async () => {
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
  expect(up.stderr.match(/port 80 .*in use by/gi), 'one thing is told once').toHaveLength(1)
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
  // As Ctrl+C does, the signal reaches the services too; they wait for their supervisor, and nobody takes it for a crash.
  const before = up.stderr.length
  for (const pid of execFileSync('pgrep', ['-P', String(up.pid)], { encoding: 'utf8' }).trim().split('\n')) process.kill(Number(pid), 'SIGTERM')
  expect(await up.stop('SIGTERM')).toBe(0)
  expect(up.stderr.slice(before)).not.toContain('ended unexpectedly')
  await new Promise(resolve => holder.close(resolve))
})

test('a server that lacks one of its ports says of neither that it listens there', async () => {
  const holder = createSocket('udp4').bind(0, '127.0.0.1')
  await once(holder, 'listening')
  const { status, stdout, stderr } = await runHamlet(['server', '--host', '127.0.0.1', '--tcp_port', '0', '--udp_port', String(holder.address().port), '--data', emptyFolder()])
  expect([status, stdout, stderr]).toEqual([1, '', expect.stringContaining(`port ${holder.address().port} is in use`)])
  holder.close()
})

test('hamlet up that is told to stop while it starts, starts nothing more', async () => {
  const up = new RunningHamlet(['up', '--local', '--data', emptyFolder()])
  all.push(up)
  await up.line(/^DNS Server is running/)
  expect(await up.stop('SIGTERM')).toBe(0)
  expect(up.stdout).not.toContain('[server] listening')
})

test('a signal that ends a service before that has begun is no crash of it', async () => {
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

test('hamlet up tries again what could not start, says once why, and tells the others where it is', async () => {
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
