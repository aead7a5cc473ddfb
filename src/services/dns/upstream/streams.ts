/**
 * TCP or TLS to an upstream (RFC 7766, RFC 7858): length-prefixed messages,
 * matched by ids unique to the connection, answered in any order.
 */
import type { Socket } from 'node:net'
import type { Path } from '../../kit/endpoint.ts'
import { connectSecureStream, connectStream } from '../../kit/node/streams.ts'
import type { UpstreamQuery } from '../core/forwarding/flight.ts'
import type { Upstream } from '../core/forwarding/upstream.ts'
import { encodeFrame, FrameReader } from '../wire/frame.ts'
import { CONNECT_MS_MAX, type Dial, type Session, type SessionListener } from './connections.ts'
import { idOf, whyRefused, withId, type UpstreamDoorOptions } from './door.ts'

/** Longer for TLS, which costs more to reopen. */
const IDLE_MS_MAX = { udp: 10_000, tls: 30_000, https: 30_000 } as const
/** The number of ids on one connection. */
const IDS = 0x10000

/** @param authorities PEM certificates trusted in addition to the default ones */
export function dialStream(upstream: Upstream, authorities: readonly string[], options: UpstreamDoorOptions): Dial {
  const { transport, endpoint, serverName } = upstream
  return async listener => {
    const socket: Socket = transport === 'tls'
      ? await connectSecureStream(endpoint, CONNECT_MS_MAX, { serverName, authorities, protocols: ['dot'] })
      : await connectStream(endpoint, CONNECT_MS_MAX)
    return new StreamSession(socket, upstream, options, listener)
  }
}

class StreamSession implements Session {
  readonly #socket: Socket
  readonly #path: Path
  readonly #options: UpstreamDoorOptions
  readonly #queries = new Map<number, UpstreamQuery>()
  readonly #ids = new Map<UpstreamQuery, number>()
  #nextId = 0

  constructor(socket: Socket, { transport, endpoint }: Upstream, options: UpstreamDoorOptions, listener: SessionListener) {
    this.#socket = socket
    this.#path = { local: { address: socket.localAddress ?? '', port: socket.localPort ?? 0 }, interfaceName: '', peer: endpoint }
    this.#options = options
    const frames = new FrameReader()
    let why = 'closes the connection without an answer'
    socket.setTimeout(IDLE_MS_MAX[transport], () => socket.destroy())
    socket.on('error', error => { why = whyRefused(error) })
    socket.on('close', () => listener.ended(why))
    socket.on('data', chunk => {
      for (const message of frames.push(chunk)) this.#receive(message, listener)
      listener.drain()
    })
  }

  ask(query: UpstreamQuery): void {
    const { trace, clock } = this.#options
    const id = this.#takeId()
    this.#queries.set(id, query)
    this.#ids.set(query, id)
    const message = withId(query.message, id)
    trace.packet('out', 'dns', this.#path, message, clock.nowMs())
    this.#socket.write(encodeFrame(message))
  }

  forget(query: UpstreamQuery): void {
    const id = this.#ids.get(query)
    this.#ids.delete(query)
    if (id !== undefined) this.#queries.delete(id)
  }

  destroy(): void {
    this.#socket.destroy()
  }

  #receive(message: Uint8Array, listener: SessionListener): void {
    const { trace, clock } = this.#options
    trace.packet('in', 'dns', this.#path, message, clock.nowMs())
    listener.active()
    const query = this.#queries.get(idOf(message))
    if (query !== undefined) listener.received(query, message)
  }

  #takeId(): number {
    while (this.#queries.has(this.#nextId)) this.#nextId = (this.#nextId + 1) % IDS
    const id = this.#nextId
    this.#nextId = (id + 1) % IDS
    return id
  }
}
