/**
 * What a person may ask of a service's RUDP connections while they run, declared once for the contracts of all services that have any:
 * see them, condition their links, choose their congestion control, watch one, and keep what was seen.
 */
import { z } from 'zod'
import { parsedText } from '../../../kit/contract.ts'
import { parseLink } from '../../../kit/link-text.ts'
import { CONGESTION_NAMES } from '../congestion/congestion.ts'

/** The id that this end chose, in hexadecimal, as people see it in packets. */
const connection = z.string().regex(/^[0-9a-f]{13}$/, { error: 'not the id of a connection' })

/** A row of the table of connections: the original system's words are `window_size` and `ssthresh`. */
export const connectionRow = z.object({
  peer: z.string(), state: z.string(), congestion: z.string(), phase: z.string(), window_size: z.string(), ssthresh: z.string(), in_flight: z.string(), rtt: z.string(),
  sent: z.string(), lost: z.string(), resent: z.string(), link: z.string(),
  /** What the conditioned link took, damaged ones included: the sender finds out of those that it sent. */
  lost_by_link: z.string(),
})
export type ConnectionRow = z.output<typeof connectionRow>

/** A connection at one moment, for a plot. */
export const sample = z.object({
  atMs: z.number(),
  /** cwnd. */
  windowBytes: z.number(),
  /** Null before the first loss. */
  ssthreshBytes: z.number().nullable(),
  /** The most since the sample before. */
  flightBytes: z.number(),
  /** Smoothed round trip. */
  srttMs: z.number(),
  phase: z.string(),
  /** Packets that were given up since the sample before. */
  lost: z.number(),
  /** The congestion control that took over since then; '' as a rule. */
  control: z.string(),
})
export type Sample = z.output<typeof sample>

/**
 * A packet, for a ladder diagram, or what this end found out about one: a row of its own, because that is known later, and the row of
 * the packet has been told by then.
 */
export const packetRow = z.discriminatedUnion('kind', [
  /** `frames` in words, shortened where they are many. */
  z.object({ kind: z.enum(['sent', 'received']), atMs: z.number(), number: z.number(), type: z.string(), sizeBytes: z.number(), frames: z.string() }),
  /** This end gave up a packet that it had sent. */
  z.object({ kind: z.literal('lost'), atMs: z.number(), number: z.number(), found: z.enum(['by later packets', 'by time']) }),
  /**
   * Of a packet that this end sends. `again`: it carries bytes that left before. `probe`, `duplicate`: it says again what another one
   * said, because no answer came, or early in a connection in case that one is lost; told before the packet. `late`: it was given up,
   * and arrived after all.
   */
  z.object({ kind: z.enum(['again', 'probe', 'duplicate', 'late']), atMs: z.number(), number: z.number() }),
  /** Lost bytes of the peer were restored by a parity when its packet of this number came. */
  z.object({ kind: z.literal('restored'), atMs: z.number(), number: z.number(), bytes: z.string() }),
])
export type PacketRow = z.output<typeof packetRow>

/** The connections as a table of a panel. */
export const connectionsTable = {
  title: 'RUDP connections', empty: 'No RUDP connection is open.', row: connectionRow, command: 'connections',
} as const

export const labCommands = {
  /** The table's rows by connection, made for whoever asks; and those that are over, as long as their recordings are kept. */
  connections: {
    ask: z.object({}),
    reply: z.object({ rows: z.array(z.tuple([connection, connectionRow])), over: z.array(z.tuple([connection, connectionRow.pick({ peer: true, congestion: true })])) }),
  },
  /** Conditions for all connections, those to come included, or for one alone. Without `link` it only tells them. */
  link: { ask: z.object({ link: parsedText(parseLink).optional(), connection: connection.optional() }), reply: z.object({ link: z.string() }) },
  /** The congestion control of all connections, those to come included, or of one alone. Without `congestion` it only tells which. */
  congestion: { ask: z.object({ congestion: z.enum(CONGESTION_NAMES).optional(), connection: connection.optional() }), reply: z.object({ congestion: z.enum(CONGESTION_NAMES) }) },
  /**
   * What happened in a connection, or in the newest one, from sample `after` on. Connections are recorded as long as this is asked, at
   * least every few seconds; nothing is made for nobody.
   */
  watch: {
    ask: z.object({ connection: connection.optional(), after: z.int().min(0).default(0) }),
    reply: z.object({
      connection: connection.optional(), peer: z.string(),
      /** When the recording began: times of samples, of packets and of the qlog are told from there. */
      startMs: z.number(),
      /** Packets that were given up since then. */
      lost: z.int(),
      samples: z.array(sample), next: z.int(),
    }),
  },
  /** The packets of the same connection, from row `after` on. The oldest rows go: a first one later than `after` tells that some went. */
  packets: {
    ask: z.object({ connection: connection.optional(), after: z.int().min(0).default(0) }),
    reply: z.object({ connection: connection.optional(), rows: z.array(packetRow), next: z.int() }),
  },
  /** What was recorded of a connection, as a qlog file; and when it was full, in ms, where something is left out. */
  qlog: { ask: z.object({ connection }), reply: z.object({ qlog: z.string(), fullAtMs: z.number().optional() }) },
} as const
