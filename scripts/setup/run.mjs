/** Starts other programs in a way that none of them outlives this one. */
import { spawn } from 'node:child_process'
import { which } from './places.mjs'
import { progressLine, SetupError } from './say.mjs'

const TAIL_CHARS = 4000
const STDIO = { true: 'inherit', false: ['ignore', 'pipe', 'pipe'], stderr: ['ignore', 2, 2] }

/**
 * Runs a program until it exits, and resolves with its stdout.
 * @param options.title shown in a progress line meanwhile; without it there is no output
 * @param options.tied false: the program may outlive this process
 * @param options.inherit true: the program uses the terminal itself (a password prompt); 'stderr': all its output goes there
 * @param options.onTick called every 500 ms with the progress line, to update it
 * @throws SetupError with the program's last lines, if it cannot start or its status is not 0
 */
export function run(command, args, { title, inherit = false, tied = true, onTick, onStdout, ...options } = {}) {
  const line = title === undefined ? undefined : progressLine(title)
  const timer = onTick === undefined ? undefined : setInterval(() => onTick(line), 500)
  return new Promise((resolve, reject) => {
    const start = tied ? spawnTied : spawn
    const child = start(command, args, { stdio: STDIO[inherit], env: { ...process.env, NO_COLOR: '1' }, ...options })
    let stdout = ''
    let tail = ''
    child.stdout?.setEncoding('utf8').on('data', text => {
      stdout += text
      tail = (tail + text).slice(-TAIL_CHARS)
      onStdout?.(text, line)
    })
    child.stderr?.setEncoding('utf8').on('data', text => { tail = (tail + text).slice(-TAIL_CHARS) })
    child.once('error', error => reject(new SetupError(`${command} could not be started: ${error.message}`)))
    child.once('close', (status, signal) => {
      if (status === 0) resolve(stdout)
      else reject(new SetupError(`${[command, ...args].join(' ')} exited with ${signal ?? `status ${status}`}${tail.trim() === '' ? '' : `:\n${tail.trim()}`}`))
    })
  }).finally(() => {
    clearInterval(timer)
    line?.end()
  })
}

/** Runs the main program (the app, a test runner) in this terminal and forwards signals to it; resolves with its exit status. */
export function runInForeground(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawnTied(command, args, { stdio: 'inherit', ...options }, 'SIGTERM')
    // On a terminal Ctrl-C reaches the whole process group: forwarding it would interrupt twice.
    const forward = signal => { if (signal !== 'SIGINT' || process.stdin.isTTY !== true) child.kill(signal) }
    const signals = ['SIGINT', 'SIGTERM', 'SIGHUP']
    for (const signal of signals) process.on(signal, forward)
    child.once('error', error => reject(new SetupError(`${command} could not be started: ${error.message}`)))
    child.once('exit', (status, signal) => {
      for (const name of signals) process.off(name, forward)
      resolve({ status, signal })
    })
  })
}

/** Ends this process as the child ended: with the same status or signal. */
export function endLike({ status, signal }) {
  if (signal !== null) process.kill(process.pid, signal)
  process.exit(status ?? 1)
}

const children = new Map()

/**
 * Like spawn, but the child ends with this process, even if this one is killed (on Linux, by the kernel's parent-death signal).
 * @param signal what ends it: SIGKILL for tools whose work is discarded anyway (npm ignores SIGTERM while it installs, and a second npm
 *   would then collide with the first in node_modules), SIGTERM for programs that should stop cleanly
 */
export function spawnTied(command, args, options, signal = 'SIGKILL') {
  const setpriv = process.platform === 'linux' ? which('setpriv') : undefined
  const child = setpriv === undefined
    ? spawn(command, args, options)
    : spawn(setpriv, ['--pdeathsig', signal.slice('SIG'.length), '--', command, ...args], options)
  children.set(child, signal)
  child.once('exit', () => children.delete(child))
  return child
}

process.once('exit', () => { for (const [child, signal] of children) child.kill(signal) })
