/** `hamlet fetch URL`: one page by HTTP over TCP or RUDP, found by Hamlet's own resolver. */
import { open } from 'node:fs/promises'
import type { Writable } from 'node:stream'
import { finished } from 'node:stream/promises'
import { z } from 'zod'
import { chooseDnsServer } from '../../client/dns-server.ts'
import { fetchUrl } from '../../client/fetch.ts'
import { endpointText, linkText } from '../../kit/contract.ts'
import { HamletError, UsageError } from '../../kit/errors.ts'
import { systemClock } from '../../kit/node/clock.ts'
import { collectLessOften } from '../../kit/node/garbage-collection.ts'
import { secureRandom } from '../../kit/node/random.ts'
import { TraceRing } from '../../kit/trace.ts'
import { withKeyLog } from '../../rudp/core/encryption/key-log.ts'
import { openKeyLogFile } from '../../rudp/key-log-file.ts'
import { KnownServers } from '../../rudp/known-servers.ts'
import { Lab } from '../../rudp/lab.ts'
import { nodeCryptography } from '../../rudp/node-cryptography.ts'
import { defineCommand } from '../command.ts'
import { dataFolder } from '../folders.ts'

export const fetch = defineCommand({
  name: 'fetch',
  summary: 'Gets http://… over TCP or rudp://host[:port]/path over RUDP; the body goes to stdout, the metrics to stderr.',
  positionals: ['URL'],
  flags: z.object({
    dns: endpointText('DNS server to ask; without it the one that DHCP tells, else 127.0.0.1:53').optional(),
    encrypt: z.boolean().default(false).meta({ description: 'encrypt what goes by RUDP; the server is known again by the key of its first visit' }),
    output: z.string().optional().meta({ description: 'write the body here instead of stdout', placeholder: 'FILE' }),
    key_log: z.string().optional().meta({ description: 'add the keys of the encrypted RUDP connection to this file, for Wireshark', placeholder: 'FILE' }),
    qlog: z.string().optional().meta({ description: 'write what happened in the RUDP connection here, for viewers such as qvis', placeholder: 'FILE' }),
    link: linkText(),
    data: z.string().optional().meta({ description: 'folder of the stored hardware address and of the servers that are known', placeholder: 'DIR' }),
    json: z.boolean().default(false).meta({ description: 'the metrics as JSON' }),
  }),
  async run({ flags, positionals: [url = ''] }, { stdout, stderr, interrupted }) {
    collectLessOften()
    const folder = dataFolder(flags.data)
    const environment = { clock: systemClock, random: secureRandom(), trace: new TraceRing() }
    const choose = async () => {
      const choice = await chooseDnsServer({ dns: flags.dns, dhcp: undefined, dataFolder: folder, ...environment })
      stderr.write(`${choice.sentence}\n`)
      return choice
    }
    if (flags.link !== undefined && !url.startsWith('rudp:')) {
      throw new UsageError('--link cannot be used here', 'it conditions RUDP, and the address is not one of RUDP', 'write rudp:// in the address, or leave --link out')
    }
    const lab = flags.link === undefined ? undefined : new Lab({ clock: systemClock, link: flags.link })
    if (flags.key_log !== undefined && !(flags.encrypt && url.startsWith('rudp:'))) {
      throw new UsageError('--key_log cannot be used here', 'nothing would be encrypted', 'write rudp:// in the address and add --encrypt, or leave --key_log out')
    }
    const file = flags.output === undefined ? undefined : await OutputFile.open('output', flags.output)
    const log = flags.qlog === undefined ? undefined : await OutputFile.open('qlog', flags.qlog)
    const onQlog = log === undefined ? {} : { onQlog: (qlog: string) => log.stream.write(qlog) }
    const say = (text: string) => stderr.write(`${text}\n`)
    const encryption = flags.encrypt ? new KnownServers(folder, say) : undefined
    const cryptography = flags.key_log === undefined ? undefined : withKeyLog(nodeCryptography, openKeyLogFile(flags.key_log, say))
    const output = file?.stream ?? stdout
    const gone = new AbortController()
    if (log !== undefined) void interrupted().then(() => gone.abort()) // What happened until then is worth having.
    const fetched = await fetchUrl(url, { dns: undefined, choose, encryption, cryptography, lab, signal: gone.signal, output, ...onQlog, ...environment }).catch((error: unknown) => {
      throw gone.signal.aborted ? brokenOff(url, error) : error
    }).finally(() => log?.end())
    await file?.end()
    if (flags.json) stderr.write(`${JSON.stringify(fetched)}\n`)
    else {
      for (const { step, tookMs, sentence } of fetched.steps) stderr.write(`${step.padEnd(8)} ${tookMs.toFixed(1).padStart(8)} ms  ${sentence}\n`)
      stderr.write(`${fetched.status} over ${fetched.transport.toUpperCase()} from ${fetched.peer}: ${fetched.bytes} bytes in ${fetched.tookMs.toFixed(1)} ms\n`)
    }
    if (fetched.status < 400) return 0
    throw new HamletError({ code: 'refused', what: `${url} was not delivered`, why: `the server answered ${fetched.status}`, remedy: 'check the address' })
  },
})

function brokenOff(url: string, cause: unknown): HamletError {
  return new HamletError({ code: 'connection-lost', what: `${url} was broken off`, why: 'that was asked for', done: 'what had come was written', remedy: 'fetch it again' }, { cause })
}

class OutputFile {
  readonly stream: Writable
  readonly #failed: (error: unknown) => HamletError

  private constructor(stream: Writable, failed: (error: unknown) => HamletError) {
    this.stream = stream.on('error', () => undefined) // `end` tells of it
    this.#failed = failed
  }

  /** @throws HamletError disk-failed */
  static async open(flag: string, path: string): Promise<OutputFile> {
    const failed = (error: unknown) => new HamletError({
      code: 'disk-failed', what: `${path} could not be written`, why: error instanceof Error ? error.message : String(error), remedy: `choose another file with --${flag}`,
    }, { cause: error })
    const handle = await open(path, 'w').catch((error: unknown) => { throw failed(error) })
    return new OutputFile(handle.createWriteStream(), failed)
  }

  /** Waits until all of it is written. @throws HamletError disk-failed */
  async end(): Promise<void> {
    try {
      await finished(this.stream.end())
    } catch (error) {
      throw this.#failed(error)
    }
  }
}
