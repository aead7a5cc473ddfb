/** What Hamlet wants to reach, as ratios to servers of the same run. */
import { ratio } from './statistics.mjs'

const cpu = round => round.flood?.cpuSecondsPerMillion
const rate = round => round.flood?.answersPerSecond
const p50 = round => round.paced?.p50Us
const missCpu = round => round.misses?.cpuSecondsPerMillion
const missRate = round => round.misses?.answersPerSecond

const GOALS = [
  { who: 'hamlet-batch', than: 'echo', what: 'CPU an answer', measure: cpu, atMost: 1.2 },
  { who: 'hamlet-batch', than: 'knot', what: 'CPU an answer', measure: cpu, atMost: 1 },
  { who: 'hamlet-batch', than: 'nsd', what: 'CPU an answer', measure: cpu, atMost: 1 },
  { who: 'hamlet-batch', than: 'unbound', what: 'CPU an answer', measure: cpu, atMost: 0.8 },
  { who: 'hamlet-batch', than: 'dnsmasq', what: 'CPU an answer', measure: cpu, atMost: 0.65 },
  { who: 'hamlet-batch', than: 'coredns', what: 'CPU an answer', measure: cpu, atMost: 0.2 },
  { who: 'hamlet-batch', than: 'dnsmasq', what: 'answers a second', measure: rate, atLeast: 1.5 },
  { who: 'hamlet-batch', than: 'dnsmasq', what: 'p50 at 5,000 a second', measure: p50, atMost: 1.5 },
  { who: 'hamlet-dgram', than: 'node-echo', what: 'answers a second', measure: rate, atLeast: 0.9 },
  { who: 'hamlet-dgram', than: 'coredns', what: 'answers a second', measure: rate, atLeast: 1.5 },
  ...['dnsmasq', 'coredns'].flatMap(than => [
    { who: 'hamlet-batch', than, what: 'cache misses a second', measure: missRate, atLeast: 1 },
    { who: 'hamlet-batch', than, what: 'CPU a cache miss', measure: missCpu, atMost: 1 },
  ]),
]

/**
 * @param results what bench.mjs measured: name of the server → its rounds
 * @returns for each goal a text, the measured ratio (undefined: not measured), and whether it is met
 */
export function judge(results) {
  return GOALS.map(({ who, than, what, measure, atMost, atLeast }) => {
    const measured = results[who] === undefined || results[than] === undefined ? NaN : ratio(results[who].rounds, results[than].rounds, measure)
    const bound = atMost === undefined ? `≥ ${atLeast}` : `≤ ${atMost}`
    const met = atMost === undefined ? measured >= atLeast : measured <= atMost
    return { goal: `${who}: ${what} ${bound} × ${than}`, ratio: Number.isNaN(measured) ? undefined : measured, met }
  })
}
