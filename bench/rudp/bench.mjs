/**
 * `npm run bench:rudp`: compares RUDP with the kernel's TCP, quic-go and kcp-go over a link emulated between two network namespaces. In each
 * run every case has its turn, and within a case every peer, so that whatever else the machine does affects all of them. A measurement for
 * which the emulator itself was late is repeated. docs/benchmarks.md explains how to read the numbers.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { cpus, loadavg, release } from 'node:os'
import { dirname } from 'node:path'
import { withLock } from '../../scripts/setup/lock.mjs'
import { at } from '../../scripts/setup/places.mjs'
import { prepareNodePackages } from '../../scripts/setup/prepare.mjs'
import { fail, say, SetupError } from '../../scripts/setup/say.mjs'
import { ensurePrograms } from '../../scripts/setup/system-packages.mjs'
import { FAIRNESS_LINK, FAULTS, PAGES, PAIRS, TRANSFERS } from './cases.mjs'
import { fetchThroughFaults } from './correctness.mjs'
import { share } from './fairness.mjs'
import { judge } from './goals.mjs'
import { fetchGigabyte, loopbackPeers } from './loopback.mjs'
import { parseOptions, USAGE } from './options.mjs'
import { loadPages } from './pages.mjs'
import { preparePeers } from './peers.mjs'
import { tables } from './report.mjs'
import { Rig } from './rig.mjs'
import { checkItself } from './self-check.mjs'
import { transfer } from './transfer.mjs'

/** How often a measurement is repeated because the emulator was late, individually and in all: a run must end. */
const AGAIN_MAX = 2
const AGAIN_MAX_IN_ALL = 40
const FAIRNESS_SECONDS = 13

const rig = new Rig()
let againInAll = 0
for (const [signal, status] of [['SIGINT', 130], ['SIGTERM', 143], ['SIGHUP', 129]]) process.once(signal, () => process.exit(status))
process.once('exit', () => rig.close())
await main(process.argv.slice(2)).catch(fail)
process.exit()

async function main(argv) {
  const options = parseOptions(argv)
  if (options.help) return void process.stdout.write(USAGE)
  if (process.platform !== 'linux' || process.getuid() !== 0) throw new SetupError('the benchmark creates network namespaces: run it on Linux, as root')
  await prepareNodePackages()
  await withLock(() => ensurePrograms('bench'))
  await rig.prepare()
  const peers = await preparePeers()
  if (peers.quic === undefined) say('Go or its modules are not available: leaving out quic-go and kcp-go.')
  if (options.cases.includes('self')) await checkEmulator()
  if (options.cases.every(name => name === 'self')) return
  const results = { transfers: {}, pages: {}, fairness: {}, faults: {}, loopback: {} }
  for (let run = 1; run <= options.runs; run++) {
    for (const { label, into, measure } of turns(options, peers)) {
      say(`run ${run} of ${options.runs}, load ${loadavg()[0].toFixed(1)}: ${label}`)
      const [part, name, peer] = into
      const rounds = peer === undefined ? results[part][name] ??= [] : (results[part][name] ??= {})[peer] ??= []
      rounds.push(await measured(measure, run))
    }
  }
  report(results, options, peers)
}

/** Everything that is measured in each run, in order. `into`: its place in the results. */
function turns({ cases, peers: asked, seconds }, peers) {
  const isAsked = name => cases.includes(name)
  const present = (names, known) => (asked ?? names).filter(name => known[name] !== undefined)
  const loopback = isAsked('loopback') ? loopbackPeers(rig, peers) : {}
  const pairs = isAsked('fairness') ? PAIRS.filter(pair => pair.every(name => peers[name] !== undefined && (asked ?? pair).includes(name))) : []
  return [
    ...TRANSFERS.filter(({ name }) => isAsked(name)).flatMap(each => present(each.peers, peers).map(name => (
      { label: `${each.title}, ${name}`, into: ['transfers', each.name, name], measure: seed => transfer(rig, peers[name], each.link, { seconds: seconds ?? each.seconds, seed }) }
    ))),
    ...PAGES.filter(({ name }) => isAsked(name)).flatMap(each => present(each.peers, peers).filter(name => each.visited !== true || each.peers.includes(name)).map(name => (
      { label: `pages, ${each.title}, ${name}`, into: ['pages', each.name, name], measure: seed => loadPages(rig, peers[name], each, { seed }) }
    ))),
    ...pairs.map(pair => (
      { label: `two on one link, ${pair.join(', then ')}`, into: ['fairness', pair.join('+')], measure: seed => share(rig, pair.map(name => peers[name]), FAIRNESS_LINK, { seconds: FAIRNESS_SECONDS, seed }) }
    )),
    ...FAULTS.filter(({ name }) => isAsked(name)).map(fault => ({ label: `10 MB, ${fault.title}`, into: ['faults', fault.name], measure: seed => fetchThroughFaults(rig, peers.rudp, fault, { seed }) })),
    ...present(Object.keys(loopback), loopback).map(name => ({ label: `1 GB on this machine, ${loopback[name].title}`, into: ['loopback', name], measure: () => fetchGigabyte(rig, loopback[name]) })),
  ]
}

/** Runs a measurement; a failure is reported and does not end the run. All peers of a run get the same seed. */
async function measured(measure, run) {
  for (let attempt = 0; ; attempt++) {
    const result = await measure(run + 100 * attempt).catch(error => ({ trouble: error.message }))
    Object.assign(result, { load: loadavg()[0], attempts: attempt + 1 })
    await rig.tidy()
    if (result.trouble !== undefined) say(`  ${result.trouble}`)
    if (result.isClean !== false || attempt === AGAIN_MAX || againInAll === AGAIN_MAX_IN_ALL) return result
    say(`  the emulator was late (p99 ${result.lateMs.p99} ms): repeating`)
    againInAll++
  }
}

/** @throws SetupError if the emulator does not do what it is asked to */
async function checkEmulator() {
  say('checking the emulator')
  const checks = await checkItself(rig)
  for (const { what, measured: values, isMet } of checks) process.stdout.write(`${isMet ? 'right' : 'WRONG'}  ${what}: ${values}\n`)
  if (checks.some(({ isMet }) => !isMet)) throw new SetupError('the emulator does not do what it is asked to, or the machine is too busy to check')
}

function report(results, options, peers) {
  const goals = judge(results)
  process.stdout.write(`\n${tables(results, goals)}`)
  const file = options.json ?? at('test-results', 'bench-rudp.json')
  mkdirSync(dirname(file), { recursive: true })
  const machine = { cpu: cpus()[0]?.model ?? '', cores: cpus().length, kernel: release() }
  const titles = Object.fromEntries(Object.values(peers).map(({ name, title }) => [name, title]))
  writeFileSync(file, `${JSON.stringify({ atMs: Date.now(), machine, peers: titles, options, results, goals }, undefined, 1)}\n`)
  say(`All numbers of every run are in ${file}`)
}
