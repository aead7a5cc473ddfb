/**
 * `npm run bench:dns`: compares hamlet dns with other DNS servers on this machine in one run. All servers stay up, and all but the
 * one being measured are idle. Turns go A B C … A B C …, so that other load on the machine affects all alike. The server runs on
 * one core, the loader (and upstream) on another. docs/benchmarks.md explains the numbers.
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
  if (!canPin) say('Server and loader share a core, since there is only one or taskset is missing: only the CPU column is meaningful.')
  const loader = await compile('load')
  const names = join(folder, 'names')
  writeFileSync(names, HOT_NAMES.map(name => `${name} A\n`).join(''))
  const servers = await startAll(options)
  const results = Object.fromEntries(servers.map(({ name, title, version }) => [name, { title, version, rounds: [] }]))
  for (let round = 0; round <= options.rounds; round++) {
    // The first round is a warm-up, in which Node.js compiles hot code and caches fill.
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

/** Measures one server for one round. */
async function turn({ loader, server, names, suffix, forwards, parts, seconds }) {
  const measured = {}
  if (parts.includes('flood')) measured.flood = await flood(loader, server, seconds, ['names', names])
  if (parts.includes('dnsperf')) measured.dnsperf = await dnsperf(server, seconds, names)
  if (parts.includes('paced')) measured.paced = await paced(loader, server, seconds, names)
  if (parts.includes('misses') && forwards) measured.misses = await flood(loader, server, seconds, ['fresh', suffix])
  return measured
}

/** Starts the upstream and every server that is available; reports those that are not. */
async function startAll({ peers: asked }) {
  const upstreamPort = await freePort()
  running.push(await startServer({ argv: [await compile('echo'), String(upstreamPort)], port: upstreamPort, qname: 'example.org', core: 'loader' }))
  const started = []
  for (const { name, title, forwards, prepare } of peers.filter(({ name }) => asked.includes(name))) {
    const prepared = await prepare()
    if (prepared === undefined) {
      say(`${title} is not available here: skipped.`)
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

/** A port of 127.0.0.1 on which nothing listens. */
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
  say(`The results of every round are in ${file}`)
}
