/** The contract of the application server: HTTP over TCP and over RUDP, with the same content on both. */
import { z } from 'zod'
import { defineContract, endpointText, filePath, folderPath, io, ipAddress, linkText, port } from '../kit/contract.ts'
import { CONGESTION_NAMES } from '../rudp/core/congestion/congestion.ts'
import { connectionsTable, labCommands } from '../rudp/core/lab/commands.ts'

export const appServer = defineContract({
  id: 'app-server',
  command: 'server',
  title: 'Application server',
  summary: 'Serves pages, scripts and media by HTTP over TCP and RUDP.',
  settings: z.object({
    host: ipAddress('address to serve on; 0.0.0.0 is every address of this machine').default('127.0.0.1'),
    tcp_port: port('port for HTTP over TCP; 0 takes any free one').default(80),
    udp_port: port('port for HTTP over RUDP; 0 takes any free one').default(8080),
    dns: endpointText('DNS server to register the domain with; the port is its admin port, 5354 by default').optional()
      .meta({ placeholder: 'IP[:ADMINPORT]' }),
    domain: z.string().max(253).regex(/^([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/i, { error: 'not a domain name' })
      .default('my-app.home').meta({ description: 'name to register', placeholder: 'NAME' }),
    dns_key: filePath('file with the key that signs the registration, so that a DNS server on another machine accepts it').optional(),
    site: folderPath('folder to serve instead of the demo site').optional(),
    congestion: z.enum(CONGESTION_NAMES).default('bbr').meta({ description: 'congestion control of RUDP: tahoe, reno and cubic react to loss; bbr measures bandwidth and round-trip time' }),
    encryption: z.enum(['off', 'offered', 'required']).default('off').meta({ description: 'RUDP encryption: never, if the client asks for it, or always' }),
    link: linkText(),
    io: io(),
  }),
  commands: labCommands,
  events: {
    request: z.object({
      transport: z.enum(['tcp', 'rudp']), peer: z.string(), method: z.string(), target: z.string(), status: z.number(), bytes: z.number(), tookMs: z.number(), complete: z.boolean(),
    }),
    registered: z.object({ domain: z.string(), address: z.string() }),
  },
  table: {
    title: 'Connections',
    empty: 'No client has connected yet.',
    row: z.object({ peer: z.string(), transport: z.string(), state: z.string(), requests: z.string(), sent: z.string() }),
  },
  liveTable: connectionsTable,
})
