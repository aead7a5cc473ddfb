/** Prints the results as tables, and compares them with the goals. */
import { median, ratio } from '../dns/statistics.mjs'

const CPU = { what: 'CPU per exchange', of: turn => turn.cpuPer1000 }
const RATE = { what: 'exchanges per second', of: turn => turn.perSecond }

/** If both servers answer at least this share of the load, their rates show the load and not the servers. */
const FULL_LOAD = 0.99

/** Hamlet's goals, each as a ratio to another server under one load. */
const GOALS = [
  { ...RATE, than: 'kea-1', load: 'max', atLeast: 2 },
  { ...RATE, than: 'kea-2', load: 'max', atLeast: 1.5 },
  { ...RATE, than: 'dnsmasq', load: 'max', atLeast: 12 },
  { ...RATE, than: 'kea-1', load: '8000', atLeast: 2 },
  { ...RATE, than: 'kea-2', load: '8000', atLeast: 1.5 },
  { ...RATE, than: 'dnsmasq', load: '8000', atLeast: 12 },
  { ...CPU, than: 'kea-1', load: 'max', atMost: 0.7 },
  { ...CPU, than: 'kea-1', load: '8000', atMost: 0.7 },
  { ...CPU, than: 'kea-1', load: '500', atMost: 2 },
]

/**
 * @param {Record<string, { title: string, syncs: string, turns: Record<string, number | string>[] }>} results by server
 * @param {string[]} loads `max`, or exchanges offered per second
 * @returns lines
 */
export function report(results, loads) {
  return [...loads.flatMap(load => ['', ...table(results, load)]), '', ...goals(results)]
}

function table(results, load) {
  const isMax = load === 'max'
  const delays = isMax ? ['p50 of an exchange, ms', 'lost or wrong'] : ['OFFER ms', 'ACK ms']
  const head = ['server', 'synced before the ACK', 'done/s', 'answered', 'CPU-s per 1,000', 'loader CPU-s per 1,000', ...delays]
  const rows = Object.values(results).map(({ title, syncs, turns }) => {
    const of = measured => median(turns.filter(turn => turn.load === load).map(measured))
    const last = isMax ? [of(turn => turn.p50Ms).toFixed(1), of(turn => turn.lost + turn.wrong).toFixed(0)] : [of(turn => turn.offerMs).toFixed(1), of(turn => turn.ackMs).toFixed(1)]
    return [title, syncs, of(RATE.of).toFixed(0), `${(of(turn => turn.answered) * 100).toFixed(1)} %`, of(CPU.of).toFixed(3), of(turn => turn.loaderPer1000).toFixed(3), ...last]
  })
  const title = isMax ? 'Maximum load' : `${load} exchanges per second offered`
  return [`${title}; medians of the rounds`, '', ...[head, head.map(() => '---'), ...rows].map(cells => `| ${cells.join(' | ')} |`)]
}

function goals(results) {
  return GOALS.flatMap(({ what, of, than, load, atLeast, atMost }) => {
    const [ours, theirs] = ['hamlet', than].map(name => (results[name]?.turns ?? []).filter(turn => turn.load === load))
    if (ours.length === 0 || theirs.length === 0) return []
    const found = ratio(ours, theirs, of)
    const met = atLeast === undefined ? found <= atMost : found >= atLeast
    const bothKeepUp = what === RATE.what && load !== 'max' && [ours, theirs].every(turns => median(turns.map(turn => turn.answered)) >= FULL_LOAD)
    const verdict = bothKeepUp ? 'undecided, both keep up with the load' : met ? 'met    ' : 'NOT met'
    const where = load === 'max' ? 'maximum load' : `${load} per second offered`
    return [`${verdict}  ${what}, ${where}: ${found.toFixed(2)} × ${results[than].title} (goal: ${atLeast === undefined ? `at most ${atMost}` : `at least ${atLeast}`})`]
  })
}
