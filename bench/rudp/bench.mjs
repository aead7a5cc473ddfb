/**
 * `npm run bench:rudp`: RUDP beside the kernel's TCP, quic-go and kcp-go, over a link emulated between two network namespaces, in one
 * run. In each run every case has its turn, and within a case every peer, so that what else the machine does hits all alike. What was
 * measured while the emulator itself was late is measured again. docs/benchmarks.md tells how to read the numbers.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { cpus, loadavg, release } from 'node:os'
import { dirname } from 'node:path'
import { withLock } from '../../scripts/setup/lock.mjs'
import { at } from '../../scripts/setup/places.mjs'
import { prepareNodePackages } from '../../scripts/setup/prepare.mjs'
import { fail, say, SetupError } from '../../scripts/setup/say.mjs'
import { ensurePrograms } from '../../scripts/setup/system-packages.mjs'
import { FAIRNESS_LINK, NIGHTS, PAGES, PAIRS, TRANSFERS } from './cases.mjs'
import { outlive } from './correctness.mjs'
import { share } from './fairness.mjs'
import { judge } from './goals.mjs'
import { fetchGigabyte, loopbackPeers } from './loopback.mjs'
import { parseOptions, USAGE } from './options.mjs'
import { loadPages } from './pages.mjs'
import { preparePeers } from './peers.mjs'
import { tables } from './report.mjs'
import { Rig } from './rig.mjs'
import { checkItself } from './self.mjs'
import { transfer } from './transfer.mjs'

/** How often a measurement is made again because the emulator was late, each and all together: a run must end. */
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
  if (process.platform !== 'linux' || process.getuid() !== 0) throw new SetupError('the bench makes network namespaces: it needs Linux, and to be run as root')
  await prepareNodePackages()
  await withLock(() => ensurePrograms('bench'))
  await rig.prepare()
  const peers = await preparePeers()
  if (peers.quic === undefined) say('There is no Go, or its modules cannot be had: quic-go and kcp-go are left out.')
  if (options.cases.includes('self')) await checkEmulator()
  if (options.cases.every(name => name === 'self')) return
  const results = { transfers: {}, pages: {}, fairness: {}, nights: {}, loopback: {} }
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

/** Everything that has its turn in each run, in order. `into`: where in the results it belongs. */
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
    ...NIGHTS.filter(({ name }) => isAsked(name)).map(night => ({ label: `10 MB, ${night.title}`, into: ['nights', night.name], measure: seed => outlive(rig, peers.rudp, night, { seed }) })),
    ...present(Object.keys(loopback), loopback).map(name => ({ label: `1 GB on this machine, ${loopback[name].title}`, into: ['loopback', name], measure: () => fetchGigabyte(rig, loopback[name]) })),
  ]
}

/** A measurement; what fails is told and does not end the run. The same night, by its seed, for all peers of a run. */
async function measured(measure, run) {
  for (let attempt = 0; ; attempt++) {
    const result = await measure(run + 100 * attempt).catch(error => ({ trouble: error.message }))
    Object.assign(result, { load: loadavg()[0], attempts: attempt + 1 })
    await rig.tidy()
    if (result.trouble !== undefined) say(`  ${result.trouble}`)
    if (result.isClean !== false || attempt === AGAIN_MAX || againInAll === AGAIN_MAX_IN_ALL) return result
    say(`  the emulator was late (p99 ${result.lateMs.p99} ms): once more`)
    againInAll++
  }
}

/** @throws SetupError where the emulator does not do what it is asked to */
async function checkEmulator() {
  say('checking the emulator')
  const checks = await checkItself(rig)
  for (const { what, told, isMet } of checks) process.stdout.write(`${isMet ? 'right' : 'WRONG'}  ${what}: ${told}\n`)
  if (checks.some(({ isMet }) => !isMet)) throw new SetupError('the emulator does not do what it is asked to, or the machine is too busy to tell')
}

function report(results, options, peers) {
  const goals = judge(results)
  process.stdout.write(`\n${tables(results, goals)}`)
  const file = options.json ?? at('test-results', 'bench-rudp.json')
  mkdirSync(dirname(file), { recursive: true })
  const machine = { cpu: cpus()[0]?.model ?? '', cores: cpus().length, kernel: release() }
  const titles = Object.fromEntries(Object.values(peers).map(({ name, title }) => [name, title]))
  writeFileSync(file, `${JSON.stringify({ atMs: Date.now(), machine, peers: titles, options, results, goals }, undefined, 1)}\n`)
  say(`The numbers of every run are in ${file}`)
}
