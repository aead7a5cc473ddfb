// What parity is for, and when it is sent: pages between two endpoints, with individual packets lost.
import { expect, test } from 'vitest'
import { joined, opened, packetOf, streamsOf } from '../testing/connections.ts'
import { encrypted } from '../testing/encryption.ts'
import { bytesOf, readAll, same } from '../testing/transfer.ts'
import type { NumberedPacket } from '../wire/packet.ts'
import type { TraceEvent } from './events.ts'
import { Pair, type PairOptions, type SideName } from '../testing/pair.ts'

const RTT_MS = 40
const PAGE_BYTES = 30_000

type Sent = Extract<TraceEvent, { packet: NumberedPacket }>

interface Page {
  readonly atMs: number
  readonly bytes: Uint8Array
  /** What the server sent, and the other events at both ends. */
  readonly sent: readonly Sent[]
  readonly events: readonly { readonly side: SideName; readonly event: TraceEvent }[]
}

/** A request and a page on a new connection. @param loses whether to lose the nth packet of the server, from 0 */
function load(pageBytes: number, loses: (packet: Sent, nth: number) => boolean, more: Partial<PairOptions> = {}): Page {
  const sent: Sent[] = []
  const events: { side: SideName; event: TraceEvent }[] = []
  const page = bytesOf(pageBytes, 5)
  const pieces: Uint8Array[] = []
  let atMs = Infinity
  const pair = new Pair({
    seed: 41, link: { delayMs: RTT_MS / 2 },
    observe({ role }, event) {
      if (event.kind === 'sent' && role === 'acceptor') sent.push(event)
      if (event.kind !== 'sent' && event.kind !== 'received') events.push({ side: role === 'initiator' ? 'client' : 'server', event })
    },
    // Datagrams are put on the link in the order in which they were observed; RETRY belongs to no connection and is not
    // among them.
    tap(from, bytes) {
      if (from === 'client' || (bytes[0] ?? 0) >> 4 === 0xe) return true
      const packet = sent[tapped]
      return packet === undefined || !loses(packet, tapped++)
    },
    onEvent(side, event) {
      if (side === 'client' && event.kind === 'connected') {
        const stream = opened(event.connection)
        stream.write(bytesOf(300, 1))
        stream.end()
      }
      if (event.kind !== 'stream-event' || event.event.kind !== 'readable') return
      const bytes = readAll(event.stream)
      if (side === 'client') pieces.push(bytes)
      if (!event.stream.drained) return
      if (side === 'client') atMs = pair.nowMs
      else {
        event.stream.write(page)
        event.stream.end()
      }
    },
    ...more,
  })
  let tapped = 0
  pair.connect()
  pair.run(() => atMs < Infinity, 10_000)
  pair.wait(1000)
  return { atMs, bytes: Buffer.concat(pieces), sent, events }
}

const carries = ({ packet }: Sent, kind: 'PARITY' | 'STREAM') => packet.frames.some(frame => frame.kind === kind)
const parities = (sent: readonly Sent[]) => sent.filter(packet => carries(packet, 'PARITY'))
const restored = ({ events }: Page) => events.flatMap(({ side, event }) => event.kind === 'restored' ? [{ side, lengthBytes: event.lengthBytes }] : [])
const loseNothing = () => false

test.each([{ what: 'unencrypted', more: {} }, { what: 'encrypted', more: { encryption: encrypted() } }])('whichever packet of a page is lost, the page takes no longer: $what', ({ more }) => {
  const clean = load(PAGE_BYTES, loseNothing, more)
  expect(restored(clean)).toEqual([])
  const numbers = clean.sent.flatMap((packet, nth) => carries(packet, 'STREAM') ? [nth] : [])
  expect(numbers).toHaveLength(26)
  for (const lost of numbers) {
    const page = load(PAGE_BYTES, (_, nth) => nth === lost, more)
    expect(same(page.bytes, bytesOf(PAGE_BYTES, 5))).toBe(true)
    expect(restored(page)).toEqual([{ side: 'client', lengthBytes: expect.any(Number) }])
    expect(page.atMs).toBe(clean.atMs)
    expect(parities(page.sent)).toHaveLength(1)
  }
  // Without its parity, the page waits at least a round trip for what was lost.
  const unhelped = load(PAGE_BYTES, (packet, nth) => nth === numbers[9] || carries(packet, 'PARITY'), more)
  expect(unhelped.atMs).toBeGreaterThanOrEqual(clean.atMs + RTT_MS)
})

test('the parity of a page is sent once, right after its end, and is at least as long as the bytes in any packet of it', () => {
  const { sent } = load(PAGE_BYTES, (packet, nth) => carries(packet, 'STREAM') && nth % 9 === 4)
  const at = sent.findIndex(({ packet }) => packet.frames.some(frame => frame.kind === 'STREAM' && frame.fin))
  expect(parities(sent)).toEqual([sent[at + 1]])
  const frames = sent.flatMap(({ packet }) => packet.frames)
  const longest = Math.max(...frames.flatMap(frame => frame.kind === 'STREAM' ? [frame.data.length] : []))
  const [lengthBytes = 0] = frames.flatMap(frame => frame.kind === 'PARITY' ? [frame.data.length] : [])
  expect(lengthBytes).toBeGreaterThanOrEqual(longest)
})

test.each([{ what: 'a page has its parity', pageBytes: PAGE_BYTES, parityCount: 1 }, { what: 'a shorter one its early duplicate', pageBytes: 3000, parityCount: 0 }])(
  'where the round trip is known $what, and not both', ({ pageBytes, parityCount }) => {
    const sent: Sent[] = []
    const duplicates: TraceEvent[] = []
    let isTraced = false
    const { pair, server } = joined({ seed: 42, link: { delayMs: RTT_MS / 2 }, observe({ role }, event) {
      if (role !== 'acceptor' || !isTraced) return
      if (event.kind === 'sent') sent.push(event)
      if (event.kind === 'probe') duplicates.push(event)
    } })
    isTraced = true
    const page = opened(server)
    page.write(bytesOf(pageBytes, 1))
    page.end()
    pair.drain()
    pair.wait(500)
    expect([parities(sent).length, duplicates.length]).toEqual([parityCount, 1 - parityCount])
  },
)

test('a lost parity does no harm, is not retransmitted, and counts as lost', () => {
  const clean = load(PAGE_BYTES, loseNothing)
  const page = load(PAGE_BYTES, packet => carries(packet, 'PARITY'))
  expect(page.atMs).toBe(clean.atMs)
  expect(parities(page.sent)).toHaveLength(1)
  const [number] = parities(page.sent).map(({ packet }) => packet.number)
  // Nothing follows that would reveal its loss except the answers to a probe, which are otherwise empty.
  expect(page.events.filter(({ event }) => event.kind === 'lost').map(({ event }) => event)).toEqual([expect.objectContaining({ number })])
  expect(page.events.some(({ event }) => event.kind === 'retransmitted' && event.offset > 0)).toBe(false)
})

test('two lost packets are more than a parity restores: once one is retransmitted, the other is restored', () => {
  const carriesOffset = ({ packet }: Sent, offset: number) => packet.frames.some(frame => frame.kind === 'STREAM' && frame.offset === offset)
  const clean = load(PAGE_BYTES, loseNothing)
  const twoLost = new Set([3 * 1173, 12 * 1173])
  const page = load(PAGE_BYTES, packet => {
    for (const offset of twoLost) if (carriesOffset(packet, offset)) return twoLost.delete(offset)
    return false
  })
  expect(twoLost.size).toBe(0)
  expect(same(page.bytes, bytesOf(PAGE_BYTES, 5))).toBe(true)
  expect(page.atMs).toBeGreaterThanOrEqual(clean.atMs + RTT_MS)
  // The first of the two never arrives.
  let second = 0
  const never = load(PAGE_BYTES, packet => carriesOffset(packet, 3 * 1173) || (carriesOffset(packet, 12 * 1173) && second++ === 0))
  expect(second).toBeGreaterThan(1)
  expect(restored(never)).toEqual([{ side: 'client', lengthBytes: 1173 }])
  expect(same(never.bytes, bytesOf(PAGE_BYTES, 5))).toBe(true)
})

test('a page is restored even if it was written in bits, and much of it arrived and was read before its end left', () => {
  let lost = 0
  const events: TraceEvent[] = []
  const { pair, ours, theirs } = joined({
    seed: 44, congestion: 'reno', link: { delayMs: RTT_MS / 2 }, observe(_connection, event) { events.push(event) },
    tap: (from, bytes) => !(from === 'server' && packetOf(bytes).frames.some(frame => frame.kind === 'STREAM' && frame.offset === 20_000) && lost++ === 0),
  })
  const page = bytesOf(PAGE_BYTES, 6)
  const read: Uint8Array[] = []
  for (let at = 0; at < PAGE_BYTES; at += 5000) {
    theirs.write(page.subarray(at, at + 5000))
    if (at + 5000 === PAGE_BYTES) theirs.end()
    pair.drain()
    pair.wait(at < 20_000 ? 100 : RTT_MS / 8)
    read.push(readAll(ours))
  }
  pair.wait(RTT_MS / 2)
  read.push(readAll(ours))
  expect(events.filter(({ kind }) => kind === 'restored' || kind === 'lost').map(({ kind }) => kind)).toEqual(['restored'])
  expect(same(Buffer.concat(read), page)).toBe(true)
  expect(ours.drained).toBe(true)
})

test.each([
  { what: 'a page of 65,536 bytes has a parity', pageBytes: 65_536, count: 1 },
  { what: 'one that is a byte longer has none', pageBytes: 65_537, count: 0 },
  { what: 'one that is a byte longer than three packets has a parity', pageBytes: 3 * 1173 + 1, count: 1 },
  { what: 'one of three packets has none', pageBytes: 3 * 1173, count: 0 },
])('$what', ({ pageBytes, count }) => {
  const { sent, bytes } = load(pageBytes, loseNothing)
  expect(bytes).toHaveLength(pageBytes)
  expect(parities(sent)).toHaveLength(count)
})

test('a stream with nothing but its end in flight has no parity', () => {
  const sent: Sent[] = []
  const { pair, theirs } = joined({ seed: 45, link: { delayMs: 5 }, observe({ role }, event) { if (event.kind === 'sent' && role === 'acceptor') sent.push(event) } })
  theirs.write(bytesOf(PAGE_BYTES, 1))
  pair.drain()
  pair.wait(500)
  theirs.end()
  pair.drain()
  pair.wait(500)
  expect([theirs.sendState, parities(sent).length]).toEqual(['DATA-RECVD', 0])
})

test('after a hundred packets a connection sends parities only if it has lost one', () => {
  const pages = (loses: boolean) => {
    const sent: Sent[] = []
    let isLossy = false
    const pair = new Pair({
      seed: 43, link: { delayMs: 5 },
      observe({ role }, event) { if (event.kind === 'sent' && role === 'acceptor') sent.push(event) },
      tap: from => !(isLossy && from === 'server'),
      onEvent(_side, event) { if (event.kind === 'stream-event') readAll(event.stream) },
    })
    const { client, server } = pair.connected()
    opened(client).write(bytesOf(10, 1))
    pair.drain()
    pair.wait(100)
    const [first] = streamsOf(pair.server.events)
    first?.write(bytesOf(1_000_000, 2))
    pair.drain()
    pair.wait(30)
    isLossy = loses
    pair.wait(20)
    isLossy = false
    pair.wait(5000)
    expect([server.metrics().sent > 100, server.metrics().lost > 0]).toEqual([true, loses])
    sent.length = 0
    const page = opened(server)
    page.write(bytesOf(PAGE_BYTES, 3))
    page.end()
    pair.drain()
    pair.wait(500)
    return parities(sent).length
  }
  expect([pages(false), pages(true)]).toEqual([0, 1])
})
