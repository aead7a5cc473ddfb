/** The client, declared: the gateway through which any browser reaches the village. */
import { z } from 'zod'
import { defineContract, endpointText, linkText, port } from '../kit/contract.ts'
import { connectionsTable, labCommands } from '../rudp/core/lab/commands.ts'

export const TRANSPORTS = ['tcp', 'rudp'] as const
export type Transport = (typeof TRANSPORTS)[number]

/** Request header by which a tab says its transport. The gateway obeys and strips it. */
export const TRANSPORT_HEADER = 'x-hamlet-transport'
/** Request header by which a tab says that a document goes into a frame of its page: Fetch Metadata comes with secure requests only. */
export const FRAME_HEADER = 'x-hamlet-frame'

/** One step on the way from an address bar to a page. */
export const journeyStep = z.object({
  step: z.enum(['address', 'name', 'connect', 'page']),
  tookMs: z.number(),
  /** Its packets stand between these in the client's trace, whose clock it is. */
  fromMs: z.number(),
  toMs: z.number(),
  /** One sentence for a person: "my-app.home is 192.168.1.10, registered". */
  sentence: z.string(),
  failed: z.boolean(),
})

/** What DHCP told; learned, never applied to this machine. */
const learnedLease = z.object({
  address: z.string(), server: z.string(), dns: z.string(), dnsPort: z.number(), dnsAdminPort: z.number(),
  domain: z.string(), leaseSeconds: z.number(), obtainedAtMs: z.number(), askedAtMs: z.number(), tookMs: z.number(),
})
export type LearnedLease = z.output<typeof learnedLease>

export const client = defineContract({
  id: 'client',
  command: 'client',
  title: 'Client',
  summary: 'A gateway for browsers: gets an address by DHCP, finds names by DNS, and connects by TCP or RUDP.',
  settings: z.object({
    proxy_port: port('TCP port of the proxy on 127.0.0.1; 0 takes any free one').default(0),
    dns: endpointText('DNS server to ask; without it the one that DHCP told').optional(),
    dhcp: endpointText('DHCP server to ask; without it a broadcast on port 6767').optional(),
    encrypt: z.boolean().default(false).meta({ description: 'encrypt what goes by RUDP; each server is known again by the key of its first visit' }),
    link: linkText(),
  }),
  commands: {
    ...labCommands,
    /** Loads a page on a connection of its own, only to be watched; `loaded` tells its end. */
    load: { ask: z.object({ url: z.string().max(2048) }), reply: z.object({}) },
    /** Breaks off what `load` has begun. */
    stop_loads: { ask: z.object({}), reply: z.object({ stopped: z.int() }) },
    /** The lease as it is now; asks for one where there is none, and anew where `renew` says so. */
    lease: { ask: z.object({ renew: z.boolean().default(false) }), reply: learnedLease },
    /** What a name is, and how that is known. */
    resolve: {
      ask: z.object({ name: z.string().max(253), type: z.string().max(16).default('A') }),
      reply: z.object({ rcode: z.string(), records: z.array(z.string()), sentence: z.string(), tookMs: z.number() }),
    },
    /** Asks a service as its users do and checks the bytes that come back. */
    probe: {
      ask: z.object({ service: z.enum(['dns', 'dhcp', 'app-server', 'client']), endpoint: endpointText('where it listens'), transport: z.enum(TRANSPORTS).default('tcp'), name: z.string().max(253).default('my-app.home') }),
      reply: z.object({ ok: z.boolean(), sentence: z.string(), tookMs: z.number() }),
    },
  },
  events: {
    loaded: z.object({ url: z.string(), status: z.number(), bytes: z.number(), tookMs: z.number(), failure: z.string().optional() }),
    leased: learnedLease,
    /** One document load is done: where the time went. */
    journey: z.object({ id: z.number(), url: z.string(), transport: z.enum(TRANSPORTS), status: z.number(), bytes: z.number(), steps: z.array(journeyStep) }),
  },
  table: {
    title: 'Requests',
    empty: 'No page has been asked for yet.',
    row: z.object({ url: z.string(), transport: z.string(), status: z.string(), bytes: z.string(), took: z.string() }),
  },
  liveTable: connectionsTable,
})
