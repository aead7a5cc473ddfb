/** Checks that `hamlet fetch` delivers a file intact over a faulty link: same SHA-256, within a time limit. */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { hamletFetch, rudpUrl } from './peers.mjs'
import { serve } from './transfer.mjs'

/** Over a healthy link the file takes about 4.5 s. */
const DONE_WITHIN_MS = 60_000

/** @returns whether the file is intact, how long that took, and what went wrong */
export async function fetchThroughFaults(rig, peer, { phases }, { seed }) {
  const network = await rig.openNetwork()
  const place = { address: network.serverAddress, site: rig.site }
  const server = await serve(rig, network, peer, place)
  await network.begin(phases[0].link.keys, seed)
  const path = join(rig.folder, 'file')
  const client = rig.start(network.onClient([...hamletFetch(rudpUrl(place, 'file')), '--output', path]))
  await network.flow(1)
  const startedAtMs = performance.now()
  const ended = client.ends(DONE_WITHIN_MS)
  for (const { afterMs, link } of phases.slice(1)) {
    await sleep(afterMs)
    await network.set(link.keys)
  }
  const status = await ended
  const seconds = (performance.now() - startedAtMs) / 1000
  const { all } = await network.report()
  await client.stop()
  await server.stop()
  rig.closeNetwork(network)
  const isWhole = status === 0 && sha256(readFileSync(path)) === sha256(rig.file)
  const { corrupted, duplicated, reordered, lost } = all.down
  return { isWhole, seconds, happened: { corrupted, duplicated, reordered, lost }, ...(isWhole ? {} : { trouble: status === undefined ? 'timed out' : client.words.trim() }) }
}

const sha256 = bytes => createHash('sha256').update(bytes).digest('hex')
