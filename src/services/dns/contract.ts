/** The contract of the DNS server, which answers names registered here, and all others through an upstream. */
import { z } from 'zod'
import { defineContract, filePath, io, ipAddress, parsedText, port } from '../kit/contract.ts'
import { parseEndpoint } from '../kit/endpoint.ts'
import { UsageError } from '../kit/errors.ts'
import { parseIpPrefix } from '../kit/ip-prefix.ts'
import { parseForwarding } from './core/forwarding/routes.ts'
import { parseUpstream } from './core/forwarding/upstream.ts'
import { parseName } from './wire/name.ts'

function parseNetwork(text: string): void {
  if (parseIpPrefix(text) === undefined) throw new UsageError(`"${text}" is not a network`, 'a network looks like 192.168.1.0/24', 'write ADDRESS/BITS')
}

export const dns = defineContract({
  id: 'dns',
  command: 'dns',
  title: 'DNS server',
  summary: 'Answers queries for the names registered here, and for all others by asking an upstream server.',
  settings: z.object({
    host: ipAddress('address to answer on; 0.0.0.0 is every address of this machine').default('127.0.0.1'),
    port: port('UDP and TCP port for queries; 0 takes any free one').default(53),
    admin_port: port('UDP port for REGISTER, UNREGISTER, LIST and FLUSH; 0 takes any free one').default(5354),
    admin_host: ipAddress('address of the admin port').default('127.0.0.1'),
    upstream: z.array(parsedText(parseUpstream)).max(8).default(['8.8.8.8'])
      .meta({ description: 'server for names that are not known here; also tls://IP#NAME and https://IP/PATH#NAME; may be repeated', placeholder: 'IP[:PORT]' }),
    forward: z.array(parsedText(parseForwarding)).max(64).default([])
      .meta({ description: 'server for a zone and all names below it, written as for --upstream; without a server the zone is not forwarded; may be repeated', placeholder: 'ZONE=IP[:PORT]', advanced: true }),
    allow_private: z.array(parsedText(parseName)).max(64).default([])
      .meta({ description: 'zone whose names may have private addresses in upstream answers; may be repeated', placeholder: 'ZONE', advanced: true }),
    upstream_ca: filePath('certificates trusted for tls:// and https://, in addition to the default ones').optional().meta({ advanced: true }),
    plain_letters: z.boolean().default(false).meta({ description: 'keep the case of names in upstream queries; randomizing it protects against forged answers', advanced: true }),
    canary: z.enum(['lan', 'always', 'never']).default('lan').meta({ description: 'when to hide the canary names, so that browsers keep using this server (use-application-dns.net, mask.icloud.com)', placeholder: 'WHEN', advanced: true }),
    rate_limit: z.int().min(0).max(1_000_000).default(1000).meta({ description: 'queries per second allowed to one client; 0 is no limit', placeholder: 'N', advanced: true }),
    secondary: z.array(parsedText(text => parseEndpoint(text, 53))).max(16).default([])
      .meta({ description: 'secondary server that may transfer the zone and is notified of changes; may be repeated', placeholder: 'IP[:PORT]', advanced: true }),
    allow_register: z.array(parsedText(parseNetwork)).max(32).default([])
      .meta({ description: 'network whose machines may change any name through the admin port without a key; may be repeated', placeholder: 'SUBNET', advanced: true }),
    local_update: z.boolean().default(false).meta({ description: 'accept dynamic updates (RFC 2136) from this machine without a key', advanced: true }),
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
    /** The summary of a second in which not every answer was reported individually, or a client exceeded its rate limit. */
    counted: z.object({ answers: z.int(), untold: z.int(), limited: z.int() }),
    /** A private address was removed from an upstream's answer. */
    filtered: z.object({ qname: z.string(), data: z.string(), upstream: z.string() }),
    registered: z.object({ name: z.string(), type: z.string(), rdata: z.string() }),
    unregistered: z.object({ name: z.string(), type: z.string().optional() }),
    /** An admin line, an update, a transfer or a signature was refused. */
    refused: z.object({ client: z.string(), asked: z.string(), why: z.string() }),
    /** A secondary started to transfer the zone (AXFR) or its changes (IXFR). */
    transferred: z.object({ secondary: z.string(), kind: z.enum(['AXFR', 'IXFR']), serial: z.int() }),
    /** A secondary was notified of a change; `SILENT`: it did not answer. */
    notified: z.object({ secondary: z.string(), serial: z.int(), rcode: z.string() }),
  },
  table: {
    title: 'Names',
    empty: 'No names yet. REGISTER one, or look one up.',
    row: z.object({ name: z.string(), type: z.string(), data: z.string(), ttl: z.string(), source: z.string() }),
  },
})
