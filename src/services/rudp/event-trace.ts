/**
 * Writes to the trace what packets do not show: states, losses, and the windows of congestion control. Formatting text
 * is expensive, so it is done after the turn of the event loop in which the event happened, with the original time. No
 * packet waits for it.
 */
import type { TraceRing } from '../kit/trace.ts'
import type { Connection } from './core/connection.ts'
import type { Observe } from './core/endpoint.ts'

/** The shortest interval at which the growth of a window is recorded. */
const WINDOW_EVERY_MS = 50

export class EventTrace {
  readonly #trace: TraceRing
  readonly #waiting: Parameters<Observe>[] = []
  readonly #windows = new WeakMap<Connection, { windowBytes: number; atMs: number }>()

  constructor(trace: TraceRing) {
    this.#trace = trace
  }

  /** Ignores packets: the door traces those. */
  readonly observe: Observe = (connection, event, nowMs) => {
    if (event.kind === 'sent' || event.kind === 'received') return
    if (event.kind === 'window' && !this.#isNews(connection, event.windowBytes, nowMs)) return
    // Two turns later, because the next turn may be the one that answers what arrived in this one.
    if (this.#waiting.push([connection, event, nowMs]) === 1) setImmediate(() => setImmediate(() => this.#write()))
  }

  #write(): void {
    for (const [connection, event, atMs] of this.#waiting.splice(0)) this.#trace.event('rudp', { connection: connectionName(connection), ...event }, atMs)
  }

  #isNews(connection: Connection, windowBytes: number, nowMs: number): boolean {
    const last = this.#windows.get(connection)
    if (last !== undefined && windowBytes >= last.windowBytes && nowMs < last.atMs + WINDOW_EVERY_MS) return false
    this.#windows.set(connection, { windowBytes, atMs: nowMs })
    return true
  }
}

/** Both ids in hexadecimal, as packets show them, the initiator's first. */
function connectionName({ role, localId, remoteId }: Connection): string {
  const [initiator, acceptor] = role === 'initiator' ? [localId, remoteId] : [remoteId, localId]
  return `${initiator.toString(16).padStart(13, '0')}-${acceptor.toString(16).padStart(13, '0')}`
}
