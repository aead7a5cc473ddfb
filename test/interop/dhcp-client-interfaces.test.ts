// The interfaces that Hamlet's client uses: the one that is to get the lease, and those without an address.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { emptyFolder, RunningHamlet } from '../support/hamlet.ts'
import { createNetwork, run, startPeer, type Network } from '../support/namespaces.ts'

const HAMLET = join(import.meta.dirname, '..', '..', '.vite', 'build', 'hamlet.cjs')
const EVERY_SERVER = '255.255.255.255:67'
const toEnd: (() => Promise<unknown> | void)[] = []
afterEach(async () => {
  for (const end of toEnd.splice(0).reverse()) await end()
})

function network(machines: Readonly<Record<string, string>>): Network {
  const made = createNetwork(machines)
  toEnd.push(() => made.remove())
  return made
}

/** Adds an interface that is up and has an address, with no host behind it. */
function addLoose(namespace: string | undefined): void {
  run(namespace, 'ip', 'link', 'add', 'loose0', 'type', 'veth', 'peer', 'name', 'loose1')
  for (const name of ['loose0', 'loose1']) run(namespace, 'ip', 'link', 'set', name, 'up')
  run(namespace, 'ip', 'address', 'add', '10.8.0.2/24', 'dev', 'loose0')
}

async function dnsmasq(namespace: string | undefined): Promise<void> {
  const quiet = ['--keep-in-foreground', '--conf-file=/dev/null', '--port=0', '--log-facility=-', `--dhcp-leasefile=${join(emptyFolder(), 'leases')}`, '--user=root', '--pid-file=']
  const peer = await startPeer(namespace, 'dnsmasq', [...quiet, '--dhcp-range=10.9.0.100,10.9.0.199,900'], /started, version/)
  toEnd.push(() => peer.stop())
}

async function hamletDhcp(namespace: string | undefined, ...args: string[]): Promise<void> {
  const server = new RunningHamlet(['dhcp', '--beside_others', '--data', emptyFolder(), ...args], { namespace })
  toEnd.push(() => server.stop())
  await server.line(/Server is running on port/)
}

/** Runs `hamlet lease`, and types yes when asked. */
function lease(namespace: string | undefined, ...args: string[]) {
  return spawnSync('ip', ['netns', 'exec', namespace ?? '', process.execPath, HAMLET, 'lease', '--data', emptyFolder(), ...args], { input: 'yes\n', encoding: 'utf8' })
}

const addressesOf = (namespace: string | undefined, interfaceName: string) =>
  [...run(namespace, 'ip', '-4', '-o', 'address', 'show', 'dev', interfaceName).matchAll(/inet ([\d.]+)/g)].map(([, address]) => address)

test.each([EVERY_SERVER, '10.9.0.1:67'])('%s is asked for a lease only on the interface that is to get it', async server => {
  const { namespaces: { host, client } } = network({ host: '10.9.0.1/24', client: '10.9.0.2/24' })
  addLoose(client)
  await hamletDhcp(host, '--port', '67')
  expect(lease(client, '--dhcp', server, '--apply', 'loose0')).toMatchObject({ status: 1, stdout: '', stderr: expect.stringContaining('via loose0') })
  expect(addressesOf(client, 'loose0')).toEqual(['10.8.0.2'])
  expect(lease(client, '--dhcp', server, '--apply', 'eth0')).toMatchObject({ status: 0, stderr: '' })
  expect(addressesOf(client, 'eth0')).toEqual(['10.9.0.2', expect.stringMatching(/^10\.9\.0\.1\d\d$/)])
})

test.each([
  { what: 'an interface that does not exist', args: ['--apply', 'none0'], why: 'no such interface' },
  { what: 'the loopback', args: ['--apply', 'lo'], why: 'loopback' },
  { what: 'an interface with --json', args: ['--apply', 'eth0', '--json'], why: 'who must confirm them' },
  { what: 'an interface with --inform', args: ['--apply', 'eth0', '--inform'], why: 'obtains no address' },
])('applying a lease to $what is rejected before any message is sent', async ({ args, why }) => {
  const { namespaces: { host, client } } = network({ host: '10.9.0.1/24', client: '10.9.0.2/24' })
  const server = new RunningHamlet(['dhcp', '--data', emptyFolder(), '--json'], { namespace: host })
  toEnd.push(() => server.stop())
  await server.line(/running on port 6767/)
  expect(lease(client, ...args)).toMatchObject({ status: 2, stdout: '', stderr: expect.stringContaining(why) })
  expect(server.stdout).not.toContain('offered')
})

test.each([
  { name: 'Hamlet', start: (namespace: string | undefined) => hamletDhcp(namespace, '--port', '67'), asks: ['--dhcp', EVERY_SERVER] },
  { name: 'Hamlet on its own port', start: hamletDhcp, asks: [] },
  { name: 'dnsmasq', start: dnsmasq, asks: ['--dhcp', EVERY_SERVER] },
])('an interface without an address gets one from $name', async ({ start, asks }) => {
  const { namespaces: { host, client } } = network({ host: '10.9.0.1/24', client: '' })
  await start(host)
  expect(lease(client, ...asks)).toMatchObject({ status: 0, stderr: '', stdout: expect.stringMatching(/^address 10\.9\.0\.1\d\d$/m) })
  expect(addressesOf(client, 'eth0')).toEqual([])
  expect(lease(client, ...asks, '--apply', 'eth0')).toMatchObject({ status: 0, stderr: '' })
  expect(addressesOf(client, 'eth0')).toEqual([expect.stringMatching(/^10\.9\.0\.1\d\d$/)])
})

test('an interface without an address gets one even if another interface has one', async () => {
  const { namespaces: { host, client } } = network({ host: '10.9.0.1/24', client: '' })
  addLoose(client)
  await dnsmasq(host)
  expect(lease(client, '--dhcp', EVERY_SERVER, '--apply', 'eth0')).toMatchObject({ status: 0, stderr: '' })
  expect(addressesOf(client, 'eth0')).toEqual([expect.stringMatching(/^10\.9\.0\.1\d\d$/)])
})

test('a client without an address sends from and to the same addresses as dhclient', async () => {
  const { namespaces: { host, client } } = network({ host: '10.9.0.1/24', client: '' })
  await dnsmasq(host)
  const capture = join(emptyFolder(), 'dhcp.pcapng')
  const tshark = await startPeer(host, 'tshark', ['-i', 'eth0', '-w', capture, '-f', 'udp dst port 67'], /Capture started/)
  toEnd.push(() => tshark.stop())
  const files = emptyFolder()
  const dhclient = await startPeer(client, 'dhclient', ['-4', '-1', '-d', '-v', '-sf', '/bin/true', '-lf', join(files, 'leases'), '-pf', join(files, 'pid'), 'eth0'], /bound to/)
  await dhclient.stop()
  expect(lease(client, '--dhcp', EVERY_SERVER)).toMatchObject({ status: 0 })
  const mac = /link\/ether ([0-9a-f:]+)/.exec(run(client, 'ip', 'link', 'show', 'dev', 'eth0'))?.[1] ?? ''
  // A set, so that retransmissions count once.
  const fieldsOf = (filter: string, ...fields: string[]) => new Set(run(undefined, 'tshark', '-r', capture, '-Y', filter, '-T', 'fields', ...fields.flatMap(field => ['-e', field])).trim().split('\n'))
  const paths = (filter: string) => fieldsOf(filter, 'dhcp.option.dhcp', 'ip.src', 'ip.dst', 'udp.srcport', 'udp.dstport')
  await expect.poll(() => paths(`dhcp.hw.mac_addr != ${mac}`)).toEqual(paths(`dhcp.hw.mac_addr == ${mac}`))
  expect(paths('dhcp').size).toBe(2)
  // Unlike dhclient it cannot receive unicast to an address that it does not have, so it asks for a broadcast.
  expect([...fieldsOf(`dhcp.hw.mac_addr != ${mac}`, 'dhcp.flags.bc')]).toEqual([expect.stringMatching(/^(1|True)$/)])
})

test('a client started before its network is up gets a lease when it comes up, and a new one on another network', async () => {
  const { namespaces: { host = '', client = '' } } = network({ host: '10.9.0.1/24', client: '' })
  run(client, 'ip', 'link', 'set', 'eth0', 'down')
  await hamletDhcp(host)
  const gateway = new RunningHamlet(['client', '--json', '--proxy_port', '0', '--data', emptyFolder()], { namespace: client })
  toEnd.push(() => gateway.stop())
  await gateway.line(/^The DNS server is 127\.0\.0\.1:53, this machine/, 'stderr')
  run(client, 'ip', 'address', 'add', '10.9.0.2/24', 'dev', 'eth0')
  run(client, 'ip', 'link', 'set', 'eth0', 'up')
  await gateway.line(/"event":"leased","address":"10\.9\.0\.1\d\d"/)
  for (const [namespace, before, after] of [[host, '10.9.0.1', '10.8.0.1'], [client, '10.9.0.2', '10.8.0.2']] as const) {
    run(namespace, 'ip', 'address', 'delete', `${before}/24`, 'dev', 'eth0')
    run(namespace, 'ip', 'address', 'add', `${after}/24`, 'dev', 'eth0')
  }
  await gateway.line(/"event":"leased","address":"10\.8\.0\.1\d\d"/)
})

test.each([
  { what: 'no interface is connected', prepare: ['ip', 'link', 'set', 'eth0', 'down'], args: [], why: 'no interface has an IPv4 address, and none is connected' },
  { what: 'that interface is not connected', prepare: ['ip', 'link', 'set', 'eth0', 'down'], args: ['--apply', 'eth0'], why: 'eth0 has no IPv4 address, and it is not connected' },
  { what: 'the kernel drops replies', prepare: ['sysctl', '-qw', 'net.ipv4.conf.all.rp_filter=2'], args: [], why: 'eth0 drops all replies until it has one (rp_filter)' },
  { what: 'one server is named', prepare: ['true'], args: [], server: '10.9.0.1:67', why: 'without one a single server cannot be asked' },
])('if no interface has an address and $what, the command fails at once', ({ prepare: [file = '', ...rest], args, server = EVERY_SERVER, why }) => {
  const { namespaces: { client } } = network({ client: '' })
  run(client, file, ...rest)
  const startedAtMs = Date.now()
  expect(lease(client, '--dhcp', server, ...args)).toMatchObject({ status: 1, stdout: '', stderr: expect.stringContaining(why) })
  expect(Date.now() - startedAtMs).toBeLessThan(4_000) // "no DHCP server answered" comes after ten seconds
})
