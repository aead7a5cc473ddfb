// On which interfaces Hamlet's client asks: on the one that shall get the lease, and on those that have no address yet.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { emptyFolder, RunningHamlet } from '../support/hamlet.ts'
import { createNetwork, run, type Network } from '../support/namespaces.ts'

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
  run(client, 'ip', 'link', 'add', 'loose0', 'type', 'veth', 'peer', 'name', 'loose1')
  for (const name of ['loose0', 'loose1']) run(client, 'ip', 'link', 'set', name, 'up')
  run(client, 'ip', 'address', 'add', '10.8.0.2/24', 'dev', 'loose0')
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
