/**
 * Two machines and the link between them: network namespaces for client and server, and the emulator (link/main.c) with a device in
 * each. Needs root; removed at the end.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { spawnTied } from '../../scripts/setup/run.mjs'
import { SetupError } from '../../scripts/setup/say.mjs'

const ip = (...args) => execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'pipe'] })
const READY_WITHIN_MS = 10_000

/** The conditions of a link, the same in both directions. `more`: further keys, see link/main.c. */
export function conditions(rateMbit, rttMs, { queueBdp = 1, ...more } = {}) {
  const bdpBytes = rateMbit * 1e6 / 8 * rttMs / 1000
  return { rateMbit, rttMs, keys: { rate: rateMbit * 1e6, delay: rttMs / 2, queue: Math.max(3000, Math.round(bdpBytes * queueBdp)), ...more } }
}

/** Whether the emulator was punctual enough for a measurement over this link to say something about the peers. */
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

  /** Sets the congestion control for what the server sends by TCP, on new connections. */
  useTcp(algorithm) {
    ip('-n', this.#serverNamespace, 'route', 'replace', `${this.clientAddress}/32`, 'dev', 'wire', 'congctl', algorithm)
  }

  /** The kernel's description of the server's TCP connections: the algorithm is one of the words. */
  tcpSockets() {
    const [command, ...args] = this.onServer(['ss', '-tinH', 'state', 'established'])
    return spawnSync(command, args, { encoding: 'utf8' }).stdout
  }

  /** @param keys for both directions, from now on; packets in flight are not affected. A new network has a perfect link. */
  async set(keys) {
    await this.#ask(`set both ${Object.entries(keys).map(([key, value]) => `${key}=${value}`).join(' ')}`)
  }

  /** Clears the link, its counters and what the kernel has learned about it, and sets these conditions. */
  async begin(keys, seed) {
    for (const namespace of [this.#clientNamespace, this.#serverNamespace]) ip('-n', namespace, 'tcp_metrics', 'flush')
    await this.set(keys)
    await this.#ask(`begin ${seed}`)
    this.#flows = 0
    this.#waitingForFlow = []
  }

  /** Restarts the measurement of the queues. */
  async settle() {
    await this.#ask('settle')
  }

  /** Counters since `begin`, and how late the emulator was. */
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

  /** Stops the emulator for this long, as a machine busy with other work would. */
  async holdUp(forMs) {
    this.#child.kill('SIGSTOP')
    await sleep(forMs)
    this.#child.kill('SIGCONT')
  }

  /** Synchronous, so that it also works on exit. */
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
    if (reply.error !== undefined) throw new SetupError(`the link emulator rejected "${command}": ${reply.error}`)
    return reply
  }

  #reply(withinMs) {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new SetupError('the link emulator does not answer')), withinMs)
      const ended = () => reject(new SetupError('the link emulator has exited'))
      this.#child.once('exit', ended)
      this.#replies.push(message => {
        clearTimeout(timer)
        this.#child.off('exit', ended)
        resolve(message)
      })
    })
  }
}
