/** Formats the numbers as tables for a terminal. */
import { median } from '../dns/statistics.mjs'
import { PAGES, TRANSFERS } from './cases.mjs'
import { valuesOf } from './statistics.mjs'

/** @param results as in bench.mjs. @param verdicts as judge() in goals.mjs returns them */
export function tables(results, verdicts) {
  const { transfers, pages, fairness, faults, loopback } = results
  const all = [transfersTable(transfers), pagesTable(pages), fairnessTable(fairness), faultsTable(faults), loopbackTable(loopback), goalsTable(verdicts), troubles(results)]
  return all.filter(text => text !== '').join('\n')
}

function transfersTable(transfers) {
  const names = [...new Set(Object.values(transfers).flatMap(Object.keys))]
  const rows = TRANSFERS.filter(({ name }) => transfers[name] !== undefined).map(({ name, title }) => [title, ...names.map(peer => {
    const rounds = transfers[name][peer] ?? []
    const shares = valuesOf(rounds, each => each.share)
    if (shares.length === 0) return rounds.length === 0 ? '' : 'failed'
    return `${spread(shares)} ×${median(valuesOf(rounds, each => each.wire)).toFixed(2)} q ${median(valuesOf(rounds, each => each.queueMs.p50)).toFixed(0)}`
  })])
  return table(['share of the link, × IP bytes sent, q: ms in the queue, p50', ...names], rows)
}

function pagesTable(pages) {
  const rows = PAGES.flatMap(({ name, title }) => Object.entries(pages[name] ?? {}).map(([peer, rounds]) => {
    const lost = valuesOf(rounds, each => each.lost).reduce((sum, each) => sum + each, 0)
    return [`${title}: ${peer}`, spread(valuesOf(rounds, each => each.median), 2), spread(valuesOf(rounds, each => each.p90), 2), String(lost)]
  }))
  return table(['page of 30 KB, round trips', 'median', '90th percentile', 'failed'], rows)
}

function fairnessTable(fairness) {
  const rows = Object.entries(fairness).map(([pair, rounds]) => [
    pair, ...[0, 1].map(number => spread(valuesOf(rounds, each => each.shares?.[number]))), spread(valuesOf(rounds, each => each.jain)), median(valuesOf(rounds, each => each.queueMs?.p50)).toFixed(0),
  ])
  return table(['two on one link', 'share of the first', 'of the second', 'Jain', 'queue ms'], rows)
}

function faultsTable(faults) {
  const rows = Object.entries(faults).map(([name, rounds]) => [name, `${rounds.filter(({ isWhole }) => isWhole).length} of ${rounds.length}`, median(valuesOf(rounds, each => each.seconds)).toFixed(1)])
  return table(['10 MB over a faulty link', 'intact', 'seconds'], rows)
}

function loopbackTable(loopback) {
  const rows = Object.entries(loopback).map(([name, rounds]) => [
    name, spread(valuesOf(rounds, each => each.gigabitsPerSecond), 2), spread(valuesOf(rounds, each => each.gigabitsPerCpuSecond), 2),
    ...['serverSeconds', 'clientSeconds'].map(end => median(valuesOf(rounds, each => each[end])).toFixed(2)),
  ])
  return table(['1 GB on this machine', 'Gbit/s', 'Gbit per CPU second', 'CPU s of the server', 'of the client'], rows)
}

function goalsTable(verdicts) {
  const known = verdicts.filter(({ measured }) => measured !== undefined)
  const open = verdicts.length - known.length
  return `${table(['goal', 'measured', ''], known.map(({ goal, measured, met }) => [goal, measured.toFixed(3), met ? 'met' : 'NOT MET']))}${open === 0 ? '' : `${open} of ${verdicts.length} goals were not measured.\n`}`
}

/** What went wrong, how many measurements the emulator spoiled, and how busy the machine was. */
function troubles(results) {
  const all = Object.entries(results).flatMap(([part, cases]) => Object.entries(cases).flatMap(([name, measured]) => (
    Array.isArray(measured) ? [[`${part} ${name}`, measured]] : Object.entries(measured).map(([peer, rounds]) => [`${part} ${name} ${peer}`, rounds])
  )))
  const failures = all.flatMap(([name, rounds]) => rounds.filter(({ trouble }) => trouble !== undefined).map(({ trouble }) => `${name}: ${trouble}\n`))
  const late = all.flatMap(([, rounds]) => rounds.filter(({ isClean }) => isClean === false)).length
  const loads = all.flatMap(([, rounds]) => valuesOf(rounds, each => each.load))
  return `${failures.join('')}The emulator was ${late === 0 ? 'on time in every measurement' : `late in ${late} of the measurements that count`}. Load average: ${spread(loads, 1)}.\n`
}

/** The median; also minimum and maximum if they differ as displayed. */
function spread(values, digits = 3) {
  if (values.length === 0) return '-'
  const [middle, least, most] = [median(values), Math.min(...values), Math.max(...values)].map(value => value.toFixed(digits).replace(/^0/, ''))
  return least === most ? middle : `${middle} (${least}–${most})`
}

/** Columns of text: the first flush left, the others flush right; '' for no rows. */
function table(heads, rows) {
  if (rows.length === 0) return ''
  const widths = heads.map((head, column) => Math.max(head.length, ...rows.map(row => row[column].length)))
  const line = cells => cells.map((cell, column) => column === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[column])).join('  ')
  return [line(heads), widths.map(width => '-'.repeat(width)).join('  '), ...rows.map(line), ''].join('\n')
}
