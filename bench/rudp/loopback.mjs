/**
 * The cost of a body of 1 GB on this machine, through HTTP end to end. Both ends share the cores, so the measure is bytes per second
 * of CPU time of both processes together, including the kernel's work for them.
 */
import { copyFileSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { SetupError } from '../../scripts/setup/say.mjs'
import { nodeBinary } from '../../scripts/setup/places.mjs'
import { BUNDLE, hamletFetch, hamletServer, rudpUrl, TCP_PORT, tcpUrl } from './peers.mjs'
import { FILE_BYTES } from './rig.mjs'

const ADDRESS = '127.0.0.1'
const NODE_HTTP = join(import.meta.dirname, 'node-http.mjs')
const DONE_WITHIN_MS = 90_000
/** The unit of CPU time in /proc: the kernel's USER_HZ, 100 on every Linux. */
const TICKS_PER_SECOND = 100

/** node:dgram at both ends: the client is a copy of Hamlet without the add-on beside it. */
function withoutAddOn(rig) {
  const folder = join(rig.folder, 'without-add-on', 'build')
  mkdirSync(folder, { recursive: true })
  const bundle = join(folder, 'hamlet.cjs')
  copyFileSync(BUNDLE, bundle)
  return { serve: place => hamletServer(place, 'bbr', ['--io', 'dgram']), fetch: (place, file) => hamletFetch(rudpUrl(place, file), bundle) }
}

/** Node's HTTP over TCP without Hamlet around it. */
const nodeAlone = {
  title: 'node:http alone',
  serve: ({ address, site }) => ({ argv: [nodeBinary(), NODE_HTTP, 'serve', address, String(TCP_PORT), site], ready: /ready/ }),
  fetch: (place, file) => [nodeBinary(), NODE_HTTP, 'fetch', tcpUrl(place, file)],
}

/** @param peers those of peers.mjs */
export function loopbackPeers(rig, { 'tcp-cubic': tcp, rudp, quic }) {
  return {
    'node-tcp': { title: 'hamlet fetch http://', serve: tcp.serve, fetch: (place, file) => hamletFetch(tcpUrl(place, file)) },
    'node-alone': nodeAlone,
    'curl-tcp': tcp,
    rudp,
    'rudp-dgram': { title: 'RUDP without the add-on', ...withoutAddOn(rig) },
    ...(quic === undefined ? {} : { quic }),
  }
}

/** @returns Gbit per second, and Gbit per CPU second; what a fetch of one page takes, the start of the program, is not counted */
export async function fetchGigabyte(rig, peer) {
  const network = await rig.openNetwork() // only its server's end, for a loopback with all ports free
  const place = { address: ADDRESS, site: rig.site }
  const { argv, ready } = peer.serve(place)
  const server = rig.start(network.onServer(argv))
  await server.says(ready)
  const page = await spent(rig, server, network.onServer(peer.fetch(place, 'page')))
  const gigabyte = await spent(rig, server, network.onServer(peer.fetch(place, 'gigabyte')))
  await server.stop()
  rig.closeNetwork(network)
  const gigabits = FILE_BYTES.gigabyte * 8 / 1e9
  const [serverSeconds, clientSeconds] = [gigabyte.server - page.server, gigabyte.client - page.client]
  return { gigabitsPerSecond: gigabits / (gigabyte.seconds - page.seconds), gigabitsPerCpuSecond: gigabits / (serverSeconds + clientSeconds), serverSeconds, clientSeconds }
}

/** The seconds that a fetch takes, and the CPU seconds of both ends. @throws SetupError if it fails */
async function spent(rig, server, argv) {
  const before = { server: cpuSeconds(server.pid).own, client: cpuSeconds('self').children }
  const startedAtMs = performance.now()
  const client = rig.start(argv, 'ignore')
  const status = await client.ends(DONE_WITHIN_MS)
  const seconds = (performance.now() - startedAtMs) / 1000
  if (status !== 0) throw new SetupError(`${argv.join(' ')}: ${client.words.trim() || 'timed out'}`)
  return { seconds, server: cpuSeconds(server.pid).own - before.server, client: cpuSeconds('self').children - before.client }
}

/** User and system time of a process, and of its exited children. */
function cpuSeconds(pid) {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ').map(Number)
  return { own: (fields[11] + fields[12]) / TICKS_PER_SECOND, children: (fields[13] + fields[14]) / TICKS_PER_SECOND }
}
