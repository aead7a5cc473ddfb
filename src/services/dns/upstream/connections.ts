/**
 * Connections to one upstream, one at a time, with many questions on each: opened for the first question, left where the server owes
 * an answer for too long, and opened anew for the next one. What a server cut off that had answered before is asked once more.
 *
 * What a connection is, TCP, TLS or a session of HTTP/2, the Session knows that is dialled (streams.ts, https.ts).
 */
import type { UpstreamQuery } from '../core/forwarding/flight.ts'
import { idOf, whyRefused, withId, type UpstreamDoor, type UpstreamDoorOptions } from './door.ts'

/** Beyond, a server is not there. */
export const CONNECT_MS_MAX = 2000
/** Where nothing came for so long though something was asked, the way is gone: another network, a machine that slept. */
const SILENT_MS_MAX = 3000

/** An open connection. */
export interface Session {
  ask(query: UpstreamQuery): void
  /** Whatever comes back for it is of no interest any more. */
  forget(query: UpstreamQuery): void
  /** Ends it; `ended` follows. */
  destroy(): void
}

/** What a session tells of itself. What it tells of an query that is none of its own any more does no harm. */
export interface SessionListener {
  /** The server said something. */
  heard(): void
  /** @param message with whatever id it has on this session; only lent */
  received(query: UpstreamQuery, message: Uint8Array): void
  /** The end of a sentence. */
  refused(query: UpstreamQuery, why: string): void
  /** All that came together has been told. */
  drain(): void
  /** The server takes no more questions on it; what was asked may still be answered. */
  retired(): void
  /** It is closed. */
  ended(why: string): void
}

/** Opens a session. @throws Error where that fails */
export type Dial = (owner: SessionListener) => Promise<Session>

interface Connection {
  /** Undefined while it is being opened. */
  session: Session | undefined
  readonly pending: Set<UpstreamQuery>
  /** A server that said something and then closed did not mean what it has not answered. */
  answered: boolean
  /** Since when it owes something. The system itself would notice a dead one after a quarter of an hour. */
  silentSinceMs: number | undefined
}

export class Connections implements UpstreamDoor {
  readonly #dial: Dial
  readonly #options: UpstreamDoorOptions
  readonly #connectionOf = new Map<UpstreamQuery, Connection>()
  readonly #askedTwice = new WeakSet<UpstreamQuery>()
  /** The one that takes questions. */
  #current: Connection | undefined
  #closed = false

  constructor(dial: Dial, options: UpstreamDoorOptions) {
    this.#dial = dial
    this.#options = options
  }

  ask(query: UpstreamQuery): void {
    const nowMs = this.#options.clock.nowMs()
    this.#leaveSilent(nowMs)
    const connection = this.#current ??= this.#open()
    connection.silentSinceMs ??= nowMs
    connection.pending.add(query)
    this.#connectionOf.set(query, connection)
    connection.session?.ask(query)
  }

  flush(): void {
    // Written at once: the system gathers what it can.
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

  /** What it owes is settled when it is closed. */
  #leaveSilent(nowMs: number): void {
    const { session, silentSinceMs } = this.#current ?? {}
    if (silentSinceMs === undefined || nowMs - silentSinceMs <= SILENT_MS_MAX) return
    this.#current = undefined
    session?.destroy()
  }

  #open(): Connection {
    const connection: Connection = { session: undefined, pending: new Set(), answered: false, silentSinceMs: undefined }
    this.#dial(this.#ownerOf(connection)).then(session => {
      if (this.#closed) return session.destroy()
      connection.session = session
      for (const query of connection.pending) session.ask(query)
    }, (error: unknown) => this.#ended(connection, whyRefused(error)))
    return connection
  }

  #ownerOf(connection: Connection): SessionListener {
    const { receive, refused, drain } = this.#options
    return {
      heard() {
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
      if (connection.answered && !this.#askedTwice.has(query)) {
        this.#askedTwice.add(query)
        this.ask(query)
      } else this.#options.refused(query, why)
    }
    this.#options.drain()
  }
}
