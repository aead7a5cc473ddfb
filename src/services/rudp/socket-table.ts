/** Finds the socket that an event is for. */
import type { Connection } from './core/connection.ts'
import type { RudpEvent } from './core/endpoint.ts'
import type { Stream } from './core/stream.ts'
import type { RudpSocket } from './socket.ts'

export class SocketTable {
  readonly #byConnection = new Map<Connection, Map<Stream, RudpSocket>>()

  add(connection: Connection, stream: Stream, socket: RudpSocket): void {
    const streams = this.#byConnection.get(connection) ?? new Map<Stream, RudpSocket>()
    streams.set(stream, socket)
    this.#byConnection.set(connection, streams)
  }

  /** Delivers an event to the sockets that it concerns, and forgets those that will get no more. */
  dispatch(event: RudpEvent): void {
    const streams = this.#byConnection.get(event.connection)
    if (streams === undefined) return
    if (event.kind === 'stream-event') {
      streams.get(event.stream)?.onStreamEvent(event.event)
      if (event.event.kind === 'over') streams.delete(event.stream)
    } else if (event.kind === 'connected') {
      for (const socket of streams.values()) socket.onConnected()
    } else if (event.kind === 'closed') {
      this.#byConnection.delete(event.connection)
      for (const socket of streams.values()) socket.onClosed(event.reason)
    }
  }

  destroyAll(error?: Error): void {
    for (const streams of this.#byConnection.values()) for (const socket of streams.values()) socket.destroy(error)
    this.#byConnection.clear()
  }
}
