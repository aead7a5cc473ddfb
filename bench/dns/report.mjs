/** Formats the results as tables for a terminal. */
import { median, ratio } from './statistics.mjs'

/** One line per server; latencies as ratios to the first. */
export function hotTable(results) {
  const [first] = Object.values(results)
  const rows = Object.values(results).map(({ title, version, rounds, residentMegabytes }) => {
    const floods = rounds.flatMap(({ flood }) => flood ?? [])
    return [
      `${title} ${version}`.trim(), ...bestAndMedian(floods.map(each => each.answersPerSecond)), ...bestAndMedian(rounds.flatMap(({ dnsperf }) => dnsperf?.answersPerSecond ?? [])),
      digits(median(floods.map(each => each.cpuSecondsPerMillion)), 2), digits(ratio(rounds, first.rounds, ({ flood }) => flood?.cpuSecondsPerMillion), 2),
      digits(ratio(rounds, first.rounds, ({ paced }) => paced?.p50Us), 2), digits(ratio(rounds, first.rounds, ({ paced }) => paced?.p99Us), 2),
      digits(median(floods.map(each => each.answerBytes)), 0), digits(residentMegabytes, 0), troubles(rounds.flatMap(({ flood, paced }) => [flood ?? [], paced ?? []].flat())),
    ]
  })
  return table(['1,000 hot names', 'q/s best', 'median', 'dnsperf best', 'median', 'CPU-s/M', 'ratio', 'p50 ratio', 'p99 ratio', 'bytes', 'RSS MB', 'wrong/lost'], rows)
}

export function missesTable(results) {
  const measured = Object.values(results).filter(({ rounds }) => rounds.some(({ misses }) => misses !== undefined))
  const rows = measured.map(({ title, version, rounds }) => {
    const misses = rounds.flatMap(round => round.misses ?? [])
    return [
      `${title} ${version}`.trim(), ...bestAndMedian(misses.map(each => each.answersPerSecond)), digits(median(misses.map(each => each.cpuSecondsPerMillion)), 2),
      digits(ratio(rounds, measured[0].rounds, round => round.misses?.cpuSecondsPerMillion), 2), troubles(misses),
    ]
  })
  return rows.length === 0 ? '' : table(['cache misses', 'q/s best', 'median', 'CPU-s/M', 'ratio', 'wrong/lost'], rows)
}

/** @param verdicts the result of `judge` in goals.mjs */
export function goalsTable(verdicts) {
  const rows = verdicts.map(({ goal, ratio: measured, met }) => [goal, measured === undefined ? '-' : digits(measured, 2), measured === undefined ? 'not measured' : met ? 'met' : 'NOT MET'])
  return table(['goal', 'measured', ''], rows)
}

const bestAndMedian = values => values.length === 0 ? ['-', '-'] : [Math.max(...values), median(values)].map(value => Math.round(value).toLocaleString('en'))
const digits = (value, count) => Number.isFinite(value) ? value.toFixed(count) : '-'

function troubles(measurements) {
  const sum = name => measurements.reduce((total, each) => total + each[name], 0)
  return `${sum('wrong')}/${sum('lost')}`
}

/** Aligns the first column left and the others right. */
function table(heads, rows) {
  const widths = heads.map((head, column) => Math.max(head.length, ...rows.map(row => row[column].length)))
  const line = cells => cells.map((cell, column) => column === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[column])).join('  ')
  return [line(heads), widths.map(width => '-'.repeat(width)).join('  '), ...rows.map(line), ''].join('\n')
}
