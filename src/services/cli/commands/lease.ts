/** `hamlet lease`: gets an address by DHCP and tells what was learned. Nothing is applied to this machine unless the person says yes to the commands. */
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Writable } from 'node:stream'
import { z } from 'zod'
import { applyLease, checkInterface, checkIsNew } from '../../dhcp/apply-lease.ts'
import { inform, formatLeaseTime, obtainLease, storedMac, type Lease } from '../../dhcp/client.ts'
import { commandsFor } from '../../dhcp/core/apply.ts'
import { endpointText, folderPath } from '../../kit/contract.ts'
import { parseEndpoint } from '../../kit/endpoint.ts'
import { UsageError } from '../../kit/errors.ts'
import { TraceRing } from '../../kit/trace.ts'
import { systemClock } from '../../kit/node/clock.ts'
import { secureRandom } from '../../kit/node/random.ts'
import { hostname } from 'node:os'
import { defineCommand } from '../command.ts'
import { dataFolder } from '../folders.ts'

const STANDARD_PORT = 67
/** Some of the servers there look for three seconds whether an address is free before they offer it. */
const STANDARD_WITHIN_MS = 10_000

export const lease = defineCommand({
  name: 'lease',
  summary: 'Gets an address by DHCP and tells what was learned; this machine is not changed, but by --apply.',
  positionals: [],
  flags: z.object({
    dhcp: endpointText('DHCP server to ask; 255.255.255.255:67 asks all standard ones; without it a broadcast on port 6767').optional(),
    address: z.ipv4({ error: 'not an IPv4 address' }).optional().meta({ description: 'address that this machine had, to be asked for first', placeholder: 'IP' }),
    inform: z.boolean().default(false).meta({ description: 'only ask what goes with the address that this machine has' }),
    apply: z.string().regex(/^[\w.-]{1,15}$/, { error: 'not the name of an interface' }).optional()
      .meta({ description: 'ask on this interface alone, and give it what was lent, after showing the commands and asking', placeholder: 'INTERFACE' }),
    data: folderPath('folder of the stored hardware address').optional(),
    json: z.boolean().default(false).meta({ description: 'the lease as JSON' }),
  }),
  async run({ flags }, { stdout }) {
    if (flags.apply !== undefined) checkMayApply(flags.apply, flags)
    const random = secureRandom()
    const question = {
      server: flags.dhcp === undefined ? undefined : parseEndpoint(flags.dhcp, 6767), interfaceName: flags.apply,
      mac: await storedMac(dataFolder(flags.data), random), clock: systemClock, random, trace: new TraceRing(),
    }
    const patience = question.server?.port === STANDARD_PORT || flags.address !== undefined ? { timeoutMs: STANDARD_WITHIN_MS } : {}
    const remembered = flags.address === undefined ? {} : { remembered: flags.address }
    const obtained = flags.inform ? await inform(question) : await obtainLease({ ...question, ...remembered, ...patience, hostName: hostname() })
    if (flags.apply !== undefined) return offerToApply(obtained, flags.apply, stdout)
    if (flags.json) stdout.write(`${JSON.stringify(obtained)}\n`)
    else {
      stdout.write(`address ${obtained.address}\n`)
      stdout.write(`dns     ${obtained.dns === '' ? 'none told' : `${obtained.dns}${obtained.dnsPort === 53 ? '' : `:${obtained.dnsPort}`}`}\n`)
      stdout.write(flags.inform ? `server  ${obtained.server}\n` : `lease   ${formatLeaseTime(obtained.leaseSeconds)} from ${obtained.server}\n`)
    }
    return 0
  },
})

/** @throws UsageError before anything is asked, where it could not be applied */
function checkMayApply(interfaceName: string, { json, inform: informs }: { readonly json: boolean; readonly inform: boolean }): void {
  if (json) throw new UsageError('--json cannot go with --apply', 'the commands are shown to a person, who types yes', 'leave one of them out')
  if (informs) throw new UsageError('--inform cannot go with --apply', 'it lends nothing that an interface could be given', 'leave one of them out')
  checkInterface(interfaceName)
}

/** Shows what would be done and how it is undone, and does it after a typed yes. */
async function offerToApply(lease: Lease, interfaceName: string, stdout: Writable): Promise<0 | 1> {
  checkIsNew(lease.address)
  const commands = commandsFor(lease, interfaceName, systemClock.nowMs())
  const lines = (list: typeof commands.apply) => list.map(command => `  ${command.join(' ')}\n`).join('')
  stdout.write(`${lease.server} lends ${lease.address} for ${formatLeaseTime(lease.leaseSeconds)}. To give it to ${interfaceName}:\n${lines(commands.apply)}To take it away again:\n${lines(commands.undo)}Type yes to run the first ones: `)
  const input = createInterface({ input: process.stdin })
  const answer = await Promise.race([once(input, 'line').then(([line]) => String(line)), once(input, 'close').then(() => '')])
  input.close()
  if (answer.trim().toLowerCase() !== 'yes') {
    stdout.write('Nothing was changed.\n')
    return 1
  }
  await applyLease(commands)
  stdout.write(`${interfaceName} has ${lease.address} now, until the lease ends.\n`)
  return 0
}
