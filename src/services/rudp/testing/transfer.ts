/** Shared by tests of the transport: recognizable bytes, and a pair that transfers them both ways. */
import { Pair, type PairOptions, type SideName } from './pair.ts'
import type { Connection } from '../core/connection.ts'
import type { RudpEvent } from '../core/endpoint.ts'
import type { Stream } from '../core/stream.ts'

export const MB = 1024 * 1024

/** Bytes without nearby repetition, so that a piece in the wrong place shows. */
export function bytesOf(length: number, seed: number): Uint8Array {
  const words = new Uint32Array(Math.ceil(length / 4))
  for (let index = 0, state = seed; index < words.length; index++) words[index] = state = (Math.imul(state, 1664525) + 1013904223) >>> 0
  return new Uint8Array(words.buffer, 0, length)
}

/** Reads everything that is available, as a copy. */
export function readAll(stream: Stream): Uint8Array {
  const pieces: Uint8Array[] = []
  while (stream.readableBytes > 0) pieces.push(stream.read(MB))
  return Uint8Array.from(Buffer.concat(pieces))
}

/** Writes bytes to a stream whenever there is room, and ends it. */
export class Source {
  readonly #bytes: Uint8Array
  #writtenTo = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  resume(stream: Stream): void {
    this.#writtenTo += stream.write(this.#bytes.subarray(this.#writtenTo))
    if (this.#writtenTo === this.#bytes.length) stream.end()
  }
}

export interface Transfer {
  readonly pair: Pair
  readonly client: Connection
  /** What has arrived at a side on stream 0. */
  arrivedAt(side: SideName): Uint8Array
  isComplete(): boolean
}

/**
 * Transfers bytes in both directions on one stream. The client closes the connection when both sides have everything.
 */
export function transfer(options: PairOptions, upload: Uint8Array, download: Uint8Array): Transfer {
  const pieces: Record<SideName, Uint8Array[]> = { client: [], server: [] }
  const sources: Record<SideName, Source> = { client: new Source(upload), server: new Source(download) }
  const drained = new Set<SideName>()
  const onEvent = (side: SideName, event: RudpEvent): void => {
    options.onEvent?.(side, event)
    if (event.kind === 'connected') {
      const stream = event.connection.openStream()
      if (stream !== undefined) sources.client.resume(stream)
    } else if (event.kind === 'stream') sources.server.resume(event.stream)
    else if (event.kind === 'stream-event' && event.event.kind === 'writable') sources[side].resume(event.stream)
    else if (event.kind === 'stream-event' && event.event.kind === 'readable') {
      pieces[side].push(readAll(event.stream))
      if (event.stream.drained) drained.add(side)
    } else if (event.kind === 'stream-event' && event.event.kind === 'over' && side === 'client') event.connection.close(pair.nowMs)
  }
  const pair = new Pair({ ...options, onEvent })
  const client = pair.connect()
  return {
    pair, client,
    arrivedAt: side => Uint8Array.from(Buffer.concat(pieces[side])),
    isComplete: () => drained.size === 2,
  }
}

export const same = (one: Uint8Array, other: Uint8Array): boolean => Buffer.compare(one, other) === 0
