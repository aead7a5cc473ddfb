/** How much of a link a peer gets: one endless body, measured from the first packet on for a fixed time. */
import { closeSync, fstatSync, openSync, unlinkSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { SetupError } from '../../scripts/setup/say.mjs'
import { wasOnTime } from './network.mjs'

/** The queue is measured from here on: before, every sender is still finding out how much fits. */
const SETTLED_AFTER_MS = 2000
const WARM_WITHIN_MS = 20_000

/**
 * @returns share: bytes of the body that arrived, as a fraction of what the link could carry (IP headers included: .965 is the most);
 *   wire: IP bytes that the server sent per byte of body, without those still in flight; acks: IP bytes that the client sent per byte;
 *   queueMs: how long packets waited at the bottleneck towards the client; lateMs: how late the emulator was
 */
export async function transfer(rig, peer, link, { seconds, seed }) {
  const network = await rig.openNetwork()
  const place = { address: network.serverAddress, site: rig.site }
  const server = await serve(rig, network, peer, place)
  await network.begin(link.keys, seed)
  const client = startFetch(rig, network, peer, place)
  await network.flow(1)
  const startedAtMs = performance.now()
  await sleep(SETTLED_AFTER_MS)
  await network.settle()
  if (peer.tcp !== undefined) checkAlgorithm(network, peer.tcp)
  await sleep(startedAtMs + seconds * 1000 - performance.now())
  const bytes = client.bytes()
  const report = await network.report()
  const trouble = client.trouble()
  await client.stop()
  await server.stop()
  rig.closeNetwork(network)
  const { up, down } = report.all
  return {
    share: bytes * 8 / seconds / (link.rateMbit * 1e6), wire: (down.bytes - down.onTheWayBytes) / bytes, acks: up.bytes / bytes, queueMs: report.queueMs.down, dropped: down.dropped / down.packets,
    lateMs: report.lateMs, isClean: wasOnTime(report, link), ...(trouble === '' ? {} : { trouble }),
  }
}

/** Starts the peer's server at the server's end of the network, and warms it up with one fetch over a perfect link. @throws SetupError */
export async function serve(rig, network, peer, place) {
  if (peer.tcp !== undefined) network.useTcp(peer.tcp)
  const { argv, ready } = peer.serve(place)
  const server = rig.start(network.onServer(argv))
  await server.says(ready)
  const client = rig.start(network.onClient(peer.fetch(place, 'file')), 'ignore')
  if (await client.ends(WARM_WITHIN_MS) !== 0) throw new SetupError(`${peer.title} could not fetch a file over a perfect link: ${client.words.trim() || 'timed out'}`)
  return server
}

/** Fetches the endless file at the client's end. Its body goes into a file, whose length shows the progress. */
export function startFetch(rig, network, peer, place) {
  const path = join(rig.folder, `body-${place.number ?? 0}`)
  const file = openSync(path, 'w')
  const client = rig.start(network.onClient(peer.fetch(place, 'endless')), file)
  return {
    bytes: () => fstatSync(file).size,
    /** The end of its output if it exited early; else ''. */
    trouble: () => client.hasEnded ? client.words.trim() || 'ended early' : '',
    async stop() {
      await client.stop()
      closeSync(file)
      unlinkSync(path)
    },
  }
}

/** @throws SetupError if the kernel uses another algorithm: its default is not the same everywhere */
function checkAlgorithm(network, algorithm) {
  const sockets = network.tcpSockets()
  if (!new RegExp(`\\b${algorithm}\\b`).test(sockets)) throw new SetupError(`the kernel does not use ${algorithm} here: ${sockets.trim()}`)
}
