/**
 * The messages between a host (the supervisor) and a service, over any channel that carries plain data: to a utility process in the
 * window, to a child process under `hamlet up`. Each side validates what it receives with these schemas and trusts it afterwards.
 */
import { z } from 'zod'
import { ERROR_CODES } from './errors.ts'

export const SERVICE_STATES = ['stopped', 'starting', 'running', 'degraded', 'stopping', 'failed'] as const
export type ServiceState = (typeof SERVICE_STATES)[number]

/** The service is working, perhaps with limitations. */
export const isUp = ({ state }: { readonly state: ServiceState }): boolean => state === 'running' || state === 'degraded'

export const errorParts = z.object({
  code: z.enum(ERROR_CODES), what: z.string(), why: z.string(), done: z.string().optional(), remedy: z.string(), proof: z.string().optional(),
})

/** Where a service can be reached. */
export const serviceEndpoint = z.object({
  /** The protocol: `dns`, `admin`, `http`, `rudp`, `dhcp`, `proxy`. */
  name: z.string(),
  transport: z.enum(['udp', 'tcp']),
  address: z.string(),
  port: z.int(),
})
export type ServiceEndpoint = z.output<typeof serviceEndpoint>

/** A row of a panel's table; every value is text for display. */
export const tableRow = z.record(z.string(), z.string())
export type TableRow = z.output<typeof tableRow>

/** Host → service. */
export const toService = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('start'),
    id: z.string(),
    settings: z.record(z.string(), z.unknown()),
    dataFolder: z.string(),
    assetsFolder: z.string(),
    /** What must not appear in argv or the environment, such as the proxy's password. */
    secrets: z.record(z.string(), z.string()),
  }),
  z.object({ type: z.literal('command'), call: z.int(), name: z.string(), ask: z.unknown().optional() }),
  z.object({ type: z.literal('stop') }),
])
export type ToService = z.output<typeof toService>

/** Service → host. */
export const fromService = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('ready'),
    endpoints: z.array(serviceEndpoint),
    /** Settings that were open (port 0), with the values chosen: a restart after a crash uses them again. */
    pinned: z.record(z.string(), z.unknown()),
  }),
  /** Running, or, with a `reason`, degraded. */
  z.object({ type: z.literal('health'), reason: z.string().optional() }),
  /** The service's endpoints have changed. */
  z.object({ type: z.literal('endpoints'), endpoints: z.array(serviceEndpoint) }),
  z.object({ type: z.literal('reply'), call: z.int(), value: z.unknown().optional() }),
  z.object({ type: z.literal('refusal'), call: z.int(), error: errorParts }),
  z.object({ type: z.literal('event'), name: z.string(), data: z.unknown().optional() }),
  /** Changed rows of the panel's table; null removes the row. */
  z.object({ type: z.literal('rows'), changes: z.array(z.tuple([z.string(), tableRow.nullable()])) }),
  /** `contract`: a line that the original system prints, for stdout. `log`: a line for stderr and the console. */
  z.object({ type: z.literal('line'), to: z.enum(['contract', 'log']), text: z.string() }),
  /** The service cannot start or cannot continue. It exits by itself. */
  z.object({ type: z.literal('failed'), error: errorParts }),
  z.object({ type: z.literal('stopped') }),
])
export type FromService = z.output<typeof fromService>

/** Trace reader → service, over a separate channel: at most `limit` records, starting with `fromSequence`. */
export const traceRequest = z.object({ fromSequence: z.int().min(0), limit: z.int().min(1).max(4096) })
