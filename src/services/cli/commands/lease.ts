/** `hamlet lease`: gets an address by DHCP and tells what was learned. Nothing is applied to this machine. */
import { z } from 'zod'
import { obtainLease, storedMac } from '../../dhcp/client.ts'
import { endpointText } from '../../kit/contract.ts'
import { parseEndpoint } from '../../kit/endpoint.ts'
import { TraceRing } from '../../kit/trace.ts'
import { systemClock } from '../../kit/node/clock.ts'
import { secureRandom } from '../../kit/node/random.ts'
import { hostname } from 'node:os'
import { defineCommand } from '../command.ts'
import { dataFolder } from '../folders.ts'

export const lease = defineCommand({
  name: 'lease',
  summary: 'Gets an address by DHCP and tells what was learned; this machine is not changed.',
  positionals: [],
  flags: z.object({
    dhcp: endpointText('DHCP server to ask; without it a broadcast on port 6767').optional(),
    data: z.string().optional().meta({ description: 'folder of the stored hardware address', placeholder: 'DIR' }),
    json: z.boolean().default(false).meta({ description: 'the lease as JSON' }),
  }),
  async run({ flags }, { stdout }) {
    const random = secureRandom()
    const obtained = await obtainLease({
      server: flags.dhcp === undefined ? undefined : parseEndpoint(flags.dhcp, 6767),
      mac: await storedMac(dataFolder(flags.data), random), hostName: hostname(), clock: systemClock, random, trace: new TraceRing(),
    })
    if (flags.json) stdout.write(`${JSON.stringify(obtained)}\n`)
    else {
      stdout.write(`address ${obtained.address}\n`)
      stdout.write(`dns     ${obtained.dns === '' ? 'none told' : `${obtained.dns}${obtained.dnsPort === 53 ? '' : `:${obtained.dnsPort}`}`}\n`)
      stdout.write(`lease   ${obtained.leaseSeconds} s from ${obtained.server}\n`)
    }
    return 0
  },
})
