/** The DHCP server, declared: its settings, command, events and table of leases. */
import { z } from 'zod'
import { defineContract, endpointText, io, ipAddress, parsedText, port } from '../kit/contract.ts'
import { parseExclusion, parsePool, parseRelayedSubnet, parseReservation } from './core/address-settings.ts'
import { parseOptionSettings } from './core/option-settings.ts'

const texts = (parse: (text: string) => unknown, help: string, placeholder: string) => z.array(parsedText(parse)).max(4096).default([]).meta({ description: help, placeholder, advanced: true })

export const dhcp = defineContract({
  id: 'dhcp',
  command: 'dhcp',
  title: 'DHCP server',
  summary: 'Leases addresses from a pool, and gives clients the address of the DNS server.',
  settings: z.object({
    dns: endpointText('DNS server to give to clients, 0.0.0.0 for this machine; only Hamlet clients get the port').optional(),
    host: ipAddress('address to serve on; 0.0.0.0 is every interface of this machine').default('0.0.0.0'),
    port: port('UDP port; 67 is the standard one, 0 takes any free one').default(6767),
    interface: z.string().max(64).optional().meta({ description: 'serve this interface only', placeholder: 'NAME' }),
    pool: parsedText(parsePool).optional()
      .meta({ description: 'addresses to lease; without it .100 to .199 of the local subnet, on loopback 127.0.1.100 to 127.0.1.199', placeholder: 'FIRST-LAST' }),
    lease: z.int().min(60).max(31_536_000).default(3600).meta({ description: 'lease time in seconds', placeholder: 'SECONDS' }),
    exclude: texts(parseExclusion, 'addresses of the pool that are never leased', 'IP|FIRST-LAST'),
    reserve: texts(parseReservation, 'an address for one client only, by its hardware address or client identifier (id:HEX)', 'MAC=IP[=NAME]'),
    option: texts(text => parseOptionSettings([text]), 'a DHCP option to give to clients, by number or name, such as 42=192.168.1.7', 'CODE=VALUE'),
    subnet: texts(parseRelayedSubnet, 'a network behind a relay: its router, prefix and pool', 'ROUTER/BITS=FIRST-LAST'),
    domain: z.string().max(253).regex(/^([a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*)?$/i, { error: 'not a domain name' }).default('home')
      .meta({ description: 'domain to give to clients, under which their names are registered', placeholder: 'NAME' }),
    dns_admin_port: port('admin port of that DNS server, given to Hamlet clients').default(5354).meta({ advanced: true }),
    rapid_commit: z.boolean().default(false).meta({ description: 'grant a lease at once to clients that ask for Rapid Commit; only on networks with no other DHCP server', advanced: true }),
    no_probe: z.boolean().default(false).meta({ description: 'offer new addresses without probing them first', advanced: true }),
    beside_others: z.boolean().default(false).meta({ description: 'on port 67: serve everyone even if another DHCP server answers', advanced: true }),
    no_names: z.boolean().default(false).meta({ description: 'do not register the names of clients at the DNS server', advanced: true }),
    io: io(),
  }),
  commands: {
    /** Ends a lease before its time. */
    release: { ask: z.object({ yiaddr: z.ipv4() }), reply: z.object({ released: z.boolean() }) },
    /**
     * Serves everyone although another DHCP server answers, until the service stops. The confirmation is "serve
     * everyone".
     */
    serve_everyone: { ask: z.object({ confirmation: z.string().max(100) }), reply: z.object({}) },
  },
  events: {
    offered: z.object({ yiaddr: z.string(), client: z.string() }),
    /** `expiresAtMs` is null for a BOOTP client, whose lease never ends. */
    leased: z.object({ yiaddr: z.string(), client: z.string(), hostName: z.string(), expiresAtMs: z.number().nullable() }),
    released: z.object({ yiaddr: z.string(), client: z.string() }),
    refused: z.object({ client: z.string(), why: z.string() }),
    /** How many events were left out since the last such event, because there were too many in a second. */
    untold: z.object({ events: z.number() }),
    other_server: z.object({ server: z.string(), interface: z.string() }),
  },
  table: {
    title: 'Leases',
    empty: 'No address is leased yet.',
    row: z.object({ address: z.string(), client: z.string(), host: z.string(), state: z.string(), until: z.string() }),
  },
})
