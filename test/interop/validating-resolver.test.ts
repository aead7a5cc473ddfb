/**
 * A validating resolver in front of our server: local names are unsigned, and the proof of that from their parent zone
 * must reach the validator.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { emptyFolder, RunningHamlet } from '../support/hamlet.ts'
import { createNetwork, run, startPeer, type Network } from '../support/namespaces.ts'

const [SIGNED, HAMLET, VALIDATING] = [5301, 5302, 5303]

let network: Network
let host: string
const closers: (() => Promise<unknown>)[] = []

const dig = (...args: string[]) => run(host, 'dig', '@127.0.0.1', '-p', String(VALIDATING), '+tries=1', '+time=10', '+dnssec', ...args)

/**
 * The whole internet, served by Knot: a signed root with unsigned delegations for private names.
 * @returns its key, as a trust anchor
 */
async function startInternet(): Promise<string> {
  const folder = emptyFolder()
  writeFileSync(join(folder, 'root.zone'), ['. 60 SOA ns. host. 1 3600 600 86400 60', '. 60 NS ns.', 'ns. 60 A 127.0.0.1', 'home.arpa. 60 NS blackhole.', '168.192.in-addr.arpa. 60 NS blackhole.', 'www.example.org. 60 A 203.0.113.80', ''].join('\n'))
  const config = join(folder, 'knot.conf')
  writeFileSync(config, [
    'server:', `  rundir: "${folder}"`, `  listen: 127.0.0.1@${SIGNED}`, 'database:', `  storage: "${folder}"`, 'log:', '  - target: stderr', '    any: info', 'policy:', '  - id: one', '    single-type-signing: on',
    'zone:', '  - domain: .', `    storage: "${folder}"`, '    file: root.zone', '    dnssec-signing: on', '    dnssec-policy: one', '    zonefile-sync: -1', ''].join('\n'))
  const peer = await startPeer(host, 'knotd', ['-c', config], /server started/)
  closers.push(() => peer.stop())
  return run(host, 'keymgr', '-c', config, '.', 'ds').split('\n')[0] ?? ''
}

async function startHamlet(): Promise<void> {
  const data = emptyFolder()
  writeFileSync(join(data, 'dns.zone'), 'nas.home.arpa. A 192.168.1.60\nprinter A 192.168.1.61\n')
  const dns = new RunningHamlet(['dns', '--host', '127.0.0.1', '--port', String(HAMLET), '--admin_port', '0', '--upstream', `127.0.0.1:${SIGNED}`, '--data', data], { namespace: host })
  closers.push(() => dns.stop())
  await dns.line(/^Waiting for requests/)
}

async function startUnbound(anchor: string): Promise<void> {
  const folder = emptyFolder()
  const config = join(folder, 'unbound.conf')
  writeFileSync(config, [
    'server:', `interface: 127.0.0.1@${VALIDATING}`, 'do-daemonize: no', 'username: ""', 'chroot: ""', `directory: "${folder}"`, 'pidfile: ""', 'use-syslog: no', 'logfile: ""', 'verbosity: 1', 'do-not-query-localhost: no',
    'module-config: "validator iterator"', `trust-anchor: "${anchor}"`, 'domain-insecure: "home."', 'local-zone: "home.arpa." nodefault', 'local-zone: "168.192.in-addr.arpa." nodefault', 'remote-control:', 'control-enable: no',
    'forward-zone:', 'name: "."', `forward-addr: 127.0.0.1@${HAMLET}`, ''].join('\n'))
  const peer = await startPeer(host, 'unbound', ['-d', '-c', config], /start of service/)
  closers.push(() => peer.stop())
}

beforeAll(async () => {
  network = createNetwork({ host: '10.77.0.1/24' })
  host = network.namespaces['host'] ?? ''
  const anchor = await startInternet()
  await startHamlet()
  await startUnbound(anchor)
})
afterAll(async () => {
  for (const close of closers.reverse()) await close()
  network.remove()
})

test('signed data validates through our server', () => {
  expect(dig('www.example.org')).toMatch(/status: NOERROR.*\n.*flags: qr rd ra ad;[^]*203\.0\.113\.80/)
})

test.each([
  { name: 'nas.home.arpa', type: 'A', status: 'NOERROR', data: '192.168.1.60' },
  { name: 'printer.home', type: 'A', status: 'NOERROR', data: '192.168.1.61' },
  { name: 'nobody.home.arpa', type: 'A', status: 'NXDOMAIN', data: 'SOA' },
  { name: '61.1.168.192.in-addr.arpa', type: 'PTR', status: 'NOERROR', data: 'printer.home.' },
])('$name $type is accepted as unsigned: $status', ({ name, type, status, data }) => {
  const answer = dig(name, type)
  expect(answer).toMatch(new RegExp(`status: ${status}`))
  expect(answer).toContain(data)
})
