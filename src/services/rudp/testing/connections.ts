/** Helpers for tests that open connections of a pair and inspect their events. */
import type { Connection } from '../core/connection.ts'
import type { RudpEvent } from '../core/endpoint.ts'
import { Pair, type PairOptions, type SideName } from './pair.ts'
import type { Stream } from '../core/stream.ts'
import { decodePacket, type NumberedPacket } from '../wire/packet.ts'

export const kinds = (events: readonly RudpEvent[]) => events.map(({ kind }) => kind)
export const closeReason = (events: readonly RudpEvent[]) => events.flatMap(event => event.kind === 'closed' ? [event.reason] : [])
export const streamsOf = (events: readonly RudpEvent[]) => events.flatMap(event => event.kind === 'stream' ? [event.stream] : [])
export const streamEvents = (events: readonly RudpEvent[]) => events.flatMap(event => event.kind === 'stream-event' ? [event.event.kind] : [])
export const packetOf = (bytes: Uint8Array) => decodePacket(bytes.slice()) as NumberedPacket

/** A pair that records every packet put on the link. */
export function watched(options: PairOptions) {
  const packets: { from: SideName; packet: NumberedPacket; atMs: number }[] = []
  const pair = new Pair({
    ...options,
    tap(from, bytes, nowMs) {
      packets.push({ from, packet: packetOf(bytes), atMs: nowMs })
      return options.tap?.(from, bytes, nowMs)
    },
  })
  return { pair, packets }
}

export function opened(connection: Connection): Stream {
  const stream = connection.openStream()
  if (stream === undefined) throw new Error('no stream is allowed')
  return stream
}

/** A connection with a stream opened by the client, on which the first byte has been read. */
export function joined(options: PairOptions) {
  const pair = new Pair(options)
  const { client, server } = pair.connected()
  const ours = opened(client)
  ours.write(Uint8Array.of(1))
  pair.drain()
  pair.run(() => streamsOf(pair.server.events).length > 0, 10_000)
  const [theirs] = streamsOf(pair.server.events)
  if (theirs === undefined) throw new Error('the stream did not come')
  theirs.read(1)
  pair.drain()
  pair.wait(300)
  return { pair, client, server, ours, theirs }
}
