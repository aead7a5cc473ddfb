/**
 * The cost of an echoed datagram over each door, compared with an echo in C: CPU seconds per million, the measure that other load on the
 * machine affects least. Turns A B C A B C, medians: `node bench/udp/echo.ts [rounds]`.
 */
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const SECONDS = 2
const WARM_UP_SECONDS = 0.5
const BYTES = 64
const TICKS_PER_SECOND = 100 // USER_HZ, the unit of CPU time in /proc

const here = import.meta.dirname
const peer = join(mkdtempSync(join(tmpdir(), 'hamlet-bench-')), 'peer')
execFileSync('cc', ['-O2', join(here, 'peer.c'), '-o', peer])

const server = (...args: string[]) => [process.execPath, join(here, 'echo-server.ts'), ...args]
const CANDIDATES: Readonly<Record<string, string[]>> = {
  'C, recvmmsg': [peer, 'echo'],
  'batch add-on': server('batch'),
  'batch add-on, paths': server('batch', 'path'),
  'node:dgram': server('dgram'),
}

function load(port: string, seconds: number): number {
  return Number(execFileSync(peer, ['load', port, String(seconds), String(BYTES)], { encoding: 'utf8' }))
}

/** User and system time of a process, in seconds. */
function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /, '').split(' ')
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND
}

async function measure([file = '', ...args]: readonly string[]): Promise<{ cpuPerMillion: number; perSecond: number }> {
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const [line] = await once(child.stdout.setEncoding('utf8'), 'data') as [string]
  const pid = child.pid ?? 0
  load(line.trim(), WARM_UP_SECONDS)
  const before = cpuSeconds(pid)
  const echoed = load(line.trim(), SECONDS)
  const cpu = cpuSeconds(pid) - before
  child.kill('SIGKILL')
  await once(child, 'exit')
  return { cpuPerMillion: cpu / echoed * 1e6, perSecond: echoed / SECONDS }
}

const median = (numbers: readonly number[]): number => [...numbers].sort((one, other) => one - other)[numbers.length >> 1] ?? NaN

const results = new Map(Object.keys(CANDIDATES).map(name => [name, [] as Awaited<ReturnType<typeof measure>>[]]))
for (let round = Number(process.argv[2] ?? 3); round > 0; round--) {
  for (const [name, command] of Object.entries(CANDIDATES)) results.get(name)?.push(await measure(command))
}
const floor = median((results.get('C, recvmmsg') ?? []).map(({ cpuPerMillion }) => cpuPerMillion))
for (const [name, runs] of results) {
  const cpu = median(runs.map(({ cpuPerMillion }) => cpuPerMillion))
  console.log(`${name.padEnd(22)} ${cpu.toFixed(2)} CPU-s per million (${(cpu / floor).toFixed(2)} × C), ${Math.max(...runs.map(({ perSecond }) => perSecond)).toFixed(0)} per second at best`)
}
