/**
 * The commands with which a user observes and changes the RUDP connections of a service while they run, declared once
 * for the contracts of all services that have such connections: list them, condition their links, choose their
 * congestion control, watch one, and save what was recorded.
 */
import { z } from 'zod'
import { parsedText } from '../../../kit/contract.ts'
import { parseLink } from '../../../kit/link-text.ts'
import { CONGESTION_NAMES } from '../congestion/congestion.ts'

/** The id that this endpoint chose, in hexadecimal, as packets show it. */
const connection = z.string().regex(/^[0-9a-f]{13}$/, { error: 'not a connection id' })

/** A row of the table of connections. `window_size` and `ssthresh` are the names of the original system. */
export const connectionRow = z.object({
  peer: z.string(), state: z.string(), congestion: z.string(), phase: z.string(), window_size: z.string(), ssthresh: z.string(), in_flight: z.string(), rtt: z.string(),
  sent: z.string(), lost: z.string(), resent: z.string(), link: z.string(),
  /** Packets that the conditioned link dropped or damaged. The sender learns only of those that it sent. */
  lost_by_link: z.string(),
})
export type ConnectionRow = z.output<typeof connectionRow>

/** The state of a connection at one moment, for a plot. */
export const sample = z.object({
  atMs: z.number(),
  /** cwnd. */
  windowBytes: z.number(),
  /** Null before the first loss. */
  ssthreshBytes: z.number().nullable(),
  /** The maximum since the previous sample. */
  flightBytes: z.number(),
  /** Smoothed round trip. */
  srttMs: z.number(),
  phase: z.string(),
  /** Packets declared lost since the previous sample. */
  lost: z.number(),
  /** The congestion control that took over since the previous sample; usually empty. */
  control: z.string(),
})
export type Sample = z.output<typeof sample>

/**
 * A packet for a ladder diagram, or what this end found out about one. The latter is a row of its own, because it
 * becomes known only after the row of the packet has been delivered.
 */
export const packetRow = z.discriminatedUnion('kind', [
  /** `frames`: a summary, shortened if there are many. */
  z.object({ kind: z.enum(['sent', 'received']), atMs: z.number(), number: z.number(), type: z.string(), sizeBytes: z.number(), frames: z.string() }),
  /** This end declared a packet lost that it had sent. */
  z.object({ kind: z.literal('lost'), atMs: z.number(), number: z.number(), found: z.enum(['packet threshold', 'time threshold']) }),
  /**
   * About a packet that this end sends. `again`: it carries bytes that were sent before. `probe`, `duplicate`: it
   * repeats the content of another packet, because no answer came, or, early in a connection, in case that one was
   * lost; this row precedes the packet. `late`: it was declared lost but arrived after all.
   */
  z.object({ kind: z.enum(['again', 'probe', 'duplicate', 'late']), atMs: z.number(), number: z.number() }),
  /** A parity restored lost bytes of the peer when its packet with this number arrived. */
  z.object({ kind: z.literal('restored'), atMs: z.number(), number: z.number(), bytes: z.string() }),
])
export type PacketRow = z.output<typeof packetRow>

/** The connections as a table of a panel. */
export const connectionsTable = {
  title: 'RUDP connections', empty: 'No RUDP connection is open.', row: connectionRow, command: 'connections',
} as const

export const labCommands = {
  /**
   * The rows of the table by connection, built on request; and the closed connections whose recordings are still kept.
   */
  connections: {
    ask: z.object({}),
    reply: z.object({ rows: z.array(z.tuple([connection, connectionRow])), over: z.array(z.tuple([connection, connectionRow.pick({ peer: true, congestion: true })])) }),
  },
  /** Sets the conditions of all connections, present and future, or of one. Without `link`, only reports them. */
  link: { ask: z.object({ link: parsedText(parseLink).optional(), connection: connection.optional() }), reply: z.object({ link: z.string() }) },
  /**
   * Sets the congestion control of all connections, present and future, or of one. Without `congestion`, only reports
   * it.
   */
  congestion: { ask: z.object({ congestion: z.enum(CONGESTION_NAMES).optional(), connection: connection.optional() }), reply: z.object({ congestion: z.enum(CONGESTION_NAMES) }) },
  /**
   * What happened in a connection, or in the newest one, from sample `after` on. Connections are recorded only while
   * someone asks for this, at least every few seconds.
   */
  watch: {
    ask: z.object({ connection: connection.optional(), after: z.int().min(0).default(0) }),
    reply: z.object({
      connection: connection.optional(), peer: z.string(),
      /** When the recording began: the times of samples, packets and the qlog are relative to it. */
      startMs: z.number(),
      /** Packets declared lost since then. */
      lost: z.int(),
      samples: z.array(sample), next: z.int(),
    }),
  },
  /**
   * The packets of the same connection, from row `after` on. The oldest rows are dropped: if the first row is later
   * than `after`, some are missing.
   */
  packets: {
    ask: z.object({ connection: connection.optional(), after: z.int().min(0).default(0) }),
    reply: z.object({ connection: connection.optional(), rows: z.array(packetRow), next: z.int() }),
  },
  /** The recording of a connection as a qlog file; and, if the recording became full, when, in ms. */
  qlog: { ask: z.object({ connection }), reply: z.object({ qlog: z.string(), fullAtMs: z.number().optional() }) },
} as const
