// Invariants against a peer that knows the ids and sends anything at any time. hostile-peer.test.ts has the answer to
// each violation.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { opened } from '../testing/connections.ts'
import { Pair, type SideName } from '../testing/pair.ts'
import type { Frame } from '../wire/frames.ts'
import { encodePacket, type Packet } from '../wire/packet.ts'
import type { Connection } from './connection.ts'
import type { RudpEvent } from './endpoint.ts'

const number = fc.oneof(fc.nat(20), fc.constantFrom(16_384, 65_536, 4 * 1024 * 1024, 2 ** 51))
const streamId = fc.nat(12)
const value = fc.nat(100)
const frame: fc.Arbitrary<Frame> = fc.oneof(
  fc.constantFrom<Frame>({ kind: 'PING' }, { kind: 'PADDING', lengthBytes: 20 }),
  fc.record({ kind: fc.constant('ACK' as const), delayMs: fc.nat(50), ranges: fc.tuple(fc.nat(60), fc.nat(4)).map(([last, more]) => [{ first: Math.max(0, last - more), last }]) }),
  fc.record({ kind: fc.constant('STREAM' as const), streamId, offset: number, fin: fc.boolean(), data: fc.nat(1000).map(length => new Uint8Array(length)) }),
  fc.record({ kind: fc.constant('RESET_STREAM' as const), streamId, code: fc.nat(8), finalSize: number }),
  fc.record({ kind: fc.constant('STOP_SENDING' as const), streamId, code: fc.nat(8) }),
  fc.record({ kind: fc.constant('SETTLED' as const), number }),
  fc.record({ kind: fc.constantFrom('MAX_DATA' as const, 'MAX_STREAMS' as const), limit: number }),
  fc.record({ kind: fc.constant('MAX_STREAM_DATA' as const), streamId, limit: number }),
  fc.record({ kind: fc.constantFrom('PATH_CHALLENGE' as const, 'PATH_RESPONSE' as const), value }),
  fc.record({ kind: fc.constant('NEW_TOKEN' as const), token: fc.constant(Uint8Array.of(1)) }),
  fc.record({ kind: fc.constant('CONNECTION_CLOSE' as const), code: fc.nat(8) }),
)
/**
 * One step: a packet from the peer of either end, a timer, a user action, or the next event on the link. `settles`: the
 * batch ends here.
 */
const moment = fc.record({
  side: fc.constantFrom<SideName>('client', 'server'), what: fc.constantFrom('packet', 'packet', 'packet', 'reset', 'timer', 'open', 'close', 'step'),
  frames: fc.array(frame, { minLength: 1, maxLength: 4 }), moves: fc.nat(7).map(drawn => drawn === 0), waitMs: fc.nat(100), settles: fc.boolean(),
})

test('whatever a peer sends and when, nothing breaks, `closed` is the last event of a connection, and nothing is left behind', () => {
  fc.assert(fc.property(fc.nat(), fc.array(moment, { minLength: 5, maxLength: 60, size: 'max' }), (seed, moments) => {
    const told = new Map<Connection, RudpEvent['kind'][]>()
    const pair = new Pair({
      seed, link: { delayMs: 10 }, onEvent(_side, event) {
        told.set(event.connection, [...told.get(event.connection) ?? [], event.kind])
        if (event.kind === 'stream') event.stream.write(new Uint8Array(5000))
      },
    })
    const { client, server } = pair.connected()
    opened(client).write(new Uint8Array(3000))
    for (const [index, { side, what, frames, moves, waitMs, settles }] of moments.entries()) {
      const [own, connection] = [pair[side], side === 'client' ? client : server]
      const path = moves ? { ...own.path, peer: { ...own.path.peer, port: 1 + index } } : own.path
      const say = (packet: Packet) => own.endpoint.receive(encodePacket(packet), path, pair.nowMs)
      if (what === 'packet') say({ type: 'SHORT', destinationId: connection.localId, number: 20 + index, frames })
      else if (what === 'reset') say({ type: 'RESET', destinationId: 0, sourceId: connection.remoteId, number: 0, frames: [{ kind: 'CONNECTION_CLOSE', code: 2 }] })
      else if (what === 'timer') own.endpoint.timeout(pair.nowMs = Math.max(pair.nowMs, Math.min(pair.nowMs + waitMs, own.endpoint.deadlineMs())))
      else if (what === 'open') connection.openStream()?.write(new Uint8Array(2000))
      else if (what === 'close' && waitMs < 20) connection.close(pair.nowMs)
      else pair.step()
      if (settles) pair.drain()
    }
    client.close(pair.nowMs)
    pair.drain()
    pair.wait(60_000)
    for (const kinds of told.values()) expect(kinds.indexOf('closed')).toBe(kinds.length - 1)
    expect([pair.client.endpoint.connectionCount, pair.server.endpoint.connectionCount]).toEqual([0, 0])
  }), { numRuns: 300, endOnFailure: true })
}, 60_000)
