// On which interfaces Hamlet's client asks: on the one that shall get the lease, and on those that have no address yet.
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

/** Another interface, up and with an address, behind which nobody is. */
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

/** `hamlet lease` of somebody who types yes where he is asked. */
function lease(namespace: string | undefined, ...args: string[]) {
  return spawnSync('ip', ['netns', 'exec', namespace ?? '', process.execPath, HAMLET, 'lease', '--data', emptyFolder(), ...args], { input: 'yes\n', encoding: 'utf8' })
}

const addressesOf = (namespace: string | undefined, interfaceName: string) =>
  [...run(namespace, 'ip', '-4', '-o', 'address', 'show', 'dev', interfaceName).matchAll(/inet ([\d.]+)/g)].map(([, address]) => address)

test.each([EVERY_SERVER, '10.9.0.1:67'])('a lease is asked of %s on the interface alone that shall get it', async server => {
  const { namespaces: { host, client } } = network({ host: '10.9.0.1/24', client: '10.9.0.2/24' })
  addLoose(client)
  await hamletDhcp(host, '--port', '67')
  expect(lease(client, '--dhcp', server, '--apply', 'loose0')).toMatchObject({ status: 1, stdout: '', stderr: expect.stringContaining('by loose0') })
  expect(addressesOf(client, 'loose0')).toEqual(['10.8.0.2'])
  expect(lease(client, '--dhcp', server, '--apply', 'eth0')).toMatchObject({ status: 0, stderr: '' })
  expect(addressesOf(client, 'eth0')).toEqual(['10.9.0.2', expect.stringMatching(/^10\.9\.0\.1\d\d$/)])
})

test.each([
  { what: 'an interface that is not there', args: ['--apply', 'none0'], why: 'no such interface' },
  { what: 'the loopback', args: ['--apply', 'lo'], why: 'loopback' },
  { what: 'a program that reads', args: ['--apply', 'eth0', '--json'], why: 'types yes' },
  { what: 'a question for information', args: ['--apply', 'eth0', '--inform'], why: 'lends nothing' },
])('to apply a lease to $what is refused before anything is asked', async ({ args, why }) => {
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
])('an interface that has no address gets one from $name', async ({ start, asks }) => {
  const { namespaces: { host, client } } = network({ host: '10.9.0.1/24', client: '' })
  await start(host)
  expect(lease(client, ...asks)).toMatchObject({ status: 0, stderr: '', stdout: expect.stringMatching(/^address 10\.9\.0\.1\d\d$/m) })
  expect(addressesOf(client, 'eth0')).toEqual([])
  expect(lease(client, ...asks, '--apply', 'eth0')).toMatchObject({ status: 0, stderr: '' })
  expect(addressesOf(client, 'eth0')).toEqual([expect.stringMatching(/^10\.9\.0\.1\d\d$/)])
})

test('an interface that has no address gets one though another has', async () => {
  const { namespaces: { host, client } } = network({ host: '10.9.0.1/24', client: '' })
  addLoose(client)
  await dnsmasq(host)
  expect(lease(client, '--dhcp', EVERY_SERVER, '--apply', 'eth0')).toMatchObject({ status: 0, stderr: '' })
  expect(addressesOf(client, 'eth0')).toEqual([expect.stringMatching(/^10\.9\.0\.1\d\d$/)])
})

test('a client without an address asks as dhclient does', async () => {
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
  // What is asked again because an answer takes its time counts once.
  const asked = (filter: string, ...fields: string[]) => new Set(run(undefined, 'tshark', '-r', capture, '-Y', filter, '-T', 'fields', ...fields.flatMap(field => ['-e', field])).trim().split('\n'))
  const ways = (filter: string) => asked(filter, 'dhcp.option.dhcp', 'ip.src', 'ip.dst', 'udp.srcport', 'udp.dstport')
  await expect.poll(() => ways(`dhcp.hw.mac_addr != ${mac}`)).toEqual(ways(`dhcp.hw.mac_addr == ${mac}`))
  expect(ways('dhcp').size).toBe(2)
  // Unlike dhclient it cannot hear what is sent to an address that it has not taken.
  expect([...asked(`dhcp.hw.mac_addr != ${mac}`, 'dhcp.flags.bc')]).toEqual([expect.stringMatching(/^(1|True)$/)])
})

test('a client that was started before its network is there gets a lease when it comes, and another when it is another', async () => {
  const { namespaces: { host = '', client = '' } } = network({ host: '10.9.0.1/24', client: '' })
  run(client, 'ip', 'link', 'set', 'eth0', 'down')
  await hamletDhcp(host)
  const gateway = new RunningHamlet(['client', '--json', '--proxy_port', '0', '--data', emptyFolder()], { namespace: client })
  toEnd.push(() => gateway.stop())
  await gateway.line(/^Names are asked of 127\.0\.0\.1:53, this machine/, 'stderr')
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
  { what: 'the kernel drops answers', prepare: ['sysctl', '-qw', 'net.ipv4.conf.all.rp_filter=2'], args: [], why: 'eth0 drops all answers as long as it has none (rp_filter)' },
  { what: 'one server is named', prepare: ['true'], args: [], server: '10.9.0.1:67', why: 'without one only all servers can be asked' },
])('where no interface has an address and $what, it is said at once', ({ prepare: [file = '', ...rest], args, server = EVERY_SERVER, why }) => {
  const { namespaces: { client } } = network({ client: '' })
  run(client, file, ...rest)
  const startedAtMs = Date.now()
  expect(lease(client, '--dhcp', server, ...args)).toMatchObject({ status: 1, stdout: '', stderr: expect.stringContaining(why) })
  expect(Date.now() - startedAtMs).toBeLessThan(4_000) // "no DHCP server answered" comes after ten seconds
})
