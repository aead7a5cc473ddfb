/** `hamlet`: the command line. Finds the command, parses its flags, and turns any error into one line and an exit status. */
import type { Writable } from 'node:stream'
import { SERVICE_IDS } from '../contracts.ts'
import { HamletError, jsonLine, oneLine, UsageError } from '../kit/errors.ts'
import { refuseDebugger } from '../kit/node/refuse-debugger.ts'
import { implementations } from '../services.ts'
import type { Command, ExitStatus, Terminal } from './command.ts'
import { fetch } from './commands/fetch.ts'
import { key } from './commands/key.ts'
import { lease } from './commands/lease.ts'
import { resolve } from './commands/resolve.ts'
import { serviceCommand } from './commands/service.ts'
import { serviceHost } from './commands/service-host.ts'
import { up } from './commands/up.ts'
import { checkFlags, helpOf, readFlags } from './flags.ts'
import { productVersion } from './folders.ts'
import { didYouMean } from './did-you-mean.ts'
import { serverOutput } from './server-output.ts'

const commands: readonly Command[] = [...SERVICE_IDS.map(id => serviceCommand(implementations[id], id)), resolve, lease, fetch, key, up, serviceHost]

async function main([name, ...rest]: readonly string[], terminal: Terminal): Promise<ExitStatus> {
  if (name === 'help' && rest[0] !== undefined) return main([rest[0], '--help'], terminal)
  if (name === undefined || name === 'help' || HELP.includes(name)) {
    terminal.stdout.write(overview())
    return 0
  }
  if (name === '--version') {
    terminal.stdout.write(`hamlet ${productVersion()}\n`)
    return 0
  }
  const command = commands.find(candidate => candidate.name === name)
  if (command === undefined) throw unknownCommand(name)
  if (rest.some(word => HELP.includes(word))) {
    terminal.stdout.write(helpOf(command))
    return 0
  }
  const { flags, positionals } = readFlags(command, rest)
  return command.run({ flags: checkFlags(command, flags), given: new Set(Object.keys(flags)), positionals }, terminal)
}

const HELP: readonly string[] = ['--help', '-h']

function unknownCommand(name: string): UsageError {
  const near = didYouMean(name, commands.filter(({ hidden }) => hidden !== true).map(command => command.name))
  return new UsageError(`"${name}" is not a command`, 'hamlet has no such command', near === undefined ? 'run "hamlet --help"' : `try "hamlet ${near}"`)
}

function overview(): string {
  const shown = commands.filter(({ hidden }) => hidden !== true)
  const width = Math.max(...shown.map(({ name }) => name.length))
  const lines = shown.map(({ name, summary }) => `  hamlet ${name.padEnd(width)}  ${summary}`)
  return ['A whole network on one machine: DNS, DHCP, an application server over TCP and RUDP, and a client.', '', ...lines, '', '"hamlet COMMAND --help" lists the flags of a command.', ''].join('\n')
}

/** Errors are printed as JSON. Checked on the raw arguments, since this also applies to errors in the flags. */
const printsJson = process.argv.includes('--json')
const serves = commands.find(({ name }) => name === process.argv[2])?.serves === true
/** A server that stops waits this long for the reader of its output. */
const FLUSH_MS_MAX = 1000

function fail(error: unknown): never {
  if (isUnread) process.exit(0)
  process.stderr.write(printsJson ? `${jsonLine(error)}\n` : `hamlet: ${oneLine(error)}\n`)
  process.exit(error instanceof UsageError ? 2 : 1)
}

/** The output has no reader any more. */
let isUnread = false
/** Stops the command. */
let stop = (): void => process.exit(0)

process.on('unhandledRejection', fail)
process.on('uncaughtException', fail)
for (const stream of [process.stdout, process.stderr]) stream.on('error', outputFailed)
refuseDebugger()

/** When the reader goes away (`hamlet fetch … | head`), the command stops; a server keeps running. */
function outputFailed(error: NodeJS.ErrnoException): void {
  if (serves) return
  if (error.code !== 'EPIPE') fail(new HamletError({ code: 'disk-failed', what: 'The output could not be written', why: error.message, remedy: 'free disk space, or write it elsewhere' }, { cause: error }))
  isUnread = true
  stop()
}

function interrupted(): Promise<void> {
  return new Promise(resolve => {
    stop = resolve
    // A second Ctrl+C ends the process at once. A closing terminal may send SIGHUP more than once, so that is always caught.
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve())
    process.on('SIGHUP', () => resolve())
  })
}

function gap(lines: number): string {
  return printsJson ? `${JSON.stringify({ event: 'left_out', lines })}\n` : `hamlet: ${lines} lines were dropped here because the output was not read in time\n`
}

const outputOf = (stream: Writable) => serves ? serverOutput(stream, gap) : stream
main(process.argv.slice(2), { stdout: outputOf(process.stdout), stderr: outputOf(process.stderr), interrupted }).then(status => {
  // Output to a pipe may still be pending: the process ends by itself once nothing is left to do, or here once the
  // output is written. setImmediate, because a failed write to a file is reported a little after the write itself.
  process.exitCode = status
  process.stdout.write('', () => setImmediate(() => process.exit(status)))
  if (serves) setTimeout(() => process.exit(status), FLUSH_MS_MAX)
}, fail)
