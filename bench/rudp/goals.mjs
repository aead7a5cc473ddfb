/** RUDP's goals: figures of its own, and ratios to peers of the same run. Medians of the runs unless stated. */
import { median, ratio } from '../dns/statistics.mjs'
import { TRANSFERS } from './cases.mjs'
import { valuesOf } from './statistics.mjs'

const WIRE_BYTES_MAX = 1.06
const ACKS_MAX = 0.025
const LOSSY = ['loss1', 'loss5', 'loss10', 'burst', 'fast1', 'slow']

const shareAtLeast = (name, atLeast) => ({ what: `${titleOf(name)}: share of the link`, measure: ({ transfers }) => middle(transfers[name]?.rudp, each => each.share), atLeast })
const page = (name, title, of, atMost) => ({ what: `${title}, round trips`, measure: ({ pages }) => middle(pages[name]?.rudp, of), atMost })
const titleOf = name => TRANSFERS.find(transfer => transfer.name === name).title
const middle = (rounds, measure) => median(valuesOf(rounds ?? [], measure))
const worst = values => values.filter(value => !Number.isNaN(value)).reduce((most, value) => Math.max(most, value), -Infinity)
const against = (peer, results, measure, name = 'rudp') => ratio(results?.[name] ?? [], results?.[peer] ?? [], measure)
const weaker = pair => ({ fairness }) => middle(fairness[pair], each => each.weaker)
const perCpuSecond = each => each.gigabitsPerCpuSecond

const GOALS = [
  shareAtLeast('clean', 0.93), shareAtLeast('quarter', 0.88), shareAtLeast('reorder', 0.92), shareAtLeast('fast', 0.93),
  ...LOSSY.map(name => ({ what: `${titleOf(name)}: × TCP bbr`, measure: ({ transfers }) => against('tcp-bbr', transfers[name], each => each.share), atLeast: 1 })),
  {
    what: 'IP bytes sent per byte delivered, × (1 − loss), in the worst case', atMost: WIRE_BYTES_MAX,
    measure: ({ transfers }) => worst(TRANSFERS.map(({ name, loss }) => middle(transfers[name]?.rudp, each => each.wire) * (1 - loss))),
  },
  { what: 'acknowledgments: IP bytes per byte delivered, in the worst case', atMost: ACKS_MAX, measure: ({ transfers }) => worst(TRANSFERS.map(({ name }) => middle(transfers[name]?.rudp, each => each.acks))) },
  { what: `${titleOf('four')}: ms in the queue, median`, atMost: 10, measure: ({ transfers }) => middle(transfers.four?.rudp, each => each.queueMs.p50) },
  page('page', 'page of 30 KB, new connection', each => each.median, 2.3), page('page-again', 'page, return visit', each => each.median, 1.3),
  page('page-loss5', 'page at loss 5 %', each => each.median, 3.2), page('page-loss5', 'page at loss 5 %, 90th percentile', each => each.p90, 4.8),
  { what: 'with TCP cubic, RUDP second: share of the weaker flow', atLeast: 0.3, measure: weaker('tcp-cubic+rudp') },
  { what: 'with TCP cubic, RUDP first: share of the weaker flow', atLeast: 0.3, measure: weaker('rudp+tcp-cubic') },
  { what: 'two RUDP flows: Jain\'s index', atLeast: 0.92, measure: ({ fairness }) => middle(fairness['rudp+rudp'], each => each.jain) },
  { what: 'fraction of files intact after faults', atLeast: 1, measure: ({ faults }) => wholePart(Object.values(faults).flat()) },
  { what: '1 GB on this machine: Gbit per CPU second, × node:http alone', atLeast: 1.5, measure: ({ loopback }) => against('node-alone', loopback, perCpuSecond) },
  { what: '1 GB, × hamlet fetch over TCP', atLeast: 1.5, measure: ({ loopback }) => against('node-tcp', loopback, perCpuSecond) },
  { what: '1 GB, × quic-go', atLeast: 4, measure: ({ loopback }) => against('quic', loopback, perCpuSecond) },
  { what: '1 GB without the add-on, × node:http alone', atLeast: 0.7, measure: ({ loopback }) => against('node-alone', loopback, perCpuSecond, 'rudp-dgram') },
  { what: '1 GB without the add-on, × hamlet fetch over TCP', atLeast: 0.7, measure: ({ loopback }) => against('node-tcp', loopback, perCpuSecond, 'rudp-dgram') },
]

function wholePart(files) {
  return files.length === 0 ? NaN : files.filter(({ isWhole }) => isWhole).length / files.length
}

/**
 * @param results what bench.mjs measured
 * @returns for each goal its text, the measured number (undefined: not measured), and whether it is met
 */
export function judge(results) {
  return GOALS.map(({ what, measure, atLeast, atMost }) => {
    const measured = measure(results)
    const isMeasured = Number.isFinite(measured) || (measured === Infinity && atMost !== undefined) // a page that never arrived
    return { goal: `${what} ${atMost === undefined ? `≥ ${atLeast}` : `≤ ${atMost}`}`, measured: isMeasured ? measured : undefined, met: atMost === undefined ? measured >= atLeast : measured <= atMost }
  })
}
