/**
 * Two machines and the link between them: a network namespace for the client, one for the server, and the emulator (link/main.c)
 * with a device in each. Needs root; removed at the end.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { spawnTied } from '../../scripts/setup/run.mjs'
import { SetupError } from '../../scripts/setup/say.mjs'

const ip = (...args) => execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'pipe'] })
const READY_WITHIN_MS = 10_000

/** How the link is, both ways alike, unless more says otherwise. What keys there are: link/main.c. */
export function conditions(rateMbit, rttMs, { queueBdp = 1, ...more } = {}) {
  const bdpBytes = rateMbit * 1e6 / 8 * rttMs / 1000
  return { rateMbit, rttMs, keys: { rate: rateMbit * 1e6, delay: rttMs / 2, queue: Math.max(3000, Math.round(bdpBytes * queueBdp)), ...more } }
}

/** Whether the emulator was late by so little that a measurement over this link tells of the peers. */
export const wasOnTime = ({ lateMs }, { rttMs }) => lateMs.p99 <= Math.max(1, rttMs / 20)

export class Network {
  clientAddress = '10.79.0.1'
  serverAddress = '10.79.0.2'
  #clientNamespace = `hamrudp${process.pid}c`
  #serverNamespace = `hamrudp${process.pid}s`
  #made = []
  #child
  #replies = []
  #flows = 0
  #waitingForFlow = []

  /** @param program the emulator */
  async open(program) {
    for (const namespace of [this.#clientNamespace, this.#serverNamespace]) {
      ip('netns', 'add', namespace)
      this.#made.push(namespace)
    }
    this.#child = spawnTied(program, [this.#clientNamespace, this.#serverNamespace], { stdio: ['pipe', 'pipe', 'inherit'] })
    createInterface({ input: this.#child.stdout }).on('line', line => this.#hear(JSON.parse(line)))
    const ready = await this.#reply(READY_WITHIN_MS)
    if (ready.ready !== true) throw new SetupError('the link emulator did not start')
    for (const [namespace, address] of [[this.#clientNamespace, this.clientAddress], [this.#serverNamespace, this.serverAddress]]) {
      ip('-n', namespace, 'link', 'set', 'lo', 'up')
      ip('-n', namespace, 'address', 'add', `${address}/24`, 'dev', 'wire')
      ip('-n', namespace, 'link', 'set', 'wire', 'up')
    }
  }

  onClient(argv) {
    return ['ip', 'netns', 'exec', this.#clientNamespace, ...argv]
  }

  onServer(argv) {
    return ['ip', 'netns', 'exec', this.#serverNamespace, ...argv]
  }

  /** The congestion control of what the server sends by TCP, on connections from now on. */
  useTcp(algorithm) {
    ip('-n', this.#serverNamespace, 'route', 'replace', `${this.clientAddress}/32`, 'dev', 'wire', 'congctl', algorithm)
  }

  /** What the kernel says of the server's TCP connections: the algorithm is one of the words. */
  tellTcp() {
    const [command, ...args] = this.onServer(['ss', '-tinH', 'state', 'established'])
    return spawnSync(command, args, { encoding: 'utf8' }).stdout
  }

  /** @param keys for both directions, from now on; what is on the way stays. A new network has a perfect link. */
  async set(keys) {
    await this.#ask(`set both ${Object.entries(keys).map(([key, value]) => `${key}=${value}`).join(' ')}`)
  }

  /** Clears the link and its counts, and what the kernel has learned of it, and gives it these conditions. */
  async begin(keys, seed) {
    for (const namespace of [this.#clientNamespace, this.#serverNamespace]) ip('-n', namespace, 'tcp_metrics', 'flush')
    await this.set(keys)
    await this.#ask(`begin ${seed}`)
    this.#flows = 0
    this.#waitingForFlow = []
  }

  /** Queues are measured from now on. */
  async settle() {
    await this.#ask('settle')
  }

  /** Counts since `begin`; how late the emulator was is among them. */
  report() {
    return this.#ask('report')
  }

  /**
   * Waits for the first packet of the nth flow since `begin`.
   * @throws SetupError if none comes
   */
  flow(number, withinMs = READY_WITHIN_MS) {
    if (this.#flows >= number) return Promise.resolve()
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new SetupError(`nothing was sent within ${withinMs / 1000} s`)), withinMs)
      this.#waitingForFlow.push(() => {
        if (this.#flows < number) return
        clearTimeout(timer)
        resolve()
      })
    })
  }

  /** Lets the emulator do nothing for so long, as a machine does that is busy with others. */
  async holdUp(forMs) {
    this.#child.kill('SIGSTOP')
    await sleep(forMs)
    this.#child.kill('SIGCONT')
  }

  /** Synchronous, so that it also holds on the way out. */
  close() {
    this.#child?.kill('SIGKILL')
    for (const namespace of this.#made.splice(0)) spawnSync('ip', ['netns', 'delete', namespace])
  }

  #hear(message) {
    if (message.flow === undefined) return void this.#replies.shift()?.(message)
    this.#flows++
    for (const look of this.#waitingForFlow) look()
  }

  async #ask(command) {
    const replied = this.#reply(READY_WITHIN_MS)
    this.#child.stdin.write(`${command}\n`)
    const reply = await replied
    if (reply.error !== undefined) throw new SetupError(`the link emulator, asked to ${command}: ${reply.error}`)
    return reply
  }

  #reply(withinMs) {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new SetupError('the link emulator does not answer')), withinMs)
      const ended = () => reject(new SetupError('the link emulator has ended'))
      this.#child.once('exit', ended)
      this.#replies.push(message => {
        clearTimeout(timer)
        this.#child.off('exit', ended)
        resolve(message)
      })
    })
  }
}
