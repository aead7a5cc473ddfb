/** The DHCP server, declared: its settings, command, events and table of leases. */
import { z } from 'zod'
import { defineContract, endpointText, io, ipAddress, port } from '../kit/contract.ts'

export const dhcp = defineContract({
  id: 'dhcp',
  command: 'dhcp',
  title: 'DHCP server',
  summary: 'Lends addresses from a pool, and tells who asks where the DNS server is.',
  settings: z.object({
    dns: endpointText('DNS server that clients are told; the port is told to Hamlet clients only').optional(),
    host: ipAddress('address to serve on; 0.0.0.0 is every interface of this machine').default('0.0.0.0'),
    port: port('UDP port; 67 is the standard one, 0 takes any free one').default(6767),
    io: io(),
    interface: z.string().max(64).optional().meta({ description: 'serve this interface only', placeholder: 'NAME' }),
    pool: z.string().regex(/^\d+(\.\d+){3}-\d+(\.\d+){3}$/, { error: 'not FIRST-LAST' }).optional()
      .meta({ description: 'addresses to lend; without it .100 to .199 of the local subnet, on loopback 127.0.1.100 to 127.0.1.199', placeholder: 'FIRST-LAST' }),
    lease: z.int().min(60).max(31_536_000).default(3600).meta({ description: 'how long an address is lent, in seconds', placeholder: 'SECONDS' }),
    dns_admin_port: port('admin port of that DNS server, told to Hamlet clients').default(5354),
  }),
  commands: {
    /** Takes an address back before its time. */
    release: { ask: z.object({ yiaddr: z.ipv4() }), reply: z.object({ released: z.boolean() }) },
  },
  events: {
    offered: z.object({ yiaddr: z.string(), client: z.string() }),
    leased: z.object({ yiaddr: z.string(), client: z.string(), hostName: z.string(), expiresAtMs: z.number() }),
    released: z.object({ yiaddr: z.string(), client: z.string() }),
    refused: z.object({ client: z.string(), why: z.string() }),
  },
  table: {
    title: 'Leases',
    empty: 'No address is lent yet.',
    row: z.object({ address: z.string(), client: z.string(), host: z.string(), state: z.string(), until: z.string() }),
  },
})
