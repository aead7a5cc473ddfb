/** Runs the built `hamlet` command as a user would, on this machine's network or in a network namespace. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const BUNDLE = join(import.meta.dirname, '..', '..', '.vite', 'build', 'hamlet.cjs')
const LINE_WITHIN_MS = 20_000
/** After this, a command is considered hung, and its output is worth more than waiting on. */
const ENDS_WITHIN_MS = 45_000

export interface Where {
  /** The name of a network namespace; by default the test's own. */
  readonly namespace?: string | undefined
  readonly environment?: Readonly<Record<string, string>>
  /** Drops the privilege to bind ports below 1024, which an ordinary user lacks. Needs root. */
  readonly withoutLowPorts?: boolean
  /** The program, with its first arguments, that runs the bundle instead of this Node. */
  readonly runtime?: readonly string[]
  /** A bundle other than the built one. */
  readonly bundle?: string
}

/** A new, empty folder for `--data`. */
export function emptyFolder(): string {
  return mkdtempSync(join(tmpdir(), 'hamlet-test-'))
}

function spawnHamlet(args: readonly string[], { namespace, environment, withoutLowPorts, runtime = [process.execPath], bundle = BUNDLE }: Where): ChildProcess {
  const into = namespace === undefined ? [] : ['ip', 'netns', 'exec', namespace]
  const as = withoutLowPorts === true ? ['setpriv', '--bounding-set=-net_bind_service', '--inh-caps=-net_bind_service'] : []
  const [file = '', ...rest] = [...into, ...as, ...runtime, bundle, ...args]
  return spawn(file, rest, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...environment } })
}

export interface Finished {
  readonly status: number | null
  readonly body: Buffer
  readonly stdout: string
  readonly stderr: string
}

/** Runs a command until it exits. @throws Error if it hangs */
export async function runHamlet(args: readonly string[], where: Where = {}): Promise<Finished> {
  const child = spawnHamlet(args, where)
  const chunks: Buffer[] = []
  let stderr = ''
  child.stdout?.on('data', (chunk: Buffer) => chunks.push(chunk))
  child.stderr?.on('data', (chunk: Buffer) => { stderr += chunk.toString('utf8') })
  let hangs = false
  const timer = setTimeout(() => {
    hangs = true
    child.kill('SIGKILL')
  }, ENDS_WITHIN_MS)
  await once(child, 'close')
  clearTimeout(timer)
  const body = Buffer.concat(chunks)
  if (hangs) throw new Error(`hamlet ${args.join(' ')} did not end within ${ENDS_WITHIN_MS / 1000} s; it wrote ${body.length} bytes to stdout, and to stderr: ${stderr}`)
  return { status: child.exitCode, body, stdout: body.toString('utf8'), stderr }
}

/** A command that runs until it is stopped. */
export class RunningHamlet {
  stdout = ''
  stderr = ''
  readonly #child: ChildProcess
  readonly #closed: Promise<unknown>

  constructor(args: readonly string[], where: Where = {}) {
    this.#child = spawnHamlet(args, where)
    this.#child.stdout?.on('data', (chunk: Buffer) => { this.stdout += chunk.toString('utf8') })
    this.#child.stderr?.on('data', (chunk: Buffer) => { this.stderr += chunk.toString('utf8') })
    this.#closed = once(this.#child, 'close')
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  /** Waits until a line of stdout (or stderr) matches. */
  line(pattern: RegExp, stream: 'stdout' | 'stderr' = 'stdout'): Promise<RegExpExecArray> {
    return new Promise((resolve, reject) => {
      const look = () => {
        const found = this[stream].split('\n').slice(0, -1).map(line => pattern.exec(line)).find(match => match !== null)
        if (found !== undefined) finish(() => resolve(found))
      }
      const gone = () => finish(() => reject(new Error(`hamlet ended before ${pattern}: ${this.stdout}${this.stderr}`)))
      const timer = setTimeout(() => finish(() => reject(new Error(`no line ${pattern}: ${this.stdout}${this.stderr}`))), LINE_WITHIN_MS)
      const finish = (settle: () => void) => {
        clearTimeout(timer)
        this.#child[stream]?.off('data', look)
        this.#child.off('close', gone)
        settle()
      }
      this.#child[stream]?.on('data', look)
      this.#child.once('close', gone)
      look()
    })
  }

  /** Sends the signal and waits for the process to exit. @returns the exit status; null if a signal ended it */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) this.#child.kill(signal)
    await this.#closed
    return this.#child.exitCode
  }
}
