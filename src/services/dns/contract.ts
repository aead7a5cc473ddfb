/** The DNS server, declared: names registered here, and all others by way of an upstream. */
import { z } from 'zod'
import { defineContract, filePath, io, ipAddress, parsedText, port } from '../kit/contract.ts'
import { parseEndpoint } from '../kit/endpoint.ts'
import { UsageError } from '../kit/errors.ts'
import { parseIpPrefix } from '../kit/ip-prefix.ts'
import { parseForwarding } from './core/forwarding/routes.ts'
import { parseUpstream } from './core/forwarding/upstream.ts'
import { parseName } from './wire/name.ts'

function parseNetwork(text: string): void {
  if (parseIpPrefix(text) === undefined) throw new UsageError(`"${text}" is no network`, 'not a network such as 192.168.1.0/24', 'write ADDRESS/BITS')
}

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
    upstream: z.array(parsedText(parseUpstream)).max(8).default(['8.8.8.8'])
      .meta({ description: 'server asked for names that are not known here; also tls://IP#NAME and https://IP/PATH#NAME; may be repeated', placeholder: 'IP[:PORT]' }),
    forward: z.array(parsedText(parseForwarding)).max(64).default([])
      .meta({ description: 'server for a zone and all below it, as for --upstream; without a server the zone is asked of nobody; may be repeated', placeholder: 'ZONE=IP[:PORT]', advanced: true }),
    allow_private: z.array(parsedText(parseName)).max(64).default([])
      .meta({ description: 'zone whose names may have addresses of private networks though an upstream says so; may be repeated', placeholder: 'ZONE', advanced: true }),
    upstream_ca: filePath('certificates trusted for tls:// and https://, beside the usual ones').optional().meta({ advanced: true }),
    plain_letters: z.boolean().default(false).meta({ description: 'ask upstreams for names as they are, without letters in random case against forged answers', advanced: true }),
    canary: z.enum(['lan', 'always', 'never']).default('lan').meta({ description: 'hide the names by which browsers learn to stay with this server (use-application-dns.net, mask.icloud.com)', placeholder: 'WHEN', advanced: true }),
    rate_limit: z.int().min(0).max(1_000_000).default(1000).meta({ description: 'queries a second that one client may ask; 0 is no limit', placeholder: 'N', advanced: true }),
    secondary: z.array(parsedText(text => parseEndpoint(text, 53))).max(16).default([])
      .meta({ description: 'server that takes the zone and is told of its changes; may be repeated', placeholder: 'IP[:PORT]', advanced: true }),
    allow_register: z.array(parsedText(parseNetwork)).max(32).default([])
      .meta({ description: 'network whose machines may use the admin port for any name without a key; may be repeated', placeholder: 'SUBNET', advanced: true }),
    local_update: z.boolean().default(false).meta({ description: 'take dynamic updates (RFC 2136) from this machine without a key', advanced: true }),
    io: io(),
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
    /** An address of a private network was taken out of what an upstream said. */
    filtered: z.object({ qname: z.string(), data: z.string(), upstream: z.string() }),
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
