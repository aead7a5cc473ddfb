/** Clients that ask over TCP (RFC 7766): many queries on one connection, answered in the order in which answers are found. */
import type { Socket } from 'node:net'
import type { Path } from '../kit/endpoint.ts'
import type { Clock } from '../kit/node/clock.ts'
import type { TraceRing } from '../kit/trace.ts'
import { encodeFrame, FrameReader } from './wire/frame.ts'

export interface StreamClientsOptions {
  /** Takes each query; its answer comes back by `send` with the same path. */
  readonly receive: (query: Uint8Array, path: Path) => void
  readonly trace: TraceRing
  readonly clock: Clock
  readonly idleMs?: number
  readonly connectionsMax?: number
}

const IDLE_MS = 10_000
const CONNECTIONS_MAX = 256
/** Queries of one connection under way; the next ones wait in the system's buffers. */
const UNANSWERED_MAX = 64
/** A client that does not read its answers is cut off. */
const UNREAD_BYTES_MAX = 1024 * 1024

interface Connection {
  readonly socket: Socket
  readonly path: Path
  readonly frames: FrameReader
  readonly waiting: Uint8Array[]
  unanswered: number
}

export class StreamClients {
  /** In order of their last query, the longest silent first. */
  readonly #connections = new Map<Path, Connection>()

  /** Every connection's path, for as long as an answer may still come for it. */
  readonly #paths = new WeakSet<Path>()
  private readonly options: StreamClientsOptions

  constructor(options: StreamClientsOptions) {
    this.options = options
  }

  accept(socket: Socket): void {
    const path: Path = {
      local: { address: socket.localAddress ?? '', port: socket.localPort ?? 0 }, interfaceName: '',
      peer: { address: socket.remoteAddress ?? '', port: socket.remotePort ?? 0 },
    }
    if (this.#connections.size >= (this.options.connectionsMax ?? CONNECTIONS_MAX)) {
      const [longestSilent] = this.#connections.values()
      longestSilent?.socket.destroy()
      if (longestSilent !== undefined) this.#connections.delete(longestSilent.path)
    }
    const connection: Connection = { socket, path, frames: new FrameReader(), waiting: [], unanswered: 0 }
    this.#connections.set(path, connection)
    this.#paths.add(path)
    socket.setTimeout(this.options.idleMs ?? IDLE_MS, () => socket.destroy())
    socket.on('error', () => socket.destroy())
    socket.on('close', () => this.#connections.delete(path))
    socket.on('data', chunk => {
      connection.waiting.push(...connection.frames.push(chunk))
      this.#take(connection)
    })
  }

  /** Sends an answer; where its connection is gone, it is lost. @returns false for a path that is no connection's */
  send(path: Path, answer: Uint8Array): boolean {
    const connection = this.#connections.get(path)
    if (connection === undefined) return this.#paths.has(path)
    connection.unanswered--
    this.options.trace.packet('out', 'dns', path, answer, this.options.clock.nowMs())
    connection.socket.write(encodeFrame(answer))
    if (connection.socket.writableLength > UNREAD_BYTES_MAX) connection.socket.destroy()
    else if (connection.waiting.length > 0) setImmediate(() => this.#take(connection))
    return true
  }

  #take(connection: Connection): void {
    const { socket, path, waiting } = connection
    while (connection.unanswered < UNANSWERED_MAX && !socket.destroyed) {
      const query = waiting.shift()
      if (query === undefined) break
      connection.unanswered++
      this.#connections.delete(path)
      this.#connections.set(path, connection)
      this.options.trace.packet('in', 'dns', path, query, this.options.clock.nowMs())
      this.options.receive(query, path)
    }
    if (waiting.length > 0) socket.pause()
    else socket.resume()
  }
}
