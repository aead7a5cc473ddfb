/**
 * `npm run bench:dhcp`: compares `hamlet dhcp` with other DHCP servers in one run on one machine. All servers are up
 * the whole time, and idle except in their turn. Turns go A B C … A B C …, so that other activity on the machine
 * affects all alike.
 *
 * An exchange is DISCOVER, OFFER, REQUEST, ACK by a client that is new in that turn, or with --leases by one that has a
 * lease. Kea never syncs its leases to disk: after a power failure, those acknowledged since the system last wrote its
 * cache are lost. The others sync before the ACK.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { at } from '../../scripts/setup/places.mjs'
import { say, SetupError } from '../../scripts/setup/say.mjs'
import { LEASED_FIRST_MAC } from './leases.mjs'
import { flood, paced, WINDOWS } from './loaders.mjs'
import { closeAll, inNamespace, openLoader, openLink } from './network.mjs'
import { report } from './report.mjs'
import { restart } from './restart.mjs'
import { servers } from './servers.mjs'

const ALL = servers.map(({ name }) => name).join(',')
const USAGE = `npm run bench:dhcp -- [--servers ${ALL}] [--loads max,8000,500] [--seconds 4] [--rounds 3] [--leases 0]
  --loads     max: as many exchanges as the server can answer, by our own loader; a number: so many per second, by perfdhcp
  --leases N  start each server with N leases in its file, and let their clients come back
`
/** The unit of CPU time in /proc: the kernel's USER_HZ, 100 on every Linux. */
const TICKS_PER_SECOND = 100
/** The size of a pool, and the fewest exchanges that make a turn worthwhile. */
const POOL_SIZE = 261_000
const EXCHANGES_MIN = 1000
const RESTART_LEASES = 200_000
const RESTART_SECONDS_MAX = 2

const folder = mkdtempSync(join(tmpdir(), 'hamlet-bench-'))
const running = []
await main().finally(cleanUp)

async function cleanUp() {
  for (const { child, closed } of running) {
    child.kill('SIGTERM')
    await closed
  }
  closeAll()
  rmSync(folder, { recursive: true })
}

async function main() {
  const { values } = parseArgs({ options: {
    servers: { type: 'string', default: ALL }, loads: { type: 'string', default: 'max,8000,500' }, seconds: { type: 'string', default: '4' },
    rounds: { type: 'string', default: '3' }, leases: { type: 'string', default: '0' }, help: { type: 'boolean' },
  } })
  if (values.help) return void process.stdout.write(USAGE)
  const [loads, seconds, rounds, leases] = [values.loads.split(','), ...[values.seconds, values.rounds, values.leases].map(Number)]
  const exchangesMax = leases > 0 ? Infinity : exchangesOfFlood(loads, seconds, rounds)
  if (exchangesMax < EXCHANGES_MIN) throw new SetupError('the pool is too small for so many rounds, seconds and exchanges: choose fewer')
  openLoader()
  const started = []
  for (const [number, server] of servers.filter(({ name }) => values.servers.split(',').includes(name)).entries()) {
    if (leases > (server.leasesMax ?? Infinity)) say(`${server.name} is left out: it cannot handle so many leases`)
    else started.push(await start(number, server, leases))
  }
  const results = Object.fromEntries(started.map(({ name, title, syncs }) => [name, { title, syncs, turns: [] }]))
  let turn = 0
  for (let round = 0; round <= rounds; round++) {
    for (const load of loads) {
      for (const one of started) {
        say(`${round === 0 ? 'warming up' : `round ${round} of ${rounds}`}: ${one.name}, ${load === 'max' ? 'maximum load' : `${load} per second`}`)
        const measured = await (load === 'max' ? measureMax : measurePaced)(one, seconds, () => clientsOf(++turn, leases), load === 'max' ? exchangesMax : Number(load))
        if (round > 0) results[one.name].turns.push({ load, ...measured })
      }
    }
  }
  process.stdout.write(`${report(results, loads).join('\n')}\n`)
  keep(results)
  const { seconds: took, cpuSeconds: cpu } = await restart(join(folder, 'restart'), RESTART_LEASES)
  process.stdout.write(`${took < RESTART_SECONDS_MAX ? 'met    ' : 'NOT met'}  ready again with ${RESTART_LEASES} leases after ${took.toFixed(2)} s, ${cpu.toFixed(2)} s of CPU (goal: under ${RESTART_SECONDS_MAX} s)\n`)
}

/** Each turn uses new clients, which must all fit into the pool. */
function exchangesOfFlood(loads, seconds, rounds) {
  const paced = loads.filter(load => load !== 'max').reduce((sum, rate) => sum + Number(rate) * seconds, 0)
  return Math.floor((POOL_SIZE / (rounds + 1) - paced) / WINDOWS.length)
}

function clientsOf(turn, leases) {
  if (leases > 0) return { firstMac: LEASED_FIRST_MAC, count: leases }
  return { firstMac: `02:${turn.toString(16).padStart(4, '0').match(/../g).join(':')}:00:00:00` }
}

async function start(number, { name, title, syncs, launch }, leases) {
  const link = openLink(number)
  const place = { ...link, folder: join(folder, name), leases }
  mkdirSync(place.folder)
  const { argv, ready } = launch(place)
  const [command, ...args] = inNamespace(link.namespace, argv)
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  const closed = once(child, 'close')
  running.push({ child, closed })
  let output = ''
  await new Promise((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr]) stream.on('data', chunk => {
      output = (output + chunk).slice(-2000)
      if (ready.test(output)) resolve()
    })
    void closed.then(() => reject(new Error(`${title} ended: ${output}`)))
  })
  return { name, title, syncs, link, pid: child.pid }
}

async function measurePaced(one, seconds, nextClients, rate) {
  return withCosts(one, () => paced(one.link, nextClients(), seconds, rate))
}

async function measureMax(one, seconds, nextClients, exchangesMax) {
  const tries = []
  for (const window of WINDOWS) tries.push(await withCosts(one, () => flood(one.link, nextClients(), seconds, exchangesMax, window)))
  return tries.reduce((best, next) => next.perSecond > best.perSecond ? next : best)
}

async function withCosts({ pid }, load) {
  const before = cpuSeconds(pid)
  const { acks, loaderSeconds, ...measured } = await load()
  return { ...measured, cpuPer1000: (cpuSeconds(pid) - before) / acks * 1000, loaderPer1000: loaderSeconds / acks * 1000 }
}

/** User and system time of the process and its descendants so far. */
function cpuSeconds(root) {
  const all = readdirSync('/proc').filter(name => /^\d+$/.test(name)).flatMap(pid => {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
      return [{ pid: Number(pid), fields: stat.slice(stat.lastIndexOf(')') + 2).split(' ') }]
    } catch {
      return [] // It has ended.
    }
  })
  const members = all.filter(({ pid }) => pid === root)
  for (const member of members) members.push(...all.filter(({ fields }) => Number(fields[1]) === member.pid))
  return members.reduce((sum, { fields }) => sum + Number(fields[11]) + Number(fields[12]), 0) / TICKS_PER_SECOND
}

function keep(results) {
  const file = at('test-results', 'bench-dhcp.json')
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, `${JSON.stringify(results, undefined, 2)}\n`)
}
