/** The way of one query to one server: a socket of its own, so its source port is as random as the system makes it (RFC 5452 §9.2). */
import type { Endpoint, Path } from '../kit/endpoint.ts'
import type { Clock } from '../kit/node/clock.ts'
import { errnoOf } from '../kit/node/disk.ts'
import { connectStream } from '../kit/node/streams.ts'
import type { DatagramDoor } from '../kit/node/udp/door.ts'
import { openTracedDoor } from '../kit/node/udp/traced-door.ts'
import type { TraceRing } from '../kit/trace.ts'
import { encodeFrame, FrameReader } from './wire/frame.ts'

export interface QueryWay {
  /** Nothing is heard of it any more. */
  close(): void
}

export interface QueryWayOptions {
  readonly peer: Endpoint
  readonly overTcp: boolean
  readonly query: Uint8Array
  readonly trace: TraceRing
  readonly clock: Clock
  /** A message from that peer; whether it answers the query is the caller's to see. */
  readonly onReply: (message: Uint8Array) => void
  /** The end of a sentence: "refuses: nothing listens on that port". */
  readonly onRefused: (why: string) => void
}

const CONNECT_MS_MAX = 2000

/** Sends the query and listens for what comes back, until it is closed. Never throws. */
export function openQueryWay(options: QueryWayOptions): QueryWay {
  let close: (() => void) | undefined
  let closed = false
  const listener: QueryWayOptions = {
    ...options,
    onReply: message => { if (!closed) options.onReply(message) },
    onRefused: why => { if (!closed) options.onRefused(why) },
  }
  const opening = options.overTcp ? openStream(listener) : openDatagram(listener)
  opening.then(opened => {
    close = opened
    if (closed) close()
  }, (error: unknown) => listener.onRefused(whyRefused(error)))
  return {
    close() {
      closed = true
      close?.()
    },
  }
}

async function openDatagram({ peer, query, trace, clock, onReply, onRefused }: QueryWayOptions): Promise<() => void> {
  const door: DatagramDoor = await openTracedDoor({
    addresses: [peer.address.includes(':') ? '::' : '0.0.0.0'], port: 0, peer,
    receive({ count, slab, offsets, lengths }) {
      for (let index = 0; index < count; index++) {
        const offset = offsets[index] ?? 0
        onReply(slab.subarray(offset, offset + (lengths[index] ?? 0)))
      }
    },
    onError: error => onRefused(whyRefused(error)),
  }, trace, 'dns', clock)
  door.send(door.pathTo(peer), query)
  door.flush()
  return () => void door.close()
}

async function openStream({ peer, query, trace, clock, onReply, onRefused }: QueryWayOptions): Promise<() => void> {
  const socket = await connectStream(peer, CONNECT_MS_MAX)
  const path: Path = { local: { address: socket.localAddress ?? '', port: socket.localPort ?? 0 }, interfaceName: '', peer }
  const frames = new FrameReader()
  socket.on('error', error => onRefused(whyRefused(error)))
  socket.on('close', () => onRefused('closes the connection without an answer'))
  socket.on('data', chunk => {
    for (const message of frames.push(chunk)) {
      trace.packet('in', 'dns', path, message, clock.nowMs())
      onReply(message)
    }
  })
  trace.packet('out', 'dns', path, query, clock.nowMs())
  socket.write(encodeFrame(query))
  return () => socket.destroy()
}

/** A system error as the end of a sentence that begins with the server's address. */
function whyRefused(error: unknown): string {
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error
  switch (errnoOf(cause)) {
    case 'ECONNREFUSED': case 'ECONNRESET': return 'refuses: nothing listens on that port'
    case 'ENETUNREACH': case 'EHOSTUNREACH': case 'ENETDOWN': return 'cannot be reached: this machine has no way there'
    case 'EACCES': case 'EPERM': return 'cannot be asked: a firewall on this machine forbids it'
    default: return `cannot be asked: ${error instanceof Error ? error.message : String(error)}`
  }
}
