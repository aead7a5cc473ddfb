/**
 * The lab of a service: one place to observe and change its RUDP connections, whichever sockets they run on. A user can
 * list them, condition their links, change their congestion control, and watch one of them. While nobody does, it costs
 * one branch per event.
 */
import type { z } from 'zod'
import { UsageError } from '../kit/errors.ts'
import { formatLink, parseLink } from '../kit/link-text.ts'
import type { Clock } from '../kit/node/clock.ts'
import { LinkConditioner } from '../kit/node/udp/link-conditioner.ts'
import type { CongestionName } from './core/congestion/congestion.ts'
import { DEFAULT_CONGESTION } from './core/congestion/controllers.ts'
import type { Connection } from './core/connection.ts'
import type { Observe, RudpEndpoint } from './core/endpoint.ts'
import type { labCommands } from './core/lab/commands.ts'
import type { Recording } from './core/lab/recording.ts'
import { Recordings } from './core/lab/recordings.ts'
import { formatConnectionRow } from './core/lab/connection-row.ts'
import { formatQlog } from './core/qlog.ts'

/** Runs an endpoint (host.ts). */
export interface LabHost {
  use<T>(verb: (nowMs: number, endpoint: RudpEndpoint) => T): T
}

export interface LabOptions {
  readonly clock: Clock
  /** The conditions of all links, as text; by default none. */
  readonly link?: string | undefined
  readonly congestion?: CongestionName | undefined
}

type Commands = typeof labCommands
type Ask<Name extends keyof Commands> = z.output<Commands[Name]['ask']>
type Reply<Name extends keyof Commands> = z.input<Commands[Name]['reply']>
type LabCommands = { readonly [Name in keyof Commands]: (ask: Ask<Name>) => Promise<Reply<Name>> }

/**
 * Recording continues this long after the last look, so that a user who loads a page in the browser meanwhile still
 * finds what happened.
 */
const WATCHED_FOR_MS = 60_000
/** The most samples or packets in one reply; the rest follows in the next. */
const REPLY_ROWS_MAX = 1000

export class Lab {
  readonly conditioner: LinkConditioner
  /** The controller of future connections. */
  congestion: CongestionName
  readonly commands: LabCommands
  readonly #clock: Clock
  readonly #hosts = new Set<LabHost>()
  readonly #recordings = new Recordings()
  #isWatched = false
  #cancelEnd = (): void => undefined

  constructor({ clock, link = '', congestion = DEFAULT_CONGESTION }: LabOptions) {
    this.#clock = clock
    this.congestion = congestion
    this.conditioner = new LinkConditioner(parseLink(link))
    this.commands = {
      connections: async () => this.#list(),
      link: async ({ link: text, connection: id }) => ({ link: this.#link(text, id) }),
      congestion: async ({ congestion: name, connection: id }) => ({ congestion: this.#congestion(name, id) }),
      watch: async ({ connection: id, after }) => this.#watch(id, after),
      packets: async ({ connection: id, after }) => this.#packets(id, after),
      qlog: async ({ connection: id }) => this.#qlog(id),
    }
  }

  /** Adds an endpoint whose sockets are open. */
  add(host: LabHost): void {
    this.#hosts.add(host)
    host.use((_nowMs, endpoint) => { endpoint.observesPackets ||= this.#isWatched })
  }

  /** Removes an endpoint whose sockets are closed. */
  remove(host: LabHost): void {
    this.#hosts.delete(host)
  }

  /** The observer of everything that happens in the connections. */
  readonly observe: Observe = (connection, event, nowMs) => {
    if (event.kind === 'state' && event.to === 'CLOSED') this.conditioner.setFor(connection.path, undefined)
    if (!this.#isWatched) return
    this.#recordings.of(idOf(connection), connection)?.add(event, nowMs)
  }

  #list(): Reply<'connections'> {
    const rows = new Map(this.#connections().map(connection => [idOf(connection), this.#rowOf(connection)]))
    const over = [...this.#recordings.entries()].filter(([id]) => !rows.has(id))
    return { rows: [...rows], over: over.map(([id, { peer, congestion }]) => [id, { peer, congestion }]) }
  }

  #rowOf(connection: Connection) {
    return formatConnectionRow(connection, this.conditioner.settingOf(connection.path), this.conditioner.counts(connection.path))
  }

  #link(text: string | undefined, id: string | undefined): string {
    const path = id === undefined ? undefined : this.#connection(id).path
    if (text !== undefined && path === undefined) this.conditioner.set(parseLink(text))
    if (text !== undefined && path !== undefined) this.conditioner.setFor(path, parseLink(text))
    return formatLink(path === undefined ? this.conditioner.setting : this.conditioner.settingOf(path))
  }

  #congestion(name: CongestionName | undefined, id: string | undefined): CongestionName {
    const one = id === undefined ? undefined : this.#connection(id)
    if (name === undefined) return one?.metrics().congestion ?? this.congestion
    if (id === undefined) this.congestion = name
    for (const host of this.#hosts) host.use((_nowMs, endpoint) => {
      if (id === undefined) endpoint.congestion = name
      for (const connection of endpoint.connections()) {
        if ((one ?? connection) === connection && connection.metrics().congestion !== name) connection.setCongestion(name)
      }
    })
    return name
  }

  #watch(id: string | undefined, after: number): Reply<'watch'> {
    const { connection, recording } = this.#shown(id)
    if (recording === undefined) return { connection, peer: '', startMs: 0, lost: 0, samples: [], next: 0 }
    const { rows, next } = recording.samplesFrom(after, REPLY_ROWS_MAX)
    const { peer, startMs = 0, lost } = recording
    return { connection, peer, startMs, lost, samples: [...rows], next }
  }

  #packets(id: string | undefined, after: number): Reply<'packets'> {
    const { connection, recording } = this.#shown(id)
    const { rows, next } = recording?.packets.rows.from(after, REPLY_ROWS_MAX) ?? { rows: [], next: 0 }
    return { connection, rows: [...rows], next }
  }

  /** The requested connection, or else the newest. */
  #shown(id: string | undefined): { readonly connection: string | undefined; readonly recording: Recording | undefined } {
    this.#keepWatching()
    const connection = id ?? this.#recordings.newest
    if (connection === undefined) return { connection, recording: undefined }
    return { connection, recording: this.#recordings.view(connection, () => this.#connection(connection)) }
  }

  #keepWatching(): void {
    if (!this.#isWatched) this.#recordings.clear()
    this.#setWatched(true)
    this.#cancelEnd()
    this.#cancelEnd = this.#clock.wakeAt(this.#clock.nowMs() + WATCHED_FOR_MS, () => this.#setWatched(false))
  }

  #setWatched(isWatched: boolean): void {
    if (isWatched === this.#isWatched) return
    this.#isWatched = isWatched
    for (const host of this.#hosts) host.use((_nowMs, endpoint) => { endpoint.observesPackets = isWatched })
  }

  #qlog(id: string): Reply<'qlog'> {
    const { qlog } = this.#recordingOf(id)
    return { qlog: formatQlog([qlog]), fullAtMs: qlog.fullAtMs }
  }

  #recordingOf(id: string): Recording {
    const recording = this.#recordings.get(id)
    if (recording === undefined) throw new UsageError(`Connection ${id} was not recorded`, 'a connection is recorded only while someone watches it', 'watch it and try again')
    return recording
  }

  #connection(id: string): Connection {
    for (const connection of this.#connections()) if (idOf(connection) === id) return connection
    throw new UsageError(`There is no connection ${id}`, 'it has ended, or never existed', 'choose one that is open')
  }

  #connections(): readonly Connection[] {
    return [...this.#hosts].flatMap(host => host.use((_nowMs, endpoint) => [...endpoint.connections()]))
  }
}

/** The id that this endpoint chose, which is unique among the connections of a service. */
function idOf({ localId }: Connection): string {
  return localId.toString(16).padStart(13, '0')
}
