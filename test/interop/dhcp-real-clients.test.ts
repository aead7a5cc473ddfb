import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { emptyFolder, runHamlet, RunningHamlet } from '../support/hamlet.ts'
import { run, startPeer } from '../support/namespaces.ts'

/** A server with two interfaces and no default route, and on each a machine without an address. */
const SERVER = `dhcpt-${process.pid}-s`
const MACHINES = [
  { namespace: `dhcpt-${process.pid}-a`, serverAddress: '10.1.0.1', subnet: /^10\.1\.0\.1\d\d$/ },
  { namespace: `dhcpt-${process.pid}-b`, serverAddress: '10.2.0.1', subnet: /^10\.2\.0\.1\d\d$/ },
] as const
const [A] = MACHINES
const folder = emptyFolder()
const data = emptyFolder()
let server: RunningHamlet

const ip = (...args: string[]) => run(undefined, 'ip', ...args)
const addressOf = (namespace: string) => /inet ([\d.]+)\//.exec(run(namespace, 'ip', '-4', '-o', 'address', 'show', 'dev', 'eth0'))?.[1] ?? 'none'

async function startServer(): Promise<void> {
  const reserve = ['--reserve', '02:00:5e:00:00:09=10.2.0.9=printer', '--option', '67=boot/old']
  server = new RunningHamlet(['dhcp', '--port', '67', '--dns', '10.1.0.53', '--lease', '900', ...reserve, '--data', data], { namespace: SERVER })
  await server.line(/^Server is running on port 67\. Press Ctrl\+C to stop\.$/)
}

/** The script that udhcpc runs: applies the address, and prints the parameters. */
const SCRIPT = join(folder, 'udhcpc-script')
writeFileSync(SCRIPT, [
  '#!/bin/sh', 'case "$1" in',
  'deconfig) ip address flush dev "$interface" ;;',
  'bound|renew) ip address replace "$ip/$mask" dev "$interface"; echo "$1 ip=$ip mask=$mask dns=$dns server=$serverid lease=$lease router=$router" ;;',
  'esac', '',
].join('\n'))
chmodSync(SCRIPT, 0o755)

const udhcpc = (namespace: string, ...args: string[]) => run(namespace, 'udhcpc', '-i', 'eth0', '-n', '-q', '-f', '-s', SCRIPT, ...args)

beforeAll(async () => {
  for (const namespace of [SERVER, ...MACHINES.map(machine => machine.namespace)]) {
    ip('netns', 'add', namespace)
    ip('-n', namespace, 'link', 'set', 'lo', 'up')
  }
  for (const [index, { namespace, serverAddress }] of MACHINES.entries()) {
    ip('-n', SERVER, 'link', 'add', `if${index}`, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', namespace)
    ip('-n', SERVER, 'address', 'add', `${serverAddress}/24`, 'dev', `if${index}`)
    ip('-n', SERVER, 'link', 'set', `if${index}`, 'up')
    ip('-n', namespace, 'link', 'set', 'eth0', 'up')
  }
  await startServer()
})
afterAll(async () => {
  await server.stop()
  for (const namespace of [SERVER, ...MACHINES.map(machine => machine.namespace)]) ip('netns', 'delete', namespace)
})

test.each(MACHINES)('udhcpc on the link of $serverAddress gets an address of that network and all parameters', ({ namespace, serverAddress, subnet }) => {
  const learned = udhcpc(namespace)
  expect(learned).toMatch(new RegExp(`^bound ip=[\\d.]+ mask=24 dns=10\\.1\\.0\\.53 server=${serverAddress} lease=900 router=$`, 'm'))
  expect(addressOf(namespace)).toMatch(subnet)
})

test.each(MACHINES)('udhcpc asking for a broadcast reply gets the same address again from $serverAddress', ({ namespace }) => {
  const before = addressOf(namespace)
  expect(udhcpc(namespace, '-B')).toContain(`ip=${before} `)
})

test.each(MACHINES)('dhclient on the link of $serverAddress gets a lease', async ({ namespace, serverAddress, subnet }) => {
  const [leases, pid] = [join(folder, `${namespace}.leases`), join(folder, `${namespace}.pid`)]
  const dhclient = await startPeer(namespace, 'dhclient', ['-4', '-1', '-d', '-v', '-sf', '/bin/true', '-lf', leases, '-pf', pid, 'eth0'], /bound to/)
  await dhclient.stop()
  const lease = readFileSync(leases, 'utf8')
  expect(/fixed-address ([\d.]+);/.exec(lease)?.[1]).toMatch(subnet)
  for (const line of [`option dhcp-server-identifier ${serverAddress};`, 'option domain-name-servers 10.1.0.53;', 'option dhcp-lease-time 900;', 'option subnet-mask 255.255.255.0;']) {
    expect(lease).toContain(line)
  }
})

test('an address is renewed by unicast, and released', async () => {
  const pidFile = join(folder, 'udhcpc.pid')
  const client = await startPeer(A.namespace, 'udhcpc', ['-i', 'eth0', '-f', '-s', SCRIPT, '-p', pidFile], /^bound ip/m)
  const pid = Number(readFileSync(pidFile, 'utf8'))
  const records = () => readFileSync(join(data, 'leases.jsonl'), 'utf8').trim().split('\n')
  const before = records().length
  process.kill(pid, 'SIGUSR1')
  await expect.poll(() => records().length).toBe(before + 1)
  expect(records().at(-1)).toContain('"state":"leased"')
  process.kill(pid, 'SIGUSR2')
  await expect.poll(() => records().at(-1)).toContain('"state":"released"')
  await client.stop()
})

test('BOOTP clients get their reserved address: bootpc, and klibc, which sends no options at all', async () => {
  const { namespace } = MACHINES[1]
  ip('-n', namespace, 'link', 'add', 'old0', 'link', 'eth0', 'address', '02:00:5e:00:00:09', 'type', 'macvlan')
  ip('-n', namespace, 'link', 'set', 'old0', 'up')
  ip('-n', namespace, 'route', 'add', 'default', 'dev', 'old0') // bootpc relies on the routing table for 255.255.255.255.
  const bootpc = run(namespace, 'bootpc', '--dev', 'old0', '--returniffail', '--timeoutwait', '10')
  expect(bootpc).toMatch(/^IPADDR='10\.2\.0\.9'$/m)
  for (const line of ["SERVER='10.2.0.1'", "NETMASK='255.255.255.0'", "BOOTFILE='boot/old'", "DNSSRVS='10.1.0.53'", "HOSTNAME='printer'", "DOMAIN='home'"]) expect(bootpc).toContain(line)
  const klibc = run(namespace, '/usr/lib/klibc/bin/ipconfig', '-t', '10', '-c', 'bootp', 'old0')
  expect(klibc).toMatch(/address: 10\.2\.0\.9 +broadcast: 10\.2\.0\.255 +netmask: 255\.255\.255\.0/)
  expect(klibc).toMatch(/dns0 +: 10\.1\.0\.53/)
  ip('-n', namespace, 'link', 'delete', 'old0')
  expect(readFileSync(join(data, 'leases.jsonl'), 'utf8')).toContain('"yiaddr":"10.2.0.9","state":"leased","key":"0102005e000009","mac":"02:00:5e:00:00:09","hostName":"printer","expiresAtMs":null}')
})

test('every machine gets its address again after kill -9 of the server', async () => {
  const before = MACHINES.map(({ namespace }) => /ip=([\d.]+)/.exec(udhcpc(namespace))?.[1])
  await server.stop('SIGKILL')
  await startServer()
  expect(MACHINES.map(({ namespace }) => /ip=([\d.]+)/.exec(udhcpc(namespace))?.[1])).toEqual(before)
})

test('tshark finds nothing malformed in the whole exchange', async () => {
  const capture = join(folder, 'dhcp.pcapng')
  const tshark = await startPeer(A.namespace, 'tshark', ['-i', 'eth0', '-w', capture, '-f', 'udp port 67 or udp port 68'], /Capture started/)
  udhcpc(A.namespace, '-x', 'hostname:kettle')
  const mac = /link\/ether ([0-9a-f:]+)/.exec(run(A.namespace, 'ip', 'link', 'show', 'dev', 'eth0'))?.[1] ?? ''
  const types = () => run(undefined, 'tshark', '-r', capture, '-Y', `dhcp.hw.mac_addr == ${mac}`, '-T', 'fields', '-e', 'dhcp.option.dhcp').trim().split('\n').join(' ')
  await expect.poll(types, { timeout: 10_000, interval: 200 }).toBe('1 2 3 5')
  await tshark.stop()
  expect(run(undefined, 'tshark', '-r', capture, '-Y', '_ws.malformed or _ws.expert.severity >= "Warning"')).toBe('')
})

test('Hamlet\'s own client gets a lease on port 67, sending from an address it has', async () => {
  const { status, stdout, stderr } = await runHamlet(['lease', '--dhcp', `${A.serverAddress}:67`, '--json', '--data', emptyFolder()], { namespace: A.namespace })
  expect(stderr).toBe('')
  expect(status).toBe(0)
  expect(JSON.parse(stdout)).toMatchObject({ server: A.serverAddress, dns: '10.1.0.53', leaseSeconds: 900, address: expect.stringMatching(A.subnet) })
})

test('a second server on port 67 reports which process has it, and SIGTERM ends the first with status 0', async () => {
  const second = await runHamlet(['dhcp', '--port', '67', '--data', emptyFolder()], { namespace: SERVER })
  expect(second.status).toBe(1)
  expect(second.stderr).toMatch(/port 67 is in use by .*\(pid \d+\)/)
  expect(await server.stop()).toBe(0)
  await startServer()
})
