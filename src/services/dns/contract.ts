/** The DNS server, declared: names registered here, and all others by way of an upstream. */
import { z } from 'zod'
import { defineContract, endpointText, ipAddress, port } from '../kit/contract.ts'
import { parseIpPrefix } from '../kit/ip-prefix.ts'

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
    secondary: z.array(endpointText('server that takes the zone and is told of its changes')).max(16).default([])
      .meta({ description: 'server that takes the zone and is told of its changes; may be repeated', placeholder: 'IP[:PORT]' }),
    allow_register: z.array(z.string().refine(text => parseIpPrefix(text) !== undefined, { error: 'not a network such as 192.168.1.0/24' })).max(32).default([])
      .meta({ description: 'network whose machines may use the admin port for any name without a key; may be repeated', placeholder: 'SUBNET' }),
    local_update: z.boolean().default(false).meta({ description: 'take dynamic updates (RFC 2136) from this machine without a key' }),
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
    /** An admin line, an update, a transfer or a signature that was not taken. */
    refused: z.object({ client: z.string(), asked: z.string(), why: z.string() }),
    /** A secondary begins to take the zone (AXFR), or its changes (IXFR). */
    transferred: z.object({ secondary: z.string(), kind: z.enum(['AXFR', 'IXFR']), serial: z.int() }),
    /** A secondary was told that the zone has changed; `SILENT`: it did not answer. */
    notified: z.object({ secondary: z.string(), serial: z.int(), rcode: z.string() }),
  },
  table: {
    title: 'Names',
    empty: 'No name is known yet. REGISTER one, or look one up.',
    row: z.object({ name: z.string(), type: z.string(), data: z.string(), ttl: z.string(), source: z.string() }),
  },
})
