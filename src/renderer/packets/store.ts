/** What is shown of a service's trace: the newest records, which of them are protocolFilter, and the one that is looked at. */
import { z } from 'zod'
import { create } from 'zustand'
import type { ServiceId } from '../../services/contracts.ts'
import type { ErrorParts } from '../../services/kit/errors.ts'
import { DIRECTIONS, KINDS, PROTOCOLS, type Protocol } from '../../services/kit/trace.ts'

const record = z.object({
  sequence: z.number(), atMs: z.number(), direction: z.enum(DIRECTIONS), protocol: z.enum(PROTOCOLS), kind: z.enum(KINDS), path: z.string(), bytes: z.instanceof(Uint8Array),
  wholeBytes: z.number(),
})
/** What the port of a service's trace says (kit/host-protocol.ts). */
export const traceReply = z.object({ records: z.array(record), missed: z.number(), nextSequence: z.number() })
export type TraceRecord = z.output<typeof record>
export type TraceReply = z.output<typeof traceReply>

export type ProtocolFilter = Protocol | 'all'

/** A time that is looked into, such as that of one step on the way to a page. */
export interface TimeFilter {
  /** What happened then, as a phrase: "step 2, Name, of http://my-app.home/". */
  readonly what: string
  readonly fromMs: number
  readonly toMs: number
}

export interface PacketsState {
  /** Whose trace is shown, and which process of it; undefined: none yet. */
  readonly end: ServiceId
  readonly pid: number | undefined
  /** Oldest first. */
  readonly records: readonly TraceRecord[]
  /** The sequence number to go on with. */
  readonly next: number
  /** Records that the trace had no longer when they were asked for. */
  readonly missed: number
  readonly protocolFilter: ProtocolFilter
  /** What a service says of itself besides packets. */
  readonly includesEvents: boolean
  /** Undefined: all that is kept is shown. */
  readonly timeFilter: TimeFilter | undefined
  /** What is shown while the list stands still; undefined: the newest are followed. */
  readonly paused: readonly TraceRecord[] | undefined
  /** The one that is looked into. */
  readonly selected: TraceRecord | undefined
  /** Paths (details.ts) of the fields that are open, in every packet that has them. */
  readonly open: ReadonlySet<string>
  /** The path of the field that is looked at; '' for none. */
  readonly field: string
  readonly error: ErrorParts | undefined
}

const RECORDS_MAX = 5000
/** A packet has left some time before it is written down, and the clocks of two services are not quite one. */
const SLACK_MS = 2
const NOTHING = { pid: undefined, records: [], next: 0, missed: 0 }
const FOLLOWING = { paused: undefined, selected: undefined }

export const usePackets = create<PacketsState>(() => ({ end: 'client', ...NOTHING, protocolFilter: 'all', includesEvents: false, timeFilter: undefined, ...FOLLOWING, open: new Set(), field: '', error: undefined }))

export function choose(end: ServiceId): void {
  usePackets.setState({ end, ...NOTHING, ...FOLLOWING })
}

/** Another process of a service has another trace. */
export function resetForProcess(pid: number): void {
  usePackets.setState(state => state.pid === pid ? {} : { ...NOTHING, pid })
}

/** Shows what the client saw of a protocol in a time. Of HTTP over TCP that is no packet: the system makes those. */
export function showStep(protocolFilter: Protocol, timeFilter: TimeFilter): void {
  choose('client')
  setFilter({ protocolFilter, includesEvents: protocolFilter === 'http', timeFilter })
}

export function setFilter(change: Partial<Pick<PacketsState, 'protocolFilter' | 'includesEvents' | 'timeFilter'>>): void {
  usePackets.setState({ ...change, ...FOLLOWING })
}

/** Forgets what is shown; what comes is shown again. */
export function clear(): void {
  usePackets.setState({ records: [], missed: 0, timeFilter: undefined, ...FOLLOWING })
}

/** Shows the newest again. */
export function follow(): void {
  usePackets.setState(FOLLOWING)
}

/** Stands still with these, and looks into one of them where one is selected. */
export function pause(paused: readonly TraceRecord[], selected = usePackets.getState().selected): void {
  usePackets.setState({ paused, selected })
}

export function selectField(field: string): void {
  usePackets.setState({ field })
}

export function setOpen(paths: readonly string[], isOpen: boolean): void {
  usePackets.setState(({ open }) => ({ open: new Set(isOpen ? [...open, ...paths] : [...open].filter(path => !paths.includes(path))) }))
}

/** How many of the live records have come behind the last of those that stand still. */
export function newerThan(paused: readonly TraceRecord[], live: readonly TraceRecord[]): number {
  const last = paused[paused.length - 1]
  return live.length - 1 - (last === undefined ? -1 : live.lastIndexOf(last))
}

/** With what was read next. Nobody misses what was overwritten before the window began to look. */
export function withRecords({ records, next, missed }: Pick<PacketsState, 'records' | 'next' | 'missed'>, reply: TraceReply): Pick<PacketsState, 'records' | 'next' | 'missed'> {
  const last = reply.records[reply.records.length - 1]
  if (last === undefined) return { records, next, missed }
  return { records: [...records, ...reply.records].slice(-RECORDS_MAX), next: last.sequence + 1, missed: next === 0 ? 0 : missed + reply.missed }
}

export function matchesFilter({ protocolFilter, includesEvents, timeFilter }: Pick<PacketsState, 'protocolFilter' | 'includesEvents' | 'timeFilter'>, { protocol, kind, atMs }: TraceRecord): boolean {
  return (protocolFilter === 'all' || protocolFilter === protocol) && (kind === 'packet' || includesEvents) && (timeFilter === undefined || (timeFilter.fromMs - SLACK_MS <= atMs && atMs <= timeFilter.toMs + SLACK_MS))
}
