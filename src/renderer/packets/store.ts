/** What is shown of a service's trace: the newest records, the filters, and the selected record. */
import { z } from 'zod'
import { create } from 'zustand'
import type { ServiceId } from '../../services/contracts.ts'
import type { ErrorParts } from '../../services/kit/errors.ts'
import { DIRECTIONS, KINDS, PROTOCOLS, type Protocol } from '../../services/kit/trace.ts'

const record = z.object({
  sequence: z.number(), atMs: z.number(), direction: z.enum(DIRECTIONS), protocol: z.enum(PROTOCOLS), kind: z.enum(KINDS), path: z.string(), bytes: z.instanceof(Uint8Array),
  wholeBytes: z.number(),
})
/** The replies on a trace's port (kit/host-protocol.ts). */
export const traceReply = z.object({ records: z.array(record), missed: z.number(), nextSequence: z.number() })
export type TraceRecord = z.output<typeof record>
export type TraceReply = z.output<typeof traceReply>

export type ProtocolFilter = Protocol | 'all'

/** Shows only the records of a span of time, such as one step of a journey. */
export interface TimeFilter {
  /** What happened then, as a phrase: "step 2 (Name) of http://my-app.home/". */
  readonly what: string
  readonly fromMs: number
  readonly toMs: number
}

export interface PacketsState {
  /** The service whose trace is shown, and its process; undefined: none yet. */
  readonly service: ServiceId
  readonly pid: number | undefined
  /** Oldest first. */
  readonly records: readonly TraceRecord[]
  /** Sequence number of the next record to read. */
  readonly next: number
  /** Records that were overwritten in the trace before they were read. */
  readonly missed: number
  readonly protocolFilter: ProtocolFilter
  /** Whether the service's own events are shown beside its packets. */
  readonly includesEvents: boolean
  /** Undefined: records of any time are shown. */
  readonly timeFilter: TimeFilter | undefined
  /** The records of a paused list; undefined: the newest are followed. */
  readonly paused: readonly TraceRecord[] | undefined
  /** The record shown in detail. */
  readonly selected: TraceRecord | undefined
  /** Paths (details.ts) of the open fields; they are open in every packet that has them. */
  readonly open: ReadonlySet<string>
  /** Path of the selected field; '' for none. */
  readonly field: string
  readonly error: ErrorParts | undefined
}

const RECORDS_MAX = 5000
/** Packets are recorded shortly after they are sent, and the clocks of two services differ slightly. */
const SLACK_MS = 2
const NOTHING = { pid: undefined, records: [], next: 0, missed: 0 }
const FOLLOWING = { paused: undefined, selected: undefined }

export const usePackets = create<PacketsState>(() => ({ service: 'client', ...NOTHING, protocolFilter: 'all', includesEvents: false, timeFilter: undefined, ...FOLLOWING, open: new Set(), field: '', error: undefined }))

export function selectService(service: ServiceId): void {
  usePackets.setState({ service, ...NOTHING, ...FOLLOWING })
}

/** Starts over if the service's process is a new one, whose trace is new too. */
export function resetForProcess(pid: number): void {
  usePackets.setState(state => state.pid === pid ? {} : { ...NOTHING, pid })
}

/**
 * Shows what the client recorded of a protocol in a span of time. HTTP over TCP has only
 * events: its packets are the operating system's.
 */
export function showStep(protocolFilter: Protocol, timeFilter: TimeFilter): void {
  selectService('client')
  setFilter({ protocolFilter, includesEvents: protocolFilter === 'http', timeFilter })
}

export function setFilter(change: Partial<Pick<PacketsState, 'protocolFilter' | 'includesEvents' | 'timeFilter'>>): void {
  usePackets.setState({ ...change, ...FOLLOWING })
}

/** Empties the list; new records appear in it. */
export function clear(): void {
  usePackets.setState({ records: [], missed: 0, timeFilter: undefined, ...FOLLOWING })
}

/** Follows the newest again. */
export function follow(): void {
  usePackets.setState(FOLLOWING)
}

/** Pauses the list with these records, optionally selecting one of them. */
export function pause(paused: readonly TraceRecord[], selected = usePackets.getState().selected): void {
  usePackets.setState({ paused, selected })
}

export function selectField(field: string): void {
  usePackets.setState({ field })
}

export function setOpen(paths: readonly string[], isOpen: boolean): void {
  usePackets.setState(({ open }) => ({ open: new Set(isOpen ? [...open, ...paths] : [...open].filter(path => !paths.includes(path))) }))
}

/** How many of the live records are newer than the last of the paused ones. */
export function newerThan(paused: readonly TraceRecord[], live: readonly TraceRecord[]): number {
  const last = paused[paused.length - 1]
  return live.length - 1 - (last === undefined ? -1 : live.lastIndexOf(last))
}

/** Appends a reply. Records overwritten before the first read do not count as missed. */
export function withRecords({ records, next, missed }: Pick<PacketsState, 'records' | 'next' | 'missed'>, reply: TraceReply): Pick<PacketsState, 'records' | 'next' | 'missed'> {
  const last = reply.records[reply.records.length - 1]
  if (last === undefined) return { records, next, missed }
  return { records: [...records, ...reply.records].slice(-RECORDS_MAX), next: last.sequence + 1, missed: next === 0 ? 0 : missed + reply.missed }
}

export function matchesFilter({ protocolFilter, includesEvents, timeFilter }: Pick<PacketsState, 'protocolFilter' | 'includesEvents' | 'timeFilter'>, { protocol, kind, atMs }: TraceRecord): boolean {
  return (protocolFilter === 'all' || protocolFilter === protocol) && (kind === 'packet' || includesEvents) && (timeFilter === undefined || (timeFilter.fromMs - SLACK_MS <= atMs && atMs <= timeFilter.toMs + SLACK_MS))
}
