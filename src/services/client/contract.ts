/** The contract of the client: the gateway through which any browser reaches the village. */
import { z } from 'zod'
import { defineContract, endpointText, linkText, port } from '../kit/contract.ts'
import { connectionsTable, labCommands } from '../rudp/core/lab/commands.ts'

export const TRANSPORTS = ['tcp', 'rudp'] as const
export type Transport = (typeof TRANSPORTS)[number]

/** Request header in which a tab names its transport. The gateway obeys and strips it. */
export const TRANSPORT_HEADER = 'x-hamlet-transport'
/**
 * Request header in which a tab marks a document that loads in a frame. Browsers send Fetch Metadata, which would say
 * so, with secure requests only.
 */
export const FRAME_HEADER = 'x-hamlet-frame'

/** One step between the address bar and the page. */
export const journeyStep = z.object({
  step: z.enum(['address', 'name', 'connect', 'page']),
  tookMs: z.number(),
  /** Its packets are between these times in the client's trace, by the clock of that trace. */
  fromMs: z.number(),
  toMs: z.number(),
  /** One sentence for the user: "my-app.home is 192.168.1.10, registered". */
  sentence: z.string(),
  failed: z.boolean(),
})

/** What DHCP announced; learned, never applied to this machine. */
const learnedLease = z.object({
  address: z.string(), server: z.string(), dns: z.string(), dnsPort: z.number(), dnsAdminPort: z.number(),
  domain: z.string(), leaseSeconds: z.number(), obtainedAtMs: z.number(), askedAtMs: z.number(), tookMs: z.number(),
})
export type LearnedLease = z.output<typeof learnedLease>

export const client = defineContract({
  id: 'client',
  command: 'client',
  title: 'Client',
  summary: 'A gateway for browsers: gets an address by DHCP, resolves names by DNS, and connects over TCP or RUDP.',
  settings: z.object({
    proxy_port: port('TCP port of the proxy on 127.0.0.1; 0 takes any free one').default(0),
    dns: endpointText('DNS server to ask; by default the one announced by DHCP').optional(),
    dhcp: endpointText('DHCP server to ask; by default a broadcast on port 6767').optional(),
    encrypt: z.boolean().default(false).meta({ description: 'encrypt RUDP; a server must keep the key that it showed on the first visit' }),
    link: linkText(),
  }),
  commands: {
    ...labCommands,
    /** Loads a page on its own connection, just to watch it; the event `loaded` reports the end. */
    load: { ask: z.object({ url: z.string().max(2048) }), reply: z.object({}) },
    /** Aborts the loads that `load` started. */
    stop_loads: { ask: z.object({}), reply: z.object({ stopped: z.int() }) },
    /** The current lease; obtains one if there is none, or if `renew` is set. */
    lease: { ask: z.object({ renew: z.boolean().default(false) }), reply: learnedLease },
    /** The records of a name, and where they came from. */
    resolve: {
      ask: z.object({ name: z.string().max(253), type: z.string().max(16).default('A') }),
      reply: z.object({ rcode: z.string(), records: z.array(z.string()), sentence: z.string(), tookMs: z.number() }),
    },
    /** Uses a service as its users do, and checks the bytes that come back. */
    probe: {
      ask: z.object({ service: z.enum(['dns', 'dhcp', 'app-server', 'client']), endpoint: endpointText('where it listens'), transport: z.enum(TRANSPORTS).default('tcp'), name: z.string().max(253).default('my-app.home') }),
      reply: z.object({ ok: z.boolean(), sentence: z.string(), tookMs: z.number() }),
    },
  },
  events: {
    loaded: z.object({ url: z.string(), status: z.number(), bytes: z.number(), tookMs: z.number(), failure: z.string().optional() }),
    leased: learnedLease,
    /** A document load has ended: where the time went. */
    journey: z.object({ id: z.number(), url: z.string(), transport: z.enum(TRANSPORTS), status: z.number(), bytes: z.number(), steps: z.array(journeyStep) }),
  },
  table: {
    title: 'Requests',
    empty: 'No page has been requested yet.',
    row: z.object({ url: z.string(), transport: z.string(), status: z.string(), bytes: z.string(), took: z.string() }),
  },
  liveTable: connectionsTable,
})
