/** The loader: perfdhcp of the Kea project, as a relay that speaks for many clients. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { inNamespace, loaderNamespace } from './network.mjs'

/**
 * @param {{ serverAddress: string, loaderAddress: string }} wire
 * @param {{ rate: number, seconds: number, clients: number, firstMac: string }} load exchanges offered each second, for how long, by how many clients
 * @returns what was asked and what was answered
 */
export async function offer({ serverAddress, loaderAddress }, { rate, seconds, clients, firstMac }) {
  const argv = ['perfdhcp', '-4', '-l', loaderAddress, '-r', String(rate), '-p', String(seconds), '-R', String(clients), '-b', `mac=${firstMac}`, '-d', '2', '-W', '500000', serverAddress]
  const [command, ...args] = inNamespace(loaderNamespace, argv)
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  let words = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', chunk => { words += chunk })
  await once(child, 'close') // Its status says whether packets were lost, which the numbers say better.
  return parseReport(words)
}

/** @throws where it is no report */
export function parseReport(text) {
  const number = (part, name) => {
    const value = Number(new RegExp(`Statistics for: ${part}[\\s\\S]*?${name}:\\s+([\\d.]+|inf|nan)`).exec(text)?.[1])
    if (Number.isNaN(value)) throw new Error(`perfdhcp said no "${name}" of ${part}: ${text.slice(-400)}`)
    return value
  }
  return {
    discovers: number('DISCOVER-OFFER', 'sent packets'), offers: number('DISCOVER-OFFER', 'received packets'), acks: number('REQUEST-ACK', 'received packets'),
    offerMs: number('DISCOVER-OFFER', 'avg delay'), ackMs: number('REQUEST-ACK', 'avg delay'),
  }
}
