/** `hamlet resolve NAME [TYPE]`: the records of a name, and which server answered. */
import { z } from 'zod'
import { chooseDnsServer } from '../../client/dns-server.ts'
import { createResolver, questionOf, unresolved } from '../../dns/resolver.ts'
import { endpointText, folderPath } from '../../kit/contract.ts'
import { TraceRing } from '../../kit/trace.ts'
import { systemClock } from '../../kit/node/clock.ts'
import { secureRandom } from '../../kit/node/random.ts'
import { defineCommand } from '../command.ts'
import { dataFolder } from '../folders.ts'

export const resolve = defineCommand({
  name: 'resolve',
  summary: 'Looks up a name at the DNS server announced by DHCP, or at the one given with --dns.',
  positionals: ['NAME', '[TYPE]'],
  flags: z.object({
    dns: endpointText('DNS server to ask; by default the one announced by DHCP, otherwise 127.0.0.1:53').optional(),
    data: folderPath('folder with the stored hardware address').optional(),
    json: z.boolean().default(false).meta({ description: 'print the answer as JSON' }),
  }),
  async run({ flags, positionals: [qname = '', qtype = 'A'] }, { stdout, stderr }) {
    questionOf(qname, qtype) // report an invalid name or type before looking for a DNS server
    const environment = { clock: systemClock, random: secureRandom(), trace: new TraceRing() }
    const { server, sentence } = await chooseDnsServer({ dns: flags.dns, dhcp: undefined, dataFolder: dataFolder(flags.data), ...environment })
    if (!flags.json) stderr.write(`${sentence}\n`)
    const resolver = createResolver({ servers: [server], ...environment })
    try {
      const resolution = await resolver.resolve(qname, qtype.toUpperCase())
      if (flags.json) stdout.write(`${JSON.stringify(resolution)}\n`)
      else {
        for (const { name, ttl, type, data } of resolution.records) stdout.write(`${name}\t${ttl}\t${type}\t${data}\n`)
        stderr.write(`${resolution.sentence}\n`)
      }
      if (resolution.rcode === 'NOERROR' && resolution.records.length > 0) return 0
      throw unresolved(qname, `${qtype.toUpperCase()} record`, resolution)
    } finally {
      await resolver.close()
    }
  },
})
