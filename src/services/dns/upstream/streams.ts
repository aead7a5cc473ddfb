/**
 * TCP or TLS to one upstream (RFC 7766, RFC 7858): one connection, many questions on it, answers in any order. It is opened for
 * the first question, stays for a while, and what a server cut off that had answered before is asked once more.
 */
import type { Socket } from 'node:net'
import type { Path } from '../../kit/endpoint.ts'
import { connectSecureStream, connectStream } from '../../kit/node/streams.ts'
import type { Asking } from '../core/forwarding/flight.ts'
import type { Upstream } from '../core/forwarding/upstream.ts'
import { encodeFrame, FrameReader } from '../wire/frame.ts'
import { idOf, Silence, whyRefused, withId, type UpstreamDoor, type UpstreamDoorOptions } from './door.ts'

const CONNECT_MS_MAX = 2000
/** TLS costs more to open again. */
const IDLE_MS_MAX = { udp: 10_000, tls: 30_000, https: 30_000 } as const
/** Ids that can be told apart on one connection. */
const IDS = 0x10000

interface Connection {
  /** Undefined while it is being opened. */
  open: { readonly socket: Socket; readonly path: Path } | undefined
  /** By the id that it has on this connection. */
  readonly pending: Map<number, Asking>
  nextId: number
  /** A server that answered and then closed did not mean this question. */
  answered: boolean
  readonly silence: Silence
}

export class Streams implements UpstreamDoor {
  readonly #upstream: Upstream
  /** PEM certificates that are trusted beside the usual ones. */
  readonly #authorities: readonly string[]
  readonly #options: UpstreamDoorOptions
  readonly #connectionOf = new Map<Asking, { readonly connection: Connection; readonly id: number }>()
  readonly #askedTwice = new WeakSet<Asking>()
  #connection: Connection | undefined
  #closed = false

  constructor(upstream: Upstream, authorities: readonly string[], options: UpstreamDoorOptions) {
    this.#upstream = upstream
    this.#authorities = authorities
    this.#options = options
  }

  ask(asking: Asking): void {
    const nowMs = this.#options.clock.nowMs()
    if (this.#connection?.silence.isTooLong(nowMs) === true) this.#leave(this.#connection)
    const connection = this.#connection ??= this.#dial()
    connection.silence.asked(nowMs)
    const id = freeId(connection)
    connection.pending.set(id, asking)
    this.#connectionOf.set(asking, { connection, id })
    this.#write(connection, id, asking)
  }

  flush(): void {
    // Written at once: the system gathers what it can.
  }

  forget(asking: Asking): void {
    const { connection, id } = this.#connectionOf.get(asking) ?? {}
    this.#connectionOf.delete(asking)
    if (id !== undefined) connection?.pending.delete(id)
  }

  close(): Promise<void> {
    this.#closed = true
    this.#connection?.open?.socket.destroy()
    return Promise.resolve()
  }

  /** The next question gets another connection; what this one owes is settled when it is closed. */
  #leave(connection: Connection): void {
    this.#connection = undefined
    connection.open?.socket.destroy()
  }

  #dial(): Connection {
    const { transport, endpoint, serverName } = this.#upstream
    const connection: Connection = { open: undefined, pending: new Map(), nextId: 0, answered: false, silence: new Silence() }
    const dialled: Promise<Socket> = transport === 'tls'
      ? connectSecureStream(endpoint, CONNECT_MS_MAX, { serverName, authorities: this.#authorities, protocols: ['dot'] })
      : connectStream(endpoint, CONNECT_MS_MAX)
    dialled.then(socket => this.#opened(connection, socket), (error: unknown) => this.#ended(connection, whyRefused(error)))
    return connection
  }

  #opened(connection: Connection, socket: Socket): void {
    if (this.#closed) return void socket.destroy()
    const { trace, clock, drain } = this.#options
    const path: Path = { local: { address: socket.localAddress ?? '', port: socket.localPort ?? 0 }, interfaceName: '', peer: this.#upstream.endpoint }
    const frames = new FrameReader()
    let why = 'closes the connection without an answer'
    connection.open = { socket, path }
    socket.setTimeout(IDLE_MS_MAX[this.#upstream.transport], () => socket.destroy())
    socket.on('error', error => { why = whyRefused(error) })
    socket.on('close', () => this.#ended(connection, why))
    socket.on('data', chunk => {
      for (const message of frames.push(chunk)) {
        trace.packet('in', 'dns', path, message, clock.nowMs())
        this.#receive(connection, message)
      }
      drain()
    })
    for (const [id, asking] of connection.pending) this.#write(connection, id, asking)
  }

  #write({ open }: Connection, id: number, { query }: Asking): void {
    if (open === undefined) return
    const message = withId(query, id)
    this.#options.trace.packet('out', 'dns', open.path, message, this.#options.clock.nowMs())
    open.socket.write(encodeFrame(message))
  }

  #receive(connection: Connection, message: Uint8Array): void {
    const asking = connection.pending.get(idOf(message))
    connection.answered = true
    connection.silence.heard()
    if (asking !== undefined) this.#options.receive(withId(message, idOf(asking.query)), asking)
  }

  #ended(connection: Connection, why: string): void {
    if (this.#connection === connection) this.#connection = undefined
    if (this.#closed) return
    for (const asking of [...connection.pending.values()]) {
      if (connection.answered && !this.#askedTwice.has(asking)) {
        this.#askedTwice.add(asking)
        this.ask(asking)
      } else this.#options.refused(asking, why)
    }
    this.#options.drain()
  }
}

function freeId(connection: Connection): number {
  while (connection.pending.has(connection.nextId)) connection.nextId = (connection.nextId + 1) % IDS
  const id = connection.nextId
  connection.nextId = (id + 1) % IDS
  return id
}
