/** How long a page of 30 KB takes on a new connection, in round trips of the link. */
import { SetupError } from '../../scripts/setup/say.mjs'
import { keepAwake } from './awake.mjs'
import { wasOnTime } from './network.mjs'
import { percentile } from './statistics.mjs'
import { serve } from './transfer.mjs'

/** Pages loaded before those that count, so that the programs are warm, as a server and a gateway in use are. */
const WARM_UP = 16
const MEASURED_WITHIN_MS = 180_000

/**
 * @returns median and 90th percentile of the pages, in round trips; `lost`: how many failed
 */
export async function loadPages(rig, peer, { link, count, visited = false, awake = false }, { seed }) {
  const network = await rig.openNetwork()
  const place = { address: network.serverAddress, site: rig.site }
  const server = await serve(rig, network, peer, place)
  await network.begin(link.keys, seed)
  const loops = awake ? keepAwake(rig) : []
  const client = rig.start(network.onClient(peer.pages(place, WARM_UP + count, visited)))
  const status = await client.ends(MEASURED_WITHIN_MS)
  if (status !== 0) throw new SetupError(`${peer.title} could not load the pages: ${client.words.trim() || 'timed out'}`)
  const report = await network.report()
  await Promise.all([server, ...loops].map(running => running.stop()))
  rig.closeNetwork(network)
  const roundTrips = peer.parsePages(client.stdout).slice(WARM_UP).map(ms => ms === null ? Infinity : ms / link.rttMs)
  return {
    median: percentile(roundTrips, 0.5), p90: percentile(roundTrips, 0.9), lost: roundTrips.filter(each => each === Infinity).length, roundTrips,
    lateMs: report.lateMs, isClean: wasOnTime(report, link),
  }
}
