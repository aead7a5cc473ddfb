/** Hamlet's performance goals, as ratios to other servers in the same run. */
import { ratio } from './statistics.mjs'

const cpu = round => round.flood?.cpuSecondsPerMillion
const rate = round => round.flood?.answersPerSecond
const p50 = round => round.paced?.p50Us
const missCpu = round => round.misses?.cpuSecondsPerMillion
const missRate = round => round.misses?.answersPerSecond

const GOALS = [
  { who: 'hamlet-batch', than: 'echo', what: 'CPU per answer', measure: cpu, atMost: 1.2 },
  { who: 'hamlet-batch', than: 'knot', what: 'CPU per answer', measure: cpu, atMost: 1 },
  { who: 'hamlet-batch', than: 'nsd', what: 'CPU per answer', measure: cpu, atMost: 1 },
  { who: 'hamlet-batch', than: 'unbound', what: 'CPU per answer', measure: cpu, atMost: 0.8 },
  { who: 'hamlet-batch', than: 'dnsmasq', what: 'CPU per answer', measure: cpu, atMost: 0.65 },
  { who: 'hamlet-batch', than: 'coredns', what: 'CPU per answer', measure: cpu, atMost: 0.2 },
  { who: 'hamlet-batch', than: 'dnsmasq', what: 'answers per second', measure: rate, atLeast: 1.5 },
  { who: 'hamlet-batch', than: 'dnsmasq', what: 'p50 at 5,000 per second', measure: p50, atMost: 1.5 },
  { who: 'hamlet-dgram', than: 'node-echo', what: 'answers per second', measure: rate, atLeast: 0.9 },
  { who: 'hamlet-dgram', than: 'coredns', what: 'answers per second', measure: rate, atLeast: 1.5 },
  ...['dnsmasq', 'coredns'].flatMap(than => [
    { who: 'hamlet-batch', than, what: 'cache misses per second', measure: missRate, atLeast: 1 },
    { who: 'hamlet-batch', than, what: 'CPU per cache miss', measure: missCpu, atMost: 1 },
  ]),
]

/**
 * @param results from bench.mjs: server name → its rounds
 * @returns for each goal its text, the measured ratio (undefined: not measured), and whether it is met
 */
export function judge(results) {
  return GOALS.map(({ who, than, what, measure, atMost, atLeast }) => {
    const measured = results[who] === undefined || results[than] === undefined ? NaN : ratio(results[who].rounds, results[than].rounds, measure)
    const bound = atMost === undefined ? `≥ ${atLeast}` : `≤ ${atMost}`
    const met = atMost === undefined ? measured >= atLeast : measured <= atMost
    return { goal: `${who}: ${what} ${bound} × ${than}`, ratio: Number.isNaN(measured) ? undefined : measured, met }
  })
}
