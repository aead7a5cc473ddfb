/**
 * `hamlet lease`: gets an address by DHCP and prints the lease. Nothing on this machine changes unless the user
 * confirms the commands.
 */
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
/** Some standard servers probe for three seconds whether an address is free before they offer it. */
const STANDARD_WITHIN_MS = 10_000

export const lease = defineCommand({
  name: 'lease',
  summary: 'Gets an address by DHCP and prints the lease; changes nothing on this machine without --apply.',
  positionals: [],
  flags: z.object({
    dhcp: endpointText('DHCP server to ask; 255.255.255.255:67 asks all standard ones; by default a broadcast on port 6767').optional(),
    address: z.ipv4({ error: 'not an IPv4 address' }).optional().meta({ description: 'address that this machine had before, to request first', placeholder: 'IP' }),
    inform: z.boolean().default(false).meta({ description: 'only ask for the configuration that goes with the current address' }),
    apply: z.string().regex(/^[\w.-]{1,15}$/, { error: 'not the name of an interface' }).optional()
      .meta({ description: 'use this interface only, and assign it the lease after showing the commands and asking', placeholder: 'INTERFACE' }),
    data: folderPath('folder with the stored hardware address').optional(),
    json: z.boolean().default(false).meta({ description: 'print the lease as JSON' }),
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
      stdout.write(`dns     ${obtained.dns === '' ? 'none' : `${obtained.dns}${obtained.dnsPort === 53 ? '' : `:${obtained.dnsPort}`}`}\n`)
      stdout.write(flags.inform ? `server  ${obtained.server}\n` : `lease   ${formatLeaseTime(obtained.leaseSeconds)} from ${obtained.server}\n`)
    }
    return 0
  },
})

/** @throws UsageError before anything is sent, if the lease could not be applied */
function checkMayApply(interfaceName: string, { json, inform: informs }: { readonly json: boolean; readonly inform: boolean }): void {
  if (json) throw new UsageError('--json cannot be combined with --apply', 'the commands are shown to a user, who must confirm them', 'omit one of them')
  if (informs) throw new UsageError('--inform cannot be combined with --apply', 'it obtains no address that could be assigned to an interface', 'omit one of them')
  checkInterface(interfaceName)
}

/** Shows the commands and how to undo them, and runs them after a typed yes. */
async function offerToApply(lease: Lease, interfaceName: string, stdout: Writable): Promise<0 | 1> {
  checkIsNew(lease.address)
  const commands = commandsFor(lease, interfaceName, systemClock.nowMs())
  const lines = (list: typeof commands.apply) => list.map(command => `  ${command.join(' ')}\n`).join('')
  stdout.write(`${lease.address} is leased from ${lease.server} for ${formatLeaseTime(lease.leaseSeconds)}. Commands to assign it to ${interfaceName}:\n${lines(commands.apply)}Commands to undo that:\n${lines(commands.undo)}Type yes to assign it: `)
  const input = createInterface({ input: process.stdin })
  const answer = await Promise.race([once(input, 'line').then(([line]) => String(line)), once(input, 'close').then(() => '')])
  input.close()
  if (answer.trim().toLowerCase() !== 'yes') {
    stdout.write('Nothing was changed.\n')
    return 1
  }
  await applyLease(commands)
  stdout.write(`${interfaceName} has the address ${lease.address} until the lease ends.\n`)
  return 0
}
