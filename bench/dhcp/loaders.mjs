/**
 * The two loaders, each a relay that speaks for many clients: perfdhcp of the Kea project, at a pace, and our own (load.c), as fast as the
 * server takes. perfdhcp needs as much CPU time an exchange as Kea does, so on two cores it is itself the limit of what it can measure.
 */
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { run } from '../../scripts/setup/run.mjs'
import { compile } from '../compile.mjs'
import { inNamespace, loaderNamespace } from './network.mjs'

/** Exchanges at a time: what a receive buffer of the default size holds, and what one that gathers wants. Each server has its better one. */
export const WINDOWS = [128, 256]
/** All that differ in the last three bytes of their hardware address. */
const CLIENTS_MAX = 2 ** 24
/** The loader numbers them in twenty bits. */
const EXCHANGES_MAX = 2 ** 20 - 1
/** The loader keeps to one core; servers may use all. */
const onLoaderCore = argv => availableParallelism() >= 2 ? ['taskset', '-c', '0', ...argv] : argv

const launch = argv => {
  const [command, ...args] = onLoaderCore(inNamespace(loaderNamespace, argv))
  return run(command, args)
}

/**
 * Offers exchanges at a pace.
 * @param {{ serverAddress: string, loaderAddress: string }} wire
 * @param {{ firstMac: string, count?: number }} clients any number where none is said
 * @returns what was asked and answered, and the loader's CPU time
 */
export async function paced({ serverAddress, loaderAddress }, { firstMac, count }, seconds, rate) {
  const perfdhcp = ['perfdhcp', '-4', '-l', loaderAddress, '-r', String(rate), '-p', String(seconds), '-R', String(count ?? rate * seconds * 2), '-b', `mac=${firstMac}`, '-d', '2', '-W', '500000', serverAddress]
  // Its status says whether packets were lost, which the numbers say better.
  const words = await launch(['sh', '-c', '"$@"; times', 'perfdhcp', ...perfdhcp])
  const { discovers, acks, ...delays } = parseReport(words)
  return { perSecond: acks / seconds, answered: acks / discovers, acks, loaderSeconds: parseTimes(words), ...delays }
}

/** Takes clients through their exchanges, as many as the server takes. @returns as paced, with the time that half of the exchanges take at most, and what went wrong */
export async function flood({ serverAddress, loaderAddress }, { firstMac, count = CLIENTS_MAX }, seconds, exchangesMax, window) {
  const loader = await compile(join(import.meta.dirname, 'load.c'))
  const told = JSON.parse(await launch([loader, serverAddress, loaderAddress, String(seconds), String(Math.min(exchangesMax, EXCHANGES_MAX)), String(window), firstMac, String(count)]))
  return { perSecond: told.doneInTime / told.seconds, answered: told.done / told.asked, acks: told.done, loaderSeconds: told.cpuSeconds, p50Ms: told.p50Us / 1000, lost: told.lost, wrong: told.wrong }
}

/** @throws where it is no report */
function parseReport(text) {
  const number = (part, name) => {
    const value = Number(new RegExp(`Statistics for: ${part}[\\s\\S]*?${name}:\\s+([\\d.]+|inf|nan)`).exec(text)?.[1])
    if (Number.isNaN(value)) throw new Error(`perfdhcp said no "${name}" of ${part}: ${text.slice(-400)}`)
    return value
  }
  return {
    discovers: number('DISCOVER-OFFER', 'sent packets'), acks: number('REQUEST-ACK', 'received packets'),
    offerMs: number('DISCOVER-OFFER', 'avg delay'), ackMs: number('REQUEST-ACK', 'avg delay'),
  }
}

/** User and system time of a shell's children, as its `times` says in the last line: `0m1.230000s 0m2.340000s`. */
function parseTimes(text) {
  const [, ...parts] = /(\d+)m([\d.]+)s (\d+)m([\d.]+)s\s*$/.exec(text) ?? []
  const [userMinutes = 0, userSeconds = 0, systemMinutes = 0, systemSeconds = 0] = parts.map(Number)
  return (userMinutes + systemMinutes) * 60 + userSeconds + systemSeconds
}
