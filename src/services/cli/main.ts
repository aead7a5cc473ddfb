/** `hamlet`: the command line. Finds the command, reads its flags, and turns whatever happens into one line and an exit status. */
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
import { nearest } from './nearest.ts'
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
  const near = nearest(name, commands.filter(({ hidden }) => hidden !== true).map(command => command.name))
  return new UsageError(`"${name}" is not a command`, 'hamlet has none of that name', near === undefined ? 'look at "hamlet --help"' : `use "hamlet ${near}"`)
}

function overview(): string {
  const shown = commands.filter(({ hidden }) => hidden !== true)
  const width = Math.max(...shown.map(({ name }) => name.length))
  const lines = shown.map(({ name, summary }) => `  hamlet ${name.padEnd(width)}  ${summary}`)
  return ['A whole network on one machine: DNS, DHCP, an application server over TCP and RUDP, and a client.', '', ...lines, '', '"hamlet <command> --help" lists its flags.', ''].join('\n')
}

/** A program asked; seen in what was typed, for flags that cannot be read are told as errors, too. */
const isForProgram = process.argv.includes('--json')
const serves = commands.find(({ name }) => name === process.argv[2])?.serves === true
/** A server that is told to end waits no longer for who reads its output. */
const LAST_WORDS_MS = 1000

function fail(error: unknown): never {
  if (isUnread) process.exit(0)
  process.stderr.write(isForProgram ? `${jsonLine(error)}\n` : `hamlet: ${oneLine(error)}\n`)
  process.exit(error instanceof UsageError ? 2 : 1)
}

/** Nobody reads the output any more. */
let isUnread = false
/** Ends the work. */
let stop = (): void => process.exit(0)

process.on('unhandledRejection', fail)
process.on('uncaughtException', fail)
for (const stream of [process.stdout, process.stderr]) stream.on('error', outputFailed)
refuseDebugger()

/** A reader that went away (`hamlet fetch … | head`) ends the output, and with it the work; a server has other work to do. */
function outputFailed(error: NodeJS.ErrnoException): void {
  if (serves) return
  if (error.code !== 'EPIPE') fail(new HamletError({ code: 'disk-failed', what: 'The output could not be written', why: error.message, remedy: 'free space, or write it elsewhere' }, { cause: error }))
  isUnread = true
  stop()
}

function interrupted(): Promise<void> {
  return new Promise(resolve => {
    stop = resolve
    // A second Ctrl+C ends what takes too long to end; a terminal that closes hangs up more than once.
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve())
    process.on('SIGHUP', () => resolve())
  })
}

function gap(lines: number): string {
  return isForProgram ? `${JSON.stringify({ event: 'left_out', lines })}\n` : `hamlet: ${lines} lines are left out here, for nobody read them in time\n`
}

const outputOf = (stream: Writable) => serves ? serverOutput(stream, gap) : stream
main(process.argv.slice(2), { stdout: outputOf(process.stdout), stderr: outputOf(process.stderr), interrupted }).then(status => {
  // Output may still be on its way to a pipe: the process ends by itself once nothing is left to do, or here once it is written. That
  // a file did not take it is told a little later than that it was given to it.
  process.exitCode = status
  process.stdout.write('', () => setImmediate(() => process.exit(status)))
  if (serves) setTimeout(() => process.exit(status), LAST_WORDS_MS)
}, fail)
