/** The DNS server, declared: names registered here, and all others by way of an upstream. */
import { z } from 'zod'
import { defineContract, endpointText, ipAddress, port } from '../kit/contract.ts'

export const dns = defineContract({
  id: 'dns',
  command: 'dns',
  title: 'DNS server',
  summary: 'Answers names: those registered here, and all others by asking an upstream server.',
  settings: z.object({
    host: ipAddress('address to answer on; 0.0.0.0 is every address of this machine').default('127.0.0.1'),
    port: port('UDP and TCP port for queries; 0 takes any free one').default(53),
    admin_port: port('UDP port for REGISTER, UNREGISTER, LIST and FLUSH; 0 takes any free one').default(5354),
    admin_host: ipAddress('address of the admin port').default('127.0.0.1'),
    upstream: z.array(endpointText('server asked for names that are not known here; may be repeated')).max(8).default(['8.8.8.8'])
      .meta({ description: 'server asked for names that are not known here; may be repeated', placeholder: 'IP[:PORT]' }),
    canary: z.enum(['lan', 'always', 'never']).default('lan').meta({ description: 'hide the names by which browsers learn to stay with this server (use-application-dns.net, mask.icloud.com)', placeholder: 'WHEN' }),
    rate_limit: z.int().min(0).max(1_000_000).default(1000).meta({ description: 'queries a second that one client may ask; 0 is no limit', placeholder: 'N' }),
  }),
  commands: {
    /** One admin line (REGISTER …, LIST, …) and its reply line or lines. */
    admin: { ask: z.object({ line: z.string().max(1024) }), reply: z.object({ lines: z.array(z.string()) }) },
  },
  events: {
    answered: z.object({
      qname: z.string(), qtype: z.string(), rcode: z.string(), source: z.enum(['zone', 'cache', 'stale', 'upstream', 'none']),
      client: z.string(), tookMs: z.number(),
    }),
    /** A second in which more was answered than is told one by one, or a client asked for more than its share. */
    counted: z.object({ answers: z.int(), untold: z.int(), limited: z.int() }),
    registered: z.object({ name: z.string(), type: z.string(), rdata: z.string() }),
    unregistered: z.object({ name: z.string(), type: z.string().optional() }),
  },
  table: {
    title: 'Names',
    empty: 'No name is known yet. REGISTER one, or look one up.',
    row: z.object({ name: z.string(), type: z.string(), data: z.string(), ttl: z.string(), source: z.string() }),
  },
})
