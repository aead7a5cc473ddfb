/**
 * `npm run bench:dns`: hamlet dns beside other DNS servers, on this machine, in one run. All servers are up the whole time and idle
 * but for the one whose turn it is; turns go A B C … A B C …, so that what else the machine does hits all alike. Server on one
 * core, loader (and upstream) on another. docs/benchmarks.md tells how to read the numbers.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { cpus, release, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { withLock } from '../../scripts/setup/lock.mjs'
import { at } from '../../scripts/setup/places.mjs'
import { prepareNodePackages } from '../../scripts/setup/prepare.mjs'
import { fail, say, SetupError } from '../../scripts/setup/say.mjs'
import { ensurePrograms } from '../../scripts/setup/system-packages.mjs'
import { judge } from './goals.mjs'
import { dnsperf, flood, paced } from './loaders.mjs'
import { parseOptions, USAGE } from './options.mjs'
import { HOT_NAMES, peers } from './peers.mjs'
import { compile } from './programs.mjs'
import { goalsTable, hotTable, missesTable } from './report.mjs'
import { canPin, startServer } from './server.mjs'

const running = []
const folder = mkdtempSync(join(tmpdir(), 'hamlet-bench-'))
await main(process.argv.slice(2)).finally(cleanUp).catch(fail)

async function cleanUp() {
  for (const server of running.reverse()) await server.stop()
  rmSync(folder, { recursive: true })
}

async function main(argv) {
  const options = parseOptions(argv, peers.map(({ name }) => name))
  if (options.help) return void process.stdout.write(USAGE)
  await prepareNodePackages()
  await withLock(() => ensurePrograms('bench'))
  if (!canPin) say('Only one core, or no taskset: server and loader share it, and only the CPU column tells something.')
  const loader = await compile('load')
  const names = join(folder, 'names')
  writeFileSync(names, HOT_NAMES.map(name => `${name} A\n`).join(''))
  const servers = await startAll(options)
  const results = Object.fromEntries(servers.map(({ name, title, version }) => [name, { title, version, rounds: [] }]))
  for (let round = 0; round <= options.rounds; round++) {
    // The first round only warms up: Node compiles what is hot, and caches fill.
    const parts = round > 0 ? options.parts : ['flood', ...options.parts.filter(part => part === 'misses')]
    for (const { name, forwards, server } of servers) {
      say(round === 0 ? `warming up: ${name}` : `round ${round} of ${options.rounds}: ${name}`)
      const measured = await turn({ loader, server, names, suffix: `r${round}.${name}.example.org`, forwards, parts, seconds: options.seconds })
      if (round > 0) results[name].rounds.push(measured)
    }
  }
  for (const { name, server } of servers) results[name].residentMegabytes = server.residentMegabytes()
  report(results, options)
}

/** One server's measurements of one round. */
async function turn({ loader, server, names, suffix, forwards, parts, seconds }) {
  const measured = {}
  if (parts.includes('flood')) measured.flood = await flood(loader, server, seconds, ['names', names])
  if (parts.includes('dnsperf')) measured.dnsperf = await dnsperf(server, seconds, names)
  if (parts.includes('paced')) measured.paced = await paced(loader, server, seconds, names)
  if (parts.includes('misses') && forwards) measured.misses = await flood(loader, server, seconds, ['fresh', suffix])
  return measured
}

/** Starts the upstream and every server that can be had; says which cannot. */
async function startAll({ peers: asked }) {
  const upstreamPort = await freePort()
  running.push(await startServer({ argv: [await compile('echo'), String(upstreamPort)], port: upstreamPort, qname: 'example.org', core: 'loader' }))
  const started = []
  for (const { name, title, forwards, prepare } of peers.filter(({ name }) => asked.includes(name))) {
    const prepared = await prepare()
    if (prepared === undefined) {
      say(`${title} cannot be had here: left out.`)
      continue
    }
    const place = { folder: join(folder, name), port: await freePort(), upstreamPort }
    mkdirSync(place.folder)
    const server = await startServer({ ...prepared.launch(place), port: place.port, qname: HOT_NAMES[0] })
    running.push(server)
    started.push({ name, title, version: prepared.version, forwards, server })
  }
  if (started.length === 0) throw new SetupError('no server is left to measure')
  return started
}

/** A port of 127.0.0.1 that nobody listens on. */
function freePort() {
  return new Promise((resolve, reject) => {
    const holder = createServer()
    holder.once('error', reject)
    holder.listen(0, '127.0.0.1', () => {
      const { port } = holder.address()
      holder.close(() => resolve(port))
    })
  })
}

function report(results, options) {
  const verdicts = judge(results)
  const tables = [options.parts.some(part => part !== 'misses') ? hotTable(results) : '', missesTable(results), goalsTable(verdicts)]
  process.stdout.write(`\n${tables.filter(text => text !== '').join('\n')}`)
  const file = options.json ?? at('test-results', 'bench-dns.json')
  mkdirSync(dirname(file), { recursive: true })
  const machine = { cpu: cpus()[0]?.model ?? '', cores: cpus().length, kernel: release(), node: process.versions.node, pinned: canPin }
  writeFileSync(file, `${JSON.stringify({ atMs: Date.now(), machine, options, results, goals: verdicts }, undefined, 2)}\n`)
  say(`The numbers of every round are in ${file}`)
}
