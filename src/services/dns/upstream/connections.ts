/**
 * Connections to one upstream, one at a time, with many questions on each: opened for the first question, left where the server owes
 * an answer for too long, and opened anew for the next one. What a server cut off that had answered before is asked once more.
 *
 * What a connection is, TCP, TLS or a session of HTTP/2, the Line knows that is dialled (streams.ts, https.ts).
 */
import type { Asking } from '../core/forwarding/flight.ts'
import { idOf, whyRefused, withId, type UpstreamDoor, type UpstreamDoorOptions } from './door.ts'

/** Beyond, a server is not there. */
export const CONNECT_MS_MAX = 2000
/** Where nothing came for so long though something was asked, the way is gone: another network, a machine that slept. */
const SILENT_MS_MAX = 3000

/** An open connection. */
export interface Line {
  ask(asking: Asking): void
  /** Whatever comes back for it is of no interest any more. */
  forget(asking: Asking): void
  /** Ends it; `ended` follows. */
  destroy(): void
}

/** What a line tells of itself. What it tells of an asking that is none of its own any more does no harm. */
export interface LineOwner {
  /** The server said something. */
  heard(): void
  /** @param message with whatever id it has on this line; only lent */
  received(asking: Asking, message: Uint8Array): void
  /** The end of a sentence. */
  refused(asking: Asking, why: string): void
  /** All that came together has been told. */
  drain(): void
  /** The server takes no more questions on it; what was asked may still be answered. */
  retired(): void
  /** It is closed. */
  ended(why: string): void
}

/** Opens a line. @throws Error where that fails */
export type Dial = (owner: LineOwner) => Promise<Line>

interface Connection {
  /** Undefined while it is being opened. */
  line: Line | undefined
  readonly pending: Set<Asking>
  /** A server that said something and then closed did not mean what it has not answered. */
  answered: boolean
  /** Since when it owes something. The system itself would notice a dead one after a quarter of an hour. */
  silentSinceMs: number | undefined
}

export class Connections implements UpstreamDoor {
  readonly #dial: Dial
  readonly #options: UpstreamDoorOptions
  readonly #connectionOf = new Map<Asking, Connection>()
  readonly #askedTwice = new WeakSet<Asking>()
  /** The one that takes questions. */
  #current: Connection | undefined
  #closed = false

  constructor(dial: Dial, options: UpstreamDoorOptions) {
    this.#dial = dial
    this.#options = options
  }

  ask(asking: Asking): void {
    const nowMs = this.#options.clock.nowMs()
    this.#leaveSilent(nowMs)
    const connection = this.#current ??= this.#open()
    connection.silentSinceMs ??= nowMs
    connection.pending.add(asking)
    this.#connectionOf.set(asking, connection)
    connection.line?.ask(asking)
  }

  flush(): void {
    // Written at once: the system gathers what it can.
  }

  forget(asking: Asking): void {
    const connection = this.#connectionOf.get(asking)
    this.#connectionOf.delete(asking)
    if (connection?.pending.delete(asking) === true) connection.line?.forget(asking)
  }

  close(): Promise<void> {
    this.#closed = true
    for (const connection of new Set([this.#current, ...this.#connectionOf.values()])) connection?.line?.destroy()
    return Promise.resolve()
  }

  /** What it owes is settled when it is closed. */
  #leaveSilent(nowMs: number): void {
    const { line, silentSinceMs } = this.#current ?? {}
    if (silentSinceMs === undefined || nowMs - silentSinceMs <= SILENT_MS_MAX) return
    this.#current = undefined
    line?.destroy()
  }

  #open(): Connection {
    const connection: Connection = { line: undefined, pending: new Set(), answered: false, silentSinceMs: undefined }
    this.#dial(this.#ownerOf(connection)).then(line => {
      if (this.#closed) return line.destroy()
      connection.line = line
      for (const asking of connection.pending) line.ask(asking)
    }, (error: unknown) => this.#ended(connection, whyRefused(error)))
    return connection
  }

  #ownerOf(connection: Connection): LineOwner {
    const { receive, refused, drain } = this.#options
    return {
      heard() {
        connection.answered = true
        connection.silentSinceMs = undefined
      },
      received(asking, message) {
        if (connection.pending.has(asking)) receive(withId(message, idOf(asking.query)), asking)
      },
      refused(asking, why) {
        if (connection.pending.has(asking)) refused(asking, why)
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
    for (const asking of pending) {
      if (connection.answered && !this.#askedTwice.has(asking)) {
        this.#askedTwice.add(asking)
        this.ask(asking)
      } else this.#options.refused(asking, why)
    }
    this.#options.drain()
  }
}
