/** A server under test: started on one core, observed through /proc, stopped by its process id. */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { which } from '../../scripts/setup/places.mjs'
import { spawnTied } from '../../scripts/setup/run.mjs'
import { SetupError } from '../../scripts/setup/say.mjs'

const SERVER_CORE = 0
const LOADER_CORE = 1
const READY_WITHIN_MS = 15_000
const STOP_WITHIN_MS = 5_000
/** The unit of CPU time in /proc: the kernel's USER_HZ, 100 on every Linux. */
const TICKS_PER_SECOND = 100

/** Two cores keep server and loader apart; with one, only the ratios are meaningful. */
export const canPin = availableParallelism() >= 2 && which('taskset') !== undefined
const pinned = (core, argv) => canPin ? ['taskset', '-c', String(core), ...argv] : argv
export const onLoaderCore = argv => pinned(LOADER_CORE, argv)

/**
 * Starts a server and waits until it answers a query.
 * @param {{ argv: string[], env?: Record<string, string>, port: number, qname: string, core?: 'server' | 'loader' }} launch
 * @throws SetupError with the end of its output, if it exits or does not answer
 */
export async function startServer({ argv, env = {}, port, qname, core = 'server' }) {
  const [command, ...args] = pinned(core === 'server' ? SERVER_CORE : LOADER_CORE, argv)
  const child = spawnTied(command, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } }, 'SIGTERM')
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', chunk => { output = (output + chunk).slice(-1000) })
  const closed = once(child, 'close')
  const server = new Server(child, port, closed)
  const gone = closed.then(([status, signal]) => { throw new SetupError(`${argv[0]} ended with ${signal ?? `status ${status}`}: ${output.trim()}`) })
  gone.catch(() => undefined) // Only awaited below; later its end is expected.
  try {
    await Promise.race([answers(port, qname), gone])
  } catch (error) {
    await server.stop()
    throw error
  }
  return server
}

class Server {
  #child
  #closed

  constructor(child, port, closed) {
    this.#child = child
    this.#closed = closed
    this.port = port
  }

  /** User and system time used so far by the process and its descendants. */
  cpuSeconds() {
    const ticks = family(this.#child.pid).map(({ fields }) => Number(fields[11]) + Number(fields[12]))
    return ticks.reduce((sum, each) => sum + each, 0) / TICKS_PER_SECOND
  }

  /** Resident memory of the process and its descendants; shared pages count for each. */
  residentMegabytes() {
    const kilobytes = family(this.#child.pid).map(({ pid }) => Number(/^VmRSS:\s+(\d+)/m.exec(read(`/proc/${pid}/status`))?.[1] ?? 0))
    return kilobytes.reduce((sum, each) => sum + each, 0) / 1024
  }

  async stop() {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    this.#child.kill('SIGTERM')
    const hard = setTimeout(() => this.#child.kill('SIGKILL'), STOP_WITHIN_MS)
    await this.#closed
    clearTimeout(hard)
  }
}

/** The process and its descendants, with the fields of /proc/PID/stat after the name: state, ppid, … */
function family(root) {
  const all = readdirSync('/proc').filter(name => /^\d+$/.test(name)).flatMap(pid => {
    const stat = read(`/proc/${pid}/stat`)
    return stat === '' ? [] : [{ pid: Number(pid), fields: stat.slice(stat.lastIndexOf(')') + 2).split(' ') }]
  })
  const members = all.filter(({ pid }) => pid === root)
  for (const member of members) members.push(...all.filter(({ fields }) => Number(fields[1]) === member.pid))
  return members
}

/** Empty if the process has ended meanwhile. */
function read(file) {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}

/** Queries for an A record until there is one. */
async function answers(port, qname) {
  const query = encodeQuery(qname)
  const socket = createSocket('udp4')
  socket.on('error', () => undefined) // Nothing listens yet.
  const answered = new Promise(resolve => socket.on('message', reply => { if (reply.length > query.length && (reply[3] & 0x0f) === 0 && reply[7] > 0) resolve(true) }))
  try {
    for (const untilMs = Date.now() + READY_WITHIN_MS; Date.now() < untilMs;) {
      socket.send(query, port, '127.0.0.1', () => undefined)
      if (await Promise.race([answered, sleep(50, false)])) return
    }
  } finally {
    socket.close()
  }
  throw new SetupError(`port ${port} did not answer ${qname}`)
}

function encodeQuery(qname) {
  const labels = qname.split('.').map(label => Buffer.from([label.length, ...Buffer.from(label)]))
  return Buffer.concat([Buffer.from([0x77, 0x77, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]), ...labels, Buffer.from([0, 0, 1, 0, 1])])
}
