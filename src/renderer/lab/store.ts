/** What the lab shows: which end's connections, the one that is watched, its samples and packets, and what is done to the links. */
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
export type Watched = z.output<typeof appServer.commands.watch.reply>
export type ToldPackets = z.output<typeof appServer.commands.packets.reply>

/** One connection, as far as it was watched. */
export interface Watching {
  /** Undefined: there is none yet. */
  readonly connection: string | undefined
  readonly peer: string
  /** When its recording began: times are told from there. */
  readonly startMs: number
  /** Packets that were given up since then. */
  readonly lost: number
  readonly samples: readonly Sample[]
  /** The number of the sample that comes next. */
  readonly next: number
}

/** The newest packets of one connection, where somebody has looked at them. */
export interface Packets {
  readonly connection: string | undefined
  readonly rows: readonly PacketRow[]
  /** The number of the row that comes next. */
  readonly next: number
}

export interface LabState {
  readonly end: LabEnd
  /** The connection that was chosen; undefined: always the newest. */
  readonly chosen: string | undefined
  readonly watching: Watching
  readonly packets: Packets
  readonly rows: ReadonlyMap<string, ConnectionRow>
  /** Connections that are over, and can still be looked at. */
  readonly over: ReadonlyMap<string, OverRow>
  /** Whether changes are for the shown connection alone. */
  readonly isForOne: boolean
  /** Conditions in force, as text: of all connections, or of the one. */
  readonly link: string
  /** The same of all connections and those to come, whatever the one has, at each end. */
  readonly linksOfAll: Readonly<Record<LabEnd, string>>
  /** What connections to come have at this end; undefined before it was told. */
  readonly control: CongestionName | undefined
  /** Loads that were begun and are not over. */
  readonly loading: number
  readonly loaded: Loaded | undefined
  readonly error: ErrorParts | undefined
}

const NOTHING: Watching = { connection: undefined, peer: '', startMs: 0, lost: 0, samples: [], next: 0 }
const NO_PACKETS: Packets = { connection: undefined, rows: [], next: 0 }
/** Some minutes; the oldest go first. */
const SAMPLES_MAX = 12_000
/** As many as the service keeps. */
const PACKETS_MAX = 4000

export const useLab = create<LabState>(() => ({
  end: 'app-server', chosen: undefined, watching: NOTHING, packets: NO_PACKETS, rows: new Map(), over: new Map(), isForOne: false, link: 'perfect', linksOfAll: { 'app-server': 'perfect', client: 'perfect' }, control: undefined, loading: 0, loaded: undefined, error: undefined,
}))

/** Another end, or another of its connections, is to be watched. */
export function choose(change: Pick<LabState, 'end'> | Pick<LabState, 'chosen'>): void {
  useLab.setState({ ...change, ...('end' in change && { chosen: undefined, rows: new Map(), over: new Map(), isForOne: false, control: undefined }), watching: NOTHING, packets: NO_PACKETS })
}

/** The app server sends the bytes, so it is the end to look from; on a visitor's machine only the client runs. */
export function beginWhereItRuns(isUp: Readonly<Record<LabEnd, boolean>>): void {
  if (!isUp['app-server'] && isUp.client && useLab.getState().end === 'app-server') choose({ end: 'client' })
}

/**
 * What is known after a reply to a question that was asked about `asked`. Another connection than before begins anew: its first samples come with
 * the next reply.
 */
export function withWatched(asked: Watching, { connection, peer, startMs, lost, samples, next }: Watched): Watching {
  if (connection !== asked.connection) return { ...NOTHING, connection, peer }
  if (next < asked.next) return { ...NOTHING, connection, peer } // the service was started anew
  const all = samples.length === 0 ? asked.samples : [...asked.samples, ...samples]
  return { connection, peer, startMs, lost, next, samples: all.length > SAMPLES_MAX ? all.slice(-SAMPLES_MAX * 3 / 4) : all }
}

/** The packets of the watched connection, as far as they are known. */
export function shownPackets({ packets, watching: { connection } }: Pick<LabState, 'packets' | 'watching'>): Packets {
  return packets.connection === connection ? packets : NO_PACKETS
}

/** What is known after a reply to a question that was asked about `asked`. Where the service has not kept all that came between, what was known before goes too. */
export function withPackets(asked: Packets, { connection, rows, next }: ToldPackets): Packets {
  if (next < asked.next) return { ...NO_PACKETS, connection } // the service was started anew
  if (rows.length === 0) return asked
  const all = next - rows.length > asked.next ? rows : [...asked.rows, ...rows]
  return { connection, next, rows: all.length > PACKETS_MAX ? all.slice(-PACKETS_MAX * 3 / 4) : all }
}

/** A bad link of all connections, of whatever end: first of the one that is looked from. */
export function badLink({ end, linksOfAll }: Pick<LabState, 'end' | 'linksOfAll'>): string | undefined {
  return [linksOfAll[end], ...Object.values(linksOfAll)].find(link => link !== 'perfect')
}

/** A service stopped, or starts anew: what was done to its links went with its process. */
export function forgetService(id: string): void {
  if (!isLabEnd(id)) return
  useLab.setState(state => ({
    linksOfAll: { ...state.linksOfAll, [id]: 'perfect' }, ...(state.end === id && { link: 'perfect', rows: new Map(), over: new Map(), control: undefined }), ...(id === 'client' && { loading: 0 }),
  }))
}

/** An event of the client: a load is over. */
export function takeLoaded(name: string, data: unknown): void {
  if (name !== 'loaded') return
  const parsed = client.events.loaded.safeParse(data)
  if (parsed.success) useLab.setState(({ loading }) => ({ loaded: parsed.data, loading: Math.max(0, loading - 1) }))
}
