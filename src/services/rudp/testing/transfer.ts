/** What tests of the transport share: bytes that show where they belong, and a pair that moves them both ways. */
import { Pair, type PairOptions, type SideName } from './pair.ts'
import type { Connection } from '../core/connection.ts'
import type { RudpEvent } from '../core/endpoint.ts'
import type { Stream } from '../core/stream.ts'

export const MB = 1024 * 1024

/** Bytes that repeat nowhere near: a piece at the wrong place shows. */
export function bytesOf(length: number, seed: number): Uint8Array {
  const words = new Uint32Array(Math.ceil(length / 4))
  for (let index = 0, state = seed; index < words.length; index++) words[index] = state = (Math.imul(state, 1664525) + 1013904223) >>> 0
  return new Uint8Array(words.buffer, 0, length)
}

/** All that can be read of a stream now, as a copy. */
export function readAll(stream: Stream): Uint8Array {
  const pieces: Uint8Array[] = []
  while (stream.readableBytes > 0) pieces.push(stream.read(MB))
  return Uint8Array.from(Buffer.concat(pieces))
}

/** Writes a source to a stream whenever there is room, and ends it. */
export class Source {
  readonly #bytes: Uint8Array
  #writtenTo = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  goOn(stream: Stream): void {
    this.#writtenTo += stream.write(this.#bytes.subarray(this.#writtenTo))
    if (this.#writtenTo === this.#bytes.length) stream.end()
  }
}

export interface Transfer {
  readonly pair: Pair
  readonly client: Connection
  /** What has arrived at a side, of stream 0. */
  arrivedAt(side: SideName): Uint8Array
  isComplete(): boolean
}

/** One stream, on which each side sends what is given; the client closes the connection when both have everything. */
export function transfer(options: PairOptions, upload: Uint8Array, download: Uint8Array): Transfer {
  const pieces: Record<SideName, Uint8Array[]> = { client: [], server: [] }
  const sources: Record<SideName, Source> = { client: new Source(upload), server: new Source(download) }
  const drained = new Set<SideName>()
  const onEvent = (side: SideName, event: RudpEvent): void => {
    options.onEvent?.(side, event)
    if (event.kind === 'connected') {
      const stream = event.connection.openStream()
      if (stream !== undefined) sources.client.goOn(stream)
    } else if (event.kind === 'stream') sources.server.goOn(event.stream)
    else if (event.kind === 'stream-event' && event.event.kind === 'writable') sources[side].goOn(event.stream)
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
