/**
 * The two load generators, each a relay agent for many clients: perfdhcp of the Kea project, at a fixed rate, and our
 * own (load.c), as fast as the server can answer. perfdhcp needs as much CPU time per exchange as Kea does, so on two
 * cores it is itself the bottleneck.
 */
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { run } from '../../scripts/setup/run.mjs'
import { compile } from '../compile.mjs'
import { inNamespace, loaderNamespace } from './network.mjs'

/**
 * Exchanges in flight: what a receive buffer of the default size holds, and what suits a server with group commit. Each
 * server's better result counts.
 */
export const WINDOWS = [128, 256]
/** As many as differ in the last three bytes of their hardware address. */
const CLIENTS_MAX = 2 ** 24
/** The loader numbers exchanges in twenty bits. */
const EXCHANGES_MAX = 2 ** 20 - 1
/** The loader is pinned to one core; servers may use all. */
const onLoaderCore = argv => availableParallelism() >= 2 ? ['taskset', '-c', '0', ...argv] : argv

const launch = argv => {
  const [command, ...args] = onLoaderCore(inNamespace(loaderNamespace, argv))
  return run(command, args)
}

/**
 * Offers exchanges at a fixed rate.
 * @param {{ serverAddress: string, loaderAddress: string }} link
 * @param {{ firstMac: string, count?: number }} clients any number if `count` is missing
 * @returns how much was sent and answered, and the loader's CPU time
 */
export async function paced({ serverAddress, loaderAddress }, { firstMac, count }, seconds, rate) {
  const perfdhcp = ['perfdhcp', '-4', '-l', loaderAddress, '-r', String(rate), '-p', String(seconds), '-R', String(count ?? rate * seconds * 2), '-b', `mac=${firstMac}`, '-d', '2', '-W', '500000', serverAddress]
  // perfdhcp's exit status reports lost packets; the numbers are more precise.
  const output = await launch(['sh', '-c', '"$@"; times', 'perfdhcp', ...perfdhcp])
  const { discovers, acks, ...delays } = parseReport(output)
  return { perSecond: acks / seconds, answered: acks / discovers, acks, loaderSeconds: parseTimes(output), ...delays }
}

/**
 * Runs exchanges as fast as the server can answer.
 * @returns like `paced`, with the median time of an exchange, and the numbers of lost and wrong ones
 */
export async function flood({ serverAddress, loaderAddress }, { firstMac, count = CLIENTS_MAX }, seconds, exchangesMax, window) {
  const loader = await compile(join(import.meta.dirname, 'load.c'))
  const result = JSON.parse(await launch([loader, serverAddress, loaderAddress, String(seconds), String(Math.min(exchangesMax, EXCHANGES_MAX)), String(window), firstMac, String(count)]))
  return {
    perSecond: result.doneInTime / result.seconds, answered: result.done / result.asked, acks: result.done, loaderSeconds: result.cpuSeconds,
    p50Ms: result.p50Us / 1000, lost: result.lost, wrong: result.wrong,
  }
}

/** @throws if the text is not a report of perfdhcp */
function parseReport(text) {
  const number = (part, name) => {
    const value = Number(new RegExp(`Statistics for: ${part}[\\s\\S]*?${name}:\\s+([\\d.]+|inf|nan)`).exec(text)?.[1])
    if (Number.isNaN(value)) throw new Error(`perfdhcp printed no "${name}" for ${part}: ${text.slice(-400)}`)
    return value
  }
  return {
    discovers: number('DISCOVER-OFFER', 'sent packets'), acks: number('REQUEST-ACK', 'received packets'),
    offerMs: number('DISCOVER-OFFER', 'avg delay'), ackMs: number('REQUEST-ACK', 'avg delay'),
  }
}

/**
 * User and system time of a shell's children, from the last line that its `times` prints: `0m1.230000s 0m2.340000s`.
 */
function parseTimes(text) {
  const [, ...parts] = /(\d+)m([\d.]+)s (\d+)m([\d.]+)s\s*$/.exec(text) ?? []
  const [userMinutes = 0, userSeconds = 0, systemMinutes = 0, systemSeconds = 0] = parts.map(Number)
  return (userMinutes + systemMinutes) * 60 + userSeconds + systemSeconds
}
