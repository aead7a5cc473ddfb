/**
 * The state of the lab: the chosen end, the watched connection with its samples
 * and packets, and the link conditions in force.
 */
import { create } from 'zustand'
import type { z } from 'zod'
import { appServer } from '../../services/app-server/contract.ts'
import { client } from '../../services/client/contract.ts'
import type { ErrorParts } from '../../services/kit/errors.ts'
import type { CongestionName } from '../../services/rudp/core/congestion/congestion.ts'
import type { ConnectionRow, PacketRow, Sample } from '../../services/rudp/core/lab/commands.ts'

/** The services that have RUDP connections. */
export type LabEnd = 'app-server' | 'client'
export const isLabEnd = (id: string): id is LabEnd => id === 'app-server' || id === 'client'

export type Loaded = z.output<typeof client.events.loaded>
export type OverRow = Pick<ConnectionRow, 'peer' | 'congestion'>
export type WatchReply = z.output<typeof appServer.commands.watch.reply>
export type PacketsReply = z.output<typeof appServer.commands.packets.reply>

/** The watched connection, as far as it is known. */
export interface Watching {
  /** Undefined: none yet. */
  readonly connection: string | undefined
  readonly peer: string
  /** When its recording began; times are relative to it. */
  readonly startMs: number
  /** Packets declared lost since then. */
  readonly lost: number
  readonly samples: readonly Sample[]
  /** Number of the next sample. */
  readonly next: number
}

/** The newest packets of one connection, once they were shown. */
export interface Packets {
  readonly connection: string | undefined
  readonly rows: readonly PacketRow[]
  /** Number of the next row. */
  readonly next: number
}

export interface LabState {
  readonly end: LabEnd
  /** The chosen connection; undefined: always the newest. */
  readonly chosen: string | undefined
  readonly watching: Watching
  readonly packets: Packets
  readonly rows: ReadonlyMap<string, ConnectionRow>
  /** Closed connections that can still be shown. */
  readonly over: ReadonlyMap<string, OverRow>
  /** Whether changes apply to the shown connection only. */
  readonly isForOne: boolean
  /** Conditions in force, as text: of all connections, or of the shown one. */
  readonly link: string
  /** The conditions of all current and new connections at each end, whatever the shown one has. */
  readonly linksOfAll: Readonly<Record<LabEnd, string>>
  /** Congestion control of new connections at this end; undefined: not known yet. */
  readonly control: CongestionName | undefined
  /** Loads in progress. */
  readonly loading: number
  readonly loaded: Loaded | undefined
  readonly error: ErrorParts | undefined
}

const NOTHING: Watching = { connection: undefined, peer: '', startMs: 0, lost: 0, samples: [], next: 0 }
const NO_PACKETS: Packets = { connection: undefined, rows: [], next: 0 }
/** Some minutes; the oldest are dropped first. */
const SAMPLES_MAX = 12_000
/** As many as the service keeps. */
const PACKETS_MAX = 4000

export const useLab = create<LabState>(() => ({
  end: 'app-server', chosen: undefined, watching: NOTHING, packets: NO_PACKETS, rows: new Map(), over: new Map(), isForOne: false, link: 'perfect', linksOfAll: { 'app-server': 'perfect', client: 'perfect' }, control: undefined, loading: 0, loaded: undefined, error: undefined,
}))

/** Watches another end, or another of its connections. */
export function choose(change: Pick<LabState, 'end'> | Pick<LabState, 'chosen'>): void {
  useLab.setState({ ...change, ...('end' in change && { chosen: undefined, rows: new Map(), over: new Map(), isForOne: false, control: undefined }), watching: NOTHING, packets: NO_PACKETS })
}

/**
 * Selects the client if only the client is running, as on a visitor's machine. The
 * default is the app server, which sends the bytes.
 */
export function selectRunningEnd(isUp: Readonly<Record<LabEnd, boolean>>): void {
  if (!isUp['app-server'] && isUp.client && useLab.getState().end === 'app-server') choose({ end: 'client' })
}

/**
 * The state after a reply. `asked` is the state when the request was sent. Another connection starts
 * over: its first samples come with the next reply.
 */
export function withWatched(asked: Watching, { connection, peer, startMs, lost, samples, next }: WatchReply): Watching {
  if (connection !== asked.connection) return { ...NOTHING, connection, peer }
  if (next < asked.next) return { ...NOTHING, connection, peer } // the service was restarted
  const all = samples.length === 0 ? asked.samples : [...asked.samples, ...samples]
  return { connection, peer, startMs, lost, next, samples: all.length > SAMPLES_MAX ? all.slice(-SAMPLES_MAX * 3 / 4) : all }
}

/** The known packets of the watched connection. */
export function shownPackets({ packets, watching: { connection } }: Pick<LabState, 'packets' | 'watching'>): Packets {
  return packets.connection === connection ? packets : NO_PACKETS
}

/**
 * The packets after a reply. `asked` is the state when the request was sent. If the service no longer has some rows in
 * between, the earlier ones are dropped too.
 */
export function withPackets(asked: Packets, { connection, rows, next }: PacketsReply): Packets {
  if (next < asked.next) return { ...NO_PACKETS, connection } // the service was restarted
  if (rows.length === 0) return asked
  const all = next - rows.length > asked.next ? rows : [...asked.rows, ...rows]
  return { connection, next, rows: all.length > PACKETS_MAX ? all.slice(-PACKETS_MAX * 3 / 4) : all }
}

/** The bad link that all connections have at either end, first at the chosen one. */
export function badLink({ end, linksOfAll }: Pick<LabState, 'end' | 'linksOfAll'>): string | undefined {
  return [linksOfAll[end], ...Object.values(linksOfAll)].find(link => link !== 'perfect')
}

/** Resets the state of a service that has stopped or restarted: its link conditions ended with its process. */
export function forgetService(id: string): void {
  if (!isLabEnd(id)) return
  useLab.setState(state => ({
    linksOfAll: { ...state.linksOfAll, [id]: 'perfect' }, ...(state.end === id && { link: 'perfect', rows: new Map(), over: new Map(), control: undefined }), ...(id === 'client' && { loading: 0 }),
  }))
}

/** Handles the client's `loaded` event: a load has finished. */
export function handleLoaded(name: string, data: unknown): void {
  if (name !== 'loaded') return
  const parsed = client.events.loaded.safeParse(data)
  if (parsed.success) useLab.setState(({ loading }) => ({ loaded: parsed.data, loading: Math.max(0, loading - 1) }))
}
