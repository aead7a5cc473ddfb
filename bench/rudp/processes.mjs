/** The processes of a measurement: started, awaited, and ended by their process id. None outlives the benchmark. */
import { once } from 'node:events'
import { spawnTied } from '../../scripts/setup/run.mjs'
import { SetupError } from '../../scripts/setup/say.mjs'

const READY_WITHIN_MS = 15_000
const END_WITHIN_MS = 3_000
const WORDS_CHARS = 2000
const STDOUT_CHARS_MAX = 100_000

export class Running {
  #child
  #closed
  #argv
  /** The end of its output on stderr, and on stdout unless that is redirected. */
  words = ''
  /** Its output on stdout, unless that is redirected. */
  stdout = ''

  /**
   * @param {string[]} argv
   * @param {number | 'pipe' | 'ignore'} stdout such as an open file
   */
  constructor(argv, stdout = 'pipe', env = {}) {
    const [command, ...args] = argv
    this.#argv = argv
    this.#child = spawnTied(command, args, { stdio: ['ignore', stdout, 'pipe'], env: { ...process.env, ...env } })
    this.#closed = once(this.#child, 'close').then(([status, signal]) => ({ status, signal }))
    for (const stream of [this.#child.stdout, this.#child.stderr]) stream?.setEncoding('utf8').on('data', text => { this.words = (this.words + text).slice(-WORDS_CHARS) })
    this.#child.stdout?.on('data', text => { this.stdout = (this.stdout + text).slice(-STDOUT_CHARS_MAX) })
  }

  get pid() {
    return this.#child.pid
  }

  get hasEnded() {
    return this.#child.exitCode !== null || this.#child.signalCode !== null
  }

  /** Waits until its output matches. @throws SetupError with the end of its output, if it exits or times out */
  async says(pattern) {
    const heard = new Promise(resolve => {
      const look = () => { if (pattern.test(this.words)) resolve(true) }
      for (const stream of [this.#child.stdout, this.#child.stderr]) stream?.on('data', look)
      look()
    })
    const isReady = await Promise.race([heard, this.#closed.then(() => false), after(READY_WITHIN_MS, false)])
    if (!isReady) throw new SetupError(`${this.#argv.join(' ')} did not start: ${this.words.trim()}`)
  }

  /** Waits for it to exit. @returns its status, or undefined on a timeout */
  async ends(withinMs) {
    return (await Promise.race([this.#closed, after(withinMs, undefined)]))?.status
  }

  /** Ends it, by SIGKILL if SIGTERM does not suffice. */
  async stop() {
    if (!this.hasEnded) this.#child.kill('SIGTERM')
    if (await Promise.race([this.#closed.then(() => true), after(END_WITHIN_MS, false)])) return
    this.#child.kill('SIGKILL')
    await this.#closed
  }
}

function after(ms, value) {
  return new Promise(resolve => setTimeout(resolve, ms, value).unref())
}
