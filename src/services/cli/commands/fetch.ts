/** `hamlet fetch URL`: one page by HTTP over TCP or RUDP, found by Hamlet's own resolver. */
import { open } from 'node:fs/promises'
import type { Writable } from 'node:stream'
import { z } from 'zod'
import { chooseDnsServer } from '../../client/dns-server.ts'
import { fetchUrl } from '../../client/fetch.ts'
import { endpointText, linkText } from '../../kit/contract.ts'
import { HamletError, UsageError } from '../../kit/errors.ts'
import { systemClock } from '../../kit/node/clock.ts'
import { collectLessOften } from '../../kit/node/garbage-collection.ts'
import { secureRandom } from '../../kit/node/random.ts'
import { TraceRing } from '../../kit/trace.ts'
import { KnownServers } from '../../rudp/known-servers.ts'
import { Lab } from '../../rudp/lab.ts'
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
    qlog: z.string().optional().meta({ description: 'write what happened in the RUDP connection here, for viewers such as qvis', placeholder: 'FILE' }),
    link: linkText(),
    data: z.string().optional().meta({ description: 'folder of the stored hardware address and of the servers that are known', placeholder: 'DIR' }),
    json: z.boolean().default(false).meta({ description: 'the metrics as JSON' }),
  }),
  async run({ flags, positionals: [url = ''] }, { stdout, stderr }) {
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
    const file = flags.output === undefined ? undefined : await openFile(flags.output)
    const log = flags.qlog === undefined ? undefined : await openFile(flags.qlog)
    const onQlog = log === undefined ? {} : { onQlog: (qlog: string) => log.end(qlog) }
    const encryption = flags.encrypt ? new KnownServers(folder, line => stderr.write(`${line}\n`)) : undefined
    const fetched = await fetchUrl(url, { dns: undefined, choose, encryption, lab, output: file ?? stdout, ...onQlog, ...environment })
    if (file !== undefined) await ended(file)
    if (flags.json) stderr.write(`${JSON.stringify(fetched)}\n`)
    else {
      for (const { step, tookMs, sentence } of fetched.steps) stderr.write(`${step.padEnd(8)} ${tookMs.toFixed(1).padStart(8)} ms  ${sentence}\n`)
      stderr.write(`${fetched.status} over ${fetched.transport.toUpperCase()} from ${fetched.peer}: ${fetched.bytes} bytes in ${fetched.tookMs.toFixed(1)} ms\n`)
    }
    if (fetched.status < 400) return 0
    throw new HamletError({ code: 'refused', what: `${url} was not delivered`, why: `the server answered ${fetched.status}`, remedy: 'check the address' })
  },
})

async function openFile(path: string): Promise<Writable> {
  try {
    return (await open(path, 'w')).createWriteStream()
  } catch (error) {
    throw new HamletError({
      code: 'disk-failed', what: `${path} could not be written`, why: error instanceof Error ? error.message : String(error), remedy: 'choose another file with --output',
    }, { cause: error })
  }
}

/** Waits until all of it is written. */
function ended(file: Writable): Promise<void> {
  return new Promise((resolve, reject) => {
    file.once('error', reject)
    file.end(resolve)
  })
}
