/** The two load generators, load.c and dnsperf, and the measurements made with them. */
import { run } from '../../scripts/setup/run.mjs'
import { onLoaderCore } from './server.mjs'

/** Enough to keep any server busy, and small enough for the default receive buffer of 208 KB (256 lost more in a trial). */
const FLOOD_WINDOW = 128
/** dnsmasq forwards 150 queries at a time by default. */
const MISSES_WINDOW = 100
const PACED_RATE = 5000

const launch = argv => {
  const [command, ...args] = onLoaderCore(argv)
  return run(command, args)
}

/**
 * Measures answers per second, and the server's CPU time for each.
 * @param names the names to query: `['names', file]` or `['fresh', suffix]`
 */
export async function flood(loader, server, seconds, [kind, names]) {
  const window = kind === 'fresh' ? MISSES_WINDOW : FLOOD_WINDOW
  const before = server.cpuSeconds()
  const output = await launch([loader, String(server.port), String(seconds), 'flood', String(window), kind, names])
  const { seconds: took, answersInTime, answers, wrong, lost, answerBytes } = JSON.parse(output)
  return { answersPerSecond: answersInTime / took, cpuSecondsPerMillion: (server.cpuSeconds() - before) / answers * 1e6, wrong, lost, answerBytes }
}

/** Measures latency at a rate that every server easily sustains. */
export async function paced(loader, server, seconds, names) {
  const { p50Us, p99Us, wrong, lost } = JSON.parse(await launch([loader, String(server.port), String(seconds), 'paced', String(PACED_RATE), 'names', names]))
  return { p50Us, p99Us, wrong, lost }
}

/**
 * The same flood from the well-known dnsperf, which sends one datagram per
 * system call and is itself the bottleneck for the fastest servers.
 */
export async function dnsperf(server, seconds, names) {
  const report = await launch(['dnsperf', '-s', '127.0.0.1', '-p', String(server.port), '-d', names, '-l', String(Math.ceil(seconds)), '-c', '1', '-T', '1'])
  const number = pattern => Number(pattern.exec(report)?.[1] ?? NaN)
  return { answersPerSecond: number(/Queries per second:\s+([\d.]+)/), lost: number(/Queries lost:\s+(\d+)/) }
}
