import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { freePort } from '../../src/services/kit/node/testing/free-port.ts'
import { emptyFolder, runHamlet, RunningHamlet } from '../support/hamlet.ts'
import { askByUdp } from '../support/udp.ts'

const running: RunningHamlet[] = []
afterEach(async () => { for (const hamlet of running.splice(0)) await hamlet.stop('SIGKILL') })

async function startDns(folder: string, ...more: string[]): Promise<{ dns: RunningHamlet; port: number; adminPort: number }> {
  const adminPort = await freePort()
  const dns = new RunningHamlet(['dns', '--host', '127.0.0.1', '--port', '0', '--admin_port', String(adminPort), '--data', folder, ...more])
  running.push(dns)
  const [, port] = await dns.line(/^DNS Server is running on 127\.0\.0\.1:(\d+)\.\.\.$/)
  await dns.line(/^Waiting for requests\.\.\.$/)
  return { dns, port: Number(port), adminPort }
}

test('it prints the lines of the original, in order and nothing else, and stops with status 0', async () => {
  const { dns, port } = await startDns(emptyFolder())
  expect(dns.stdout).toBe(`DNS Server is running on 127.0.0.1:${port}...\nWaiting for requests...\n`)
  expect(await dns.stop('SIGTERM')).toBe(0)
})

test.each(['SIGINT', 'SIGHUP'] as const)('%s stops it just as cleanly', async signal => {
  const { dns } = await startDns(emptyFolder())
  expect(await dns.stop(signal)).toBe(0)
})

test('repeated SIGHUPs of a closing terminal do not disturb a clean stop', async () => {
  const { dns } = await startDns(emptyFolder())
  const hangUps = setInterval(() => { if (existsSync(`/proc/${dns.pid}`)) process.kill(dns.pid, 'SIGHUP') }, 1)
  const status = await dns.stop('SIGHUP').finally(() => clearInterval(hangUps))
  expect(status).toBe(0)
})

test('SIGUSR1 opens no debugger', async () => {
  const { dns, adminPort } = await startDns(emptyFolder())
  process.kill(dns.pid, 'SIGUSR1')
  for (let line = 0; line < 20; line++) expect(await askByUdp(adminPort, 'REGISTER my-app.home 192.0.2.1')).toMatch(/^OK /)
  expect(await dns.stop()).toBe(0)
  expect(dns.stderr).not.toContain('Debugger')
})

test.each([['goes to a full disk', '/dev/full'], ['has lost its reader', '>(true)']])('it keeps serving while its output %s', async (_where, target) => {
  const [port, adminPort] = [await freePort(), await freePort()]
  const dns = new RunningHamlet(['dns', '--host', '127.0.0.1', '--port', String(port), '--admin_port', String(adminPort), '--data', emptyFolder()], {
    runtime: ['bash', '-c', `exec "$0" "$@" > ${target} 2>&1`, process.execPath],
  })
  running.push(dns)
  await expect.poll(() => askByUdp(adminPort, 'REGISTER my-app.home 192.168.1.50').catch(() => ''), { timeout: 20_000 }).toMatch(/^OK /)
  expect(await dns.stop()).toBe(0)
})

test('a stalled reader of its output keeps it neither from serving nor from stopping', async () => {
  const [port, adminPort] = [await freePort(), await freePort()]
  const dns = new RunningHamlet(['dns', '--host', '127.0.0.1', '--port', String(port), '--admin_port', String(adminPort), '--data', emptyFolder()], {
    // A pipe holds 65,536 bytes (pipe(7)); this one is full before the server prints.
    runtime: ['bash', '-c', 'exec 3>&1 > >(exec sleep infinity 3>&- >/dev/null 2>&1); echo "reader $!" >&3; exec 3>&-; head -c 65536 /dev/zero; exec "$0" "$@"', process.execPath],
  })
  running.push(dns)
  const [, reader] = await dns.line(/^reader (\d+)$/)
  try {
    await expect.poll(() => askByUdp(adminPort, 'REGISTER my-app.home 192.168.1.50').catch(() => ''), { timeout: 20_000 }).toMatch(/^OK /)
    expect(await dns.stop()).toBe(0)
  } finally {
    process.kill(Number(reader))
  }
})

test('a name registered by a datagram is resolved, also after kill -9', async () => {
  const folder = emptyFolder()
  const first = await startDns(folder)
  expect(await askByUdp(first.adminPort, 'REGISTER my-app.home 192.168.1.50')).toMatch(/^OK /)
  await first.dns.stop('SIGKILL')
  const second = await startDns(folder)
  const { status, stdout } = await runHamlet(['resolve', 'my-app.home', '--dns', `127.0.0.1:${second.port}`])
  expect(stdout).toMatch(/^my-app\.home\.?\t\d+\tA\t192\.168\.1\.50\n$/)
  expect(status).toBe(0)
})

test('an invalid admin line gets ERROR, and the server keeps running', async () => {
  const { adminPort } = await startDns(emptyFolder())
  expect(await askByUdp(adminPort, 'REGISTER my-app.home not-an-address')).toMatch(/^ERROR /)
  expect(await askByUdp(adminPort, Uint8Array.of(0xff, 0xfe, 0))).toMatch(/^ERROR /)
  expect(await askByUdp(adminPort, 'REGISTER my-app.home 192.0.2.1')).toMatch(/^OK /)
})

test('an unknown name ends with status 1 and one line', async () => {
  const { port } = await startDns(emptyFolder())
  const { status, stdout, stderr } = await runHamlet(['resolve', 'nobody.home', '--dns', `127.0.0.1:${port}`])
  expect(status).toBe(1)
  expect(stdout).toBe('')
  expect(stderr).toMatch(/^hamlet: No A record is known for nobody\.home: .*REGISTER.*\[NXDOMAIN from /m)
})

test('the answer as JSON contains server, source and records', async () => {
  const { port, adminPort } = await startDns(emptyFolder())
  await askByUdp(adminPort, 'REGISTER my-app.home 192.0.2.1')
  const { stdout } = await runHamlet(['resolve', 'my-app.home', '--dns', `127.0.0.1:${port}`, '--json'])
  expect(JSON.parse(stdout)).toMatchObject({ rcode: 'NOERROR', server: `127.0.0.1:${port}`, records: [{ type: 'A', data: '192.0.2.1' }] })
})

test('a taken port ends with status 1 and the name of the program that holds it', async () => {
  const { port } = await startDns(emptyFolder())
  const { status, stdout, stderr } = await runHamlet(['dns', '--port', String(port), '--admin_port', '0', '--data', emptyFolder()])
  expect(status).toBe(1)
  expect(stdout).toBe('')
  expect(stderr).toMatch(new RegExp(`^hamlet: UDP port ${port} on 127\\.0\\.0\\.1 could not be opened: port ${port} is in use by \\S+ \\(pid \\d+\\)\\. [A-Z].*EADDRINUSE.*\\n$`))
})

test('an address of another machine ends with status 1 and says so', async () => {
  const { status, stderr } = await runHamlet(['dns', '--host', '192.0.2.99', '--port', '0', '--data', emptyFolder()])
  expect(status).toBe(1)
  expect(stderr).toContain('192.0.2.99 is not an address of this machine')
})

test('a second server on the same data folder ends with status 1 and names the process that holds it', async () => {
  const folder = emptyFolder()
  const { dns } = await startDns(folder)
  const { status, stderr } = await runHamlet(['dns', '--port', '0', '--admin_port', '0', '--data', folder])
  expect(status).toBe(1)
  expect(stderr).toMatch(new RegExp(`^hamlet: .*pid ${dns.pid}`))
})

test('a data folder that is a file ends with status 1 and one line', async () => {
  const file = join(emptyFolder(), 'data')
  writeFileSync(file, '')
  const { status, stderr } = await runHamlet(['dns', '--port', '0', '--admin_port', '0', '--data', file])
  expect(status).toBe(1)
  expect(stderr).toMatch(/^hamlet: [^\n]+\. [A-Z][^\n]+\n$/)
})

test('a damaged settings file is set aside with one line, and the server starts', async () => {
  const folder = emptyFolder()
  writeFileSync(join(folder, 'settings.json'), '{"version": 1, "mode')
  const { dns } = await startDns(folder)
  expect(dns.stderr).toMatch(/settings\.json/)
  expect(readdirSync(folder).some(name => name.startsWith('settings.json.damaged'))).toBe(true)
})

test('a damaged zone file is left as it is, and one line says so, why, and what to do', async () => {
  const folder = emptyFolder()
  const text = '$ORIGIN home.\n$TTL 60\n@ IN SOA ns hostmaster 1 2 3 4 5\nmy-app IN A 999.1.1.1\n'
  writeFileSync(join(folder, 'dns.zone'), text)
  const { dns, adminPort } = await startDns(folder)
  expect(dns.stderr.match(/.*line 4.*/g)).toEqual([expect.stringMatching(/^dns\.zone could not be read: line 4: .*999\.1\.1\.1.*is left as it is.*\. [A-Z].*\[dns\.zone:4\]$/)])
  expect(await askByUdp(adminPort, 'REGISTER later.home 192.168.1.61')).toBe('OK later.home A 192.168.1.61')
  expect(await dns.stop()).toBe(0)
  expect(readFileSync(join(folder, 'dns.zone'), 'utf8')).toBe(text)
})

test('an upstream that is closed gives the client SERVFAIL in time, and one line says so', async () => {
  const closed = await freePort()
  const { dns, port } = await startDns(emptyFolder(), '--upstream', `127.0.0.1:${closed}`)
  const { status, stderr } = await runHamlet(['resolve', 'example.org', '--dns', `127.0.0.1:${port}`])
  expect(status).toBe(1)
  expect(stderr).toMatch(/^hamlet: example\.org could not be looked up: .*Check that the DNS server is running and can reach its upstream\. \[SERVFAIL from /m)
  await dns.line(/^Names on the internet cannot be resolved: .*refuses/, 'stderr')
})

test('with --json, errors of the service and of its client are printed as JSON', async () => {
  const dns = new RunningHamlet(['dns', '--port', '0', '--admin_port', '0', '--upstream', `127.0.0.1:${await freePort()}`, '--data', emptyFolder(), '--json'])
  running.push(dns)
  const [, port] = await dns.line(/running on 127\.0\.0\.1:(\d+)/)
  const { status, stdout, stderr } = await runHamlet(['resolve', 'example.org', '--dns', `127.0.0.1:${port}`, '--json'])
  expect([status, JSON.parse(stdout)]).toEqual([1, expect.objectContaining({ rcode: 'SERVFAIL' })])
  expect(JSON.parse(stderr.trim().split('\n').pop() ?? '')).toMatchObject({ error: { code: 'upstream-unreachable', proof: expect.stringContaining('SERVFAIL') } })
  const [health] = await dns.line(/^\{"health".*/, 'stderr')
  expect(JSON.parse(health)).toEqual({ health: expect.stringMatching(/^Names on the internet cannot be resolved: .*refuses/) })
})

test('with --json, events are printed to stdout as JSON', async () => {
  const { dns, adminPort } = await startJsonDns()
  await askByUdp(adminPort, 'REGISTER my-app.home 192.0.2.1')
  const [line] = await dns.line(/^\{.*"event":"registered".*\}$/)
  expect(JSON.parse(line)).toMatchObject({ event: 'registered', type: 'A', rdata: '192.0.2.1' })
})

async function startJsonDns() {
  const adminPort = await freePort()
  const dns = new RunningHamlet(['dns', '--port', '0', '--admin_port', String(adminPort), '--data', emptyFolder(), '--json'])
  running.push(dns)
  await dns.line(/Waiting for requests/)
  return { dns, adminPort }
}

test('an ordinary user is told what a low port requires', async () => {
  const { status, stderr } = await runHamlet(['dns', '--port', '53', '--admin_port', '0', '--data', emptyFolder()], { withoutLowPorts: true })
  expect(status).toBe(1)
  expect(stderr).toMatch(/port 53 is below 1024 and needs privileges .*sysctl/)
})
