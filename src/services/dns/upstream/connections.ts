/**
 * Connections to one upstream, one at a time, with many queries on each. A connection is opened for the first query, abandoned
 * when an answer is overdue, and replaced for the next query. If a server that had answered closes a connection, the queries
 * still pending on it are retried once.
 *
 * The transport itself (TCP, TLS or HTTP/2) is behind the Session interface (streams.ts, https.ts).
 */
import type { UpstreamQuery } from '../core/forwarding/flight.ts'
import { idOf, whyRefused, withId, type UpstreamDoor, type UpstreamDoorOptions } from './door.ts'

/** A server that does not accept a connection within this is unreachable. */
export const CONNECT_MS_MAX = 2000
/** If a query goes unanswered for this long, the connection is dead: the network changed, or the machine slept. */
const SILENT_MS_MAX = 3000

/** An open connection. */
export interface Session {
  ask(query: UpstreamQuery): void
  /** Ignores any further reply to it. */
  forget(query: UpstreamQuery): void
  /** Closes it; `ended` follows. */
  destroy(): void
}

/** Receives the events of a session. Events for a query that is no longer on the session are ignored. */
export interface SessionListener {
  /** The server sent something. */
  active(): void
  /** @param message with the id it has on this session; borrowed, valid only during the call */
  received(query: UpstreamQuery, message: Uint8Array): void
  /** @param why completes a sentence that begins with the server */
  refused(query: UpstreamQuery, why: string): void
  /** All events of one read have been delivered. */
  drain(): void
  /** The server accepts no more queries on it, but may answer pending ones. */
  retired(): void
  /** The session is closed. */
  ended(why: string): void
}

/** Opens a session. @throws Error if that fails */
export type Dial = (listener: SessionListener) => Promise<Session>

interface Connection {
  /** Undefined while it is being opened. */
  session: Session | undefined
  readonly pending: Set<UpstreamQuery>
  /** The server has sent something: if it then closes, the pending queries were not the reason and may be retried. */
  answered: boolean
  /** Since when an answer is due. The operating system would notice a dead connection only after a quarter of an hour. */
  silentSinceMs: number | undefined
}

export class Connections implements UpstreamDoor {
  readonly #dial: Dial
  readonly #options: UpstreamDoorOptions
  readonly #connectionOf = new Map<UpstreamQuery, Connection>()
  readonly #retried = new WeakSet<UpstreamQuery>()
  /** The connection that takes new queries. */
  #current: Connection | undefined
  #closed = false

  constructor(dial: Dial, options: UpstreamDoorOptions) {
    this.#dial = dial
    this.#options = options
  }

  ask(query: UpstreamQuery): void {
    const nowMs = this.#options.clock.nowMs()
    this.#dropSilent(nowMs)
    const connection = this.#current ??= this.#open()
    connection.silentSinceMs ??= nowMs
    connection.pending.add(query)
    this.#connectionOf.set(query, connection)
    connection.session?.ask(query)
  }

  flush(): void {
    // Queries are written at once; the operating system coalesces what it can.
  }

  forget(query: UpstreamQuery): void {
    const connection = this.#connectionOf.get(query)
    this.#connectionOf.delete(query)
    if (connection?.pending.delete(query) === true) connection.session?.forget(query)
  }

  close(): Promise<void> {
    this.#closed = true
    for (const connection of new Set([this.#current, ...this.#connectionOf.values()])) connection?.session?.destroy()
    return Promise.resolve()
  }

  /** Its pending queries are retried or refused when it has closed. */
  #dropSilent(nowMs: number): void {
    const { session, silentSinceMs } = this.#current ?? {}
    if (silentSinceMs === undefined || nowMs - silentSinceMs <= SILENT_MS_MAX) return
    this.#current = undefined
    session?.destroy()
  }

  #open(): Connection {
    const connection: Connection = { session: undefined, pending: new Set(), answered: false, silentSinceMs: undefined }
    this.#dial(this.#listenerFor(connection)).then(session => {
      if (this.#closed) return session.destroy()
      connection.session = session
      for (const query of connection.pending) session.ask(query)
    }, (error: unknown) => this.#ended(connection, whyRefused(error)))
    return connection
  }

  #listenerFor(connection: Connection): SessionListener {
    const { receive, refused, drain } = this.#options
    return {
      active() {
        connection.answered = true
        connection.silentSinceMs = undefined
      },
      received(query, message) {
        if (connection.pending.has(query)) receive(withId(message, idOf(query.message)), query)
      },
      refused(query, why) {
        if (connection.pending.has(query)) refused(query, why)
      },
      drain,
      retired: () => this.#retire(connection),
      ended: why => this.#ended(connection, why),
    }
  }

  #retire(connection: Connection): void {
    if (this.#current === connection) this.#current = undefined
  }

  #ended(connection: Connection, why: string): void {
    this.#retire(connection)
    if (this.#closed) return
    const pending = [...connection.pending]
    connection.pending.clear()
    for (const query of pending) {
      if (connection.answered && !this.#retried.has(query)) {
        this.#retried.add(query)
        this.ask(query)
      } else this.#options.refused(query, why)
    }
    this.#options.drain()
  }
}
