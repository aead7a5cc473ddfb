import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { emptyFolder, runHamlet, RunningHamlet } from '../support/hamlet.ts'
import { createNetwork, run, startPeer, type Network } from '../support/namespaces.ts'

const HAMLET = join(import.meta.dirname, '..', '..', '.vite', 'build', 'hamlet.cjs')
const folder = emptyFolder()
const toEnd: (() => Promise<unknown> | void)[] = []
afterEach(async () => {
  for (const end of toEnd.splice(0).reverse()) await end()
})

function network(machines: Readonly<Record<string, string>>): Network {
  const made = createNetwork(machines)
  toEnd.push(() => made.remove())
  return made
}

async function hamletDhcp(namespace: string | undefined, ...args: string[]): Promise<RunningHamlet> {
  const server = new RunningHamlet(['dhcp', '--port', '67', ...(args.includes('--data') ? [] : ['--data', emptyFolder()]), ...args], { namespace })
  toEnd.push(() => server.stop())
  await server.line(/Server is running on port 67/)
  return server
}

async function dnsmasq(namespace: string | undefined, ...args: string[]): Promise<void> {
  const lines = ['--keep-in-foreground', '--conf-file=/dev/null', '--port=0', '--log-facility=-', `--dhcp-leasefile=${join(folder, `${namespace ?? ''}.leases`)}`, '--user=root', '--pid-file=']
  const peer = await startPeer(namespace, 'dnsmasq', [...lines, ...args], /started, version/)
  toEnd.push(() => peer.stop())
}

async function kea(namespace: string | undefined, subnet: string, pool: string): Promise<void> {
  const config = join(folder, `${namespace ?? ''}.json`)
  mkdirSync('/run/kea', { recursive: true })
  writeFileSync(config, JSON.stringify({ Dhcp4: {
    'interfaces-config': { interfaces: ['eth0'] }, 'lease-database': { type: 'memfile', persist: false }, 'valid-lifetime': 900,
    'subnet4': [{ id: 1, subnet, pools: [{ pool }], 'option-data': [{ name: 'routers', data: pool.replace(/\d+ -.*/, '254') }, { name: 'domain-name-servers', data: '192.0.2.53' }] }],
    'loggers': [{ name: 'kea-dhcp4', severity: 'INFO', output_options: [{ output: 'stdout', flush: true }] }],
  } }))
  const peer = await startPeer(namespace, 'env', ['KEA_LOCKFILE_DIR=none', `KEA_PIDFILE_DIR=${folder}`, 'kea-dhcp4', '-c', config], /DHCP4_STARTED/)
  toEnd.push(() => peer.stop())
}

/** Runs udhcpc without applying the lease. @returns what it passes to its script, as `name=value` pairs */
function udhcpc(namespace: string | undefined, ...args: string[]): string {
  const script = join(folder, 'tell')
  writeFileSync(script, '#!/bin/sh\n[ "$1" = bound ] && echo "ip=$ip router=$router server=$serverid hostname=$hostname ntp=$ntpsrv search=$search mtu=$mtu routes=$staticroutes"\nexit 0\n', { mode: 0o755 })
  return run(namespace, 'udhcpc', '-i', 'eth0', '-n', '-q', '-f', '-s', script, ...args)
}

test.each([
  { name: 'dnsmasq', start: (namespace: string | undefined) => dnsmasq(namespace, '--dhcp-range=10.9.0.100,10.9.0.199,900', '--dhcp-option=3,10.9.0.254', '--dhcp-option=6,192.0.2.53') },
  { name: 'Kea', start: (namespace: string | undefined) => kea(namespace, '10.9.0.0/24', '10.9.0.100 - 10.9.0.199') },
])('Hamlet\'s client gets a lease from $name, the same one again if it remembers it, and the parameters by INFORM; nothing is applied', async ({ start }) => {
  const { namespaces } = network({ server: '10.9.0.1/24', client: '10.9.0.2/24' })
  await start(namespaces['server'])
  const data = emptyFolder()
  const lease = async (...args: string[]) => {
    const { status, stdout, stderr } = await runHamlet(['lease', '--dhcp', '255.255.255.255:67', '--json', '--data', data, ...args], { namespace: namespaces['client'] })
    expect(stderr).toBe('')
    expect(status).toBe(0)
    return JSON.parse(stdout) as { address: string } // checked below
  }
  const first = await lease()
  expect(first).toMatchObject({ address: expect.stringMatching(/^10\.9\.0\.1\d\d$/), server: '10.9.0.1', router: '10.9.0.254', dns: '192.0.2.53', dnsPort: 53, leaseSeconds: 900 })
  expect((await lease('--address', first.address)).address).toBe(first.address)
  expect(await lease('--inform')).toMatchObject({ address: '10.9.0.2', server: '10.9.0.1', router: '10.9.0.254', dns: '192.0.2.53', leaseSeconds: 0 })
  expect(run(namespaces['client'], 'ip', '-4', '-o', 'address', 'show', 'dev', 'eth0').match(/inet /g)).toHaveLength(1)
})

test('a lease is applied to an interface after the commands were shown and yes was typed, for no longer than the lease time', async () => {
  const { namespaces } = network({ hamlet: '10.9.0.1/24', client: '10.9.0.2/24' })
  await hamletDhcp(namespaces['hamlet'], '--beside_others', '--lease', '600', '--option', '3=10.9.0.254')
  const client = namespaces['client'] ?? ''
  const data = emptyFolder()
  const lease = (typed: string) => spawnSync('ip', ['netns', 'exec', client, process.execPath, HAMLET, 'lease', '--dhcp', '10.9.0.1:67', '--apply', 'eth0', '--data', data], { input: typed, encoding: 'utf8' })
  const addresses = () => run(client, 'ip', '-4', '-o', 'address', 'show', 'dev', 'eth0')
  const refused = lease('no\n')
  expect([refused.status, refused.stdout]).toEqual([1, expect.stringMatching(/ip address add 10\.9\.0\.1\d\d\/24 dev eth0 valid_lft \d+ [\s\S]*ip route delete default via 10\.9\.0\.254[\s\S]*Nothing was changed\.\n$/)])
  expect(addresses().match(/inet /g)).toHaveLength(1)
  const given = lease('yes\n')
  expect([given.status, given.stderr]).toEqual([0, ''])
  expect(addresses()).toMatch(/inet 10\.9\.0\.1\d\d\/24 .*valid_lft (600|59\d)sec/)
  expect(run(client, 'ip', 'route')).toContain('default via 10.9.0.254 dev eth0 metric 4096')
  expect(lease('yes\n')).toMatchObject({ status: 2, stderr: expect.stringContaining('already') })
})

test('on a LAN a client\'s name resolves to its address and back, as soon as it has a lease', async () => {
  const { namespaces } = network({ host: '10.9.0.1/24', client: '' })
  const dns = new RunningHamlet(['dns', '--host', '0.0.0.0', '--data', emptyFolder()], { namespace: namespaces['host'] })
  toEnd.push(() => dns.stop())
  await dns.line(/^DNS Server is running/)
  await hamletDhcp(namespaces['host'], '--dns', '10.9.0.1', '--beside_others')
  const address = /ip=(\S+)/.exec(udhcpc(namespaces['client'], '-x', 'hostname:kettle'))?.[1] ?? 'none'
  const dig = (...args: string[]) => run(namespaces['host'], 'dig', '+short', '@10.9.0.1', ...args).trim()
  await expect.poll(() => dig('kettle.home')).toBe(address)
  expect(dig('-x', address)).toBe('kettle.home.')
})

test('if another server answers, Hamlet names it, and serves only its own clients', async () => {
  const { namespaces } = network({ other: '10.9.0.1/24', hamlet: '10.9.0.2/24', client: '', friend: '10.9.0.3/24' })
  await dnsmasq(namespaces['other'], '--dhcp-range=10.9.0.10,10.9.0.20,900')
  const server = await hamletDhcp(namespaces['hamlet'], '--pool', '10.9.0.100-10.9.0.199', '--json')
  await server.line(/"event":"other_server","server":"10\.9\.0\.1","interface":"eth0"/)
  await server.line(/another DHCP server answers \(10\.9\.0\.1 on eth0\), so only Hamlet's own clients are served/, 'stderr')
  expect(udhcpc(namespaces['client'])).toMatch(/^ip=10\.9\.0\.[12]\d .*server=10\.9\.0\.1 /m)
  const friend = await runHamlet(['lease', '--dhcp', '10.9.0.2:67', '--json', '--data', emptyFolder()], { namespace: namespaces['friend'] })
  expect(JSON.parse(friend.stdout)).toMatchObject({ server: '10.9.0.2', address: expect.stringMatching(/^10\.9\.0\.1\d\d$/) })
})

test('an interface that comes up later is served, and leases survive a change of the server\'s address', async () => {
  const { namespaces } = network({ hamlet: '10.9.0.1/24', client: '' })
  const hamlet = namespaces['hamlet'] ?? ''
  run(hamlet, 'ip', 'address', 'flush', 'dev', 'eth0')
  const server = await hamletDhcp(hamlet, '--beside_others')
  expect(server.stderr).not.toContain('on eth0')
  run(hamlet, 'ip', 'address', 'add', '10.9.0.1/24', 'dev', 'eth0')
  await server.line(/^DHCP serves 10\.9\.0\.100-10\.9\.0\.199 on eth0 as 10\.9\.0\.1$/, 'stderr')
  const first = /ip=(\S+)/.exec(udhcpc(namespaces['client']))?.[1] ?? ''
  run(hamlet, 'ip', 'address', 'replace', '10.9.0.2/24', 'dev', 'eth0')
  run(hamlet, 'ip', 'address', 'delete', '10.9.0.1/24', 'dev', 'eth0')
  run(hamlet, 'ip', 'address', 'replace', '10.9.0.2/24', 'dev', 'eth0')
  await server.line(/as 10\.9\.0\.2$/, 'stderr')
  expect(udhcpc(namespaces['client'])).toMatch(new RegExp(`^ip=${first} .*server=10\\.9\\.0\\.2 `, 'm'))
})

test('a second address of this machine is not leased, whether it was there at startup or is added later', async () => {
  const { namespaces } = network({ hamlet: '10.9.0.1/24', client: '' })
  const hamlet = namespaces['hamlet'] ?? ''
  run(hamlet, 'ip', 'address', 'add', '10.9.0.100/24', 'dev', 'eth0')
  const server = await hamletDhcp(hamlet, '--beside_others', '--host', '10.9.0.1', '--no_probe')
  run(hamlet, 'ip', 'address', 'add', '10.9.0.101/24', 'dev', 'eth0')
  await server.line(/^the interfaces of this machine have changed$/, 'stderr')
  expect(udhcpc(namespaces['client'])).toContain('ip=10.9.0.102 ')
})

test('a reply comes from the address in its server identifier, even if that is the second one of the interface', async () => {
  const { namespaces } = network({ hamlet: '10.9.0.1/24', client: '' })
  run(namespaces['hamlet'], 'ip', 'address', 'add', '10.8.0.1/24', 'dev', 'eth0')
  await hamletDhcp(namespaces['hamlet'], '--beside_others', '--host', '10.8.0.1')
  const files = ['-lf', join(folder, 'second.leases'), '-pf', join(folder, 'second.pid')]
  const dhclient = await startPeer(namespaces['client'], 'dhclient', ['-4', '-1', '-d', '-v', '-sf', '/bin/true', ...files, 'eth0'], /^DHCPACK of 10\.8\.0\.1\d\d from 10\.8\.0\.1$/m)
  toEnd.push(() => dhclient.stop())
})

test('a cable can be unplugged and plugged in again while another program has the port on another interface', async () => {
  const { namespaces } = network({ hamlet: '10.9.0.1/24', client: '' })
  const hamlet = namespaces['hamlet'] ?? ''
  run(undefined, 'ip', '-n', hamlet, 'link', 'add', 'virbr9', 'type', 'bridge')
  run(undefined, 'ip', '-n', hamlet, 'address', 'add', '192.168.122.1/24', 'dev', 'virbr9')
  run(undefined, 'ip', '-n', hamlet, 'link', 'set', 'virbr9', 'up')
  const server = await hamletDhcp(hamlet, '--beside_others')
  await dnsmasq(hamlet, '--bind-dynamic', '--interface=virbr9', '--except-interface=lo', '--dhcp-range=192.168.122.50,192.168.122.90,2m')
  const first = /ip=(\S+)/.exec(udhcpc(namespaces['client']))?.[1] ?? ''
  const ofHamlet = () => run(hamlet, 'ss', '-Hlun', 'sport', '=', ':67')
  run(undefined, 'ip', '-n', hamlet, 'link', 'set', 'eth0', 'down')
  await server.line(/^the interfaces of this machine have changed$/, 'stderr')
  await expect.poll(ofHamlet).not.toContain('10.9.0.1')
  expect(ofHamlet()).toMatch(/ 0\.0\.0\.0:67 /)
  run(undefined, 'ip', '-n', hamlet, 'link', 'set', 'eth0', 'up')
  await expect.poll(ofHamlet, { timeout: 20_000 }).toContain('10.9.0.1')
  expect(udhcpc(namespaces['client'])).toContain(`ip=${first} `)
})

test('a renamed interface is served as before', async () => {
  const { namespaces } = network({ hamlet: '10.9.0.1/24', client: '' })
  const hamlet = namespaces['hamlet'] ?? ''
  const server = await hamletDhcp(hamlet, '--beside_others')
  const first = /ip=(\S+)/.exec(udhcpc(namespaces['client']))?.[1] ?? ''
  for (const change of [['down'], ['name', 'lan0'], ['up']]) run(undefined, 'ip', '-n', hamlet, 'link', 'set', change[0] === 'up' ? 'lan0' : 'eth0', ...change)
  await server.line(/on lan0 as 10\.9\.0\.1$/, 'stderr')
  expect(udhcpc(namespaces['client'])).toContain(`ip=${first} `)
})

test('if no other server answers, Hamlet logs that, and serves everyone', async () => {
  const { namespaces } = network({ hamlet: '10.9.0.2/24', client: '' })
  const server = await hamletDhcp(namespaces['hamlet'])
  await server.line(/^no other DHCP server answers on eth0$/, 'stderr')
  expect(udhcpc(namespaces['client'])).toContain('server=10.9.0.2')
})

test('if port 68 is taken, Hamlet logs that it could not check, not that there is no other server', async () => {
  const { namespaces } = network({ hamlet: '10.9.0.2/24' })
  const holder = await startPeer(namespaces['hamlet'], process.execPath, ['-e', 'require("node:dgram").createSocket("udp4").bind(68, () => console.log("bound"))'], /bound/)
  toEnd.push(() => holder.stop())
  const server = await hamletDhcp(namespaces['hamlet'])
  await server.line(/^could not check whether another DHCP server answers on eth0: .*port 68/, 'stderr')
  expect(server.stderr).not.toContain('no other DHCP server answers')
})

test('an address in use is detected before it is offered, even behind a firewall, and the next one is offered', async () => {
  const { namespaces } = network({ hamlet: '10.9.0.1/24', squatter: '10.9.0.100/24', client: '' })
  const server = await hamletDhcp(namespaces['hamlet'], '--beside_others', '--pool', '10.9.0.100-10.9.0.110', '--json')
  run(namespaces['squatter'], 'ip', 'rule', 'add', 'pref', '1', 'from', '10.9.0.100', 'blackhole')
  expect(udhcpc(namespaces['client'])).toMatch(/^ip=10\.9\.0\.101 /m)
  await server.line(/10\.9\.0\.100 is in use by [0-9a-f:]{17}; it is not offered for an hour/)
})

test('an address with an older ARP entry is not offered now, and not declined', async () => {
  const { namespaces } = network({ hamlet: '10.9.0.1/24', squatter: '10.9.0.100/24', client: '' })
  const server = await hamletDhcp(namespaces['hamlet'], '--beside_others', '--pool', '10.9.0.100-10.9.0.110', '--json')
  run(namespaces['squatter'], 'ip', 'rule', 'add', 'pref', '1', 'from', '10.9.0.100', 'blackhole')
  const mac = /link\/ether ([0-9a-f:]+)/.exec(run(namespaces['squatter'], 'ip', 'link', 'show', 'dev', 'eth0'))?.[1] ?? ''
  run(namespaces['hamlet'], 'ip', 'neighbour', 'replace', '10.9.0.100', 'lladdr', mac, 'dev', 'eth0', 'nud', 'stale')
  expect(udhcpc(namespaces['client'])).toMatch(/^ip=10\.9\.0\.101 /m)
  expect(server.stdout).not.toContain('for an hour')
})

test('a real client gets the configured options, and the name of its reservation', async () => {
  const { namespaces } = network({ hamlet: '10.9.0.1/24', client: '' })
  const mac = /link\/ether ([0-9a-f:]+)/.exec(run(namespaces['client'], 'ip', 'link', 'show', 'dev', 'eth0'))?.[1] ?? ''
  await hamletDhcp(namespaces['hamlet'], '--beside_others', '--reserve', `${mac}=10.9.0.7=kettle`, ...[
    '3=10.9.0.254', '42=192.0.2.7', 'ntp-servers=192.0.2.8', 'domain-search=lab.example.org', 'domain-search=example.org', 'interface-mtu=1400', 'classless-routes=10.0.0.0/8=10.9.0.9',
  ].flatMap(option => ['--option', option]))
  const received = udhcpc(namespaces['client'], ...['router', 'ntpsrv', 'search', 'mtu', 'hostname', 'staticroutes'].flatMap(name => ['-O', name]))
  expect(received).toContain('ip=10.9.0.7 router=10.9.0.254 server=10.9.0.1 hostname=kettle ntp=192.0.2.7 192.0.2.8 search=lab.example.org example.org mtu=1400 routes=10.0.0.0/8 10.9.0.9')
})

test('with dnsmasq as relay a client gets an address of its own network, renews and releases', async () => {
  const { namespaces } = network({ hamlet: '10.9.0.1/24', relay: '10.9.0.2/24' })
  const [hamlet, relay] = [namespaces['hamlet'] ?? '', namespaces['relay'] ?? '']
  const client = `${relay}-c`
  run(undefined, 'ip', 'netns', 'add', client)
  toEnd.push(() => { run(undefined, 'ip', 'netns', 'delete', client) })
  run(undefined, 'ip', '-n', relay, 'link', 'add', 'inner', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', client)
  run(undefined, 'ip', '-n', relay, 'address', 'add', '10.3.0.1/24', 'dev', 'inner')
  run(undefined, 'ip', '-n', relay, 'link', 'set', 'inner', 'up')
  run(undefined, 'ip', '-n', client, 'link', 'set', 'eth0', 'up')
  run(undefined, 'ip', '-n', hamlet, 'route', 'add', '10.3.0.0/24', 'via', '10.9.0.2')
  run(relay, 'sysctl', '-q', '-w', 'net.ipv4.ip_forward=1')
  await dnsmasq(relay, '--dhcp-relay=10.3.0.1,10.9.0.1')
  const data = emptyFolder()
  await hamletDhcp(hamlet, '--beside_others', '--subnet', '10.3.0.1/24=10.3.0.100-10.3.0.199', '--data', data)
  const script = join(folder, 'apply')
  writeFileSync(script, '#!/bin/sh\n[ "$1" = deconfig ] && ip address flush dev eth0\n[ "$1" = bound ] && ip address replace $ip/$mask dev eth0 && ip route replace default via $router\necho "$1 ip=$ip router=$router server=$serverid"\n', { mode: 0o755 })
  const pidFile = join(folder, 'relayed.pid')
  const program = await startPeer(client, 'udhcpc', ['-i', 'eth0', '-f', '-s', script, '-p', pidFile], /^bound ip=10\.3\.0\.1\d\d router=10\.3\.0\.1 server=10\.9\.0\.1$/m)
  toEnd.push(() => program.stop())
  const records = () => readFileSync(join(data, 'leases.jsonl'), 'utf8').trim().split('\n')
  const before = records().length
  const pid = Number(readFileSync(pidFile, 'utf8'))
  process.kill(pid, 'SIGUSR1')
  await expect.poll(() => records().length).toBe(before + 1)
  expect(records().at(-1)).toMatch(/"yiaddr":"10\.3\.0\.1\d\d","state":"leased"/)
  process.kill(pid, 'SIGUSR2')
  await expect.poll(() => records().at(-1)).toContain('"state":"released"')
})
