/** The two loaders, our own (load.c) and dnsperf, and what one measurement of a server is. */
import { run } from '../../scripts/setup/run.mjs'
import { onLoaderCore } from './server.mjs'

/** Enough to keep any server busy, and less than the default receive buffer of 208 KB holds (more were lost when tried with 256). */
const FLOOD_WINDOW = 128
/** dnsmasq forwards 150 at a time unless told otherwise. */
const MISSES_WINDOW = 100
const PACED_RATE = 5000

const launch = argv => {
  const [command, ...args] = onLoaderCore(argv)
  return run(command, args)
}

/**
 * How many answers a second, and what each costs the server.
 * @param names what to ask: `['names', file]` or `['fresh', suffix]`
 */
export async function flood(loader, server, seconds, [kind, names]) {
  const window = kind === 'fresh' ? MISSES_WINDOW : FLOOD_WINDOW
  const before = server.cpuSeconds()
  const told = await launch([loader, String(server.port), String(seconds), 'flood', String(window), kind, names])
  const { seconds: took, answersInTime, answers, wrong, lost, answerBytes } = JSON.parse(told)
  return { answersPerSecond: answersInTime / took, cpuSecondsPerMillion: (server.cpuSeconds() - before) / answers * 1e6, wrong, lost, answerBytes }
}

/** How long an answer takes at a rate that every server bears with ease. */
export async function paced(loader, server, seconds, names) {
  const { p50Us, p99Us, wrong, lost } = JSON.parse(await launch([loader, String(server.port), String(seconds), 'paced', String(PACED_RATE), 'names', names]))
  return { p50Us, p99Us, wrong, lost }
}

/** The same flood by the loader that the field knows, one datagram a system call: it is the slower side for the fastest servers. */
export async function dnsperf(server, seconds, names) {
  const report = await launch(['dnsperf', '-s', '127.0.0.1', '-p', String(server.port), '-d', names, '-l', String(Math.ceil(seconds)), '-c', '1', '-T', '1'])
  const number = pattern => Number(pattern.exec(report)?.[1] ?? NaN)
  return { answersPerSecond: number(/Queries per second:\s+([\d.]+)/), lost: number(/Queries lost:\s+(\d+)/) }
}
