/** How two flows share a link: the second begins one second after the first. */
import { setTimeout as sleep } from 'node:timers/promises'
import { wasOnTime } from './network.mjs'
import { serve, startFetch } from './transfer.mjs'

const SECOND_AFTER_MS = 1000

/**
 * @param seconds from the first packet of the second flow on
 * @returns the share of each from then on, and Jain's index of the two
 */
export async function share(rig, pair, link, { seconds, seed }) {
  const network = await rig.openNetwork()
  const places = pair.map((_, number) => ({ address: network.serverAddress, site: rig.site, number }))
  const servers = []
  for (const [number, peer] of pair.entries()) servers.push(await serve(rig, network, peer, places[number]))
  await network.begin(link.keys, seed)
  const first = startFetch(rig, network, pair[0], places[0])
  await network.flow(1)
  await sleep(SECOND_AFTER_MS)
  const second = startFetch(rig, network, pair[1], places[1])
  await network.flow(2)
  const before = first.bytes()
  await sleep(seconds * 1000)
  const bytes = [first.bytes() - before, second.bytes()]
  const report = await network.report()
  const trouble = [first.trouble(), second.trouble()].filter(words => words !== '').join('; ')
  for (const running of [first, second, ...servers]) await running.stop()
  rig.closeNetwork(network)
  const shares = bytes.map(each => each * 8 / seconds / (link.rateMbit * 1e6))
  const sum = shares.reduce((total, each) => total + each, 0)
  return {
    shares, weaker: Math.min(...shares), jain: sum ** 2 / (2 * shares.reduce((total, each) => total + each ** 2, 0)), queueMs: report.queueMs.down,
    lateMs: report.lateMs, isClean: wasOnTime(report, link), ...(trouble === '' ? {} : { trouble }),
  }
}
