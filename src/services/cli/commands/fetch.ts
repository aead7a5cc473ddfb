/** `hamlet fetch URL`: one page over TCP or RUDP, with Hamlet's own resolver. */
import { Writable } from 'node:stream'
import { z } from 'zod'
import { parseTarget } from '../../client/core/target.ts'
import { chooseDnsServer } from '../../client/dns-server.ts'
import { fetchUrl } from '../../client/fetch.ts'
import { formatMs } from '../../kit/amounts.ts'
import { endpointText, filePath, folderPath, linkText } from '../../kit/contract.ts'
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
import { OutputFile } from '../output-file.ts'

export const fetch = defineCommand({
  name: 'fetch',
  summary: 'Gets http://… over TCP or rudp://… over RUDP; prints the body to stdout and the timings to stderr.',
  positionals: ['URL'],
  flags: z.object({
    dns: endpointText('DNS server to ask; by default the one announced by DHCP, otherwise 127.0.0.1:53').optional(),
    encrypt: z.boolean().default(false).meta({ description: 'encrypt RUDP; the server must keep the key that it showed on the first visit' }),
    output: filePath('write the body to this file instead of stdout').optional(),
    key_log: filePath('add the keys of the encrypted RUDP connection to this file, for Wireshark').optional(),
    qlog: filePath('write the events of the RUDP connection to this file, for viewers such as qvis').optional(),
    link: linkText(),
    data: folderPath('folder with the stored hardware address and the known servers').optional(),
    json: z.boolean().default(false).meta({ description: 'print the timings as JSON' }),
  }),
  async run({ flags, positionals: [url = ''] }, { stdout, stderr, interrupted }) {
    checkAddress(url, flags)
    collectLessOften()
    const folder = dataFolder(flags.data)
    const environment = { clock: systemClock, random: secureRandom(), trace: new TraceRing() }
    const choose = async () => {
      const choice = await chooseDnsServer({ dns: flags.dns, dhcp: undefined, dataFolder: folder, ...environment })
      if (!flags.json) stderr.write(`${choice.sentence}\n`)
      return choice
    }
    const lab = flags.link === undefined ? undefined : new Lab({ clock: systemClock, link: flags.link })
    const file = flags.output === undefined ? undefined : await OutputFile.open('output', flags.output)
    const log = flags.qlog === undefined ? undefined : await OutputFile.open('qlog', flags.qlog)
    const say = (text: string) => stderr.write(`${text}\n`)
    const onQlog = log === undefined ? {} : { onQlog: (qlog: string, fullAtMs: number | undefined) => {
      log.stream.write(qlog)
      if (fullAtMs !== undefined) say(`${flags.qlog} was full after ${formatMs(fullAtMs)}: later events are missing`)
    } }
    const encryption = flags.encrypt ? new KnownServers(folder, say) : undefined
    const cryptography = flags.key_log === undefined ? undefined : withKeyLog(nodeCryptography, openKeyLogFile(flags.key_log, say))
    const output = (status: number) => file === undefined ? stdout : status < 400 ? file.stream : nowhere()
    const gone = new AbortController()
    if (log !== undefined) void interrupted().then(() => gone.abort()) // to write the qlog of what happened until then
    const fetched = await fetchUrl(url, { choose, encryption, cryptography, lab, signal: gone.signal, output, ...onQlog, ...environment }).catch((error: unknown) => {
      throw gone.signal.aborted ? canceled(url, error) : error
    }).finally(() => log?.end())
    if (fetched.status < 400) await file?.end()
    if (flags.json) stderr.write(`${JSON.stringify(fetched)}\n`)
    else {
      for (const { step, tookMs, sentence } of fetched.steps) stderr.write(`${step.padEnd(8)} ${tookMs.toFixed(1).padStart(8)} ms  ${sentence}\n`)
      stderr.write(`${fetched.status} over ${fetched.transport.toUpperCase()} from ${fetched.peer}: ${fetched.bytes} bytes in ${fetched.tookMs.toFixed(1)} ms\n`)
    }
    if (fetched.status < 400) return 0
    throw new HamletError({ code: 'refused', what: `${url} was not delivered`, why: `the server answered with status ${fetched.status}`, ...(flags.output !== undefined && { done: `nothing was written to ${flags.output}` }), remedy: 'check the address' })
  },
})

/** Discards an error page, which must not overwrite the file. */
function nowhere(): Writable {
  return new Writable({ write: (_chunk, _encoding, done) => done() })
}

/** Flags that affect only RUDP, and how. */
const RUDP_FLAGS = [['link', 'conditions'], ['encrypt', 'encrypts'], ['qlog', 'records']] as const

/** @throws UsageError for an invalid URL, and for a flag that would have no effect on it */
function checkAddress(url: string, flags: Readonly<Partial<Record<(typeof RUDP_FLAGS)[number][0] | 'key_log', string | boolean | undefined>>>): void {
  const isRudp = parseTarget(url).scheme === 'rudp'
  if (flags.key_log !== undefined && !(flags.encrypt === true && isRudp)) {
    throw new UsageError('--key_log cannot be used here', 'nothing would be encrypted', 'use an rudp:// address and add --encrypt, or omit --key_log')
  }
  for (const [flag, does] of RUDP_FLAGS) {
    if (isRudp || flags[flag] === undefined || flags[flag] === false) continue
    throw new UsageError(`--${flag} cannot be used here`, `it ${does} RUDP, and this is not an rudp:// address`, `use an rudp:// address, or omit --${flag}`)
  }
}

function canceled(url: string, cause: unknown): HamletError {
  return new HamletError({ code: 'connection-lost', what: `The fetch of ${url} was canceled`, why: 'it was interrupted', done: 'the part that arrived was written', remedy: 'fetch it again' }, { cause })
}
