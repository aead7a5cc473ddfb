/**
 * The servers to measure, each configured for this task: one worker, no rate limit, 1,000 A records in home., and if it can
 * forward, everything else through the benchmark's upstream. Hamlet's log and events are on; the others' logs are off.
 */
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { build } from '../../scripts/build.mjs'
import { at, nodeBinary, which } from '../../scripts/setup/places.mjs'
import { compile, coredns } from './programs.mjs'

export const HOT_NAMES = Array.from({ length: 1000 }, (_, index) => `h${index}.home`)
const addressOf = index => `192.0.2.${1 + index % 254}`

/**
 * name: as in `--peers`. forwards: also takes part in the cache-miss measurement.
 * prepare: returns undefined if the server is not available, else its version and a function that writes the configuration into
 * a folder and returns the command line.
 *
 * @typedef {{ folder: string, port: number, upstreamPort: number }} Place
 * @typedef {{ version: string, launch: (place: Place) => { argv: string[], env?: Record<string, string> } }} Prepared
 * @type {readonly { name: string, title: string, forwards: boolean, prepare: () => Promise<Prepared | undefined> }[]}
 */
export const peers = [
  { name: 'echo', title: 'C echo, recvmmsg/sendmmsg', forwards: false, prepare: async () => {
    const program = await compile('echo')
    return { version: '', launch: ({ port }) => ({ argv: [program, String(port)] }) }
  } },
  { name: 'hamlet-batch', title: 'hamlet dns --io batch', forwards: true, prepare: () => prepareHamlet('batch') },
  { name: 'hamlet-dgram', title: 'hamlet dns --io dgram', forwards: true, prepare: () => prepareHamlet('dgram') },
  { name: 'node-echo', title: 'Node echo, node:dgram', forwards: false, prepare: async () => (
    { version: process.versions.node, launch: ({ port }) => ({ argv: [nodeBinary(), join(import.meta.dirname, 'node-echo.mjs'), String(port)] }) }
  ) },
  { name: 'knot', title: 'Knot', forwards: false, prepare: () => prepareInstalled('knotd', ['--version'], launchKnot) },
  { name: 'nsd', title: 'NSD', forwards: false, prepare: () => prepareInstalled('nsd', ['-v'], launchNsd) },
  { name: 'unbound', title: 'Unbound', forwards: true, prepare: () => prepareInstalled('unbound', ['-V'], launchUnbound) },
  { name: 'dnsmasq', title: 'dnsmasq', forwards: true, prepare: () => prepareInstalled('dnsmasq', ['--version'], launchDnsmasq) },
  { name: 'coredns', title: 'CoreDNS', forwards: true, prepare: async () => {
    const program = await coredns()
    return program === undefined ? undefined : prepareInstalled(program, ['-version'], launchCoredns)
  } },
]

/** @param io the UDP implementation; a version of Hamlet without that flag uses node:dgram */
async function prepareHamlet(io) {
  await build(['cli'])
  const bundle = at('.vite/build/hamlet.cjs')
  const choosesIo = spawnSync(nodeBinary(), [bundle, 'dns', '--help'], { encoding: 'utf8' }).stdout.includes('--io ')
  if (!choosesIo && io === 'batch') return undefined
  return { version: `Node ${versionOf(nodeBinary(), ['--version'])}`, launch({ folder, port, upstreamPort }) {
    writeFileSync(join(folder, 'dns.zone'), zoneFile())
    const settings = ['--host', '127.0.0.1', '--port', String(port), '--admin_port', '0', '--upstream', `127.0.0.1:${upstreamPort}`, '--data', folder, '--json']
    return { argv: [nodeBinary(), bundle, 'dns', ...settings, ...(choosesIo ? ['--io', io] : [])] }
  } }
}

async function prepareInstalled(program, versionArgs, launch) {
  const path = program.startsWith('/') ? program : which(program)
  return path === undefined ? undefined : { version: versionOf(path, versionArgs), launch: place => launch(path, place) }
}

function versionOf(program, args) {
  const { stdout, stderr } = spawnSync(program, args, { encoding: 'utf8' })
  return /\d+\.\d+(\.\d+)?/.exec(stdout + stderr)?.[0] ?? ''
}

function launchKnot(program, { folder, port }) {
  writeFileSync(join(folder, 'home.zone'), zoneFile())
  const config = writeConfig(folder, [
    'server:', `  rundir: "${folder}"`, `  listen: 127.0.0.1@${port}`, '  udp-workers: 1', '  tcp-workers: 1', '  background-workers: 1',
    'database:', `  storage: "${folder}"`, 'log:', '  - target: stderr', '    any: error',
    'zone:', '  - domain: home.', `    storage: "${folder}"`, '    file: home.zone',
  ])
  return { argv: [program, '-c', config] }
}

function launchNsd(program, { folder, port }) {
  writeFileSync(join(folder, 'home.zone'), zoneFile())
  const config = writeConfig(folder, [
    'server:', `  ip-address: 127.0.0.1@${port}`, '  server-count: 1', '  username: ""', '  chroot: ""', '  database: ""', '  rrl-ratelimit: 0', `  zonesdir: "${folder}"`,
    ...['pidfile', 'xfrdfile', 'zonelistfile'].map(file => `  ${file}: "${join(folder, file)}"`), `  xfrdir: "${folder}"`, '  logfile: "/dev/null"',
    'remote-control:', '  control-enable: no', 'zone:', '  name: home.', '  zonefile: home.zone',
  ])
  return { argv: [program, '-d', '-c', config] }
}

function launchUnbound(program, { folder, port, upstreamPort }) {
  const config = writeConfig(folder, [
    'server:', `  interface: 127.0.0.1@${port}`, '  num-threads: 1', '  do-daemonize: no', '  username: ""', '  chroot: ""', `  directory: "${folder}"`, `  pidfile: "${join(folder, 'pid')}"`,
    '  use-syslog: no', '  verbosity: 0', '  module-config: "iterator"', '  do-not-query-localhost: no', '  local-zone: "home." static',
    ...HOT_NAMES.map((name, index) => `  local-data: "${name}. 60 IN A ${addressOf(index)}"`),
    'forward-zone:', '  name: "."', `  forward-addr: 127.0.0.1@${upstreamPort}`,
  ])
  return { argv: [program, '-d', '-c', config] }
}

function launchDnsmasq(program, { folder, port, upstreamPort }) {
  const hosts = join(folder, 'hosts')
  writeFileSync(hosts, HOT_NAMES.map((name, index) => `${addressOf(index)} ${name}\n`).join(''))
  const settings = [
    '--keep-in-foreground', '--conf-file=/dev/null', '--user=', `--pid-file=${join(folder, 'pid')}`, '--listen-address=127.0.0.1', '--bind-interfaces', `--port=${port}`,
    '--no-resolv', '--no-hosts', `--addn-hosts=${hosts}`, '--local-ttl=60', '--cache-size=10000', `--server=127.0.0.1#${upstreamPort}`,
  ]
  return { argv: [program, ...settings] }
}

function launchCoredns(program, { folder, port, upstreamPort }) {
  const zone = join(folder, 'home.zone')
  writeFileSync(zone, zoneFile())
  const config = writeConfig(folder, [
    `home.:${port} {`, '  bind 127.0.0.1', `  file ${zone}`, '}',
    `.:${port} {`, '  bind 127.0.0.1', '  cache', `  forward . 127.0.0.1:${upstreamPort}`, '}',
  ])
  return { argv: [program, '-conf', config, '-quiet'], env: { GOMAXPROCS: '1' } }
}

/** The hot names as a master file (RFC 1035 §5). */
function zoneFile() {
  const records = HOT_NAMES.map((name, index) => `${name}. IN A ${addressOf(index)}`)
  return ['$ORIGIN home.', '$TTL 60', '@ IN SOA ns.home. hostmaster.home. 1 3600 600 86400 60', '@ IN NS ns.home.', 'ns IN A 127.0.0.1', ...records, ''].join('\n')
}

function writeConfig(folder, lines) {
  const file = join(folder, 'config')
  writeFileSync(file, `${lines.join('\n')}\n`)
  return file
}
