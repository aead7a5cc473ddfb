/**
 * `npm run bench:dhcp`: hamlet dhcp beside other DHCP servers, in one run on one machine. All servers are up the whole time and
 * idle but for the one whose turn it is; turns go A B C … A B C …, so that what else the machine does hits all alike. Each
 * exchange is DISCOVER, OFFER, REQUEST, ACK of a client that is new in that turn. Kea never syncs its leases to disk: what it
 * has acknowledged since the system last wrote its cache is gone after a loss of power. The others sync before the ACK.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { at } from '../../scripts/setup/places.mjs'
import { say } from '../../scripts/setup/say.mjs'
import { closeAll, inNamespace, openLoader, openWire } from './network.mjs'
import { offer } from './perfdhcp.mjs'
import { restart } from './restart.mjs'
import { servers } from './servers.mjs'

const USAGE = `npm run bench:dhcp -- [--servers ${servers.map(({ name }) => name).join(',')}] [--rates 8000,500] [--seconds 4] [--rounds 3] [--leases 0]
  --leases N   first N leases are lent by each server, dnsmasq excepted, which would take hours
`
/** What /proc counts CPU time in: the kernel's USER_HZ, 100 on every Linux. */
const TICKS_PER_SECOND = 100
const PRELOAD_RATE = 3000
const RESTART_LEASES = 200_000
const RESTART_SECONDS_MAX = 2

/** Clients of one turn have hardware addresses that no other turn has. */
const macOf = turn => `02:${turn.toString(16).padStart(4, '0').match(/../g).join(':')}:00:00:00`

const GOALS = [
  { than: 'kea-1', rate: 8000, what: 'exchanges a second', of: turn => turn.perSecond, atLeast: 2 },
  { than: 'kea-2', rate: 8000, what: 'exchanges a second', of: turn => turn.perSecond, atLeast: 1.5 },
  { than: 'dnsmasq', rate: 8000, what: 'exchanges a second', of: turn => turn.perSecond, atLeast: 12 },
  { than: 'kea-1', rate: 8000, what: 'CPU an exchange', of: turn => turn.cpuPer1000, atMost: 0.7 },
  { than: 'kea-1', rate: 500, what: 'CPU an exchange', of: turn => turn.cpuPer1000, atMost: 2 },
]

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
    servers: { type: 'string', default: servers.map(({ name }) => name).join(',') }, rates: { type: 'string', default: '8000,500' }, seconds: { type: 'string', default: '4' },
    rounds: { type: 'string', default: '3' }, leases: { type: 'string', default: '0' }, help: { type: 'boolean' },
  } })
  if (values.help) return void process.stdout.write(USAGE)
  const rates = values.rates.split(',').map(Number)
  openLoader()
  const started = []
  for (const [number, server] of servers.filter(({ name }) => values.servers.split(',').includes(name)).entries()) started.push(await start(number, server))
  if (Number(values.leases) > 0) for (const one of started.filter(({ name }) => name !== 'dnsmasq')) await preload(one, Number(values.leases))
  const results = Object.fromEntries(started.map(({ name, title, syncs }) => [name, { title, syncs, turns: [] }]))
  let turn = 0
  for (let round = 0; round <= Number(values.rounds); round++) {
    for (const rate of rates) {
      for (const one of started) {
        say(`${round === 0 ? 'warming up' : `round ${round} of ${values.rounds}`}: ${one.name} at ${rate} a second`)
        const measured = await measure(one, rate, Number(values.seconds), ++turn)
        if (round > 0) results[one.name].turns.push({ rate, ...measured })
      }
    }
  }
  report(results, rates)
  const { seconds, cpuSeconds: cpu } = await restart(join(folder, 'restart'), RESTART_LEASES)
  process.stdout.write(`${seconds < RESTART_SECONDS_MAX ? 'met    ' : 'NOT met'}  ready again with ${RESTART_LEASES} leases after ${seconds.toFixed(2)} s, ${cpu.toFixed(2)} s of CPU (goal: under ${RESTART_SECONDS_MAX} s)\n`)
}

async function start(number, { name, title, syncs, launch }) {
  const wire = openWire(number)
  const place = { ...wire, folder: join(folder, name) }
  mkdirSync(place.folder)
  const { argv, ready } = launch(place)
  const [command, ...args] = inNamespace(wire.namespace, argv)
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  const closed = once(child, 'close')
  running.push({ child, closed })
  let words = ''
  await new Promise((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr]) stream.on('data', chunk => {
      words = (words + chunk).slice(-2000)
      if (ready.test(words)) resolve()
    })
    void closed.then(() => reject(new Error(`${title} ended: ${words}`)))
  })
  return { name, title, syncs, wire, pid: child.pid }
}

async function measure({ wire, pid }, rate, seconds, turn) {
  const before = cpuSeconds(pid)
  const { discovers, offers, acks, offerMs, ackMs } = await offer(wire, { rate, seconds, clients: rate * seconds * 2, firstMac: macOf(turn) })
  return { perSecond: acks / seconds, answered: acks / discovers, offers, cpuPer1000: (cpuSeconds(pid) - before) / acks * 1000, offerMs, ackMs }
}

async function preload(one, leases) {
  say(`${one.name} lends ${leases} addresses first`)
  await offer(one.wire, { rate: PRELOAD_RATE, seconds: Math.ceil(leases / PRELOAD_RATE * 1.1), clients: leases, firstMac: '06:00:00:00:00:00' })
}

/** User and system time of the process and its descendants so far. */
function cpuSeconds(root) {
  const all = readdirSync('/proc').filter(name => /^\d+$/.test(name)).flatMap(pid => {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
      return [{ pid: Number(pid), fields: stat.slice(stat.lastIndexOf(')') + 2).split(' ') }]
    } catch {
      return [] // It has ended meanwhile.
    }
  })
  const members = all.filter(({ pid }) => pid === root)
  for (const member of members) members.push(...all.filter(({ fields }) => Number(fields[1]) === member.pid))
  return members.reduce((sum, { fields }) => sum + Number(fields[11]) + Number(fields[12]), 0) / TICKS_PER_SECOND
}

function median(values) {
  const sorted = [...values].sort((one, other) => one - other)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

function report(results, rates) {
  const lines = []
  for (const rate of rates) {
    lines.push('', `${rate} exchanges a second offered; medians of the rounds`, '', '| server | synced before the ACK | done/s | of those asked | CPU-s per 1,000 | OFFER ms | ACK ms |', '|---|---|---|---|---|---|---|')
    for (const { title, syncs, turns } of Object.values(results)) {
      const of = measured => median(turns.filter(turn => turn.rate === rate).map(measured))
      lines.push(`| ${title} | ${syncs} | ${of(turn => turn.perSecond).toFixed(0)} | ${(of(turn => turn.answered) * 100).toFixed(1)} % | ${of(turn => turn.cpuPer1000).toFixed(3)} | ${of(turn => turn.offerMs).toFixed(1)} | ${of(turn => turn.ackMs).toFixed(1)} |`)
    }
  }
  lines.push('')
  for (const { than, rate, what, of, atLeast, atMost } of GOALS) {
    const [ours, theirs] = ['hamlet', than].map(name => (results[name]?.turns ?? []).filter(turn => turn.rate === rate).map(of))
    const ratios = ours.map((value, round) => value / theirs[round]).filter(Number.isFinite)
    if (ratios.length === 0) continue
    const ratio = median(ratios)
    const met = atLeast === undefined ? ratio <= atMost : ratio >= atLeast
    lines.push(`${met ? 'met    ' : 'NOT met'}  ${what} at ${rate}/s: ${ratio.toFixed(2)} × ${results[than].title} (goal: ${atLeast === undefined ? `at most ${atMost}` : `at least ${atLeast}`})`)
  }
  process.stdout.write(`${lines.join('\n')}\n`)
  const file = at('test-results', 'bench-dhcp.json')
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, `${JSON.stringify(results, undefined, 2)}\n`)
}
